"""Ridge penalised Cox regression along a path of penalties, cheap also where columns outnumber cases by far.

Minus the log partial likelihood plus half the penalty times the squared norm is minimised by Newton steps whose linear
systems are solved by conjugate gradients, in coordinates in which the design has orthogonal columns: ridge solutions
lie in the span of the rows, so nothing is approximated. Each penalty starts from the solution of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.ridge_logistic import orthogonalising_basis
from hybridrad.models.survival.partial_likelihood import Curvature, PartialLikelihood

Array = NDArray[np.float64]

TOLERANCE = 1e-9  # Newton decrement at which a fit is done
MAX_NEWTON_STEPS = 100
MAX_CG_STEPS = 500


def ridge_cox_path(
    design: Array,
    event: NDArray[np.bool_],
    time: Array,
    *,
    penalties: Sequence[float],
    ties: str = "efron",
    offset: Array | None = None,
) -> Array:
    """Fit ridge Cox regression for every penalty, from strong to weak.

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
    event : bool ndarray of shape (n_cases,)
    time : ndarray of shape (n_cases,)
    penalties : sequence of float
        The weight of half the squared norm against the log partial likelihood, descending. This is ``theta`` of
        ``survival::ridge`` in R, and n times ``lambda`` of glmnet.
    ties : {"efron", "breslow"}
    offset : ndarray of shape (n_cases,), optional
        Log relative hazards that are already known and are added to those of the model.

    Returns
    -------
    ndarray of shape (n_penalties, n_columns)

    Raises
    ------
    RuntimeError
        A fit did not converge (the problem is smooth and strictly convex).

    References
    ----------
    Verweij & van Houwelingen 1994, Penalized likelihood in Cox regression, doi:10.1002/sim.4780132307.

    Examples
    --------
    >>> design = np.array([[1.0], [0.5], [-0.5], [-1.0]])
    >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False])
    >>> strong, weak = ridge_cox_path(design, event, time, penalties=[10.0, 0.1])[:, 0]
    >>> bool(0 < strong < weak)
    True
    """
    basis = orthogonalising_basis(design)
    Z = np.ascontiguousarray(design @ basis)
    squared_norms = np.einsum("ij,ij->j", Z, Z)
    likelihood = PartialLikelihood(event, time, ties=ties)
    known = np.zeros(len(Z)) if offset is None else offset
    coef, coefs = np.zeros(Z.shape[1]), []
    for penalty in penalties:
        coef = _newton(likelihood, Z, squared_norms, coef, known, penalty=penalty)
        coefs.append(basis @ coef)
    return np.stack(coefs)


def _newton(
    likelihood: PartialLikelihood, Z: Array, squared_norms: Array, coef: Array, known: Array, *, penalty: float
) -> Array:
    risk = Z @ coef + known
    loss = _loss(likelihood, risk, coef, penalty)
    for _ in range(MAX_NEWTON_STEPS):
        residual, curvature = likelihood.local(risk)
        gradient = penalty * coef - Z.T @ residual
        precondition = curvature.mean_diagonal * squared_norms + penalty
        size = float(np.sum(gradient**2 / precondition))
        if size <= TOLERANCE**2:
            return coef
        step, d_risk = _direction(Z, curvature, gradient, penalty, precondition, forcing=min(0.05, size**0.25))
        slope = float(gradient @ step)
        length, floor = 1.0, 1e-12 * abs(loss)
        while True:
            new_risk, new_coef = risk + length * d_risk, coef + length * step
            new_loss = _loss(likelihood, new_risk, new_coef, penalty)
            # Near the optimum the decrease drowns in rounding; the full step is right there.
            if new_loss <= loss + 1e-4 * length * slope + floor:
                break
            length *= 0.5
            if length < 1e-10:
                raise RuntimeError("ridge Cox regression: the line search found no decrease.")
        risk, coef, loss = new_risk, new_coef, new_loss
    raise RuntimeError(f"ridge Cox regression did not converge in {MAX_NEWTON_STEPS} Newton steps.")


def _loss(likelihood: PartialLikelihood, risk: Array, coef: Array, penalty: float) -> float:
    return 0.5 * penalty * float(coef @ coef) - likelihood.value(risk)


def _direction(
    Z: Array, curvature: Curvature, gradient: Array, penalty: float, precondition: Array, *, forcing: float
) -> tuple[Array, Array]:
    """Solve Hessian times direction = -gradient by preconditioned conjugate gradients; also return Z times it."""
    x, x_risk = np.zeros_like(gradient), np.zeros(len(Z))
    r = -gradient
    z = r / precondition
    d = z.copy()
    rz = start = float(r @ z)
    for _ in range(MAX_CG_STEPS):
        d_risk = Z @ d
        h = Z.T @ curvature.times(d_risk) + penalty * d
        bent = float(d @ h)
        if bent <= 0.0:  # only rounding can do this; what there is, is a descent direction
            break
        alpha = rz / bent
        x, x_risk, r = x + alpha * d, x_risk + alpha * d_risk, r - alpha * h
        z = r / precondition
        rz_new = float(r @ z)
        if rz_new <= forcing**2 * start:
            break
        d, rz = z + (rz_new / rz) * d, rz_new
    return x, x_risk
