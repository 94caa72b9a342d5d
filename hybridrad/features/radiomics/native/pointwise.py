"""Filters that change each voxel alone; their scale is the largest absolute intensity of the whole image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def largest_absolute(values: NDArray[Any]) -> float:
    """Return the largest absolute intensity; NaN if one intensity is NaN.

    Examples
    --------
    >>> largest_absolute(np.array([-32768, 5], dtype=np.int16))
    32768.0
    """
    # From the two ends, because an absolute copy of a whole volume costs memory, and -32768 has no int16 counterpart.
    return float(np.maximum(abs(float(values.min())), abs(float(values.max()))))


def square(values: Floats, *, largest: float) -> Floats:
    """Square, scaled so that ``largest`` stays where it is.

    Parameters
    ----------
    values : float64 ndarray
    largest : float
        As ``largest_absolute`` of the whole image gives it.

    Examples
    --------
    >>> square(np.array([-2.0, 4.0]), largest=4.0).tolist()
    [1.0, 4.0]
    """
    return np.asarray((1 / np.sqrt(np.float64(largest)) * values) ** 2)


def square_root(values: Floats, *, largest: float) -> Floats:
    """Square root of the absolute value with the sign kept, scaled so that ``largest`` stays where it is.

    Examples
    --------
    >>> square_root(np.array([-1.0, 4.0]), largest=4.0).tolist()
    [-2.0, 4.0]
    """
    return np.asarray(np.copysign(np.sqrt(np.abs(values) * largest), values))


def logarithm(values: Floats, *, largest: float) -> Floats:
    """Logarithm of the absolute value plus one with the sign kept, scaled so that ``largest`` stays where it is.

    Examples
    --------
    >>> logarithm(np.array([-3.0, 0.0]), largest=3.0).tolist()
    [-3.0, 0.0]
    """
    # The scale comes from the logarithm of an array of one, as NumPy's vector code may differ from its scalar code.
    scale = np.float64(largest) / np.log(np.array([largest + 1]))[0]
    return np.asarray(np.copysign(np.log(np.abs(values) + 1), values) * scale)


def exponential(values: Floats, *, largest: float) -> Floats:
    """Exponential, scaled so that ``largest`` stays where it is.

    Examples
    --------
    >>> exponential(np.array([0.0]), largest=4.0).tolist()
    [1.0]
    """
    return np.asarray(np.exp(np.log(np.float64(largest)) / largest * values))


POINTWISE: Mapping[str, Callable[..., Floats]] = MappingProxyType(
    {"Square": square, "SquareRoot": square_root, "Logarithm": logarithm, "Exponential": exponential}
)
"""Image type -> filter."""
