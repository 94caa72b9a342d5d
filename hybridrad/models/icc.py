"""Intraclass correlations: how much of the variance between cases survives a repeated extraction."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hybridrad._checks import check_choice

Array = NDArray[np.float64]
Kind = Literal["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"]
KINDS: tuple[Kind, ...] = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")
INTERVAL_KINDS: tuple[Kind, ...] = ("2,1", "3,1")


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
        NaN where nothing varies.

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
    n, k = values.shape[:2]
    ms = _mean_squares(values)
    single = kind.endswith("1")
    if kind[0] == "1":
        top, bottom = ms.rows - ms.within, ms.rows + (k - 1) * ms.within * single
    elif kind[0] == "2":
        raters = (k if single else 1) * (ms.columns - ms.error) / n
        top, bottom = ms.rows - ms.error, ms.rows + (k - 1) * ms.error * single + raters
    else:
        top, bottom = ms.rows - ms.error, ms.rows + (k - 1) * ms.error * single
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def icc_interval(ratings: ArrayLike, *, kind: Kind = "2,1", level: float = 0.95) -> tuple[Array, Array]:
    """Return the limits of the interval of ICC(2,1) or ICC(3,1).

    Parameters
    ----------
    ratings : array of shape (n_cases, n_repetitions, ...)
    kind : {"2,1", "3,1"}
    level : float, default 0.95

    References
    ----------
    McGraw & Wong, Psychological Methods 1:30-46, 1996, doi:10.1037/1082-989X.1.1.30.

    Examples
    --------
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> [round(float(limit), 4) for limit in icc_interval(ratings)]
    [0.0188, 0.7611]
    """
    check_choice(kind, list(INTERVAL_KINDS), name="kind")
    values = _checked(ratings)
    n, k = values.shape[:2]
    ms = _mean_squares(values)
    tail = 0.5 + 0.5 * level
    # Where nothing varies within cases, every limit is 1; where nothing varies at all, there is none.
    error = np.where(ms.error > 0, ms.error, 1.0)
    if kind == "3,1":
        ratio = ms.rows / error
        lower = ratio / stats.f.ppf(tail, n - 1, (n - 1) * (k - 1))
        upper = ratio * stats.f.ppf(tail, (n - 1) * (k - 1), n - 1)
        low, high = ((f - 1) / (f + k - 1) for f in (lower, upper))
    else:
        icc = np.nan_to_num(intraclass_correlation(values, kind="2,1"))
        ratio, free = ms.columns / error, n * (1 + (k - 1) * icc) - k * icc
        top = (k - 1) * (n - 1) * (k * icc * ratio + free) ** 2
        df = np.maximum(top / ((n - 1) * k**2 * icc**2 * ratio**2 + free**2), 1e-3)
        f_low, f_high = stats.f.ppf(tail, n - 1, df), stats.f.ppf(tail, df, n - 1)
        rest = k * ms.columns + (k * n - k - n) * error
        low = n * (ms.rows - f_low * error) / (f_low * rest + n * ms.rows)
        high = n * (f_high * ms.rows - error) / (rest + n * f_high * ms.rows)
    exact = ms.error <= 0
    certain = np.where((ms.rows > 0) & ((kind == "3,1") | (ms.columns <= 0)), 1.0, np.nan)
    return np.where(exact, certain, low), np.where(exact, certain, high)


def _checked(ratings: ArrayLike) -> Array:
    values = np.asarray(ratings, dtype=float)
    if values.ndim < 2 or values.shape[0] < 2 or values.shape[1] < 2:
        raise ValueError(f"at least two cases and two repetitions are needed, got shape {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("ratings hold missing or infinite values; leave out incomplete cases.")
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
