"""From stored intensities to 0..1: limits, values that are not finite, background, channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.imaging import preprocess

if TYPE_CHECKING:
    from hybridrad.imaging.views.settings import Views

BACKGROUNDS = ("kept", "dimmed", "masked")
DIMMED = 0.25
"""Factor of the 0..1 intensities outside the region where the background is dimmed."""


def limits_of(views: Views, scaled_by: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """Return the intensities shown as 0 and 1: those of the window, or percentiles of all the pictures together."""
    if views.window is not None:
        level, width = preprocess.window_level_width(views.window)
        return level - width / 2, level + width / 2
    pooled = scaled_by[0] if len(scaled_by) == 1 else np.concatenate([picture.ravel() for picture in scaled_by])
    return preprocess.percentile_limits(pooled, *views.percentiles)


def all_finite(pictures: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return pictures in which values that are not finite have become the smallest finite one of them all."""
    if all(not np.issubdtype(p.dtype, np.floating) or np.isfinite(p).all() for p in pictures):
        return list(pictures)
    smallest = min(smallest_finite(p) for p in pictures if np.isfinite(p).any())
    return [finite_or(p, smallest) for p in pictures]


def smallest_finite(array: NDArray[Any]) -> float:
    """Return the smallest finite value of an array; whole numbers are all finite.

    Examples
    --------
    >>> smallest_finite(np.array([np.nan, 3.0, -np.inf, 2.0]))
    2.0
    """
    return float(array.min() if not np.issubdtype(array.dtype, np.floating) else array[np.isfinite(array)].min())


def finite_or(array: NDArray[Any], instead: float) -> NDArray[Any]:
    """Return an array in which values that are not finite are replaced; the same array where all are finite."""
    if not np.issubdtype(array.dtype, np.floating) or (finite := np.isfinite(array)).all():
        return array
    return np.where(finite, array, array.dtype.type(instead))


def finish(
    views: Views,
    cut: NDArray[Any],
    beyond: NDArray[np.bool_],
    region: NDArray[np.bool_] | None,
    limits: tuple[float, float],
) -> NDArray[np.float32]:
    """Scale a crop to 0..1, fill what lies beyond the image, treat the background and add the channel of the region.

    Parameters
    ----------
    views : Views
    cut : ndarray of shape (height, width) or (height, width, 3)
        Stored or resampled intensities, also beyond the image.
    beyond : bool ndarray of shape (height, width)
        Where the crop lies beyond the image.
    region : bool ndarray of shape (height, width), optional
        Needed for a background that is not kept and for the mask channel.
    limits : (float, float)
        Intensities shown as 0 and 1.

    Returns
    -------
    float32 ndarray of shape (channels, height, width)
    """
    picture = preprocess.scale_between(cut, *limits)
    if views.padding == "constant":
        picture[beyond] = 0.0
    if region is not None and views.background != "kept":
        picture[~region] *= np.float32(background_factor(views.background))
    if views.mask_channel and region is not None:
        return np.stack([picture, picture, region.astype(np.float32)])
    return picture[np.newaxis] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def background_factor(background: str) -> float:
    """Return what intensities outside the region are multiplied by, after they were scaled to 0..1.

    Examples
    --------
    >>> [background_factor(b) for b in BACKGROUNDS]
    [1.0, 0.25, 0.0]
    """
    return {"kept": 1.0, "dimmed": DIMMED, "masked": 0.0}[background]
