"""Elastic-net logistic regression along a path of penalties, binary and multinomial, converged.

The optimum is that of scikit-learn's ``LogisticRegression(solver="saga", l1_ratio=...)``: C times summed loss plus
l1_ratio times the absolute sum and (1 - l1_ratio) / 2 times the squared norm of the coefficients, intercept free. While
no coefficient changes its sign the problem is smooth, so it is solved by Newton steps among the coefficients in use. A
step that would carry one across zero leaves it at zero; those whose gradient exceeds the penalty come in. With a few
hundred cases few coefficients are ever in use, and one fit is the start of the next on the path.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, log_softmax, softmax

from hybridrad.models.ridge_logistic import RidgePath, prevalence_logits

Array = NDArray[np.float64]

TOLERANCE = 1e-7  # of the conditions of optimality, relative to the absolute penalty
MAX_STEPS = 1000
MOST_ADDED = 10  # coefficients that come in at once, where fewer than twice as many are in use


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
    Andrew & Gao, ICML 2007, doi:10.1145/1273496.1273501 (signs held during a step).

    Examples
    --------
    >>> design, y = np.array([[-1.0, 0.5], [0.0, -1.0], [1.0, 0.5]]), np.array([0, 0, 1])
    >>> path = elastic_net_path(design, y, n_classes=2, penalties=[0.1, 10.0], l1_ratio=0.5)
    >>> (path.coefs[:, :, 0] != 0).tolist()
    [[False, False], [True, True]]
    """
    if not 0 < l1_ratio <= 1:
        raise ValueError(f"l1_ratio must be above 0 and at most 1, got {l1_ratio!r}; without it, fit a ridge.")
    targets = np.eye(n_classes)[y] if n_classes > 2 else y[:, None].astype(float)
    coef = np.zeros((design.shape[1], targets.shape[1]))
    intercept = prevalence_logits(y, n_classes)
    coefs, intercepts = [], []
    for penalty in penalties:
        absolute, squared = l1_ratio / penalty, (1.0 - l1_ratio) / penalty
        coef, intercept = _converged(design, targets, coef, intercept, absolute=absolute, squared=squared)
        coefs.append(coef)
        intercepts.append(intercept)
    return RidgePath(np.stack(coefs), np.stack(intercepts))


def elastic_net_objective(eta: Array, targets: Array, coef: Array, *, absolute: float, squared: float) -> float:
    """Return summed loss of logits plus both penalties; ``targets`` are 0 and 1, of shape (n_cases, n_outputs)."""
    if eta.shape[1] == 1:
        loss = np.sum(np.logaddexp(0.0, eta) - targets * eta)
    else:
        loss = -np.sum(targets * log_softmax(eta, axis=1))
    return float(loss + absolute * np.abs(coef).sum() + 0.5 * squared * np.sum(coef**2))


def _converged(
    design: Array, targets: Array, coef: Array, intercept: Array, *, absolute: float, squared: float
) -> tuple[Array, Array]:
    coef, intercept = coef.copy(), intercept.copy()
    eta = design @ coef + intercept
    for _ in range(MAX_STEPS):
        p = expit(eta) if eta.shape[1] == 1 else softmax(eta, axis=1)
        gradient = design.T @ (p - targets) + squared * coef
        at_intercept = (p - targets).sum(axis=0)
        signs = np.sign(coef)
        missed = np.where(coef != 0, np.abs(gradient + absolute * signs), np.maximum(np.abs(gradient) - absolute, 0.0))
        if max(missed.max(initial=0.0), np.abs(at_intercept).max()) <= TOLERANCE * absolute:
            return coef, intercept - intercept.mean() if len(intercept) > 1 else intercept
        free = _free(coef, missed)
        signs = np.where(coef != 0, signs, -np.sign(gradient)) * free
        eta = _move(
            design, targets, coef, intercept, eta, p, gradient + absolute * signs, at_intercept, signs,
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
    targets: Array,
    coef: Array,
    intercept: Array,
    eta: Array,
    p: Array,
    gradient: Array,
    at_intercept: Array,
    signs: Array,
    *,
    absolute: float,
    squared: float,
) -> Array:
    """Make one Newton step among the coefficients that have a sign, in place; return the new logits."""
    while True:
        columns, outputs = np.nonzero(signs)
        step, intercept_step = _newton_step(
            design[:, columns], outputs, p, gradient[columns, outputs], at_intercept, squared
        )
        start = coef[columns, outputs]
        backwards = (start == 0) & (step * signs[columns, outputs] <= 0)
        if not backwards.any():
            break
        signs[columns[backwards], outputs[backwards]] = 0.0  # a newcomer that the others push back stays out
    held = signs[columns, outputs]
    value = elastic_net_objective(eta, targets, coef, absolute=absolute, squared=squared)
    length = 1.0
    while True:
        trial = start + length * step
        trial = np.where(trial * held > 0, trial, 0.0)  # signs are held: who would cross zero stops there
        new_coef = np.zeros_like(coef)
        new_coef[columns, outputs] = trial
        new_intercept = intercept + length * intercept_step
        new_eta = design @ new_coef + new_intercept
        change = elastic_net_objective(new_eta, targets, new_coef, absolute=absolute, squared=squared) - value
        promised = gradient[columns, outputs] @ (trial - start) + length * float(at_intercept @ intercept_step)
        if change <= 1e-4 * promised + 1e-14 * value or length < 1e-12:
            break
        length *= 0.5
    coef[...], intercept[...] = new_coef, new_intercept
    return np.asarray(new_eta)


def _newton_step(
    rows: Array, outputs: NDArray[np.intp], p: Array, gradient: Array, at_intercept: Array, squared: float
) -> tuple[Array, Array]:
    """Return the Newton step of coefficients, each of one output, and of all intercepts."""
    n_cases, n_outputs = p.shape
    all_rows = np.hstack([rows, np.ones((n_cases, n_outputs))])
    of_output = np.concatenate([outputs, np.arange(n_outputs)])
    if n_outputs == 1:
        hessian = all_rows.T @ (all_rows * (p * (1.0 - p)))
    else:
        weighted = all_rows * p[:, of_output]
        same = of_output[:, None] == of_output[None, :]
        hessian = np.where(same, weighted.T @ all_rows, 0.0) - weighted.T @ weighted
    n = len(outputs)
    # The sum of the intercepts of several classes is free; a grain of ridge holds it and what rounding leaves open.
    ridge = np.full(len(hessian), 1e-9 * max(float(np.trace(hessian)) / len(hessian), 1e-12))
    ridge[:n] += squared
    hessian[np.diag_indices_from(hessian)] += ridge
    factor = cho_factor(hessian, overwrite_a=True, check_finite=False)
    step = cho_solve(factor, -np.concatenate([gradient, at_intercept]), check_finite=False)
    return step[:n], step[n:]
