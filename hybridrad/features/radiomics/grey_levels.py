"""How many grey levels a region gets, and what to say when they are too few or too many."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

MAX_LEVELS = 1000
"""Above this many grey levels the matrices of PyRadiomics fill the memory, so the case fails beforehand."""
MANY_LEVELS = 256
FEW_LEVELS = 8
WANTED_LEVELS = 32
"""Number of grey levels behind a suggested bin width."""


def count_grey_levels(values: NDArray[Any], *, bin_width: float, bin_count: int | None = None) -> int:
    """Return the largest grey level PyRadiomics would give to these intensities.

    Parameters
    ----------
    values : ndarray
        Finite intensities of a region.
    bin_width : float
        Width of a level; its edges are multiples of the width.
    bin_count : int, optional
        Number of levels instead of a width.

    Examples
    --------
    >>> import numpy as np
    >>> count_grey_levels(np.array([54, 166]), bin_width=25)
    5
    """
    if bin_count is not None:
        return bin_count
    low, high = float(values.min()), float(values.max())
    return math.floor(high / bin_width) - math.floor(low / bin_width) + 1


def suggest_bin_width(values: NDArray[Any]) -> str:
    """Return a bin width that gives about 32 grey levels, as text with two digits.

    Examples
    --------
    >>> import numpy as np
    >>> suggest_bin_width(np.array([0.0, 1.0]))
    '0.031'
    """
    return f"{(float(values.max()) - float(values.min())) / WANTED_LEVELS:.2g}"
