"""The shape of a learning curve: AUC(n) = a - b n^-c, where it flattens, and where two curves cross."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXPONENTS = np.linspace(0.05, 2.0, 118)
LEAST_R2 = 0.5
IDENTIFIED = 0.95  # share of bootstrap replicates that must agree
FLAT_GAIN, FLAT_STEP = 0.005, 50


class Curve(NamedTuple):
    """``a - b n^-c`` with ``b >= 0`` and ``a <= 1``; ``r2`` over the mean AUCs of the sizes."""

    a: float
    b: float
    c: float
    r2: float

    @property
    def accepted(self) -> bool:
        """Whether the curve describes the points well enough to be read off."""
        return bool(self.r2 >= LEAST_R2)

    def at(self, n: ArrayLike) -> NDArray[np.float64]:
        """Return the AUC at n patients."""
        return self.a - self.b * np.asarray(n, dtype=float) ** -self.c


class Crossing(NamedTuple):
    """Where one curve overtakes another; NaN and the reason in ``text`` where that is not identified."""

    n_patients: float
    low: float
    high: float
    share: float
    text: str


def fit_curve(sizes: ArrayLike, auc: ArrayLike) -> Curve:
    """Fit ``a - b n^-c`` to mean AUCs by least squares.

    Parameters
    ----------
    sizes, auc : arrays of shape (n_sizes,)
        At least four sizes: three numbers are fitted.

    Returns
    -------
    Curve
        NaN with fewer sizes or a missing value. A curve that does not rise has ``b = 0`` and R2 0: it is not accepted.

    References
    ----------
    Figueroa et al. (2012), doi:10.1186/1472-6947-12-8.

    Examples
    --------
    >>> n = np.array([20, 40, 80, 160, 320])
    >>> [round(float(x), 2) for x in fit_curve(n, 0.9 - 1.5 * n**-0.8)]
    [0.9, 1.5, 0.8, 1.0]
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(auc, dtype=float)
    if len(n) < 4 or not np.isfinite(y).all():
        return Curve(np.nan, np.nan, np.nan, np.nan)
    a, b, c, loss = (float(x[0]) for x in _fit_many(n, y[None, :]))
    total = float(((y - y.mean()) ** 2).sum())
    return Curve(a, b, c, 1.0 - loss / total if total > 1e-12 else 0.0)


def flat_from(sizes: ArrayLike, auc: ArrayLike) -> NDArray[np.float64]:
    """Return from how many patients on 50 more bring less than 0.005 AUC, for each row of mean AUCs.

    Parameters
    ----------
    sizes : array of shape (n_sizes,)
    auc : array of shape (n_rows, n_sizes)

    Returns
    -------
    array of shape (n_rows,)
        NaN where the fitted curve still rises faster at the largest size; nothing is read off beyond it.

    Examples
    --------
    >>> n = np.array([20, 40, 80, 160, 320])
    >>> flat_from(n, [0.9 - 1.5 * n**-0.8]).round()
    array([161.])
    """
    n, y = np.asarray(sizes, dtype=float), np.asarray(auc, dtype=float)
    grid = np.linspace(n.min(), n.max(), 2001)
    _, drop, exponent, _ = _fit_many(n, y)
    power = -exponent[:, None]
    gain = drop[:, None] * (grid**power - (grid + FLAT_STEP) ** power)
    flat = gain < FLAT_GAIN
    return np.where(flat.any(axis=1), grid[np.argmax(flat, axis=1)], np.nan)


