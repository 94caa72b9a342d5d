"""Networks that are trained inside the fold: the only models that touch torch."""
