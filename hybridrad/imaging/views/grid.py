"""Resampled grids and crops by index, in the plane and in the volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.imaging.views.intensities import finite_or
from hybridrad.imaging.views.limits import MIN_SIDE_PX

if TYPE_CHECKING:
    from hybridrad.imaging.views.settings import Views

Box = tuple[tuple[int, int], ...]
"""First and last index along each axis, both included."""

SPACING_TOLERANCE = 1e-3
"""Relative difference of two spacings that counts as none."""


def resampled_size(n: int, mm: float, target_mm: float) -> int:
    """Return the number of voxels of an axis at another spacing, as ``hybridrad.imaging.preprocess.resample`` does."""
    return max(1, round(n * mm / target_mm))


def moved_box(box: Box, sizes: Sequence[int], spacing_mm: Sequence[float], target_mm: Sequence[float]) -> Box:
    """Return a box on the resampled grid.

    It goes over by its faces, not by a resampled mask, in which a small region could vanish.

    Examples
    --------
    >>> moved_box(((3, 4),), (10,), (2.0,), (1.0,))
    ((6, 9),)
    """
    moved = []
    for (first, last), n, mm, target in zip(box, sizes, spacing_mm, target_mm, strict=True):
        end = resampled_size(n, mm, target) - 1
        lower = min(math.floor(first * mm / target + 1e-6), end)
        upper = min(max(math.ceil((last + 1) * mm / target - 1e-6) - 1, 0), end)
        moved.append((lower, upper))
    return tuple(moved)


def crop_side(views: Views, longest: float, unit_mm: float) -> float:
    """Return the wanted side of a crop, not rounded, in units of ``unit_mm``.

    Parameters
    ----------
    views : Views
    longest : float
        Longest side of the region's box, in the same unit.
    unit_mm : float
    """
    if views.field_mm is not None:
        return views.field_mm / unit_mm
    if views.margin_mm is not None:
        return longest + 2 * views.margin_mm / unit_mm
    return longest * (1 + 2 * (views.effective_relative_margin or 0.0))


def rounded_side(side: float, *, least: int = MIN_SIDE_PX) -> int:
    """Return a side in whole pixels; a half rounds up, so that equal regions do not differ by the parity of a side."""
    return max(least, math.floor(side + 0.5))


def cut(
    array: NDArray[Any], box: Sequence[tuple[int, int]], sides: Sequence[int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a crop around the middle of a box, filled with the nearest values, and where it lies beyond the array.

    Parameters
    ----------
    array : ndarray
        Further axes, those of colours, stay.
    box : (first, last) of each axis
    sides : int of each axis

    Examples
    --------
    >>> cut(np.arange(5), [(0, 1)], [4])
    (array([0, 0, 1, 2]), array([ True, False, False, False]))
    """
    beyond = np.zeros((1,) * len(sides), dtype=bool)
    for axis, ((first, last), side) in enumerate(zip(box, sides, strict=True)):
        start = first - (side - (last - first + 1)) // 2
        at, size = np.arange(start, start + side), array.shape[axis]
        outside = (at < 0) | (at >= size)
        if outside.any():
            array = np.take(array, np.clip(at, 0, size - 1), axis=axis)
        else:
            array = array[(slice(None),) * axis + (slice(start, start + side),)]
        beyond = beyond | outside.reshape((1,) * axis + (-1,) + (1,) * (len(sides) - axis - 1))
    return array, beyond


def resampled_region(
    region: NDArray[np.bool_],
    spacing_mm: Sequence[float],
    target_mm: Sequence[float],
    part: Sequence[tuple[int, int]],
) -> NDArray[np.bool_]:
    """Return a part of a region on another grid: a pixel belongs to it if the stored one nearest to its centre does.

    A region that would vanish on a coarse grid is marked by the pixels that the centres of its own fall into.

    Parameters
    ----------
    region : bool ndarray
    spacing_mm, target_mm : of each axis, in the order of the array
    part : (first, last) index of each axis on the new grid, both included

    Examples
    --------
    >>> region = np.arange(12) == 4
    >>> resampled_region(region, [1.0], [4.0], [(0, 2)])
    array([False,  True, False])
    """
    nearest = [
        np.clip(np.floor((np.arange(first, last + 1) + 0.5) * target / mm).astype(int), 0, n - 1)
        for (first, last), target, mm, n in zip(part, target_mm, spacing_mm, region.shape, strict=True)
    ]
    found: NDArray[np.bool_] = region[np.ix_(*nearest)]
    if found.any():
        return found
    places = np.floor((np.argwhere(region) + 0.5) * spacing_mm / np.asarray(target_mm)).astype(int)
    places -= [first for first, _ in part]
    held = ((places >= 0) & (places < found.shape)).all(axis=1)
    found[tuple(places[held].T)] = True
    return found


def resampled_part(
    volume_zyx: NDArray[Any],
    spacing_mm: Sequence[float],
    target_mm: Sequence[float],
    part: Sequence[tuple[int, int]],
    *,
    instead: float,
) -> NDArray[np.float32]:
    """Return a part of a resampled volume, by linear interpolation, without resampling the rest.

    Parameters
    ----------
    volume_zyx : ndarray of shape (depth, height, width) or (depth, height, width, 3)
    spacing_mm, target_mm : 3 floats, z first
    part : (first, last) index of each axis on the new grid, both included
    instead : float
        Takes the place of values that are not finite.

    Returns
    -------
    float32 ndarray
        The same values as those of the whole volume after ``hybridrad.imaging.preprocess.resample``.
    """
    # What lies around the part, and a voxel more: interpolation never looks further.
    slices = []
    for (first, last), mm, target, n in zip(part, spacing_mm, target_mm, volume_zyx.shape, strict=False):
        lower = max(math.floor((first + 0.5) * target / mm - 0.5) - 1, 0)
        upper = min(math.ceil((last + 0.5) * target / mm - 0.5) + 1, n - 1)
        slices.append(slice(min(lower, n - 1), max(upper, 0) + 1))
    needed = finite_or(volume_zyx[tuple(slices)], instead).astype(np.float32)
    block = sitk.GetImageFromArray(needed, isVector=needed.ndim == 4)
    block.SetSpacing([float(mm) for mm in reversed(list(spacing_mm))])
    block.SetOrigin([(s.start + 0.5) * mm for s, mm in zip(reversed(slices), reversed(list(spacing_mm)), strict=True)])
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([last - first + 1 for first, last in reversed(list(part))])
    resampler.SetOutputSpacing([float(mm) for mm in reversed(list(target_mm))])
    resampler.SetOutputOrigin(
        [(first + 0.5) * mm for (first, _), mm in zip(reversed(list(part)), reversed(list(target_mm)), strict=True)]
    )
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(block)), dtype=np.float32)
