"""Newton steps for ridge logistic regression at many penalties at once.

The fits of a path differ in the penalty alone, so that their steps are products of one design with several columns at a
time. A step solves its linear system by conjugate gradients, for which the diagonal of the Hessian is a good
preconditioner where the columns of the design are orthogonal.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

Array = NDArray[np.float64]

# Newton decrement at which a fit is done: the distance to the optimum in the units of the standard errors.
TOLERANCE = 1e-8
MAX_NEWTON_STEPS = 100
MAX_CG_STEPS = 500
LEAST_FORCING = 0.1  # accuracy of a first step
FLAT = 1e-6  # mean curvature of a case
DAMPING = (1e-3, 1e-2, 1.0)  # least, where the loss is flat, most; as a share of the largest curvature there can be
NO_GAIN = 1e-6  # in summed log loss, by the last of so many steps
SHORTEST_STEP = 1e-12


@dataclass(frozen=True)
class LogisticLikelihood:
    """Cases and their targets. In arrays of several fits the first axis is the fit, the second the output.

    ``design`` (n_cases, n_columns + 1) ends with a column of ones, whose coefficient is the intercept; ``targets`` and
    ``offset`` are (n_outputs, n_cases), ``offset`` may be (n_outputs, 1).
    """

    design: Array
    squared_norms: Array
    targets: Array
    offset: Array

    @classmethod
    def of(cls, columns: Array, targets: Array, offset: Array) -> Self:
        """Append the column of ones."""
        design = np.column_stack([columns, np.ones(len(columns))])
        return cls(design, np.einsum("ij,ij->j", design, design), targets, offset)

    def logits(self, coefs: Array) -> Array:
        """Return design times coefficients, (n_fits, n_outputs, n_cases)."""
        return _times(coefs, self.design.T)

    def losses(self, logits: Array) -> Array:
        """Return the summed log loss of each fit."""
        if logits.shape[1] == 1:
            return np.asarray((np.logaddexp(0.0, logits) - self.targets * logits).sum(axis=(1, 2)))
        return np.asarray(-(self.targets * log_softmax(logits, axis=1)).sum(axis=(1, 2)))


@dataclass
class _Fits:
    """The fits that are not done yet, one row each."""

    position: NDArray[np.intp]
    ridge: Array  # (n_fits, 1, n_columns + 1), zero for the intercept
    coef: Array  # (n_fits, n_outputs, n_columns + 1)
    logits: Array  # (n_fits, n_outputs, n_cases)
    loss: Array
    damping: Array

    def only(self, kept: NDArray[np.bool_]) -> Self:
        return type(self)(*(getattr(self, field.name)[kept] for field in fields(self)))


def newton_path(likelihood: LogisticLikelihood, start: Array, ridges: Array) -> Array:
    """Minimise summed log loss plus half of ``ridge`` times the squared coefficients (not the intercepts).

    Parameters
    ----------
    likelihood : LogisticLikelihood
    start : ndarray of shape (n_outputs, n_columns + 1)
        Where every fit begins.
    ridges : ndarray of shape (n_fits,)

    Returns
    -------
    ndarray of shape (n_fits, n_outputs, n_columns + 1)

    Raises
    ------
    RuntimeError
        A fit did not converge (never seen; the problem is smooth and strictly convex).

    Examples
    --------
    >>> cases = LogisticLikelihood.of(np.array([[-1.0], [0.0], [1.0]]), np.array([[0.0, 0.0, 1.0]]), np.zeros((1, 1)))
    >>> newton_path(cases, np.zeros((1, 2)), np.array([1e3, 1.0]))[:, 0].round(2)
    array([[ 0.  , -0.69],
           [ 0.7 , -0.75]])
    """
    n_fits = len(ridges)
    ridge = np.repeat(np.asarray(ridges, dtype=float)[:, None, None], start.shape[1], axis=2)
    ridge[:, :, -1] = 0.0
    coef = np.repeat(start[None], n_fits, axis=0)
    logits = likelihood.logits(coef) + likelihood.offset
    fits = _Fits(
        np.arange(n_fits), ridge, coef, logits, likelihood.losses(logits) + _half_penalty(ridge, coef), np.zeros(n_fits)
    )
    optima = np.empty_like(coef)
    largest_curvature = (0.25 if len(start) == 1 else 0.5) * likelihood.squared_norms
    for _ in range(MAX_NEWTON_STEPS):
        p = expit(fits.logits) if start.shape[0] == 1 else softmax(fits.logits, axis=1)
        gradient = _times(p - likelihood.targets, likelihood.design) + fits.ridge * fits.coef
        weight = np.maximum((p * (1.0 - p)).mean(axis=(1, 2)), 1e-12)
        diagonal = weight[:, None, None] * likelihood.squared_norms + fits.ridge
        decrement = np.sqrt(_dot(gradient, gradient / diagonal))
        done = decrement <= TOLERANCE
        if done.any():
            optima[fits.position[done]] = fits.coef[done]
            if done.all():
                return optima
            fits = fits.only(~done)
            p, gradient, diagonal = p[~done], gradient[~done], diagonal[~done]
            weight, decrement = weight[~done], decrement[~done]
        forcing = np.minimum(LEAST_FORCING, np.sqrt(decrement))
        # Where all probabilities are 0 or 1 there is no curvature, and a step would have no end.
        fits.damping[weight < FLAT] = np.maximum(fits.damping[weight < FLAT], DAMPING[1])
        damped = fits.damping[:, None, None] * largest_curvature
        direction = _newton_direction(likelihood.design, p, gradient, fits.ridge + damped, diagonal + damped, forcing)
        before, fits = fits.loss, _stepped(likelihood, fits, gradient, direction)
    # Known logits that leave nothing to explain send the intercept ever further.
    if np.all(before - fits.loss <= NO_GAIN):
        optima[fits.position] = fits.coef
        return optima
    raise RuntimeError(f"ridge logistic regression did not converge in {MAX_NEWTON_STEPS} Newton steps.")


def _times(x: Array, matrix: Array) -> Array:
    """Multiply the last axis by a matrix, all fits and outputs in one product."""
    return (x.reshape(-1, x.shape[2]) @ matrix).reshape(*x.shape[:2], matrix.shape[1])


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("fkj,fkj->f", a, b))


def _half_penalty(ridge: Array, coef: Array) -> Array:
    return 0.5 * _dot(ridge * coef, coef)


def _stepped(likelihood: LogisticLikelihood, fits: _Fits, gradient: Array, direction: Array) -> _Fits:
    """Go a full step, or halve it until the loss decreases, and damp the next one then."""
    slope = _dot(gradient, direction)
    d_logits = likelihood.logits(direction)
    step = np.ones(len(slope))
    floor = 1e-12 * np.abs(fits.loss)
    while True:
        coef = fits.coef + step[:, None, None] * direction
        logits = fits.logits + step[:, None, None] * d_logits
        loss = likelihood.losses(logits) + _half_penalty(fits.ridge, coef)
        # Near the optimum the decrease drowns in rounding; the full step is right there.
        too_far = loss > fits.loss + 1e-4 * step * slope + floor
        if not too_far.any():
            break
        step[too_far] *= 0.5
        if step.min() < SHORTEST_STEP:
            raise RuntimeError("ridge logistic regression: the line search found no decrease.")
    least, _, most = DAMPING
    damping = np.where(step < 1.0, np.clip(10.0 * fits.damping, least, most), 0.1 * fits.damping)
    return _Fits(fits.position, fits.ridge, coef, logits, loss, np.where(damping < least, 0.0, damping))


def _newton_direction(design: Array, p: Array, gradient: Array, ridge: Array, diagonal: Array, forcing: Array) -> Array:
    """Solve Hessian times direction = -gradient by preconditioned conjugate gradients, each fit to its own accuracy."""
    binary = p.shape[1] == 1
    curvature_of_p = p * (1.0 - p) if binary else p
    found = np.zeros_like(gradient)
    running = np.arange(len(gradient))
    x, r, inverse = np.zeros_like(gradient), -gradient, 1.0 / diagonal
    z = r * inverse
    d, rz = z.copy(), _dot(r, z)
    going = np.ones(len(gradient), dtype=bool)
    goal = forcing**2 * rz
    for _ in range(MAX_CG_STEPS):
        curved = _times(d, design.T)
        across = None if binary else p * np.sum(p * curved, axis=1, keepdims=True)
        curved *= curvature_of_p
        if across is not None:
            curved -= across
        h = _times(curved, design)
        h += ridge * d
        curvature = _dot(d, h)
        # Only rounding can make it negative; what there is, is a descent direction. Fits that are done stay put.
        moving = going & (curvature > 0.0)
        alpha = np.where(moving, rz / np.where(moving, curvature, 1.0), 0.0)[:, None, None]
        x += alpha * d
        h *= alpha
        r -= h
        z = r * inverse
        rz_new = _dot(r, z)
        going = moving & (rz_new > goal)
        n_going = np.count_nonzero(going)
        if 2 * n_going <= len(going):  # sooner, putting the others together would cost more than it saves
            found[running] = x
            if n_going == 0:
                return found
            running, x, r, inverse = running[going], x[going], r[going], inverse[going]
            z, d, ridge = z[going], d[going], ridge[going]
            p, curvature_of_p = p[going], curvature_of_p[going]
            rz, rz_new, goal = rz[going], rz_new[going], goal[going]
            going = np.ones(n_going, dtype=bool)
        d *= np.where(going, rz_new / np.where(going, rz, 1.0), 0.0)[:, None, None]
        d += z
        rz = rz_new
    found[running] = x
    return found
