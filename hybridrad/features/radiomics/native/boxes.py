"""Boxes of voxels: around a region, grown by a margin, cut at the border of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]
"""One slice per axis, in the order of the array; start and stop are set, and lie inside the array."""


def bounding_box(inside: NDArray[Any]) -> Box:
    """Return the smallest box that holds all non-zero voxels.

    Parameters
    ----------
    inside : ndarray
        At least one element is not zero.

    Examples
    --------
    >>> inside = np.zeros((4, 5))
    >>> inside[1:3, 2] = 1
    >>> bounding_box(inside)
    (slice(1, 3, None), slice(2, 3, None))
    """
    box: list[slice] = []
    rest = inside
    for axis in range(inside.ndim):
        # Axis by axis, each time within what the axes before have left, so that the whole array is read only once.
        others = tuple(other for other in range(inside.ndim) if other != axis)
        found = np.flatnonzero(rest.any(axis=others))
        box.append(slice(int(found[0]), int(found[-1]) + 1))
        rest = inside[tuple(box)]
    return tuple(box)


def grown(box: Box, margin: Sequence[int], shape: Sequence[int]) -> Box:
    """Return the box grown by ``margin`` voxels on both sides of each axis, cut at the borders of the array.

    Examples
    --------
    >>> grown((slice(1, 3), slice(4, 5)), (2, 1), (9, 5))
    (slice(0, 5, None), slice(3, 5, None))
    """
    return tuple(
        slice(max(0, one.start - by), min(n, one.stop + by)) for one, by, n in zip(box, margin, shape, strict=True)
    )


def within(box: Box, outer: Box) -> Box:
    """Return the box in the coordinates of an outer box that holds it.

    Examples
    --------
    >>> within((slice(4, 6),), (slice(3, 9),))
    (slice(1, 3, None),)
    """
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, outer, strict=True))


def sizes(box: Box) -> tuple[int, ...]:
    """Return the number of voxels of a box along each axis."""
    return tuple(one.stop - one.start for one in box)
