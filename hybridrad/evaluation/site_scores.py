"""Scores where every site is a test set: each site with its interval, and their random-effects summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit

from hybridrad._checks import SCORE_COLUMNS
from hybridrad.evaluation.calibration import logit
from hybridrad.evaluation.metrics import metric_names
from hybridrad.evaluation.one_set import (
    NO_VARIANCE,
    RATES,
    SetScore,
    clipped,
    hanley_mcneil_variance,
    patients_of_class,
    set_score,
)
from hybridrad.evaluation.random_effects import half_width, random_effects

ALL_SITES, NEW_SITE = "(all sites)", "(new site)"
ON_LOGITS = ("roc_auc", "average_precision", *RATES)
SITE_COLUMNS = ["value", "low", "high", "n_patients", "n_cases", "method", "tau", "i2"]


class Summary(NamedTuple):
    """Mean over sites, its interval and a prediction interval; ``method`` says how, ``tau`` how far sites differ."""

    value: float
    low: float
    high: float
    predict_low: float
    predict_high: float
    se: float
    se_normal: float
    df: int
    method: str
    tau: float = float("nan")
    i2: float = float("nan")


def site_table(
    predictions: pd.DataFrame,
    sites: Mapping[int, str],
    *,
    models: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return every score at every site, and summarised.

    Areas, sensitivity and specificity are summarised on the logit scale and turned back, other metrics as they are. A
    site where a model ranks all pairs right has no variance; its score is then moved by half a pair (half a patient
    for sensitivity and specificity) for the summary alone. Where a site gives no variance for another reason, all sites
    weigh the same: mean and t interval over sites.

    Parameters
    ----------
    predictions : DataFrame
        Predictions of cases or patients; ``fold`` is the site that was tested.
    sites : mapping of fold to name
    models, metrics : sequence of str, optional
        Default: all there are.
    level : float, default 0.95

    Returns
    -------
    DataFrame
        Index ``model, metric, site``; columns ``value, low, high, n_patients, n_cases, method, tau, i2``. Besides the
        sites there is a row ``(all sites)``, the mean over sites with its interval, the deviation ``tau`` between sites
        (on logits where that is the scale) and its share ``i2`` of the whole, and ``(new site)``, the same value with
        the prediction interval. A model that failed at a site is not summarised over the others.

    References
    ----------
    Debray et al. (2017), doi:10.1136/bmj.i6460; Snell et al. (2018), doi:10.1177/0962280217705678.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_tuples([("a", 0, i // 20, f"c{i}") for i in range(60)], names=names)
    >>> table = pd.DataFrame({"patient_id": [f"c{i}" for i in range(60)], "y_true": [0, 1] * 30}, index=index)
    >>> table["y_score"] = rng.uniform(0.1, 0.6, 60) + 0.2 * table["y_true"]
    >>> scores = site_table(table, {0: "A", 1: "B", 2: "C"}, metrics=["roc_auc"])
    >>> scores.index.get_level_values("site").tolist()
    ['A', 'B', 'C', '(all sites)', '(new site)']
    """
    rows: list[tuple[object, ...]] = []
    no_spread = (np.nan, np.nan)
    nothing = SetScore(np.nan, np.nan, np.nan, np.nan, "not scored: no predictions")
    for model in predictions.index.unique("model") if models is None else models:
        of_model = predictions[predictions.index.get_level_values("model") == model]
        folds = {int(str(fold)): part for fold, part in of_model.groupby(level="fold")}
        for metric in metric_names(predictions) if metrics is None else metrics:
            scores = {f: set_score(folds[f], metric, level=level) if f in folds else nothing for f in sites}
            for fold, name in sites.items():
                score = clipped(scores[fold], metric)
                counts = _counts(folds[fold]) if fold in folds else (0, 0)
                rows.append(
                    (model, metric, name, score.value, score.low, score.high, *counts, score.method, *no_spread)
                )
            summary = _summary(metric, scores, folds, level)
            spread = (summary.tau, summary.i2)
            bounds = clipped(SetScore(summary.value, np.nan, summary.low, summary.high, ""), metric)
            ahead = clipped(SetScore(summary.value, np.nan, summary.predict_low, summary.predict_high, ""), metric)
            counts = _counts(of_model)
            rows.append(
                (model, metric, ALL_SITES, bounds.value, bounds.low, bounds.high, *counts, summary.method, *spread)
            )
            ahead_method = "95 % prediction interval" if level == 0.95 else f"{100 * level:g} % prediction interval"
            rows.append(
                (model, metric, NEW_SITE, ahead.value, ahead.low, ahead.high, *counts, ahead_method, *no_spread)
            )
    table = pd.DataFrame(rows, columns=["model", "metric", "site", *SITE_COLUMNS])
    return table.set_index(["model", "metric", "site"])


def scores_of_sites(sites: pd.DataFrame) -> pd.DataFrame:
    """Return the scores table of a study from its site table: the summaries.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("a", "brier", ALL_SITES)], names=["model", "metric", "site"])
    >>> scores_of_sites(pd.DataFrame([[0.2, 0.1, 0.3, 40, 40, "", 0, 0]], index, SITE_COLUMNS))["value"].tolist()
    [0.2]
    """
    rows = sites[sites.index.get_level_values("site") == ALL_SITES]
    return rows.droplevel("site")[SCORE_COLUMNS]


