"""Random-effects summary of estimates from several sites: Hartung and Knapp's interval, and one for a new site."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from hybridrad._checks import check_choice

TauMethod = Literal["REML", "DL"]


class RandomEffects(NamedTuple):
    """A random-effects summary; ``low`` and ``high`` for the mean over sites, ``predict_*`` for a new site.

    ``se`` is Hartung and Knapp's standard error, ``se_normal`` the plain one (0: not to be considered).
    """

    estimate: float
    low: float
    high: float
    se: float
    se_normal: float
    df: int
    tau2: float
    i2: float
    q: float
    q_p_value: float
    predict_low: float
    predict_high: float
    n_sites: int


def half_width(se: float, df: float, se_normal: float, *, level: float = 0.95) -> float:
    """Return half of the wider of two intervals: t with ``se`` and ``df``, normal with ``se_normal``.

    Examples
    --------
    >>> round(half_width(0.1, 2, 0.1), 3), round(half_width(0.01, 2, 0.1), 3)
    (0.43, 0.196)
    """
    q = 0.5 + level / 2
    return float(max(stats.t.ppf(q, df) * se, stats.norm.ppf(q) * se_normal))


def random_effects(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    method: TauMethod = "REML",
    level: float = 0.95,
    narrower_allowed: bool = False,
) -> RandomEffects:
    """Summarise the estimates of several sites when the true values differ between sites.

    The interval is Hartung and Knapp's, with a t distribution of k - 1 degrees of freedom: the usual normal interval is
    too narrow with the few sites a study has. Where the sites agree better than chance would have it, Hartung and
    Knapp's can be absurdly narrow; the wider of the two is then taken, unless ``narrower_allowed``.

    Parameters
    ----------
    estimates : array of shape (k,)
        One for each site, k at least 2.
    variances : array of shape (k,)
        Their squared standard errors, all positive.
    method : {"REML", "DL"}
        Variance between sites by restricted maximum likelihood, or DerSimonian and Laird's moment estimate.
    level : float, default 0.95
    narrower_allowed : bool, default False
        Keep Hartung and Knapp's interval also where it is narrower than the normal random-effects interval.

    Returns
    -------
    RandomEffects
        ``tau2`` is the variance between sites and ``i2`` its share (0 to 1) of the whole by Q. The prediction
        interval, for the true value at a new site, has k - 2 degrees of freedom and is NaN with two sites.

    Raises
    ------
    ValueError
        Fewer than two sites, or a value or variance that is no finite (positive) number.

    References
    ----------
    DerSimonian & Laird (1986), doi:10.1016/0197-2456(86)90046-2. Hartung & Knapp (2001), doi:10.1002/sim.791.
    Higgins, Thompson & Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x. Jackson, Law, Ruecker & Schwarzer
    (2017), doi:10.1002/sim.7411 (the wider of the two).

    Examples
    --------
    >>> summary = random_effects([0.70, 0.80, 0.90], [0.001, 0.002, 0.001])
    >>> round(summary.estimate, 3), round(summary.low, 3), round(summary.high, 3)
    (0.8, 0.548, 1.052)
    """
    y, v = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    check_choice(method, ("REML", "DL"), name="method")
    if y.ndim != 1 or y.shape != v.shape or len(y) < 2:
        raise ValueError(f"at least two sites with a variance each are needed, got shapes {y.shape} and {v.shape}.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("estimates must be finite and variances finite and positive.")
    k = len(y)
    q = float(((y - _mean(y, 1 / v)) ** 2 / v).sum())
    tau2 = _reml(y, v) if method == "REML" else _dersimonian_laird(v, q)
    weight = 1.0 / (v + tau2)
    mean = _mean(y, weight)
    plain = float(np.sqrt(1.0 / weight.sum()))
    se = plain * float(np.sqrt((weight * (y - mean) ** 2).sum() / (k - 1)))
    se_normal = 0.0 if narrower_allowed else plain
    half = half_width(se, k - 1, se_normal, level=level)
    quantile = stats.t.ppf(0.5 + level / 2, k - 2) if k > 2 else np.nan
    ahead = float(quantile * np.sqrt(tau2 + max(se, plain) ** 2))
    return RandomEffects(
        estimate=mean,
        low=mean - half,
        high=mean + half,
        se=se,
        se_normal=se_normal,
        df=k - 1,
        tau2=tau2,
        i2=max(0.0, 1.0 - (k - 1) / q) if q > 0 else 0.0,
        q=q,
        q_p_value=float(stats.chi2.sf(q, k - 1)),
        predict_low=mean - ahead,
        predict_high=mean + ahead,
        n_sites=k,
    )


def _mean(y: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    return float((weight * y).sum() / weight.sum())


def _dersimonian_laird(v: NDArray[np.float64], q: float) -> float:
    w = 1.0 / v
    return max(0.0, float((q - (len(v) - 1)) / (w.sum() - (w**2).sum() / w.sum())))


def _reml(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """Return the variance with the largest restricted likelihood, zero included."""

    def loss(tau2: float) -> float:
        w = 1.0 / (v + tau2)
        return float(0.5 * (np.log(w.sum()) - np.log(w).sum() + (w * (y - _mean(y, w)) ** 2).sum()))

    def score(tau2: float) -> float:
        w = 1.0 / (v + tau2)
        return float((w**2 * (y - _mean(y, w)) ** 2).sum() - w.sum() + (w**2).sum() / w.sum())

    # The likelihood can have several peaks, so the best of a grid is refined. No variance between sites can exceed the
    # whole spread of the estimates by much.
    top = 10.0 * (np.var(y) + v.max())
    grid = np.concatenate([[0.0], np.geomspace(top * 1e-9, top, 400)])
    best = int(np.argmin([loss(t) for t in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    if score(low) <= 0:
        return float(low) if best <= 1 else float(grid[best])
    return float(optimize.brentq(score, low, high, xtol=1e-15, rtol=1e-14)) if score(high) < 0 else float(high)
