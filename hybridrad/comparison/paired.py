"""Paired comparisons of arms on identical folds, with the corrected test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hybridrad._checks import COMPARISON_COLUMNS, check_choice, check_table
from hybridrad.comparison.multiplicity import holm
from hybridrad.comparison.verdicts import verdict
from hybridrad.evaluation.intervals import NO_SPREAD, corrected_interval, design_of
from hybridrad.evaluation.metrics import METRICS

FOLD_SCORES_INDEX = ["model", "metric", "repeat", "fold"]


class PairedTest(NamedTuple):
    """A paired difference over folds: mean, 95 % and 90 % intervals, one-sided 95 % upper limit, t and two-sided p."""

    difference: float
    low: float
    high: float
    p_value: float
    t: float
    df: float
    low_90: float
    high_90: float
    upper_one_sided: float


def corrected_paired_test(differences: ArrayLike, *, n_train: ArrayLike, n_test: ArrayLike, n_folds: int) -> PairedTest:
    """Test whether the mean of paired fold differences is zero, corrected for overlapping training sets.

    ``t = mean / (s sqrt(1/J + n_test/n_train))`` with K - 1 degrees of freedom; see
    `hybridrad.evaluation.intervals.corrected_interval`.

    Parameters
    ----------
    differences : array of shape (J,)
        Score of one arm minus score of the other, fold by fold.
    n_train, n_test : float or arrays of shape (J,)
        Patients.
    n_folds : int
        Folds per repeat.

    Returns
    -------
    PairedTest
        Where all differences are the same, or one is NaN, there is nothing to test with: everything but the mean is
        NaN.

    Examples
    --------
    >>> result = corrected_paired_test([0.05, 0.02, 0.08, 0.03, 0.07], n_train=80, n_test=20, n_folds=5)
    >>> round(result.difference, 3), round(result.p_value, 3)
    (0.05, 0.043)
    """
    d = np.asarray(differences, dtype=float)
    wide = corrected_interval(d, n_train=n_train, n_test=n_test, n_folds=n_folds, level=0.95)
    if not wide.se > NO_SPREAD:
        nan = float("nan")
        return PairedTest(wide.mean, nan, nan, nan, nan, wide.df, nan, nan, nan)
    t = wide.mean / wide.se
    one_sided = float(stats.t.ppf(0.95, wide.df)) * wide.se
    return PairedTest(
        difference=wide.mean,
        low=wide.low,
        high=wide.high,
        p_value=float(2.0 * stats.t.sf(abs(t), wide.df)),
        t=t,
        df=wide.df,
        # The two-sided 90 % limits are the two one-sided 95 % limits.
        low_90=wide.mean - one_sided,
        high_90=wide.mean + one_sided,
        upper_one_sided=wide.mean + one_sided,
    )


def comparison_table(
    fold_scores: pd.DataFrame,
    *,
    pairs: Sequence[tuple[str, str]],
    family: Sequence[tuple[str, str]] = (),
    primary_metric: str = "roc_auc",
    margin: float | Mapping[str, float] | None = 0.05,
    metrics: Sequence[str] | None = None,
    alpha: float = 0.05,
    paired: Callable[[str, str, str], tuple[PairedTest, str]] | None = None,
) -> pd.DataFrame:
    """Return the comparisons table.

    ``difference`` is model minus baseline on the metric's own scale, as are its limits: for ``brier`` and ``log_loss``
    a negative difference is an improvement. ``verdict`` always speaks of the model: better is better.

    Parameters
    ----------
    fold_scores : DataFrame
        From `hybridrad.evaluation.metrics.fold_scores`.
    pairs : sequence of (model, baseline)
        Comparisons to make, on every metric.
    family : sequence of (model, baseline)
        The declared comparisons: the fused default against each single arm. On the primary metric their p-values are
        adjusted by Holm. They are made even if they are not in ``pairs``. All else is exploratory: ``method`` begins
        with that word, ``p_adjusted`` is NaN, and the verdict rests on the raw p-value.
    primary_metric : str
    margin : float or dict of metric -> float, optional
        For equivalence and non-inferiority, declared before the run. A number holds for the primary metric alone: 0.05
        of AUC says nothing about a Brier score.
    metrics : sequence of str, optional
        Default: all metrics that have a better direction (calibration coefficients have none).
    alpha : float
    paired : callable, optional
        ``(model, baseline, metric) -> (PairedTest, words)``, for designs without a corrected t; default: `paired_test`
        of the fold scores.

    Returns
    -------
    DataFrame
        Index ``model, baseline, metric``; columns ``difference, low, high, p_value, p_adjusted, verdict, method``;
        intervals are clipped to the differences that the metric can have. A pair of which an arm has no value in some
        fold is not compared: NaN, inconclusive, and ``method`` says why.

    Raises
    ------
    ValueError
        An arm or metric that was not scored, or a metric without a direction.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], ["roc_auc"], [0], range(5)], names=FOLD_SCORES_INDEX)
    >>> values = [0.80, 0.85, 0.78, 0.90, 0.84, 0.60, 0.66, 0.61, 0.68, 0.65]
    >>> scores = pd.DataFrame({"value": values, "n_train_patients": 80, "n_test_patients": 20}, index=index)
    >>> comparison_table(scores, pairs=[("a", "b")], family=[("a", "b")])["verdict"].tolist()
    ['better']
    """
    check_table(fold_scores, index=FOLD_SCORES_INDEX, columns=["value"], name="fold_scores")
    scored = list(fold_scores.index.unique("metric"))
    directed = [m for m in scored if METRICS[m].higher_is_better is not None]
    wanted = directed if metrics is None else [check_choice(m, directed, name="metric") for m in metrics]
    margins = dict(margin) if isinstance(margin, Mapping) else ({} if margin is None else {primary_metric: margin})
    declared = list(dict.fromkeys(family))
    every_pair = list(dict.fromkeys([*declared, *pairs]))
    compare = paired if paired is not None else partial(paired_test, fold_scores)
    tests = {(a, b, m): compare(a, b, m) for a, b in every_pair for m in wanted}
    in_family = [(a, b, primary_metric) for a, b in declared if primary_metric in wanted]
    adjusted = dict(zip(in_family, holm([tests[key][0].p_value for key in in_family]), strict=True))

    rows = []
    for key, (test, design) in tests.items():
        metric = key[2]
        p_adjusted = float(adjusted.get(key, np.nan))
        p_decides = p_adjusted if key in adjusted else test.p_value
        gain = _turned(test, higher_is_better=bool(METRICS[metric].higher_is_better))
        word = verdict(
            gain.difference,
            p_value=p_decides,
            low=gain.low,
            low_90=gain.low_90,
            high_90=gain.high_90,
            margin=margins.get(metric),
            alpha=alpha,
        )
        method = f"{design}; Holm over {len(in_family)} comparisons" if key in adjusted else f"exploratory: {design}"
        # The t interval knows nothing of the ends of the scale; NaN stays NaN.
        span = METRICS[metric].high - METRICS[metric].low
        low, high = np.maximum(test.low, -span), np.minimum(test.high, span)
        rows.append((*key, test.difference, float(low), float(high), test.p_value, p_adjusted, word, method))
    table = pd.DataFrame(rows, columns=["model", "baseline", "metric", *COMPARISON_COLUMNS])
    return table.set_index(["model", "baseline", "metric"])


def paired_test(fold_scores: pd.DataFrame, model: str, baseline: str, metric: str) -> tuple[PairedTest, str]:
    """Return the corrected test of model minus baseline on one metric, and what was done in words.

    Raises
    ------
    ValueError
        An arm was not scored on this metric, or the two were scored on different folds.
    """
    a, b = _of_arm(fold_scores, model, metric), _of_arm(fold_scores, baseline, metric)
    if not a.index.equals(b.index):
        raise ValueError(f"{model} and {baseline} were scored on different folds and cannot be compared.")
    n_folds, _, folds = design_of(a)
    test = corrected_paired_test(
        a["value"] - b["value"], n_train=a["n_train_patients"], n_test=a["n_test_patients"], n_folds=n_folds
    )
    missing = {name: int(arm["value"].isna().sum()) for name, arm in ((model, a), (baseline, b))}
    failed = [f"{name} has no value in {n} of {len(a)} folds" for name, n in missing.items() if n]
    if failed:
        return test, f"not compared: {', '.join(failed)}"
    if np.isnan(test.p_value):
        return test, f"{folds}; no test, the difference is the same in all folds"
    return test, f"corrected paired t over {folds}, {test.df} df"


def _of_arm(fold_scores: pd.DataFrame, arm: str, metric: str) -> pd.DataFrame:
    index = fold_scores.index
    part = fold_scores[(index.get_level_values("model") == arm) & (index.get_level_values("metric") == metric)]
    if part.empty:
        raise ValueError(f"{arm} was not scored on {metric}; scored arms: {list(index.unique('model'))}.")
    return part.droplevel(["model", "metric"]).sort_index()


def _turned(test: PairedTest, *, higher_is_better: bool) -> PairedTest:
    """Return the test with its sign turned so that positive is better."""
    if higher_is_better:
        return test
    return test._replace(
        difference=-test.difference, low=-test.high, high=-test.low, low_90=-test.high_90, high_90=-test.low_90
    )
