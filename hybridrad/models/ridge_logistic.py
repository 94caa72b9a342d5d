"""L2 penalised logistic regression along a path of penalties, binary and multinomial.

The optimum is scikit-learn's ``LogisticRegression``: C times summed loss plus half the squared norm, intercept free.
It is found by Newton steps in coordinates in which the design has orthogonal columns: ridge solutions lie in the span
of the rows and turn with the axes, so nothing is approximated. A whole path costs little more than one fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigh, qr, solve_triangular
from scipy.special import log_softmax

from hybridrad.models.ridge_newton import LogisticLikelihood, newton_path

Array = NDArray[np.float64]

MOST_ROUNDING = 1e-9  # of products of cases, as a share of the ridge; the steps leave ten times as much


class RidgePath(NamedTuple):
    """Coefficients (n_penalties, n_columns, n_outputs) and intercepts (n_penalties, n_outputs).

    ``n_outputs`` is 1 for two classes and the number of classes otherwise.
    """

    coefs: Array
    intercepts: Array


def ridge_logistic_path(
    design: Array,
    y: NDArray[np.intp],
    *,
    n_classes: int,
    penalties: Sequence[float],
    offset: Array | None = None,
) -> RidgePath:
    """Fit ridge logistic regression for every penalty.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
    y : int ndarray of shape (n_cases,)
        Classes 0 to ``n_classes - 1``, all present.
    n_classes : int
    penalties : sequence of float
        Values of C (the inverse of the penalty).
    offset : ndarray of shape (n_cases,) or (n_cases, n_classes), optional
        Logits that are already known and are added to those of the model.

    Returns
    -------
    RidgePath

    Raises
    ------
    RuntimeError
        A fit did not converge (never seen; the problem is smooth and strictly convex).

    Examples
    --------
    >>> design, y = np.array([[-1.0], [0.0], [1.0]]), np.array([0, 0, 1])
    >>> path = ridge_logistic_path(design, y, n_classes=2, penalties=[1e-3, 1.0])
    >>> path.coefs.shape, bool(path.coefs[1, 0, 0] > path.coefs[0, 0, 0])
    ((2, 1, 1), True)
    """
    reduced, factors = _coordinates(design, penalties)
    coefs, intercepts = _fitted(reduced, y, n_classes, penalties, offset)
    for factor in reversed(factors):
        coefs = coefs @ factor.T
    return RidgePath(coefs.transpose(0, 2, 1), intercepts)


def ridge_logistic_logits(
    design: Array,
    y: NDArray[np.intp],
    others: Array,
    *,
    n_classes: int,
    penalties: Sequence[float],
    offset: Array | None = None,
) -> Array:
    """Return the logits that `ridge_logistic_path` gives to other cases, shape (n_penalties, n_others, n_outputs).

    With more columns than cases they need no coefficient, only products of cases. ``others`` is of shape (n_others,
    n_columns), the rest as there. The offset of the other cases is not added.
    """
    reduced, factors = _coordinates(design, penalties)
    for factor in factors:
        others = others @ factor
    coefs, intercepts = _fitted(reduced, y, n_classes, penalties, offset)
    logits: Array = (coefs @ others.T + intercepts[:, :, None]).transpose(0, 2, 1)
    return logits


def level_of_known(offset: Array, y: NDArray[np.intp], *, n_classes: int) -> Array:
    """Return the intercepts of a model that has nothing but known logits, shape (n_outputs,).

    Examples
    --------
    >>> level_of_known(np.full(4, -1.0), np.array([0, 0, 1, 1]), n_classes=2).round(3)
    array([1.])
    """
    nothing = np.empty((len(y), 0))
    return ridge_logistic_path(nothing, y, n_classes=n_classes, penalties=[1.0], offset=offset).intercepts[0]


def _coordinates(design: Array, penalties: Sequence[float]) -> tuple[Array, tuple[Array, ...]]:
    """Return the cases in orthogonal coordinates, and the factors whose product takes columns to these coordinates."""
    of_cases = coordinates_of_cases(design, weakest_ridge=1.0 / max(penalties))
    if of_cases is None:
        basis = orthogonalising_basis(design)
        return design @ basis, (basis,)
    reduced, dual = of_cases
    return reduced, (design.T, dual)


def _fitted(
    reduced: Array, y: NDArray[np.intp], n_classes: int, penalties: Sequence[float], offset: Array | None
) -> tuple[Array, Array]:
    """Return coefficients (n_penalties, n_outputs, n_coordinates) and intercepts (n_penalties, n_outputs)."""
    targets = _targets(y, n_classes)
    known = np.zeros((len(targets), 1)) if offset is None else offset.reshape(len(y), len(targets)).T
    start = np.zeros((len(targets), reduced.shape[1] + 1))
    if offset is None:
        start[:, -1] = prevalence_logits(y, n_classes)
    found = newton_path(LogisticLikelihood.of(reduced, targets, known), start, 1.0 / np.asarray(penalties))
    coefs, intercepts = found[:, :, :-1], found[:, :, -1]
    if n_classes > 2:
        intercepts = intercepts - intercepts.mean(axis=1, keepdims=True)  # only their differences are determined
    return coefs, intercepts


def log_loss(logits: Array, y: NDArray[np.intp]) -> float:
    """Return the mean log loss of logits (n,) for two classes or (n, n_classes).

    Examples
    --------
    >>> round(log_loss(np.zeros(4), np.array([0, 1, 0, 1])), 4)
    0.6931
    """
    return float(np.mean(case_losses(logits, y)))


def case_losses(logits: Array, y: NDArray[np.intp]) -> Array:
    """Return the log loss of each case."""
    if logits.ndim == 1:
        return np.asarray(np.logaddexp(0.0, logits) - y * logits)
    return np.asarray(-log_softmax(logits, axis=1)[np.arange(len(y)), y])


def orthogonalising_basis(design: Array) -> Array:
    """Return orthonormal columns that span the rows of ``design`` and make its columns orthogonal."""
    n_cases, n_columns = design.shape
    if n_columns <= n_cases:
        return np.asarray(eigh(design.T @ design, driver="evd")[1])
    values, vectors = eigh(design @ design.T, driver="evd")
    kept = values > 4.0 * np.finfo(float).eps * values[-1]  # what is below is the rounding of the products
    span = design.T @ (vectors[:, kept] / np.sqrt(values[kept]))
    try:
        # Directions of small singular values come out of the products a little askew; this makes them right again.
        factor = cholesky(span.T @ span, lower=True, check_finite=False)
    except LinAlgError:
        span = qr(design.T, mode="economic")[0]
        reduced = design @ span
        return np.asarray(span @ eigh(reduced.T @ reduced)[1])
    return np.asarray(span @ solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False).T)


def coordinates_of_cases(design: Array, *, weakest_ridge: float) -> tuple[Array, Array] | None:
    """Return the cases in orthogonal coordinates (n_cases, n_coordinates), and what makes them of products of cases.

    Other cases have the coordinates ``(others @ design.T) @ dual``, and coefficients ``c`` of the coordinates are the
    coefficients ``design.T @ (dual @ c)`` of the columns. None where there are no more columns than cases, or where the
    rounding of the products, which grows with the largest of them, could be seen next to the weakest ridge.
    """
    if design.shape[1] <= len(design):
        return None
    values, vectors = eigh(design @ design.T, driver="evd", check_finite=False)
    rounding = np.finfo(float).eps * max(values[-1], 0.0)
    if rounding > MOST_ROUNDING * weakest_ridge:
        return None
    kept = values > 4.0 * rounding
    root = np.sqrt(values[kept])
    return vectors[:, kept] * root, vectors[:, kept] / root


def _targets(y: NDArray[np.intp], n_classes: int) -> Array:
    if n_classes == 2:
        return y[None, :].astype(float)
    return np.ascontiguousarray(np.eye(n_classes)[y].T)


def prevalence_logits(y: NDArray[np.intp], n_classes: int) -> Array:
    """Return the intercepts of a model without columns."""
    share = np.bincount(y, minlength=n_classes) / len(y)
    if n_classes == 2:
        return np.array([np.log(share[1] / share[0])])
    return np.log(share) - np.log(share).mean()
