"""Elastic-net regression of values along a path of penalties, converged; how it is found: `held_signs.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.held_signs import check_l1_ratio, elastic_net_fits

Array = NDArray[np.float64]


def elastic_net_value_path(
    design: Array, y: Array, *, penalties: Sequence[float], l1_ratio: float
) -> tuple[Array, Array]:
    """Fit elastic-net regression for every penalty, from strong to weak.

    Half the sum of squared errors plus ``penalty`` times (``l1_ratio`` times the absolute sum and (1 - ``l1_ratio``) /
    2 times the squared norm of the coefficients) is minimised, the intercept free: scikit-learn's ``ElasticNet`` with
    ``alpha`` as the penalty divided by the number of cases.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
        Scaled; the penalty treats all columns alike.
    y : ndarray of shape (n_cases,)
    penalties : sequence of float
        Descending.
    l1_ratio : float
        Share of the absolute penalty, above 0 and at most 1.

    Returns
    -------
    coefs : ndarray of shape (n_penalties, n_columns)
    intercepts : ndarray of shape (n_penalties,)

    Raises
    ------
    ValueError
        ``l1_ratio`` is not above 0 and at most 1.
    RuntimeError
        A fit did not converge.

    References
    ----------
    Zou & Hastie, J R Stat Soc B 67:301-320, 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Examples
    --------
    >>> design = np.array([[-1.0, 0.5], [0.0, -1.0], [1.0, 0.5]])
    >>> coefs, _ = elastic_net_value_path(design, np.array([0.0, 1.0, 2.0]), penalties=[10.0, 0.1], l1_ratio=0.5)
    >>> (coefs != 0).tolist()
    [[False, False], [True, False]]
    """
    check_l1_ratio(l1_ratio)
    strengths = [(penalty * l1_ratio, penalty * (1.0 - l1_ratio)) for penalty in penalties]
    coefs, intercepts = elastic_net_fits(design, HalfSquares(y), strengths, intercept=np.array([y.mean()]))
    return coefs[:, :, 0], intercepts[:, 0]


class HalfSquares:
    """Half the sum of squared errors of predictions (n_cases, 1)."""

    has_intercept = True

    def __init__(self, y: Array) -> None:
        self.y = y[:, None]

    def value(self, eta: Array) -> float:
        """Return half the sum of squared errors."""
        return 0.5 * float(np.sum((eta - self.y) ** 2))

    def local(self, eta: Array) -> tuple[Array, None]:
        """Return the errors."""
        return eta - self.y, None

    def hessian(self, rows: Array, outputs: NDArray[np.intp], place: None) -> Array:
        """Return second derivatives by the coefficients of the columns."""
        return np.asarray(rows.T @ rows)
