"""L2 penalised logistic regression along a path of penalties, binary and multinomial.

The optimum is scikit-learn's ``LogisticRegression``: C times summed loss plus half the squared norm, intercept free.
It is found by Newton steps in coordinates in which the design has orthogonal columns: ridge solutions lie in the span
of the rows and turn with the axes, so nothing is approximated. With two classes and few coordinates a step solves its
linear system by Cholesky, else by conjugate gradients, for which the diagonal of the Hessian is a good preconditioner
in these coordinates. A whole path costs little more than one fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, eigh, qr, solve_triangular
from scipy.special import expit, log_softmax, softmax

Array = NDArray[np.float64]

# Newton decrement at which a fit is done: the distance to the optimum in the units of the standard errors.
TOLERANCE = 1e-8
MAX_NEWTON_STEPS = 100
MAX_CG_STEPS = 500
MOST_FOR_CHOLESKY = 80  # coordinates; with more, conjugate gradients are quicker


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
    """Fit ridge logistic regression for every penalty, from strong to weak.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
    y : int ndarray of shape (n_cases,)
        Classes 0 to ``n_classes - 1``, all present.
    n_classes : int
    penalties : sequence of float
        Values of C (the inverse of the penalty), ascending.
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
    basis = orthogonalising_basis(design)
    Z = np.ascontiguousarray(design @ basis)
    targets = _targets(y, n_classes)
    n_outputs = targets.shape[1]
    known = np.zeros((1, n_outputs)) if offset is None else offset.reshape(len(y), n_outputs)
    problem = _Problem(Z, np.einsum("ij,ij->j", Z, Z), targets, known)
    coef = np.zeros((Z.shape[1], n_outputs))
    intercept = prevalence_logits(y, n_classes) if offset is None else np.zeros(n_outputs)
    coefs, intercepts = [], []
    for penalty in penalties:
        coef, intercept = _newton(problem, coef, intercept, ridge=1.0 / penalty)
        coefs.append(basis @ coef)
        intercepts.append(intercept)
    return RidgePath(np.stack(coefs), np.stack(intercepts))


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


class _Problem(NamedTuple):
    Z: Array
    squared_norms: Array
    targets: Array
    offset: Array


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


def _targets(y: NDArray[np.intp], n_classes: int) -> Array:
    if n_classes == 2:
        return y[:, None].astype(float)
    return np.eye(n_classes)[y]


def prevalence_logits(y: NDArray[np.intp], n_classes: int) -> Array:
    """Return the intercepts of a model without columns."""
    share = np.bincount(y, minlength=n_classes) / len(y)
    if n_classes == 2:
        return np.array([np.log(share[1] / share[0])])
    return np.log(share) - np.log(share).mean()


def _loss(problem: _Problem, eta: Array, coef: Array, ridge: float) -> float:
    if eta.shape[1] == 1:
        data = np.sum(np.logaddexp(0.0, eta) - problem.targets * eta)
    else:
        data = -np.sum(problem.targets * log_softmax(eta, axis=1))
    return float(data + 0.5 * ridge * np.sum(coef**2))


