"""Elastic-net Cox regression along a path of penalties, converged; how it is found: `held_signs.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.held_signs import check_l1_ratio, elastic_net_fits
from hybridrad.models.survival.partial_likelihood import Curvature, PartialLikelihood

Array = NDArray[np.float64]


def elastic_net_cox_path(
    design: Array,
    event: NDArray[np.bool_],
    time: Array,
    *,
    penalties: Sequence[float],
    l1_ratio: float,
    ties: str = "efron",
) -> Array:
    """Fit elastic-net Cox regression for every penalty, from strong to weak.

    Minus the log partial likelihood plus ``penalty`` times (``l1_ratio`` times the absolute sum and (1 - ``l1_ratio``)
    / 2 times the squared norm of the coefficients) is minimised.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
        Scaled; the penalty treats all columns alike.
    event : bool ndarray of shape (n_cases,)
    time : ndarray of shape (n_cases,)
    penalties : sequence of float
        Descending. This is n times ``lambda`` of glmnet.
    l1_ratio : float
        Share of the absolute penalty, above 0 and at most 1.
    ties : {"efron", "breslow"}

    Returns
    -------
    ndarray of shape (n_penalties, n_columns)

    Raises
    ------
    ValueError
        ``l1_ratio`` is not above 0 and at most 1.
    RuntimeError
        A fit did not converge.

    References
    ----------
    Simon, Friedman, Hastie & Tibshirani, J Stat Softw 39(5), 2011, doi:10.18637/jss.v039.i05.

    Examples
    --------
    >>> design = np.array([[1.0, 0.1], [0.5, -0.2], [-0.5, 0.2], [-1.0, -0.1]])
    >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False])
    >>> path = elastic_net_cox_path(design, event, time, penalties=[10.0, 0.5], l1_ratio=0.9)
    >>> (path != 0).tolist()
    [[False, False], [True, False]]
    """
    check_l1_ratio(l1_ratio)
    strengths = [(penalty * l1_ratio, penalty * (1.0 - l1_ratio)) for penalty in penalties]
    return elastic_net_fits(design, CoxRisk(event, time, ties=ties), strengths, intercept=np.zeros(1))[0][:, :, 0]


class CoxRisk:
    """Minus the log partial likelihood of risks (n_cases, 1)."""

    has_intercept = False

    def __init__(self, event: NDArray[np.bool_], time: Array, *, ties: str = "efron") -> None:
        self.likelihood = PartialLikelihood(event, time, ties=ties)

    def value(self, eta: Array) -> float:
        """Return minus the log partial likelihood."""
        return -self.likelihood.value(eta[:, 0])

    def local(self, eta: Array) -> tuple[Array, Curvature]:
        """Return minus the martingale residuals, and the curvature."""
        residual, curvature = self.likelihood.local(eta[:, 0])
        return -residual[:, None], curvature

    def hessian(self, rows: Array, outputs: NDArray[np.intp], place: Curvature) -> Array:
        """Return second derivatives by the coefficients of the columns."""
        bent = [place.times(column) for column in rows.T]
        return np.asarray(rows.T @ np.column_stack(bent)) if bent else np.zeros((0, 0))
