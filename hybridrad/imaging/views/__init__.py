"""What a network sees of a case: pictures in 0..1, at the resolution of the image."""

from hybridrad.imaging.views.intensities import BACKGROUNDS, DIMMED
from hybridrad.imaging.views.limits import MAX_SIDE_PX, MAX_VIEW_PIXELS, MIN_SIDE_PX
from hybridrad.imaging.views.rendered import Rendered
from hybridrad.imaging.views.settings import KINDS, Views
from hybridrad.imaging.views.slices import largest_slice_index

__all__ = [
    "BACKGROUNDS",
    "DIMMED",
    "KINDS",
    "MAX_SIDE_PX",
    "MAX_VIEW_PIXELS",
    "MIN_SIDE_PX",
    "Rendered",
    "Views",
    "largest_slice_index",
]
