"""A case as a volume: a cube in millimetres around its region."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hybridrad.imaging.roi_checks import bounding_box
from hybridrad.imaging.views.grid import (
    SPACING_TOLERANCE,
    crop_side,
    cut,
    moved_box,
    resampled_part,
    resampled_region,
    resampled_size,
    rounded_side,
)
from hybridrad.imaging.views.intensities import finish, finite_or, limits_of, smallest_finite
from hybridrad.imaging.views.limits import MIN_SIDE_PX, check_side, check_total
from hybridrad.imaging.views.patient_axes import in_patient_axes

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi
    from hybridrad.imaging.views.settings import Views


def render_volume(views: Views, roi: Roi, *, with_region: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return the crop of a case (1, channels, depth, height, width) and its region (1, depth, height, width).

    The crop is a cube in millimetres; at a stored spacing that is not isotropic it has fewer voxels along the coarser
    axes. The region is None where it was not asked for.
    """
    volume, region, spacing = in_patient_axes(roi)
    stored_box = bounding_box(region)
    target = spacing if views.spacing_mm is None else (float(views.spacing_mm),) * 3
    as_stored = all(math.isclose(t, mm, rel_tol=SPACING_TOLERANCE) for t, mm in zip(target, spacing, strict=True))
    sizes = [
        n if as_stored else resampled_size(n, mm, t) for n, mm, t in zip(region.shape, spacing, target, strict=True)
    ]
    box = stored_box if as_stored else moved_box(stored_box, region.shape, spacing, target)
    longest_mm = max((last - first + 1) * t for (first, last), t in zip(box, target, strict=True))
    side_mm = max(crop_side(views, longest_mm, 1.0), MIN_SIDE_PX * min(target))
    for t in target:
        check_side(side_mm / t, roi)
    sides = [rounded_side(side_mm / t, least=1) for t in target]
    check_total(math.prod(float(side) for side in sides), roi)

    # Percentiles are those of the whole planes that the region crosses, as they are for a single slice.
    crossed = volume[stored_box[0][0] : stored_box[0][1] + 1]
    smallest = smallest_finite(crossed)
    limits = limits_of(views, [finite_or(crossed, smallest)] if views.window is None else [])

    starts = [first - (side - (last - first + 1)) // 2 for (first, last), side in zip(box, sides, strict=True)]
    # What of the crop lies in the image, at least one layer of it to be continued beyond.
    part = [
        (min(max(start, 0), n - 1), min(max(start + side - 1, 0), n - 1))
        for start, side, n in zip(starts, sides, sizes, strict=True)
    ]
    frame = [
        (start - first, start - first + side - 1) for start, side, (first, _) in zip(starts, sides, part, strict=True)
    ]
    held = tuple(slice(first, last + 1) for first, last in part)
    known = (
        finite_or(volume[held], smallest)
        if as_stored
        else resampled_part(volume, spacing, target, part, instead=smallest)
    )
    values, beyond = cut(known, frame, sides)
    inside: NDArray[np.bool_] | None = None
    if with_region or views.background != "kept" or views.mask_channel:
        drawn = region[held] if as_stored else resampled_region(region, spacing, target, part)
        inside = cut(drawn, frame, sides)[0] & ~beyond
    n_channels = 3 if views.mask_channel or roi.is_colour else 1
    shown = np.empty((1, n_channels, *sides), dtype=np.float32)
    for z in range(sides[0]):
        # Layer by layer: scaling goes through double precision.
        shown[0, :, z] = finish(views, values[z], beyond[z], None if inside is None else inside[z], limits)
    return shown, inside[np.newaxis] if with_region and inside is not None else None