def crossing(sizes: ArrayLike, first: ArrayLike, second: ArrayLike) -> Crossing:
    """Return at how many patients the first curve overtakes the second, or is overtaken.

    Identified means: both curves fit (R2 at least 0.5), they cross once within the sizes studied, and so they do, in
    the same direction, in 95 % of the bootstrap replicates. Anything else is "not identified", which is a normal answer
    in small cohorts. Nothing is read off beyond the sizes studied.

    Parameters
    ----------
    sizes : array of shape (n_sizes,)
    first, second : arrays of shape (1 + n_replicates, n_sizes)
        Mean AUCs of two arms; row 0 is the study, the others are bootstrap replicates, drawn for both arms together.

    Returns
    -------
    Crossing
        ``share`` is the share of replicates with such a crossing.

    Examples
    --------
    >>> n = np.array([20, 40, 80, 160, 320])
    >>> a, b = 0.8 - 0.5 * n**-0.7, 0.9 - 1.5 * n**-0.7
    >>> result = crossing(n, np.tile(a, (101, 1)), np.tile(b, (101, 1)))
    >>> round(result.n_patients), round(result.low), result.share
    (27, 27, 1.0)
    """
    n = np.asarray(sizes, dtype=float)
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    curves = fit_curve(n, a[0]), fit_curve(n, b[0])
    nan = float("nan")
    if len(n) < 4:
        return Crossing(nan, nan, nan, nan, "not identified: fewer than four sizes")
    if not (curves[0].accepted and curves[1].accepted):
        return Crossing(nan, nan, nan, nan, "not identified: a curve does not fit (R2 below 0.5)")
    known = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    where, direction = _crossings(n, a[known], b[known])
    if np.isnan(where[0]):
        return Crossing(nan, nan, nan, nan, "not identified: the curves do not cross once within the sizes studied")
    agree = (direction[1:] == direction[0]) & np.isfinite(where[1:])
    share = float(agree.mean()) if len(agree) else nan
    if not share >= IDENTIFIED:
        crossing = f"{100 * share:.0f} % of the bootstrap replicates cross once in this direction"
        text = f"not identified: {crossing}, 95 % are needed"
        return Crossing(nan, nan, nan, share, text)
    low, high = np.quantile(where[1:][agree], [0.025, 0.975])
    return Crossing(
        float(where[0]),
        float(low),
        float(high),
        share,
        "the second overtakes the first" if direction[0] < 0 else "the first overtakes the second",
    )


def _crossings(
    n: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each pair of fitted curves crosses (NaN: not once within the sizes) and the sign of a - b after."""
    grid = np.geomspace(n.min(), n.max(), 400)
    ends = []
    for y in (a, b):
        level, drop, exponent, _ = _fit_many(n, y)
        ends.append(level[:, None] - drop[:, None] * grid[None, :] ** -exponent[:, None])
    gap = ends[0] - ends[1]
    sign = np.sign(gap)
    turns = sign[:, 1:] * sign[:, :-1] < 0
    once = (turns.sum(axis=1) == 1) & (sign != 0).all(axis=1)
    at = np.argmax(turns, axis=1)
    row = np.arange(len(gap))
    before, after = gap[row, at], gap[row, at + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = before / (before - after)
    where = grid[at] * (grid[at + 1] / grid[at]) ** np.where(once, share, 0.0)
    return np.where(once, where, np.nan), np.where(once, sign[:, -1], 0.0)


def _fit_many(
    n: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a, b, c and the sum of squares for each row: for a given c the rest is a constrained straight line."""
    x = n[None, :] ** -EXPONENTS[:, None]
    centre, mean = x.mean(axis=1), y.mean(axis=1)
    apart = x - centre[:, None]
    b = np.maximum(-(apart @ (y - mean[:, None]).T) / (apart**2).sum(axis=1)[:, None], 0.0)
    a = mean + b * centre[:, None]
    # Where the line would end above 1, it is held there and only its slope is fitted.
    held = np.maximum((x @ (1.0 - y).T) / (x**2).sum(axis=1)[:, None], 0.0)
    a, b = np.minimum(a, 1.0), np.where(a > 1.0, held, b)
    loss = ((y - a[:, :, None] + b[:, :, None] * x[:, None, :]) ** 2).sum(axis=2)
    best, row = loss.argmin(axis=0), np.arange(len(y))
    return a[best, row], b[best, row], EXPONENTS[best], loss[best, row]
