"""Windows, intensity scaling and resampling of one image; nothing is learned from other images.

Windows and scaling are for what a network sees; radiomics never gets a windowed image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_choice, check_positive

WINDOWS: dict[str, tuple[float, float]] = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 350.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
    "liver": (30.0, 150.0),
    "abdomen": (50.0, 400.0),
    "soft_tissue": (50.0, 250.0),
}
"""CT windows by name: (level, width) in HU.

The values are the usual ones as collected by Radiopaedia.org, "Windowing (CT)", section "Typical window width and level
values": chest (lungs, mediastinum), spine (bone, soft tissues), head (brain), abdomen (liver, soft tissues). They vary
between institutions and vendors.
"""

ORDERS = ("nearest", "linear", "bspline")

_SPLINE_SUPPORT_VOXELS = 4
_INTERPOLATORS = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


def window(array: ArrayLike, level_width: str | Sequence[float]) -> NDArray[np.float32]:
    """Map a CT window to 0..1; what lies outside becomes 0 or 1.

    Parameters
    ----------
    array : array-like
        Intensities in HU, any shape.
    level_width : str or (level, width)
        A name of ``WINDOWS`` or two numbers in HU.

    Returns
    -------
    float32 ndarray of the same shape

    Raises
    ------
    ValueError
        An unknown name, or a width that is not positive.

    References
    ----------
    DICOM PS3.3, C.11.2.1.3.2 (function LINEAR_EXACT).

    Examples
    --------
    >>> window([-1350, -600, 150, 3000], "lung").tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    level, width = window_level_width(level_width)
    return scale_between(array, level - width / 2, level + width / 2)


def window_level_width(level_width: str | Sequence[float]) -> tuple[float, float]:
    """Return level and width of a window given by name or by two numbers.

    Examples
    --------
    >>> window_level_width("liver")
    (30.0, 150.0)
    """
    if isinstance(level_width, str):
        return WINDOWS[check_choice(level_width, list(WINDOWS), name="window")]
    try:
        level, width = (float(v) for v in level_width)
    except (TypeError, ValueError) as err:
        raise ValueError(f"window={level_width!r} is neither a name nor (level, width).") from err
    if not np.isfinite(level) or not np.isfinite(width):
        raise ValueError(f"window={level_width!r} is not finite.")
    check_positive(width, name="window width")
    return level, width


def percentile_scale(array: ArrayLike, low: float, high: float) -> NDArray[np.float32]:
    """Map the range between two percentiles to 0..1; what lies outside becomes 0 or 1.

    Percentiles are taken over the finite values of ``array``, whatever its shape (all channels together, so that
    colours keep their hue). An array of one value becomes 0.

    Parameters
    ----------
    array : array-like
    low, high : float
        Percentiles, 0 <= low < high <= 100.

    Returns
    -------
    float32 ndarray of the same shape

    Examples
    --------
    >>> percentile_scale([0, 5, 10], 0, 100).tolist()
    [0.0, 0.5, 1.0]
    """
    return scale_between(array, *percentile_limits(array, low, high))


def percentile_limits(array: ArrayLike, low: float, high: float) -> tuple[float, float]:
    """Return two percentiles of the finite values of an array.

    Raises
    ------
    ValueError
        Not 0 <= low < high <= 100, or no finite value.
    """
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles must be 0 <= low < high <= 100, got {low!r} and {high!r}.")
    values = np.asarray(array)
    finite = values if np.issubdtype(values.dtype, np.integer) else values[np.isfinite(values)]
    if finite.size == 0:
        raise ValueError("no finite value to take percentiles of.")
    at_low, at_high = np.percentile(finite, [low, high])
    return float(at_low), float(at_high)


def scale_between(array: ArrayLike, lowest: float, highest: float) -> NDArray[np.float32]:
    """Map ``lowest`` to 0 and ``highest`` to 1 and clip; 0 everywhere where both are equal."""
    values = np.asarray(array, dtype=np.float64)
    if highest <= lowest:
        return np.zeros(values.shape, dtype=np.float32)
    return np.clip((values - lowest) / (highest - lowest), 0.0, 1.0).astype(np.float32)


