"""Resampling on PyRadiomics' own grid: aligned with the image, cut to the region and a few voxels around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.boxes import Box

_SPLINE_REACH = 32
"""Voxels beyond which a B-spline forgets: the weights fall by 0.268 per voxel, to 1e-18 here."""
_DOUBT = 1e-7
"""More than rounding errors of position and coefficients can change a grey value."""


def target_spacing(mask: sitk.Image, box: Box, spacing: Sequence[float]) -> NDArray[np.float64]:
    """Return the spacing to resample to, x first: 0 keeps an axis, and so does a region of one voxel along it.

    Examples
    --------
    >>> mask = sitk.Image([5, 5, 3], sitk.sitkUInt8)
    >>> target_spacing(mask, (slice(1, 2), slice(1, 4), slice(0, 3)), (0.5, 0, 0.5)).tolist()
    [0.5, 1.0, 1.0]
    """
    present = np.array(mask.GetSpacing())
    extent = np.array([one.stop - one.start for one in reversed(box)])
    wanted = np.array(spacing, dtype=float)
    return np.where((wanted == 0) | (extent == 1), present, wanted)


def resample_around(
    image: sitk.Image,
    mask: sitk.Image,
    box: Box,
    *,
    spacing: Sequence[float],
    interpolator: str,
    pad_distance: int,
) -> tuple[sitk.Image, sitk.Image]:
    """Resample the surroundings of a region.

    Parameters
    ----------
    image : SimpleITK.Image
        May be longer than the mask at the end of its axes.
    mask : SimpleITK.Image
        The grid is laid by it; resampled by nearest neighbour.
    box : Box
        Of the region.
    spacing : sequence of float
        As ``target_spacing`` gives it.
    interpolator : str
        A constant of SimpleITK.
    pad_distance : int
        Voxels of the new grid to add on each side, as far as the mask reaches.

    Returns
    -------
    image, mask : SimpleITK.Image
        In their pixel types; what the interpolator gives is rounded for integers.

    Examples
    --------
    >>> image, mask = sitk.Image([20, 20], sitk.sitkInt16), sitk.Image([20, 20], sitk.sitkUInt8)
    >>> mask[8:12, 8:12] = 1
    >>> around, _ = resample_around(
    ...     image, mask, (slice(8, 12),) * 2, spacing=(2.0, 2.0), interpolator="sitkLinear", pad_distance=1
    ... )
    >>> around.GetSize(), around.GetOrigin()
    ((6, 6), (4.5, 4.5))
    """
    old, new = np.array(mask.GetSpacing()), np.array(spacing, dtype=float)
    ratio = old / new
    first = np.array([one.start for one in reversed(box)])
    after = np.array([one.stop for one in reversed(box)])
    # Half a voxel more on each side, so that the outer voxels of the region are not lost on a finer grid.
    lower = np.maximum(np.floor((first - 0.5) * ratio - pad_distance), 0)
    upper = np.minimum(np.ceil((after - 0.5) * ratio + pad_distance), np.ceil(np.array(mask.GetSize()) * ratio) - 1)
    # The outer face of the image's first voxel stays where it is.
    origin_index = 0.5 * (new - old) / old + lower / ratio
    resampler = sitk.ResampleImageFilter()
    resampler.SetOutputSpacing(new.tolist())
    resampler.SetOutputDirection(mask.GetDirection())
    resampler.SetOutputOrigin(mask.TransformContinuousIndexToPhysicalPoint(origin_index.tolist()))
    resampler.SetSize((upper - lower + 1).astype(int).tolist())
    resampler.SetInterpolator(getattr(sitk, interpolator))
    around = _from_a_crop(resampler, image, origin_index, new / old) if interpolator == "sitkBSpline" else None
    if around is None:
        around = resampler.Execute(image)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor)
    return around, resampler.Execute(mask)


def _from_a_crop(
    resampler: sitk.ResampleImageFilter, image: sitk.Image, start: NDArray[np.float64], step: NDArray[np.float64]
) -> sitk.Image | None:
    """Return what the resampler makes of the whole image, from a part of it, or None where that may differ.

    ITK fits a B-spline to the whole image, which takes longer than all features. From a crop its positions and
    coefficients differ by rounding errors, and ITK cuts grey values of integer images off behind the point: where
    tissue is flat the last bit decides about them. So a crop is trusted only if no value of it is near an integer.

    Parameters
    ----------
    resampler : SimpleITK.ResampleImageFilter
        With grid and interpolator set.
    image : SimpleITK.Image
    start, step : float ndarray
        The grid in voxels of the image, x first.
    """
    integers = np.iinfo(sitk.GetArrayViewFromImage(image).dtype) if _is_integer(image) else None
    last = start + step * (np.array(resampler.GetSize()) - 1)
    size = np.array(image.GetSize())
    lower = np.maximum(np.floor(start) - _SPLINE_REACH, 0).astype(int)
    upper = np.minimum(np.ceil(last) + 1 + _SPLINE_REACH, size).astype(int)
    # At the outer face of the image the last bit decides whether a point is inside.
    outside = np.any(start < 0) or np.any(last > size - 1)
    if integers is None or outside or np.prod(upper - lower, dtype=float) > np.prod(size, dtype=float) / 2:
        return None
    resampler.SetOutputPixelType(sitk.sitkFloat64)
    crop = image[tuple(slice(int(a), int(b)) for a, b in zip(lower, upper, strict=True))]
    fine = resampler.Execute(crop)
    resampler.SetOutputPixelType(sitk.sitkUnknown)
    values = sitk.GetArrayViewFromImage(fine)
    if np.abs(values - np.rint(values)).min() < _DOUBT:
        return None
    whole = np.clip(np.trunc(values), integers.min, integers.max).astype(integers.dtype)
    around = sitk.GetImageFromArray(whole)
    around.CopyInformation(fine)
    return around


def _is_integer(image: sitk.Image) -> bool:
    return bool(np.issubdtype(sitk.GetArrayViewFromImage(image).dtype, np.integer))
