"""Intraclass correlation: how far repeated measurements (readers, perturbations, scanners) of a feature agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

FORMS = ("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k")


class MeanSquares(NamedTuple):
    """Two-way analysis of variance of targets x raters: mean squares and sizes."""

    targets: float
    within: float
    raters: float
    error: float
    n_targets: int
    n_raters: int


def icc(ratings: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Return the six forms of Shrout and Fleiss with intervals and F tests.

    Which one: raters (perturbations, scanners) that differ from target to target ICC1; the same raters for all, drawn
    from many, absolute agreement ICC2 (the usual choice for feature robustness); just these raters, consistency ICC3.
    The forms with k are for the mean of all raters.

    Parameters
    ----------
    ratings : array of shape (n_targets, n_raters)
        No missing values; at least two targets and two raters.
    level : float, default 0.95

    Returns
    -------
    DataFrame
        Index ``ICC1, ICC2, ICC3, ICC1k, ICC2k, ICC3k``; columns ``value, low, high, p_value``; NaN where nothing
        varies.

    Raises
    ------
    ValueError
        Missing or infinite values, or fewer than two targets or raters.

    References
    ----------
    Shrout & Fleiss (1979), doi:10.1037/0033-2909.86.2.420. McGraw & Wong (1996), doi:10.1037/1082-989X.1.1.30.

    Examples
    --------
    >>> judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> icc(judges)["value"].round(2).tolist()
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    ms = mean_squares(ratings)
    k = ms.n_raters
    n_df, error_df = ms.n_targets - 1, (ms.n_targets - 1) * (k - 1)
    if not ms.targets + ms.within > 0:
        return pd.DataFrame(np.nan, index=pd.Index(FORMS, name="form"), columns=["value", "low", "high", "p_value"])
    single = {
        "ICC1": (ms.targets - ms.within) / (ms.targets + (k - 1) * ms.within),
        "ICC2": _absolute(ms),
        "ICC3": (ms.targets - ms.error) / (ms.targets + (k - 1) * ms.error),
    }
    limits = {
        "ICC1": _limits(ms.targets, ms.within, n_df, ms.n_targets * (k - 1), k, level),
        "ICC2": _limits_absolute(ms, single["ICC2"], level),
        "ICC3": _limits(ms.targets, ms.error, n_df, error_df, k, level),
    }
    p_one = float(stats.f.sf(ms.targets / ms.within, n_df, ms.n_targets * (k - 1))) if ms.within > 0 else 0.0
    p_two = float(stats.f.sf(ms.targets / ms.error, n_df, error_df)) if ms.error > 0 else 0.0
    rows = {}
    for form, value in single.items():
        p_value = p_one if form == "ICC1" else p_two
        rows[form] = (value, *limits[form], p_value)
        # Spearman and Brown: what one rater's reliability becomes for the mean of k.
        mean, low, high = (k * x / (1 + (k - 1) * x) for x in (value, *limits[form]))
        rows[f"{form}k"] = (mean, low, high, p_value)
    table = pd.DataFrame(rows, index=["value", "low", "high", "p_value"]).T
    return table.loc[list(FORMS)].rename_axis("form")


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Return the mean squares of a targets x raters table.

    Examples
    --------
    >>> mean_squares([[1.0, 2.0], [3.0, 4.0]]).targets
    4.0
    """
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise ValueError(f"ratings must be finite, of at least 2 targets by at least 2 raters; shape {x.shape}.")
    n, k = x.shape
    mean = x.mean()
    targets = k * ((x.mean(axis=1) - mean) ** 2).sum()
    raters = n * ((x.mean(axis=0) - mean) ** 2).sum()
    within = ((x - x.mean(axis=1, keepdims=True)) ** 2).sum()
    residual = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + mean
    return MeanSquares(
        targets=float(targets / (n - 1)),
        within=float(within / (n * (k - 1))),
        raters=float(raters / (k - 1)),
        error=float((residual**2).sum() / ((n - 1) * (k - 1))),
        n_targets=n,
        n_raters=k,
    )


def _absolute(ms: MeanSquares) -> float:
    n, k = ms.n_targets, ms.n_raters
    return (ms.targets - ms.error) / (ms.targets + (k - 1) * ms.error + k * (ms.raters - ms.error) / n)


def _limits(between: float, within: float, df1: int, df2: int, k: int, level: float) -> tuple[float, float]:
    if within <= 0:
        return 1.0, 1.0
    f, q = between / within, 0.5 + level / 2
    low, high = f / stats.f.ppf(q, df1, df2), f * stats.f.ppf(q, df2, df1)
    return float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))


def _limits_absolute(ms: MeanSquares, value: float, level: float) -> tuple[float, float]:
    n, k, q = ms.n_targets, ms.n_raters, 0.5 + level / 2
    if ms.error <= 0 and ms.raters <= 0:
        return 1.0, 1.0
    if ms.error <= 0:
        return np.nan, np.nan  # raters shifted by constants: the formula divides by the error
    ratio = ms.raters / ms.error
    rest = n * (1 + (k - 1) * value) - k * value
    df = (k - 1) * (n - 1) * (k * value * ratio + rest) ** 2 / ((n - 1) * (k * value * ratio) ** 2 + rest**2)
    upper, lower = stats.f.ppf(q, n - 1, df), stats.f.ppf(q, df, n - 1)
    share = k * ms.raters + (k * n - k - n) * ms.error
    low = n * (ms.targets - upper * ms.error) / (upper * share + n * ms.targets)
    high = n * (lower * ms.targets - ms.error) / (share + n * lower * ms.targets)
    return float(low), float(high)
