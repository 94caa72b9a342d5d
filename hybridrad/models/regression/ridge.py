"""Ridge regression for all penalties at once, from one singular value decomposition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import svd

Array = NDArray[np.float64]


def ridge_path(design: Array, y: Array, *, penalties: Sequence[float]) -> tuple[Array, Array]:
    """Return the coefficients and intercepts of ridge regression for every penalty.

    The sum of squared errors plus the penalty times the squared norm is minimised, the intercept free: scikit-learn's
    ``Ridge`` with ``alpha`` as the penalty.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
    y : ndarray of shape (n_cases,)
    penalties : sequence of float
        Positive.

    Returns
    -------
    coefs : ndarray of shape (n_penalties, n_columns)
    intercepts : ndarray of shape (n_penalties,)

    References
    ----------
    Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> coefs, intercepts = ridge_path(np.array([[-1.0], [1.0]]), np.array([1.0, 3.0]), penalties=[2.0, 1e-9])
    >>> coefs.ravel().round(6), intercepts
    (array([0.5, 1. ]), array([2., 2.]))
    """
    centre, level = design.mean(axis=0), y.mean()
    left, size, right = svd(design - centre, full_matrices=False)
    weights = size / (size**2 + np.asarray(penalties, dtype=float)[:, None])
    coefs = (weights * (left.T @ (y - level))) @ right
    return coefs, level - coefs @ centre
