"""Decision thresholds, chosen from out-of-fold scores of training cases and never from test cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def threshold_at_sensitivity(y_true: ArrayLike, y_score: ArrayLike, *, sensitivity: float = 0.90) -> float:
    """Return the largest threshold with at least the wanted sensitivity; a score >= threshold is called positive.

    Parameters
    ----------
    y_true : array of shape (n_cases,)
        0 and 1.
    y_score : array of shape (n_cases,)
    sensitivity : float
        Wanted sensitivity, above 0 and at most 1.

    Raises
    ------
    ValueError
        No positive case, scores not finite, or a sensitivity out of range.

    Examples
    --------
    >>> threshold_at_sensitivity([0, 0, 1, 1, 1, 1], [0.1, 0.6, 0.2, 0.5, 0.7, 0.9], sensitivity=0.75)
    0.5
    """
    if not 0 < sensitivity <= 1:
        raise ValueError(f"sensitivity must lie in (0, 1], got {sensitivity}.")
    y, s = _checked(y_true, y_score)
    positives = np.sort(s[y == 1])[::-1]
    # 0.9 * 10 may come out as 9.000000000000002; a case must not be lost to that.
    wanted = int(np.ceil(sensitivity * len(positives) - 1e-9))
    return float(positives[max(wanted, 1) - 1])


def youden_threshold(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the threshold with the largest sensitivity + specificity - 1; of several the lowest (most sensitive) one.

    Raises
    ------
    ValueError
        One class only, or scores not finite.

    Examples
    --------
    >>> youden_threshold([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.35
    """
    y, s = _checked(y_true, y_score)
    if (y == 1).all():
        raise ValueError("Youden's index needs both classes.")
    candidates = np.unique(s)
    positives, negatives = np.sort(s[y == 1]), np.sort(s[y == 0])
    sensitivity = 1.0 - np.searchsorted(positives, candidates, side="left") / len(positives)
    specificity = np.searchsorted(negatives, candidates, side="left") / len(negatives)
    index = sensitivity + specificity
    return float(candidates[np.flatnonzero(index >= index.max() - 1e-12)[0]])


def _checked(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray, NDArray[np.float64]]:
    y, s = np.asarray(y_true), np.asarray(y_score, dtype=float)
    if not np.isin(y, [0, 1]).all() or not (y == 1).any():
        raise ValueError("y_true must hold 0 and 1 only, and at least one 1.")
    if not np.isfinite(s).all():
        raise ValueError("scores must be finite.")
    return y, s