def resample(image: sitk.Image, *, spacing_mm: Sequence[float], order: str = "linear") -> sitk.Image:
    """Resample an image to another spacing; the outer face of the first voxel stays where it is.

    Each axis gets ``round(length / spacing)`` voxels, at least one; no smoothing precedes a coarser grid. Beyond the
    centres of the outermost voxels the nearest value holds. Along axes that are too short for a B-spline the image is
    edge-padded first.

    Parameters
    ----------
    image : SimpleITK.Image
    spacing_mm : sequence of float
        One per axis, x first, in mm; 0 keeps an axis.
    order : {"linear", "nearest", "bspline"}
        ``nearest`` keeps the pixel type, the others give 32-bit float.

    Returns
    -------
    SimpleITK.Image

    Raises
    ------
    ValueError
        A wrong number of spacings, a negative one, an unknown order, or a B-spline through colours.

    Examples
    --------
    >>> image = sitk.Image([10, 10, 4], sitk.sitkInt16)
    >>> image.SetSpacing((0.5, 0.5, 2.0))
    >>> resample(image, spacing_mm=(1, 1, 0)).GetSize()
    (5, 5, 4)
    """
    check_choice(order, ORDERS, name="order")
    spacing = _full_spacing(image, spacing_mm)
    n_channels = image.GetNumberOfComponentsPerPixel()
    if order == "bspline" and n_channels > 1:
        raise ValueError("a B-spline needs one channel.")
    old = np.array(image.GetSpacing())
    size = [max(1, round(n * s / t)) for n, s, t in zip(image.GetSize(), old, spacing, strict=True)]
    direction = np.reshape(image.GetDirection(), (len(size), len(size)))
    origin = np.array(image.GetOrigin()) + direction @ ((np.array(spacing) - old) / 2)
    source = image
    if order != "nearest":
        source = sitk.Cast(image, sitk.sitkVectorFloat32 if n_channels > 1 else sitk.sitkFloat32)
    if order == "bspline":
        source, _ = _pad_axes(source, minimum=_SPLINE_SUPPORT_VOXELS, edge=True)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size)
    resampler.SetOutputSpacing(spacing)
    resampler.SetOutputOrigin(origin.tolist())
    resampler.SetOutputDirection(image.GetDirection())
    resampler.SetInterpolator(_INTERPOLATORS[order])
    resampler.SetUseNearestNeighborExtrapolator(True)
    return resampler.Execute(source)


def pad_thin_axes(
    image: sitk.Image, mask: sitk.Image, *, minimum: int = 4
) -> tuple[sitk.Image, sitk.Image, tuple[int, ...]]:
    """Lengthen axes of fewer than ``minimum`` voxels at their end: the image by its last value, the mask by 0.

    ITK's B-spline interpolation reads undefined memory along an axis of fewer than 4 voxels: the same call gives
    different images from run to run.

    Parameters
    ----------
    image, mask : SimpleITK.Image
        On one grid. Origin, spacing, direction and pixel types stay, so every voxel keeps its place.
    minimum : int

    Returns
    -------
    image, mask : SimpleITK.Image
        The same objects where nothing is thin.
    padded_axes : tuple of int
        0 for x, 1 for y, 2 for z.

    Examples
    --------
    >>> image, mask = sitk.Image([8, 8, 2], sitk.sitkInt16), sitk.Image([8, 8, 2], sitk.sitkUInt8)
    >>> padded, _, axes = pad_thin_axes(image, mask)
    >>> padded.GetSize(), axes
    ((8, 8, 4), (2,))
    """
    if image.GetSize() != mask.GetSize():
        raise ValueError(f"image and mask have different sizes, {image.GetSize()} and {mask.GetSize()}.")
    check_positive(minimum, name="minimum")
    padded, axes = _pad_axes(image, minimum=minimum, edge=True)
    return padded, _pad_axes(mask, minimum=minimum, edge=False)[0], axes


def _pad_axes(image: sitk.Image, *, minimum: int, edge: bool) -> tuple[sitk.Image, tuple[int, ...]]:
    missing = [max(0, minimum - n) for n in image.GetSize()]
    axes = tuple(axis for axis, n in enumerate(missing) if n)
    if not axes:
        return image, ()
    none = [0] * len(missing)
    if edge:
        return sitk.ZeroFluxNeumannPad(image, none, missing), axes
    return sitk.ConstantPad(image, none, missing, 0), axes


def _full_spacing(image: sitk.Image, spacing_mm: Sequence[float]) -> list[float]:
    wanted: list[Any] = list(spacing_mm)
    if len(wanted) != image.GetDimension():
        raise ValueError(f"spacing_mm={tuple(wanted)} has {len(wanted)} values, the image {image.GetDimension()} axes.")
    for value in wanted:
        if isinstance(value, bool) or not np.isfinite(value) or value < 0:
            raise ValueError(f"spacing_mm={tuple(wanted)} holds {value!r}; wanted are positive numbers, or 0 to keep.")
    return [float(w) or float(s) for w, s in zip(wanted, image.GetSpacing(), strict=True)]
