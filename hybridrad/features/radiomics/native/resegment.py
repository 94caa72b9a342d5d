"""Leaving voxels out of a region by their intensity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def resegmented(
    values: NDArray[Any], inside: NDArray[np.bool_], *, limits: Sequence[float], mode: str
) -> NDArray[np.bool_]:
    """Return the part of a region whose intensities lie between limits, both included.

    Parameters
    ----------
    values : ndarray
    inside : bool ndarray
        Of the same shape.
    limits : sequence of 1 or 2 floats
        The lower one first; one alone is a lower limit.
    mode : {"absolute", "relative", "sigma"}
        Limits are intensities, parts of the largest intensity of the region, or standard deviations from its mean.

    Examples
    --------
    >>> values = np.array([1, 5, 8, 10])
    >>> resegmented(values, values > 1, limits=[0.5, 0.9], mode="relative").tolist()
    [False, True, True, False]
    """
    found = values[inside]
    if mode == "relative":
        limits = [found.max() * limit for limit in limits]
    elif mode == "sigma":
        mean, deviation = np.mean(found), np.std(found)
        limits = [mean + deviation * limit for limit in limits]
    keep = found >= limits[0]
    if len(limits) > 1:
        keep &= found <= limits[1]
    kept = np.zeros_like(inside)
    kept[inside] = keep
    return kept
