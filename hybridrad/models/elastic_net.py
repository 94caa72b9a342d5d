"""Elastic-net logistic regression along a path of penalties, binary and multinomial, converged.

The optimum is that of scikit-learn's ``LogisticRegression(solver="saga", l1_ratio=...)``: C times summed loss plus
l1_ratio times the absolute sum and (1 - l1_ratio) / 2 times the squared norm of the coefficients, intercept free. How
it is found: `held_signs.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

from hybridrad.models.held_signs import check_l1_ratio, elastic_net_fits
from hybridrad.models.ridge_logistic import RidgePath, prevalence_logits

Array = NDArray[np.float64]


def elastic_net_path(
    design: Array, y: NDArray[np.intp], *, n_classes: int, penalties: Sequence[float], l1_ratio: float
) -> RidgePath:
    """Fit elastic-net logistic regression for every penalty, from strong to weak.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
        Scaled; the penalty treats all columns alike.
    y : int ndarray of shape (n_cases,)
        Classes 0 to ``n_classes - 1``, all present.
    n_classes : int
    penalties : sequence of float
        Values of C (the inverse of the penalty), ascending.
    l1_ratio : float
        Share of the absolute penalty, above 0 and at most 1.

    Returns
    -------
    RidgePath
        Coefficients (n_penalties, n_columns, n_outputs) and intercepts (n_penalties, n_outputs).

    Raises
    ------
    RuntimeError
        A fit did not converge.

    References
    ----------
    Zou & Hastie, J R Stat Soc B 67:301-320, 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Examples
    --------
    >>> design, y = np.array([[-1.0, 0.5], [0.0, -1.0], [1.0, 0.5]]), np.array([0, 0, 1])
    >>> path = elastic_net_path(design, y, n_classes=2, penalties=[0.1, 10.0], l1_ratio=0.5)
    >>> (path.coefs[:, :, 0] != 0).tolist()
    [[False, False], [True, True]]
    """
    check_l1_ratio(l1_ratio)
    targets = np.eye(n_classes)[y] if n_classes > 2 else y[:, None].astype(float)
    strengths = [(l1_ratio / c, (1.0 - l1_ratio) / c) for c in penalties]
    return RidgePath(
        *elastic_net_fits(design, LogisticLoss(targets), strengths, intercept=prevalence_logits(y, n_classes))
    )


class LogisticLoss:
    """Summed log loss of logits, binary (one output) or multinomial; ``targets`` are 0 and 1, (n_cases, n_outputs)."""

    has_intercept = True

    def __init__(self, targets: Array) -> None:
        self.targets = targets

    def value(self, eta: Array) -> float:
        """Return the summed loss."""
        if eta.shape[1] == 1:
            return float(np.sum(np.logaddexp(0.0, eta) - self.targets * eta))
        return float(-np.sum(self.targets * log_softmax(eta, axis=1)))

    def local(self, eta: Array) -> tuple[Array, Array]:
        """Return probabilities minus targets, and the probabilities."""
        p = expit(eta) if eta.shape[1] == 1 else softmax(eta, axis=1)
        return p - self.targets, p

    def hessian(self, rows: Array, outputs: NDArray[np.intp], place: Array) -> Array:
        """Return second derivatives by coefficients, each of one column of ``rows`` and one output."""
        if place.shape[1] == 1:
            return np.asarray(rows.T @ (rows * (place * (1.0 - place))))
        weighted = rows * place[:, outputs]
        same = outputs[:, None] == outputs[None, :]
        return np.where(same, weighted.T @ rows, 0.0) - weighted.T @ weighted
