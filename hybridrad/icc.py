"""Intraclass correlation: how far repeated measurements (perturbations, readers, scanners) of a feature agree."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hybridrad._checks import check_choice

Array = NDArray[np.float64]
Kind = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
FORMS: dict[str, Kind] = {"ICC1": "1,1", "ICC2": "2,1", "ICC3": "3,1", "ICC1k": "1,k", "ICC2k": "2,k", "ICC3k": "3,k"}
KINDS = tuple(FORMS.values())


class _MeanSquares(NamedTuple):
    rows: Array  # between cases
    columns: Array  # between repetitions
    within: Array  # within cases
    error: Array  # what is left after cases and repetitions


def intraclass_correlation(ratings: ArrayLike, *, kind: Kind = "2,1") -> Array:
    """Return an intraclass correlation of Shrout and Fleiss.

    ``2,1``: repetitions are a sample of possible ones and must agree in value; ``3,1``: these repetitions, a constant
    difference between them is forgiven; ``1,1``: repetitions cannot be told apart. With ``k``: of the mean of all
    repetitions.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_repetitions, ...)
        Complete; further axes (features) are kept.
    kind : str

    Returns
    -------
    ndarray of the shape of the further axes
        NaN where nothing varies. ``2,k`` alone can exceed 1, where cases differ less than repetitions of one case do.

    Raises
    ------
    ValueError
        Missing or infinite values, or fewer than two cases or repetitions.

    References
    ----------
    Shrout & Fleiss, Psychological Bulletin 86:420-428, 1979, doi:10.1037/0033-2909.86.2.420.

    Examples
    --------
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> [round(float(intraclass_correlation(ratings, kind=kind)), 4) for kind in ("1,1", "2,1", "3,1")]
    [0.1657, 0.2898, 0.7148]
    """
    check_choice(kind, list(KINDS), name="kind")
    values = _checked(ratings)
    return _value(_mean_squares(values), values.shape[0], values.shape[1], kind)


def icc_interval(ratings: ArrayLike, *, kind: Kind = "2,1", level: float = 0.95) -> tuple[Array, Array]:
    """Return the limits of the interval of an intraclass correlation.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_repetitions, ...)
    kind : str
    level : float, default 0.95

    Returns
    -------
    low, high : ndarrays of the shape of the further axes
        NaN where nothing varies, and for ``2`` where repetitions differ by constants alone.

    References
    ----------
    McGraw & Wong, Psychological Methods 1:30-46, 1996, doi:10.1037/1082-989X.1.1.30.

    Examples
    --------
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> [round(float(limit), 4) for limit in icc_interval(ratings)]
    [0.0188, 0.7611]
    """
    check_choice(kind, list(KINDS), name="kind")
    values = _checked(ratings)
    n, k = values.shape[:2]
    ms, tail = _mean_squares(values), 0.5 + 0.5 * level
    if kind[0] == "2":
        limits = _limits_of_agreement(ms, n, k, tail)
    elif kind[0] == "1":
        limits = _limits(ms.rows, ms.within, n - 1, n * (k - 1), k, tail)
    else:
        limits = _limits(ms.rows, ms.error, n - 1, (n - 1) * (k - 1), k, tail)
    if kind.endswith("1"):
        return limits
    # Spearman and Brown: what the reliability of one repetition becomes for the mean of k.
    low, high = (k * x / (1 + (k - 1) * x) for x in limits)
    return low, high


def icc(ratings: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Return the six forms of Shrout and Fleiss with intervals and F tests, for one feature.

    Which one: raters (perturbations, scanners) that differ from case to case ICC1; the same raters for all, drawn
    from many, absolute agreement ICC2 (the usual choice for feature robustness); just these raters, consistency ICC3.
    The forms with k are for the mean of all raters. ``kind`` elsewhere: ICC2 is ``2,1``, ICC2k is ``2,k``.

    Parameters
    ----------
    ratings : array of shape (n_cases, n_raters)
        No missing values; at least two cases and two raters.
    level : float, default 0.95

    Returns
    -------
    DataFrame
        Index ``ICC1, ICC2, ICC3, ICC1k, ICC2k, ICC3k``; columns ``value, low, high, p_value``; NaN where nothing
        varies.

    Raises
    ------
    ValueError
        Missing or infinite values, or fewer than two cases or raters.

    References
    ----------
    Shrout & Fleiss (1979), doi:10.1037/0033-2909.86.2.420. McGraw & Wong (1996), doi:10.1037/1082-989X.1.1.30.

    Examples
    --------
    >>> judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> icc(judges)["value"].round(2).tolist()
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    values = _checked(ratings)
    if values.ndim != 2:
        raise ValueError(f"ratings must have one row per case and one column per rater, got shape {values.shape}.")
    n, k = values.shape
    ms = _mean_squares(values)
    rows = {}
    for form, kind in FORMS.items():
        low, high = icc_interval(values, kind=kind, level=level)
        noise, df = (ms.within, n * (k - 1)) if kind[0] == "1" else (ms.error, (n - 1) * (k - 1))
        p_value = float(stats.f.sf(ms.rows / noise, n - 1, df)) if noise > 0 else (0.0 if ms.rows > 0 else np.nan)
        rows[form] = (float(intraclass_correlation(values, kind=kind)), float(low), float(high), p_value)
    return pd.DataFrame(rows, index=["value", "low", "high", "p_value"]).T.rename_axis("form")


def _value(ms: _MeanSquares, n: int, k: int, kind: Kind) -> Array:
    single = kind.endswith("1")
    if kind[0] == "1":
        top, bottom = ms.rows - ms.within, ms.rows + (k - 1) * ms.within * single
    elif kind[0] == "2":
        raters = (k if single else 1) * (ms.columns - ms.error) / n
        top, bottom = ms.rows - ms.error, ms.rows + (k - 1) * ms.error * single + raters
    else:
        top, bottom = ms.rows - ms.error, ms.rows + (k - 1) * ms.error * single
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)


def _limits(between: Array, noise: Array, df1: int, df2: int, k: int, tail: float) -> tuple[Array, Array]:
    """Return the limits of a ratio of mean squares; 1 without noise, NaN where nothing varies at all."""
    exact = noise <= 0
    ratio = between / np.where(exact, 1.0, noise)
    certain = np.where(between > 0, 1.0, np.nan)
    low, high = ratio / stats.f.ppf(tail, df1, df2), ratio * stats.f.ppf(tail, df2, df1)
    return np.where(exact, certain, (low - 1) / (low + k - 1)), np.where(exact, certain, (high - 1) / (high + k - 1))


def _limits_of_agreement(ms: _MeanSquares, n: int, k: int, tail: float) -> tuple[Array, Array]:
    exact = ms.error <= 0
    error = np.where(exact, 1.0, ms.error)
    value = np.nan_to_num(_value(ms, n, k, "2,1"))
    ratio, free = ms.columns / error, n * (1 + (k - 1) * value) - k * value
    top = (k - 1) * (n - 1) * (k * value * ratio + free) ** 2
    df = np.maximum(top / ((n - 1) * k**2 * value**2 * ratio**2 + free**2), 1e-3)
    f_low, f_high = stats.f.ppf(tail, n - 1, df), stats.f.ppf(tail, df, n - 1)
    rest = k * ms.columns + (k * n - k - n) * error
    low = n * (ms.rows - f_low * error) / (f_low * rest + n * ms.rows)
    high = n * (f_high * ms.rows - error) / (rest + n * f_high * ms.rows)
    # Repetitions shifted by constants alone: the formula would divide by an error of zero.
    certain = np.where((ms.rows > 0) & (ms.columns <= 0), 1.0, np.nan)
    return np.where(exact, certain, low), np.where(exact, certain, high)


def _checked(ratings: ArrayLike) -> Array:
    values = np.asarray(ratings, dtype=float)
    if values.ndim < 2 or values.shape[0] < 2 or values.shape[1] < 2:
        raise ValueError(
            f"ratings must be finite, of at least two cases by at least two repetitions; shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("ratings must be finite; leave out cases with missing or infinite values.")
    return values


def _mean_squares(values: Array) -> _MeanSquares:
    n, k = values.shape[:2]
    # Relative to the size of the values, sums of squares below rounding are nothing.
    floor = (1e-12 * np.abs(values).max(axis=(0, 1))) ** 2 * n * k
    grand = values.mean(axis=(0, 1))
    rows = k * ((values.mean(axis=1) - grand) ** 2).sum(axis=0)
    columns = n * ((values.mean(axis=0) - grand) ** 2).sum(axis=0)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=(0, 1))
    residual = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + grand
    error = (residual**2).sum(axis=(0, 1))
    rows, columns, within, error = (np.where(s > floor, s, 0.0) for s in (rows, columns, within, error))
    return _MeanSquares(rows / (n - 1), columns / (k - 1), within / (n * (k - 1)), error / ((n - 1) * (k - 1)))
