"""Adjusted p-values for several tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's step-down adjusted p-values (family-wise error).

    Parameters
    ----------
    p_values : array of shape (n_tests,)
        In 0 .. 1. NaN (a test that could not be made) stays NaN and still counts as a test of the family.

    Raises
    ------
    ValueError
        Values outside 0 .. 1.

    References
    ----------
    Holm (1979), Scand J Stat 6:65.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005, 0.2]).round(6).tolist()
    [0.04, 0.09, 0.09, 0.025, 0.2]
    """
    p = _checked(p_values)
    known = np.where(np.isnan(p), 1.0, p)
    order = np.argsort(known, kind="stable")
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(np.maximum.accumulate(known[order] * np.arange(len(p), 0, -1)), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Benjamini and Hochberg's step-up adjusted p-values (false discovery rate).

    Parameters
    ----------
    p_values : array of shape (n_tests,)
        As for `holm`.

    References
    ----------
    Benjamini & Hochberg (1995), J R Stat Soc B 57:289.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005, 0.2]).round(6).tolist()
    [0.025, 0.05, 0.05, 0.025, 0.2]
    """
    p = _checked(p_values)
    known = np.where(np.isnan(p), 1.0, p)
    order = np.argsort(-known, kind="stable")
    n = len(p)
    adjusted = np.empty_like(known)
    adjusted[order] = np.minimum(np.minimum.accumulate(known[order] * n / np.arange(n, 0, -1)), 1.0)
    return np.where(np.isnan(p), np.nan, adjusted)


def _checked(p_values: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ValueError("p-values must be one row of numbers in 0 .. 1 (or NaN).")
    return p
