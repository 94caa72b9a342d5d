"""Bootstrap over patients: all cases of a drawn patient come along, and draws with one class are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hybridrad._checks import check_choice


class BootstrapInterval(NamedTuple):
    """A statistic with its bootstrap interval; ``n_skipped`` draws gave no value (one class, or undefined)."""

    value: float
    low: float
    high: float
    se: float
    n_draws: int
    n_skipped: int
    method: str


def patient_draws(groups: ArrayLike, *, n_draws: int, random_state: int) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of ``n_draws`` samples of as many patients as there are, drawn with replacement.

    Examples
    --------
    >>> [len(rows) for rows in patient_draws(["a", "a", "b"], n_draws=3, random_state=2)]
    [3, 4, 3]
    """
    if n_draws < 1:
        raise ValueError(f"n_draws must be at least 1, got {n_draws}.")
    _, patient = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    order = np.argsort(patient, kind="stable")
    rows_of = np.split(order, np.flatnonzero(np.diff(patient[order])) + 1)
    rng = np.random.default_rng(random_state)
    for _ in range(n_draws):
        yield np.concatenate([rows_of[p] for p in rng.integers(0, len(rows_of), len(rows_of))])


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: ArrayLike,
    *,
    method: Literal["bca", "percentile"] = "bca",
    n_draws: int = 2000,
    level: float = 0.95,
    random_state: int = 0,
) -> BootstrapInterval:
    """Return the interval of a statistic of stored predictions over patients that could have come instead.

    Parameters
    ----------
    statistic : callable
        ``rows -> float``; the rows of a sample may repeat. NaN where it is not defined (one class only): such a draw is
        left out and counted.
    groups : array of shape (n_cases,)
        Patient of each case.
    method : {"bca", "percentile"}
        BCa corrects bias and skewness and suits smooth statistics (Brier score, calibration slope); near the end of
        the range of the statistic (AUC near 1) its correction is unstable, take ``percentile`` there.
    n_draws : int, default 2000
    level : float, default 0.95
    random_state : int, default 0

    Raises
    ------
    ValueError
        The statistic is not defined on the data, or on more than half of the draws.

    References
    ----------
    Efron (1987), doi:10.1080/01621459.1987.10478410. Field & Welsh (2007), doi:10.1111/j.1467-9868.2007.00593.x.

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> result = bootstrap_interval(lambda rows: x[rows].mean(), np.arange(20), n_draws=500)
    >>> result.value, bool(result.low < 9.5 < result.high), result.n_skipped
    (9.5, True, 0)
    """
    check_choice(method, ("bca", "percentile"), name="method")
    labels = np.asarray(groups).astype(str)
    every = np.arange(len(labels))
    value = float(statistic(every))
    if np.isnan(value):
        raise ValueError("the statistic is not defined on the data.")
    drawn = np.array([statistic(r) for r in patient_draws(labels, n_draws=n_draws, random_state=random_state)], float)
    known = drawn[~np.isnan(drawn)]
    skipped = len(drawn) - len(known)
    if skipped > n_draws / 2:
        raise ValueError(f"the statistic is not defined in {skipped} of {n_draws} draws of patients.")
    if method == "bca":
        without = np.array([statistic(every[labels != patient]) for patient in np.unique(labels)], float)
        low, high = bca_limits(value, known, without[~np.isnan(without)], level=level)
    else:
        low, high = (float(q) for q in np.quantile(known, [0.5 - level / 2, 0.5 + level / 2]))
    words = f"{method} bootstrap over patients, {n_draws} draws" + (f", {skipped} left out" if skipped else "")
    return BootstrapInterval(value, low, high, float(known.std(ddof=1)), n_draws, skipped, words)


def bca_limits(
    value: float, replicates: ArrayLike, jackknife: ArrayLike, *, level: float = 0.95
) -> tuple[float, float]:
    """Return the bias-corrected and accelerated limits of given bootstrap replicates.

    Parameters
    ----------
    value : float
        The statistic on the data.
    replicates : array of shape (n_draws,)
    jackknife : array of shape (n_patients,)
        The statistic without each patient.
    level : float, default 0.95

    Returns
    -------
    low, high : float
        NaN where all replicates are alike, or on one side of the value.

    Examples
    --------
    >>> x = np.arange(11.0)
    >>> bca_limits(5.0, np.linspace(0, 10, 1001), (x.sum() - x) / 10)
    (0.25, 9.75)
    """
    t, without = np.asarray(replicates, dtype=float), np.asarray(jackknife, dtype=float)
    # Replicates equal to the value count half, so that a coarse statistic (a rate) is not called biased.
    below = float((np.mean(t < value) + np.mean(t <= value)) / 2)
    if not 0 < below < 1 or np.ptp(t) == 0:
        return float("nan"), float("nan")
    bias = float(stats.norm.ppf(below))
    deviations = without.mean() - without
    scale = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6.0 * scale**1.5) if scale > 0 else 0.0
    z = stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    at = stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(t, at)
    return float(low), float(high)
