"""Which slices of a 3D image a view shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def region_slices(mask_zyx: NDArray[Any], n_slices: int | None = None) -> list[int]:
    """Return the slices that hold the region, all of them or so many, evenly.

    The slices of the region are divided into ``n_slices`` equal runs and the middle of each is taken: the first and the
    last slice, where a region is only grazed, are left out unless all are asked for. A region of fewer slices than
    ``n_slices`` repeats some.

    Parameters
    ----------
    mask_zyx : ndarray of shape (depth, height, width)
        Non-zero in the region.
    n_slices : int, optional

    Returns
    -------
    list of int, ascending

    Examples
    --------
    >>> mask_zyx = np.ones((6, 2, 2), np.uint8)
    >>> region_slices(mask_zyx, 3), region_slices(mask_zyx[:2], 3)
    ([1, 3, 5], [0, 1, 1])
    """
    held = np.flatnonzero(mask_zyx.any(axis=(1, 2)))
    if n_slices is None:
        return [int(z) for z in held]
    # Whole numbers: (i + 1/2) n / k rounded down, free of the rounding of a division.
    return [int(held[(2 * i + 1) * len(held) // (2 * n_slices)]) for i in range(n_slices)]


def neighbouring_slices(mask_zyx: NDArray[Any]) -> tuple[int, int, int]:
    """Return the slice before the largest one, the largest one, and the slice behind; at an end it is repeated.

    Examples
    --------
    >>> mask_zyx = np.zeros((5, 4, 4), np.uint8)
    >>> mask_zyx[0, 1:3, 1:3] = 1
    >>> neighbouring_slices(mask_zyx)
    (0, 0, 1)
    """
    middle = largest_slice_index(mask_zyx)
    return max(middle - 1, 0), middle, min(middle + 1, len(mask_zyx) - 1)
