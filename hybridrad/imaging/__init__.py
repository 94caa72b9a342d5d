"""Reading images and regions, and preparing what a CNN sees; one case at a time."""
