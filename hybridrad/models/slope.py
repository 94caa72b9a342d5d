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
# Of margins in units of their standard deviation: beyond, classes that happen to be separated would give any slope.
LARGEST_MARGIN_SLOPE = 10.0
MAX_NEWTON_STEPS = 100


def shrinking_slope(logits: Array, y: NDArray[np.intp], *, largest: float = 1.0) -> tuple[float, Array]:
    """Return slope in (0, largest] and intercepts that minimise the log loss of ``intercept + slope * logits``.

    Parameters
    ----------
    logits : ndarray of shape (n,) or (n, n_classes)
        Out of fold.
    y : int ndarray of shape (n,)
    largest : float, default 1.0

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
    line = _newton_line(logits, y, largest) if logits.ndim == 1 else None
    if line is not None:
        return line

    def loss(slope: float) -> float:
        return log_loss(_shifted(slope * logits, y)[0], y)

    # The loss, minimised over the intercepts, is convex in the slope.
    found = minimize_scalar(loss, bounds=(SMALLEST_SLOPE, largest), method="bounded", options={"xatol": 1e-9})
    slope = min((SMALLEST_SLOPE, float(found.x), largest), key=loss)
    return slope, _shifted(slope * logits, y)[1]


def margin_slope(margins: Array, y: NDArray[np.intp]) -> tuple[float, Array]:
    """Return slope and intercepts that make logits of margins, whose scale means nothing.

    Examples
    --------
    >>> margins, y = np.array([-2.0, -1.0, 1.0, 2.0, -0.5, 0.5]), np.array([0, 0, 1, 1, 1, 0])
    >>> small, large = margin_slope(1e-3 * margins, y)[0], margin_slope(1e3 * margins, y)[0]
    >>> bool(np.isclose(1e-3 * small, 1e3 * large))
    True
    """
    spread = float(margins.std())
    spread = spread if spread > 0 else 1.0
    slope, intercept = shrinking_slope(margins / spread, y, largest=LARGEST_MARGIN_SLOPE)
    return slope / spread, intercept


def _newton_line(logits: Array, y: NDArray[np.intp], largest: float) -> tuple[float, Array] | None:
    """Return slope within its bounds and intercept by Newton steps; None where they do not settle.

    The loss is convex in both at once, so a slope that sits at a bound and pushes outwards belongs there.
    """
    share = y.mean()
    a, b = float(np.log(share / (1.0 - share))), float(np.clip(1.0 / max(logits.std(), 1e-12), SMALLEST_SLOPE, largest))
    varies = np.ptp(logits) > 0
    value = log_loss(a + b * logits, y)
    for _ in range(MAX_NEWTON_STEPS):
        p = expit(a + b * logits)
        residual, weight = (p - y) / len(y), p * (1.0 - p) / len(y)
        g_a, g_b = residual.sum(), residual @ logits
        h_aa, h_ab, h_bb = weight.sum(), weight @ logits, weight @ logits**2
        held = not varies or (b <= SMALLEST_SLOPE and g_b >= 0) or (b >= largest and g_b <= 0)
        determinant = h_aa * h_bb - h_ab**2
        if h_aa <= 0 or (not held and determinant <= 1e-14 * h_aa * h_bb):
            return None
        d_a = -g_a / h_aa if held else -(h_bb * g_a - h_ab * g_b) / determinant
        d_b = 0.0 if held else -(h_aa * g_b - h_ab * g_a) / determinant
        slope = g_a * d_a + g_b * d_b
        if -slope <= 1e-24:
            return b, np.array([a])
        room = (largest - b) / d_b if d_b > 0 else (SMALLEST_SLOPE - b) / d_b if d_b < 0 else np.inf
        step = min(1.0, room)
        while (new := log_loss(a + step * d_a + (b + step * d_b) * logits, y)) > value + 1e-4 * step * slope + 1e-15:
            step *= 0.5
            if step < 1e-10:
                return None
        a, b, value = a + step * d_a, float(np.clip(b + step * d_b, SMALLEST_SLOPE, largest)), new
        if step == room:
            b = largest if d_b > 0 else SMALLEST_SLOPE
    return None


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