def summarised(values: ArrayLike, variances: ArrayLike, *, level: float = 0.95) -> Summary:
    """Return the random-effects summary, or the plain mean over sites where a site gives no variance.

    Examples
    --------
    >>> summarised([0.1, 0.2, 0.3], [0.01, 0.0, 0.01]).method
    'mean of 3 sites, equal weights (a site gives no variance); t interval over sites, 2 df'
    """
    y, v = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    k = len(y)
    if np.isnan(y).any():
        nan = float("nan")
        return Summary(
            nan, nan, nan, nan, nan, nan, nan, k - 1, f"not scored: no value at {int(np.isnan(y).sum())} of {k} sites"
        )
    if np.isfinite(v).all() and (v > NO_VARIANCE).all():
        r = random_effects(y, v, level=level)
        wider = half_width(r.se, r.df, 0.0, level=level) < half_width(r.se, r.df, r.se_normal, level=level)
        interval = "normal interval (wider than Hartung-Knapp's)" if wider else f"Hartung-Knapp interval, {r.df} df"
        return Summary(
            value=r.estimate,
            low=r.low,
            high=r.high,
            predict_low=r.predict_low,
            predict_high=r.predict_high,
            se=r.se,
            se_normal=r.se_normal,
            df=r.df,
            method=f"random effects over {k} sites (REML); {interval}",
            tau=float(np.sqrt(r.tau2)),
            i2=r.i2,
        )
    sd = float(y.std(ddof=1))
    words = f"mean of {k} sites, equal weights (a site gives no variance); "
    if sd < NO_VARIANCE:
        nan = float("nan")
        return Summary(
            float(y.mean()), nan, nan, nan, nan, nan, nan, k - 1, words + "no interval, all sites have the same value"
        )
    se = sd / float(np.sqrt(k))
    half = half_width(se, k - 1, 0.0, level=level)
    ahead = float(stats.t.ppf(0.5 + level / 2, k - 2)) * sd * np.sqrt(1 + 1 / k) if k > 2 else np.nan
    mean, words = float(y.mean()), words + f"t interval over sites, {k - 1} df"
    return Summary(mean, mean - half, mean + half, mean - ahead, mean + ahead, se, 0.0, k - 1, words)


def moved_off_the_border(score: SetScore, part: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Return value and variance of a site's score, moved by half a pair or patient where it is 0 or 1.

    For an area: the value with half a pair added on either side and Hanley and McNeil's variance there, in patients.
    For sensitivity and specificity: half a patient on either side. Other scores are returned as they are.

    Examples
    --------
    >>> part = pd.DataFrame({"patient_id": list("abcd"), "y_true": [0, 0, 1, 1], "y_score": [0.1, 0.2, 0.8, 0.9]})
    >>> value, variance = moved_off_the_border(SetScore(1.0, 0.0, 1.0, 1.0, ""), part, "roc_auc")
    >>> value, round(variance, 4)
    (0.9, 0.0352)
    """
    if score.variance > NO_VARIANCE and (metric not in ON_LOGITS or 0 < score.value < 1):
        return score.value, score.variance
    if metric == "roc_auc" and "y_score" in part:
        m, n = patients_of_class(part, 1), patients_of_class(part, 0)
        value = (score.value * m * n + 0.5) / (m * n + 1)
        return value, hanley_mcneil_variance(value, m, n)
    if metric in RATES:
        n = patients_of_class(part, 1 if metric == "sensitivity" else 0)
        value = (score.value * n + 0.5) / (n + 1)
        return value, value * (1 - value) / (n + 1)
    return score.value, score.variance


def _summary(metric: str, scores: Mapping[int, SetScore], folds: Mapping[int, pd.DataFrame], level: float) -> Summary:
    pairs = [
        moved_off_the_border(score, folds[fold], metric) if fold in folds else (np.nan, np.nan)
        for fold, score in scores.items()
    ]
    value, variance = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    if metric not in ON_LOGITS or np.isnan(value).any() or (value <= 0).any() or (value >= 1).any():
        return summarised(value, variance, level=level)
    s = summarised(logit(value), variance / (value * (1 - value)) ** 2, level=level)
    mean, low, high, predict_low, predict_high = (
        float(expit(x)) for x in (s.value, s.low, s.high, s.predict_low, s.predict_high)
    )
    nan, method = float("nan"), f"{s.method}, on logits"  # the errors belong to the logits
    return Summary(mean, low, high, predict_low, predict_high, nan, nan, s.df, method, s.tau, s.i2)


def _counts(part: pd.DataFrame) -> tuple[int, int]:
    n_patients = int(part["patient_id"].nunique())
    if "n_cases" in part:
        return n_patients, int(part.groupby("patient_id")["n_cases"].first().sum())
    return n_patients, int(part.index.get_level_values("case_id").nunique())
