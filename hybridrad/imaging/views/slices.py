"""Which slices of a 3D image a view shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.imaging.roi import Roi


def largest_slice_index(mask_zyx: NDArray[Any]) -> int:
    """Return the index of the slice with most pixels of the region, the middle one of several equal ones.

    Examples
    --------
    >>> mask_zyx = np.zeros((5, 4, 4), np.uint8)
    >>> mask_zyx[1:4, 1:3, 1:3] = 1
    >>> largest_slice_index(mask_zyx)
    2
    """
    areas = np.count_nonzero(mask_zyx, axis=(1, 2))
    tied = np.flatnonzero(areas == areas.max())
    return int(tied[(len(tied) - 1) // 2])


def viewed_slice(roi: Roi) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[float, float]]:
    """Return picture, region and pixel size (y, x) in mm of the largest slice, or of a 2D image."""
    x_mm, y_mm = roi.spacing_xyz_mm[:2]
    image, mask = roi.image_zyx, roi.mask_zyx
    if roi.dimension == 3:
        z = largest_slice_index(mask)
        image, mask = image[z], mask[z]
    if np.issubdtype(image.dtype, np.floating) and not (finite := np.isfinite(image)).all():
        image = np.where(finite, image, image[finite].min())
    return image, mask.astype(bool), (y_mm, x_mm)
