"""Stability of feature selection over folds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class Stability(NamedTuple):
    """Nogueira's stability with its interval; 1: always the same features, about 0: as if drawn by chance."""

    value: float
    low: float
    high: float
    variance: float


def stability_of_counts(times_selected: ArrayLike, n_runs: int) -> float:
    """Return the stability from how often each feature was selected; see `selection_stability`.

    Its interval needs the sets themselves.

    Parameters
    ----------
    times_selected : array of shape (n_features,)
        In how many runs each feature was selected.
    n_runs : int

    Raises
    ------
    ValueError
        Fewer than two runs, counts that cannot be, or all (no) features selected in every run.

    Examples
    --------
    >>> round(stability_of_counts([4, 3, 1, 0, 1], 4), 4)
    0.3939
    """
    times = np.asarray(times_selected, dtype=float)
    if n_runs < 2 or times.ndim != 1 or not len(times) or times.min() < 0 or times.max() > n_runs:
        raise ValueError(f"counts of at least two runs are wanted, each at most {n_runs}.")
    frequency = times / n_runs
    chance = float(frequency.mean() * (1 - frequency.mean()))
    if chance < 1e-12:
        raise ValueError("every run selected all features, or none; there is no choice to judge.")
    return 1 - n_runs / (n_runs - 1) * float(np.mean(frequency * (1 - frequency))) / chance


def selection_stability(selected: ArrayLike, *, level: float = 0.95) -> Stability:
    """Return how alike the selected sets of several runs are, corrected for chance.

    The interval treats the runs as independent. Folds share patients, so over the folds of a cross-validation it is
    too narrow; runs on bootstrap samples come closer.

    Parameters
    ----------
    selected : bool or 0/1 array of shape (n_runs, n_features)
    level : float, default 0.95

    Raises
    ------
    ValueError
        Fewer than two runs, values other than 0 and 1, or all (no) features selected in every run: then there was no
        choice whose stability could be measured.

    References
    ----------
    Nogueira, Sechidis & Brown (2018), J Mach Learn Res 18(174):1-54.

    Examples
    --------
    >>> runs = [[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 1]]
    >>> round(selection_stability(runs).value, 6)
    0.393939
    """
    z = np.asarray(selected)
    if z.ndim != 2 or len(z) < 2 or not np.isin(z, [0, 1]).all():
        raise ValueError(f"selected must be 0 and 1 in at least two runs by features, got shape {z.shape}.")
    z = z.astype(float)
    m, d = z.shape
    frequency, share = z.mean(axis=0), z.mean(axis=1)
    value = stability_of_counts(z.sum(axis=0), m)
    chance = share.mean() * (1 - share.mean())
    # What each run adds; the variance of the runs' contributions gives that of the whole.
    mean = share.mean()
    of_run = (z @ frequency / d - share * mean + value / 2 * (2 * share * mean - share - mean + 1)) / chance
    variance = float(4 / m**2 * ((of_run - of_run.mean()) ** 2).sum())
    half = float(stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance))
    return Stability(value, value - half, value + half, variance)
