"""Shrink logits that are too sure: a slope in [0, 1] and a free intercept, learned from out-of-fold logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax

from hybridrad.models.ridge_logistic import log_loss

Array = NDArray[np.float64]

# A slope of exactly zero would tie all cases and throw away the ranking, which can be right where the scale is not.
SMALLEST_SLOPE = 1e-3


def shrinking_slope(logits: Array, y: NDArray[np.intp]) -> tuple[float, Array]:
    """Return slope in (0, 1] and intercepts that minimise the log loss of ``intercept + slope * logits``.

    Parameters
    ----------
    logits : ndarray of shape (n,) or (n, n_classes)
        Out of fold.
    y : int ndarray of shape (n,)

    Returns
    -------
    slope : float
    intercept : ndarray of shape (1,) or (n_classes,)

    Examples
    --------
    >>> logits = np.array([-9.0, 9.0, -9.0, 9.0])
    >>> slope, intercept = shrinking_slope(logits, np.array([0, 1, 1, 0]))
    >>> bool(0.0 < slope < 0.2)
    True
    """

    def loss(slope: float) -> float:
        return log_loss(_shifted(slope * logits, y)[0], y)

    # The loss, minimised over the intercepts, is convex in the slope.
    found = minimize_scalar(loss, bounds=(SMALLEST_SLOPE, 1.0), method="bounded", options={"xatol": 1e-9})
    slope = min((SMALLEST_SLOPE, float(found.x), 1.0), key=loss)
    return slope, _shifted(slope * logits, y)[1]


def apply_slope(logits: Array, slope: float, intercept: Array) -> Array:
    """Return ``intercept + slope * logits``."""
    return slope * logits + (intercept[0] if logits.ndim == 1 else intercept)


def _shifted(logits: Array, y: NDArray[np.intp]) -> tuple[Array, Array]:
    """Return logits plus the intercepts that make the mean probabilities the prevalences, and the intercepts."""
    if logits.ndim == 1:
        low, high = -60.0 - np.abs(logits).max(), 60.0 + np.abs(logits).max()
        for _ in range(200):
            shift = 0.5 * (low + high)
            excess = float(np.sum(expit(logits + shift) - y))
            low, high = (shift, high) if excess < 0 else (low, shift)
            if high - low < 1e-13 * (1 + abs(shift)):
                break
        return logits + shift, np.array([shift])
    target = np.bincount(y, minlength=logits.shape[1])
    shift = np.zeros(logits.shape[1])
    for _ in range(200):
        p = softmax(logits + shift, axis=1)
        gradient = p.sum(axis=0) - target
        if np.abs(gradient).max() < 1e-10 * len(y):
            break
        hessian = np.diag(p.sum(axis=0)) - p.T @ p
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        shift = shift - np.clip(step - step.mean(), -5.0, 5.0)
    return logits + shift, shift
