"""Null runs: a procedure is called again where nothing can be found, and must find nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check

# What an honest procedure may lie above one half by an accident of its folds.
TOLERANCE = 0.01
ALPHA = 0.01
# A look after a quarter of the runs spends a fifth of the error probability: strong leaks need few runs.
_FIRST_LOOK, _FIRST_SHARE = 0.25, 0.2
_FEWEST_DRAWS = 4


@dataclass(frozen=True)
class NullRuns:
    """AUCs of a procedure on data without anything to find, and the test of their mean.

    Parameters
    ----------
    aucs : array of shape (n_runs,)
    p_value : float
        One-sided t-test of mean AUC at most 0.5 + ``TOLERANCE``.
    leaks : bool
    error : str
        Why the procedure could not be run on such data; empty if it could.
    """

    aucs: NDArray[np.float64] = field(repr=False)
    p_value: float = np.nan
    leaks: bool = False
    error: str = ""

    @property
    def mean(self) -> float:
        """Mean AUC."""
        return float(self.aucs.mean()) if len(self.aucs) else np.nan

    @property
    def resolution(self) -> float:
        """Smallest mean excess over one half that these runs would have shown with a probability of 95 %."""
        if len(self.aucs) < _FEWEST_DRAWS:
            return np.nan
        quantiles = stats.t.ppf(1 - ALPHA, len(self.aucs) - 1) + stats.t.ppf(0.95, len(self.aucs) - 1)
        return TOLERANCE + float(quantiles * self.aucs.std(ddof=1) / np.sqrt(len(self.aucs)))


def null_runs(draw: Callable[[np.random.Generator], float], *, n_runs: int, seed: tuple[int, ...]) -> NullRuns:
    """Draw null AUCs and test whether their mean lies above one half.

    Labels or cases are exchangeable by construction and each run is a draw of its own, so that AUCs within folds are
    independent with mean one half for any procedure that has not seen the labels of the cases it scores, whatever its
    model, the number of cases or the dependence between features. (Pooled over folds the mean is lower.) There are two
    looks, after a quarter of the runs and at the end, which share an error probability of 1 %.

    Parameters
    ----------
    draw : callable
        Takes a generator, returns the AUC of one run (NaN where it is undefined).
    n_runs : int
    seed : tuple of int

    Examples
    --------
    >>> honest = null_runs(lambda rng: rng.normal(0.5, 0.08), n_runs=20, seed=(0,))
    >>> leaky = null_runs(lambda rng: rng.normal(0.8, 0.08), n_runs=20, seed=(0,))
    >>> honest.leaks, leaky.leaks, len(leaky.aucs)
    (False, True, 5)
    """
    first = max(_FEWEST_DRAWS, round(_FIRST_LOOK * n_runs))
    aucs: list[float] = []
    for number in range(n_runs):
        try:
            auc = draw(np.random.default_rng([*seed, number]))
        except Exception as err:  # noqa: BLE001  foreign code on data it never met: that is a reason, no verdict
            return NullRuns(np.array(aucs), error=f"{type(err).__name__}: {err}")
        if np.isfinite(auc):
            aucs.append(auc)
        if number + 1 == first and n_runs > first and len(aucs) >= _FEWEST_DRAWS:
            p_value = mean_above_half(aucs)
            if p_value < ALPHA * _FIRST_SHARE:
                return NullRuns(np.array(aucs), p_value, leaks=True)
    if len(aucs) < _FEWEST_DRAWS:
        return NullRuns(np.array(aucs), error=f"only {len(aucs)} of {n_runs} runs gave an AUC")
    p_value = mean_above_half(aucs)
    level = ALPHA * (1 - _FIRST_SHARE) if n_runs > first else ALPHA
    return NullRuns(np.array(aucs), p_value, leaks=p_value < level)


def mean_above_half(aucs: list[float] | NDArray[np.float64]) -> float:
    """Return the one-sided p-value of a t-test that the mean AUC is at most 0.5 + ``TOLERANCE``.

    Examples
    --------
    >>> round(mean_above_half([0.55, 0.6, 0.5, 0.62]), 4)
    0.061
    """
    values = np.asarray(aucs, dtype=float)
    excess = float(values.mean()) - 0.5 - TOLERANCE
    se = float(values.std(ddof=1) / np.sqrt(len(values)))
    if se < 1e-12:
        return 0.0 if excess > 0 else 1.0
    return float(stats.t.sf(excess / se, len(values) - 1))


def null_check(code: str, runs: NullRuns, *, what: str, suspect: str, hint: str, note: str = "") -> Check:
    """Return the row of a null test.

    Parameters
    ----------
    code : str
    runs : NullRuns
    what : str
        The data, for the message: "permuted labels".
    suspect : str
        What a failure means, as a sentence.
    hint : str
        What to do then.
    note : str
        Said in either case.
    """
    if runs.error:
        return Check(code, UNJUDGED, f"the procedure did not run on {what}: {runs.error}.", "Look at the error there.")
    found = f"mean AUC {runs.mean:.3f} in {len(runs.aucs)} runs on {what}; an honest procedure has 0.5."
    if runs.leaks:
        return Check(code, FAIL, f"{found} {suspect}{note}", hint, runs.mean, runs.p_value)
    small = f" A mean of {0.5 + runs.resolution:.2f} or more would have been noticed (95 %)."
    return Check(code, PASS, f"{found}{small}{note}", "", runs.mean, runs.p_value)
