"""Elastic nets of any smooth convex loss along a path of penalties, converged.

While no coefficient changes its sign the problem is smooth, so it is solved by Newton steps among the coefficients in
use. A step that would carry one across zero leaves it at zero; those whose gradient exceeds the penalty come in. With a
few hundred cases few coefficients are ever in use, and one fit is the start of the next on the path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Array = NDArray[np.float64]

TOLERANCE = 1e-7  # of the conditions of optimality, relative to the absolute penalty
MAX_STEPS = 1000
MOST_ADDED = 10  # coefficients that come in at once, where fewer than twice as many are in use


class Loss(Protocol):
    """A smooth convex function of linear predictors ``eta``, shape (n_cases, n_outputs)."""

    has_intercept: bool

    def value(self, eta: Array) -> float:
        """Return the summed loss."""

    def local(self, eta: Array) -> tuple[Array, Any]:
        """Return the derivative by ``eta``, and what ``hessian`` needs to know of this place."""

    def hessian(self, rows: Array, outputs: NDArray[np.intp], place: Any) -> Array:
        """Return second derivatives by coefficients, each of one column of ``rows`` and one output."""


def check_l1_ratio(l1_ratio: float) -> None:
    """Refuse a share of the absolute penalty that is none.

    Examples
    --------
    >>> check_l1_ratio(0.5)
    """
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio must be above 0 and at most 1, got {l1_ratio!r}; without it, fit a ridge.")


def elastic_net_fits(
    design: Array, loss: Loss, penalties: Iterable[tuple[float, float]], *, intercept: Array
) -> tuple[Array, Array]:
    """Return coefficients (n_penalties, n_columns, n_outputs) and intercepts (n_penalties, n_outputs).

    Parameters
    ----------
    design : ndarray of shape (n_cases, n_columns)
    loss : Loss
    penalties : iterable of (float, float)
        Weights of the absolute sum and of half the squared norm of the coefficients, from strong to weak.
    intercept : ndarray of shape (n_outputs,)
        Where to start; it stays if the loss has none.

    Raises
    ------
    RuntimeError
        A fit did not converge.

    References
    ----------
    Andrew & Gao, ICML 2007, doi:10.1145/1273496.1273501 (signs held during a step).
    """
    coef = np.zeros((design.shape[1], len(intercept)))
    coefs, intercepts = [], []
    for absolute, squared in penalties:
        coef, intercept = _converged(design, loss, coef, intercept, absolute=absolute, squared=squared)
        coefs.append(coef)
        intercepts.append(intercept)
    return np.stack(coefs), np.stack(intercepts)


def penalised_value(loss: Loss, eta: Array, coef: Array, *, absolute: float, squared: float) -> float:
    """Return the loss plus both penalties."""
    return float(loss.value(eta) + absolute * np.abs(coef).sum() + 0.5 * squared * np.sum(coef**2))


def _converged(
    design: Array, loss: Loss, coef: Array, intercept: Array, *, absolute: float, squared: float
) -> tuple[Array, Array]:
    coef, intercept = coef.copy(), intercept.copy()
    eta = design @ coef + intercept
    for _ in range(MAX_STEPS):
        slope, place = loss.local(eta)
        gradient = design.T @ slope + squared * coef
        at_intercept = slope.sum(axis=0) if loss.has_intercept else np.zeros(0)
        signs = np.sign(coef)
        missed = np.where(coef != 0, np.abs(gradient + absolute * signs), np.maximum(np.abs(gradient) - absolute, 0.0))
        if max(missed.max(initial=0.0), np.abs(at_intercept).max(initial=0.0)) <= TOLERANCE * absolute:
            return coef, intercept - intercept.mean() if len(intercept) > 1 else intercept
        free = _free(coef, missed)
        signs = np.where(coef != 0, signs, -np.sign(gradient)) * free
        eta = _move(
            design, loss, coef, intercept, eta, place, gradient + absolute * signs, at_intercept, signs,
            absolute=absolute, squared=squared,
        )  # fmt: skip
    raise RuntimeError(
        f"elastic net (absolute penalty {absolute:g}, squared {squared:g}) did not converge in {MAX_STEPS} steps."
    )


def _free(coef: Array, missed: Array) -> NDArray[np.bool_]:
    """Return the coefficients in use, and of the others those that miss their condition most."""
    used = coef != 0
    outside = np.where(used, 0.0, missed)
    n_added = min(max(MOST_ADDED, int(used.sum()) // 2), int((outside > 0).sum()))
    free = used.copy()
    if n_added:
        free.ravel()[np.argpartition(-outside.ravel(), n_added - 1)[:n_added]] = True
    return free


def _move(
    design: Array,
    loss: Loss,
    coef: Array,
    intercept: Array,
    eta: Array,
    place: Any,
    gradient: Array,
    at_intercept: Array,
    signs: Array,
    *,
    absolute: float,
    squared: float,
) -> Array:
    """Make one Newton step among the coefficients that have a sign, in place; return the new linear predictors."""
    while True:
        columns, outputs = np.nonzero(signs)
        step, intercept_step = _newton_step(
            design[:, columns], outputs, loss, place, gradient[columns, outputs], at_intercept, squared
        )
        start = coef[columns, outputs]
        backwards = (start == 0) & (step * signs[columns, outputs] <= 0)
        if not backwards.any():
            break
        signs[columns[backwards], outputs[backwards]] = 0.0  # a newcomer that the others push back stays out
    held = signs[columns, outputs]
    value = penalised_value(loss, eta, coef, absolute=absolute, squared=squared)
    length = 1.0
    while True:
        trial = start + length * step
        trial = np.where(trial * held > 0, trial, 0.0)  # signs are held: who would cross zero stops there
        new_coef = np.zeros_like(coef)
        new_coef[columns, outputs] = trial
        new_intercept = intercept + length * intercept_step if loss.has_intercept else intercept
        new_eta = design @ new_coef + new_intercept
        change = penalised_value(loss, new_eta, new_coef, absolute=absolute, squared=squared) - value
        promised = gradient[columns, outputs] @ (trial - start) + length * float(at_intercept @ intercept_step)
        if change <= 1e-4 * promised + 1e-14 * abs(value) or length < 1e-12:
            break
        length *= 0.5
    coef[...], intercept[...] = new_coef, new_intercept
    return np.asarray(new_eta)


def _newton_step(
    rows: Array,
    outputs: NDArray[np.intp],
    loss: Loss,
    place: Any,
    gradient: Array,
    at_intercept: Array,
    squared: float,
) -> tuple[Array, Array]:
    """Return the Newton step of coefficients, each of one output, and of all intercepts."""
    n_intercepts = len(at_intercept)
    all_rows = np.hstack([rows, np.ones((len(rows), n_intercepts))])
    hessian = loss.hessian(all_rows, np.concatenate([outputs, np.arange(n_intercepts)]), place)
    n = len(outputs)
    # The sum of the intercepts of several classes is free; a grain of ridge holds it and what rounding leaves open.
    ridge = np.full(len(hessian), 1e-9 * max(float(np.trace(hessian)) / max(len(hessian), 1), 1e-12))
    ridge[:n] += squared
    hessian[np.diag_indices_from(hessian)] += ridge
    factor = cho_factor(hessian, overwrite_a=True, check_finite=False)
    step = cho_solve(factor, -np.concatenate([gradient, at_intercept]), check_finite=False)
    return step[:n], step[n:]