def _newton(problem: _Problem, coef: Array, intercept: Array, *, ridge: float) -> tuple[Array, Array]:
    Z, n_cases = problem.Z, len(problem.Z)
    eta = Z @ coef + intercept + problem.offset
    loss = _loss(problem, eta, coef, ridge)
    for _ in range(MAX_NEWTON_STEPS):
        p = expit(eta) if eta.shape[1] == 1 else softmax(eta, axis=1)
        residual = p - problem.targets
        g_coef, g_intercept = Z.T @ residual + ridge * coef, residual.sum(axis=0)
        weight = float(np.mean(p * (1.0 - p)))
        precondition = weight * problem.squared_norms[:, None] + ridge
        precondition_intercept = max(weight, 1e-12) * n_cases
        size = np.sum(g_coef**2 / precondition) + np.sum(g_intercept**2) / precondition_intercept
        if size <= TOLERANCE**2:
            return coef, intercept - intercept.mean() if eta.shape[1] > 1 else intercept
        if eta.shape[1] == 1 and Z.shape[1] <= MOST_FOR_CHOLESKY:
            d_coef, d_intercept, d_eta = _exact_direction(Z, p, g_coef, g_intercept, ridge)
        else:
            d_coef, d_intercept, d_eta = _newton_direction(
                Z, p, g_coef, g_intercept, ridge, precondition, precondition_intercept, forcing=min(0.05, size**0.25)
            )
        slope = np.sum(g_coef * d_coef) + np.sum(g_intercept * d_intercept)
        step, floor = 1.0, 1e-12 * abs(loss)
        while True:
            new_eta, new_coef = eta + step * d_eta, coef + step * d_coef
            new_loss = _loss(problem, new_eta, new_coef, ridge)
            # Near the optimum the decrease drowns in rounding; the full step is right there.
            if new_loss <= loss + 1e-4 * step * slope + floor:
                break
            step *= 0.5
            if step < 1e-10:
                raise RuntimeError("ridge logistic regression: the line search found no decrease.")
        eta, coef, intercept, loss = new_eta, new_coef, intercept + step * d_intercept, new_loss
    raise RuntimeError(f"ridge logistic regression did not converge in {MAX_NEWTON_STEPS} Newton steps.")


def _exact_direction(Z: Array, p: Array, g_coef: Array, g_intercept: Array, ridge: float) -> tuple[Array, Array, Array]:
    """Solve Hessian times direction = -gradient for two classes by Cholesky; also return Z times it."""
    w = np.maximum(p * (1.0 - p), 1e-300)
    total = float(w.sum())
    mean = (w.T @ Z) / total  # (1, n_columns)
    centred = Z - mean  # the intercept, free, takes the weighted mean of every column
    hessian = centred.T @ (w * centred)
    hessian[np.diag_indices_from(hessian)] += ridge
    factor = cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)
    x = -cho_solve(factor, g_coef - mean.T * g_intercept, check_finite=False)
    x0 = -g_intercept / total - (mean @ x)[0]
    return x, x0, Z @ x + x0


def _newton_direction(
    Z: Array,
    p: Array,
    g_coef: Array,
    g_intercept: Array,
    ridge: float,
    precondition: Array,
    precondition_intercept: float,
    *,
    forcing: float,
) -> tuple[Array, Array, Array]:
    """Solve Hessian times direction = -gradient by preconditioned conjugate gradients; also return Z times it."""

    def curve(eta: Array) -> Array:
        if p.shape[1] == 1:
            return p * (1.0 - p) * eta
        return p * (eta - np.sum(p * eta, axis=1, keepdims=True))

    x, x0, x_eta = np.zeros_like(g_coef), np.zeros_like(g_intercept), np.zeros_like(p)
    r, r0 = -g_coef, -g_intercept
    z, z0 = r / precondition, r0 / precondition_intercept
    d, d0 = z.copy(), z0.copy()
    rz = start = np.sum(r * z) + np.sum(r0 * z0)
    for _ in range(MAX_CG_STEPS):
        d_eta = Z @ d + d0
        curved = curve(d_eta)
        h, h0 = Z.T @ curved + ridge * d, curved.sum(axis=0)
        curvature = np.sum(d * h) + np.sum(d0 * h0)
        if curvature <= 0.0:  # only rounding can do this; what there is, is a descent direction
            break
        alpha = rz / curvature
        x, x0, x_eta = x + alpha * d, x0 + alpha * d0, x_eta + alpha * d_eta
        r, r0 = r - alpha * h, r0 - alpha * h0
        z, z0 = r / precondition, r0 / precondition_intercept
        rz_new = np.sum(r * z) + np.sum(r0 * z0)
        if rz_new <= forcing**2 * start:
            break
        d, d0, rz = z + (rz_new / rz) * d, z0 + (rz_new / rz) * d0, rz_new
    return x, x0, x_eta
