"""Cox and Snell's and Nagelkerke's R2: what predicted probabilities explain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hybridrad.evaluation.metrics import log_loss


def cox_snell(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Return ``1 - exp(-LR / n)`` with LR the likelihood ratio against the prevalence alone.

    For a fitted logistic model this is the usual R2. On new patients it can be negative: the predictions are then worse
    than the prevalence.

    References
    ----------
    Cox & Snell (1989), Analysis of Binary Data, 2nd ed., 208-209.

    Examples
    --------
    >>> round(cox_snell([0, 1, 0, 1], [0.2, 0.8, 0.2, 0.8]), 4)
    0.6094
    """
    y = np.asarray(y_true, dtype=float)
    if not np.isin(y, [0, 1]).all() or y.min() == y.max():
        raise ValueError("y_true must hold 0 and 1, both of them.")
    gain = log_loss(y, np.full(len(y), y.mean())) - log_loss(y, probability)
    return float(1.0 - np.exp(-2.0 * gain))


def largest_cox_snell(prevalence: float) -> float:
    """Return the R2 of Cox and Snell of perfect predictions, below 1.

    Examples
    --------
    >>> round(largest_cox_snell(0.5), 4)
    0.75
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must lie in (0, 1), got {prevalence}.")
    p = prevalence
    return float(1.0 - np.exp(2.0 * (p * np.log(p) + (1 - p) * np.log(1 - p))))


def nagelkerke(y_true: ArrayLike, probability: ArrayLike) -> float:
    """Return the R2 of Cox and Snell divided by the largest one possible.

    References
    ----------
    Nagelkerke (1991), doi:10.1093/biomet/78.3.691.

    Examples
    --------
    >>> round(nagelkerke([0, 1, 0, 1], [0.2, 0.8, 0.2, 0.8]), 4)
    0.8125
    """
    return cox_snell(y_true, probability) / largest_cox_snell(float(np.mean(np.asarray(y_true, dtype=float))))
