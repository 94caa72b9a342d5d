"""McNemar's test: do two ways of calling the same cases err equally often?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class McNemar(NamedTuple):
    """Cases only a (only b) called right, chi-squared statistic, its p-value, and the exact one (NaN: clustered)."""

    only_a: int
    only_b: int
    statistic: float
    p_value: float
    p_exact: float


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, groups: ArrayLike | None = None) -> McNemar:
    """Compare the share of cases that two readers or models call right.

    Parameters
    ----------
    right_a, right_b : bool arrays of shape (n_cases,)
        Whether the call was right. For sensitivity pass the positive cases, for specificity the negative ones.
    groups : array of shape (n_cases,), optional
        Patient of each case: the statistic is then ``(sum d)^2 / sum d^2`` with d the surplus of a within a patient,
        which is McNemar's where every patient has one case.

    Returns
    -------
    McNemar
        Without continuity correction. Prefer ``p_exact`` where fewer than 25 cases differ. Two that never differ: 0, 1.

    References
    ----------
    McNemar (1947), doi:10.1007/BF02295996. Yang, Sun & Hardin (2010), Biom J 52:638 (clustered).

    Examples
    --------
    >>> result = mcnemar([True] * 12 + [False] * 3, [True] * 2 + [False] * 10 + [True] * 2 + [False])
    >>> result.only_a, result.only_b, round(result.p_exact, 4)
    (10, 2, 0.0386)
    """
    a, b = np.asarray(right_a).astype(bool), np.asarray(right_b).astype(bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"right_a and right_b must be one value per case, got shapes {a.shape} and {b.shape}.")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if groups is None:
        squares = float(only_a + only_b)
        exact = float(stats.binomtest(only_a, only_a + only_b).pvalue) if squares else 1.0
    else:
        _, patient = np.unique(np.asarray(groups).astype(str), return_inverse=True)
        surplus = np.bincount(patient, weights=a.astype(float) - b.astype(float))
        squares, exact = float((surplus**2).sum()), float("nan")
    statistic = (only_a - only_b) ** 2 / squares if squares else 0.0
    return McNemar(only_a, only_b, statistic, float(stats.chi2.sf(statistic, 1)), exact)
