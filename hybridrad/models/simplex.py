"""Weights on the simplex that pool the members' logits best: a small convex problem, solved to its optimum."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, softmax

Array = NDArray[np.float64]

MAX_STEPS = 500
GRADIENT_TOLERANCE = 1e-11


class SimplexFit(NamedTuple):
    """Weights (n_members,), the objective there, and how far the conditions of optimality are missed."""

    weights: Array
    objective: float
    kkt_residual: float


def simplex_weights(
    scores: Array,
    y: NDArray[np.intp],
    *,
    shrinkage: float,
    case_weights: Array | None = None,
    start: Array | None = None,
) -> SimplexFit:
    """Minimise mean log loss of the pooled logits plus ``shrinkage * |w - 1/B|^2`` over weights >= 0 with sum 1.

    An active-set Newton method: Newton steps among the members in use, a member that reaches zero leaves, one whose
    gradient says it would help returns. The problem is convex, so the conditions of Karush, Kuhn and Tucker prove the
    optimum; their residual is returned.

    Parameters
    ----------
    scores : ndarray of shape (n_cases, n_members) or (n_cases, n_classes, n_members)
        Logits, or log-probabilities up to a constant per case.
    y : int ndarray of shape (n_cases,)
    shrinkage : float
        Zero or more.
    case_weights : ndarray of shape (n_cases,), optional
        Counts of a bootstrap draw.
    start : ndarray of shape (n_members,), optional

    Returns
    -------
    SimplexFit

    Examples
    --------
    >>> good, noise = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -1.0, 1.0, -1.0])
    >>> simplex_weights(np.column_stack([good, noise]), np.array([0, 0, 1, 1]), shrinkage=0.0).weights
    array([1., 0.])
    """
    share = np.full(len(y), 1.0 / len(y)) if case_weights is None else case_weights / case_weights.sum()
    used_rows = share > 0
    return simplex_optimum(_Pool(scores[used_rows], y[used_rows], share[used_rows], shrinkage), start=start)


class ConvexPool(Protocol):
    """A convex function of the weights with its derivatives."""

    n_members: int

    def value(self, w: Array) -> float:
        """Return the objective."""

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        """Return gradient (n_members,) and Hessian (n_members, n_members)."""


def simplex_optimum(pool: ConvexPool, *, start: Array | None = None) -> SimplexFit:
    """Minimise a convex function of weights >= 0 with sum 1, see `simplex_weights`."""
    n_members = pool.n_members
    w = np.full(n_members, 1.0 / n_members) if start is None else np.asarray(start, dtype=float)
    used = w > 0
    value = pool.value(w)
    for _ in range(MAX_STEPS):
        gradient, hessian = pool.derivatives(w)
        level = float(gradient[used].mean())
        if np.abs(gradient[used] - level).max() <= GRADIENT_TOLERANCE:
            outside = np.flatnonzero(~used)
            if len(outside) == 0 or gradient[outside].min() >= level - GRADIENT_TOLERANCE:
                break
            used[outside[np.argmin(gradient[outside])]] = True
            level = float(gradient[used].mean())
        step = _newton_step(gradient, hessian, used)
        slope = float(gradient @ step)
        if slope > -1e-28:
            break  # only rounding is left
        shrinking = step < 0
        reach = np.min(np.where(shrinking, -w / np.where(shrinking, step, -1.0), np.inf))
        length = min(1.0, float(reach))
        while True:
            trial = np.maximum(w + length * step, 0.0)
            new_value = pool.value(trial)
            # Near the optimum the decrease drowns in rounding; the full step is right there.
            if new_value <= value + 1e-4 * length * slope + 1e-14 * abs(value):
                break
            length *= 0.5
        hit = length == reach
        w, value = trial, new_value
        if hit:
            gone = int(np.argmin(np.where(shrinking & used, w, np.inf)))
            w[gone], used[gone] = 0.0, False
    w = w / w.sum()
    gradient, _ = pool.derivatives(w)
    return SimplexFit(w, pool.value(w), _kkt_residual(gradient, w))


def _kkt_residual(gradient: Array, w: Array) -> float:
    """Return the largest violation: members in use share one gradient, the others' is no smaller."""
    level = float(gradient @ w)  # the weighted mean is the multiplier at the optimum
    slackness = np.abs(w * (gradient - level)).max()
    return float(max(slackness, level - gradient.min(), 0.0))


def _newton_step(gradient: Array, hessian: Array, used: NDArray[np.bool_]) -> Array:
    """Solve for the step with sum 0 among the members in use; duplicates share (least norm)."""
    at = np.flatnonzero(used)
    step = np.zeros(len(gradient))
    if len(at) < 2:
        return step
    # Coordinates in which the sum is zero by construction.
    basis = np.linalg.qr(np.column_stack([np.ones(len(at)), np.eye(len(at))[:, : len(at) - 1]]))[0][:, 1:]
    reduced = basis.T @ hessian[np.ix_(at, at)] @ basis
    step[at] = -basis @ (np.linalg.pinv(reduced, rcond=1e-13, hermitian=True) @ (basis.T @ gradient[at]))
    return step


class _Pool:
    """The objective and its derivatives."""

    def __init__(self, scores: Array, y: NDArray[np.intp], share: Array, shrinkage: float) -> None:
        self.scores, self.y, self.share, self.shrinkage = scores, y, share, shrinkage
        self.n_members = scores.shape[-1]

    def value(self, w: Array) -> float:
        eta = self.scores @ w
        if eta.ndim == 1:
            losses = np.logaddexp(0.0, eta) - self.y * eta
        else:
            losses = -log_softmax(eta, axis=1)[np.arange(len(eta)), self.y]
        return float(self.share @ losses + self.shrinkage * np.sum((w - 1.0 / self.n_members) ** 2))

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        eta = self.scores @ w
        if eta.ndim == 1:
            p = expit(eta)
            gradient = self.scores.T @ (self.share * (p - self.y))
            hessian = self.scores.T @ ((self.share * p * (1.0 - p))[:, None] * self.scores)
        else:
            p = softmax(eta, axis=1)
            mean = np.einsum("nk,nkb->nb", p, self.scores)
            observed = self.scores[np.arange(len(eta)), self.y]
            gradient = (mean - observed).T @ self.share
            weighted = (self.share[:, None] * p).reshape(-1, 1)
            flat = self.scores.reshape(-1, self.n_members)
            hessian = flat.T @ (weighted * flat) - mean.T @ (self.share[:, None] * mean)
        gradient = gradient + 2.0 * self.shrinkage * (w - 1.0 / self.n_members)
        return gradient, hessian + 2.0 * self.shrinkage * np.eye(self.n_members)
