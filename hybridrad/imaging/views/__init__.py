"""What a network sees of a case: pictures in 0..1, at the resolution of the image."""

from hybridrad.imaging.views.settings import MAX_SIDE_PX, MIN_SIDE_PX, Views
from hybridrad.imaging.views.slices import largest_slice_index

__all__ = ["MAX_SIDE_PX", "MIN_SIDE_PX", "Views", "largest_slice_index"]
