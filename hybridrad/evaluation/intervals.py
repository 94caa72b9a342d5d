"""Intervals of cross-validated means: corrected for overlapping training sets, and the scores table."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from hybridrad._checks import SCORE_COLUMNS, check_choice
from hybridrad.evaluation.calibration import calibration_over_repeats
from hybridrad.evaluation.metrics import METRICS
from hybridrad.evaluation.regression_metrics import linear_calibration_over_repeats

# Below this spread between folds there is nothing an interval could be computed from.
NO_SPREAD = 1e-12


class CorrectedInterval(NamedTuple):
    """Mean of J fold values with the corrected standard error; ``low`` and ``high`` at the level asked for."""

    mean: float
    low: float
    high: float
    se: float
    df: int
    n_values: int


def corrected_interval(
    values: ArrayLike,
    *,
    n_train: ArrayLike,
    n_test: ArrayLike,
    n_folds: int,
    level: float = 0.95,
    df: Literal["folds", "resamples"] = "folds",
) -> CorrectedInterval:
    """Return mean +- t(K - 1) s sqrt(1/J + n_test/n_train) of the values of J = K x R folds.

    Folds share training patients, so their values are correlated and s/sqrt(J) is far too small; the term
    n_test/n_train makes up for it. Repeats reduce the noise of the split but bring no new patients: the degrees of
    freedom stay K - 1.

    Parameters
    ----------
    values : array of shape (J,)
        A score, or a paired difference of scores, per fold. NaN gives a NaN result.
    n_train, n_test : float or arrays of shape (J,)
        Patients in the training and test part; the mean of the ratios is used.
    n_folds : int
        K, folds per repeat.
    level : float
        Two-sided coverage.
    df : {"folds", "resamples"}
        ``folds``: K - 1. ``resamples``: J - 1, as first published, with too narrow intervals (82 to 95 % instead of 95
        % in simulations); it is here to check the formula against published numbers.

    Returns
    -------
    CorrectedInterval

    Raises
    ------
    ValueError
        Fewer than two values or folds, or a level outside (0, 1).

    References
    ----------
    Nadeau & Bengio (2003), Mach Learn 52:239. Bouckaert & Frank (2004), PAKDD, LNCS 3056:3.

    Examples
    --------
    >>> result = corrected_interval([0.7, 0.8, 0.75, 0.65, 0.85], n_train=80, n_test=20, n_folds=5)
    >>> [round(x, 3) for x in result[:3]]
    [0.75, 0.603, 0.897]
    """
    check_choice(df, ("folds", "resamples"), name="df")
    v = np.asarray(values, dtype=float)
    if v.ndim != 1 or len(v) < 2:
        raise ValueError(f"an interval needs the values of at least two folds, got shape {v.shape}.")
    if n_folds < 2 or not 0 < level < 1:
        raise ValueError(f"n_folds must be at least 2 and level in (0, 1), got {n_folds} and {level}.")
    ratio = float(np.mean(np.asarray(n_test, dtype=float) / np.asarray(n_train, dtype=float)))
    freedom = n_folds - 1 if df == "folds" else len(v) - 1
    mean, se = float(v.mean()), float(v.std(ddof=1) * np.sqrt(1.0 / len(v) + ratio))
    half = float(stats.t.ppf(0.5 + level / 2.0, freedom)) * se
    return CorrectedInterval(mean, mean - half, mean + half, se, freedom, len(v))


def score_table(fold_scores: pd.DataFrame, predictions: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the scores table: model x metric with interval, patients, cases and method.

    A model that failed in some folds is not averaged over the others: those are other (easier) patients, and the mean
    could not be compared. Its value is NaN and ``method`` says in how many folds there is none.

    Parameters
    ----------
    fold_scores : DataFrame
        From `hybridrad.evaluation.metrics.fold_scores`.
    predictions : DataFrame
        The predictions that were scored (cases, or patients after aggregation).
    level : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        Index ``model, metric``; columns ``value, low, high, n_patients, n_cases, method``. Intervals are clipped to the
        range of the metric; without any spread between the folds there is none (NaN) and ``method`` says so.

    Examples
    --------
    >>> names = ["model", "metric", "repeat", "fold"]
    >>> index = pd.MultiIndex.from_product([["a"], ["roc_auc"], [0], [0, 1]], names=names)
    >>> values = pd.DataFrame({"value": [0.7, 0.8], "n_train_patients": 40, "n_test_patients": 20}, index=index)
    >>> cases = pd.MultiIndex.from_product([["a"], [0], [0, 1], ["x"]], names=["model", "repeat", "fold", "case_id"])
    >>> table = score_table(values, pd.DataFrame({"patient_id": "p", "y_true": 1, "y_score": 0.5}, index=cases))
    >>> table.loc[("a", "roc_auc"), ["value", "low", "high"]].tolist()
    [0.75, 0.0, 1.0]
    """
    rows = []
    for key, part in fold_scores.groupby(level=["model", "metric"], sort=False):
        model, metric = map(str, key)
        of_model = predictions[predictions.index.get_level_values("model") == model]
        value, low, high, method = (
            _of_repeats(metric, part, of_model, level) if METRICS[metric].per_repeat else _of_folds(metric, part, level)
        )
        bounds = METRICS[metric]
        n_patients = of_model["patient_id"].nunique()
        if "n_cases" in of_model:
            n_cases = int(of_model.groupby("patient_id")["n_cases"].first().sum())
        else:
            n_cases = of_model.index.get_level_values("case_id").nunique()
        low, high = np.maximum(low, bounds.low), np.minimum(high, bounds.high)  # NaN stays NaN
        rows.append((model, metric, value, float(low), float(high), n_patients, n_cases, method))
    table = pd.DataFrame(rows, columns=["model", "metric", *SCORE_COLUMNS])
    return table.set_index(["model", "metric"])


def design_of(part: pd.DataFrame) -> tuple[int, int, str]:
    """Return folds per repeat, repeats and ``"5 x 10 folds"`` for the rows of one model and metric."""
    n_repeats = part.index.unique("repeat").size
    n_folds = part.index.unique("fold").size
    return n_folds, n_repeats, f"{n_folds} x {n_repeats} folds"


def _of_folds(metric: str, part: pd.DataFrame, level: float) -> tuple[float, float, float, str]:
    n_folds, _, design = design_of(part)
    undefined = int(part["value"].isna().sum())
    if undefined:
        return np.nan, np.nan, np.nan, f"not scored: no value in {undefined} of {len(part)} folds"
    interval = corrected_interval(
        part["value"], n_train=part["n_train_patients"], n_test=part["n_test_patients"], n_folds=n_folds, level=level
    )
    what = f"mean of {design}"
    if metric in ("sensitivity", "specificity"):
        what += " at a threshold from inner folds"
    if part["value"].std() < NO_SPREAD:
        return interval.mean, np.nan, np.nan, f"{what}; no interval, all folds have the same value"
    return interval.mean, interval.low, interval.high, f"{what}; corrected t interval, {interval.df} df"


def _of_repeats(
    metric: str, part: pd.DataFrame, predictions: pd.DataFrame, level: float
) -> tuple[float, float, float, str]:
    undefined = int(part["value"].isna().sum())
    if undefined:
        return np.nan, np.nan, np.nan, f"not scored: no value in {undefined} of {len(part)} repeats"
    over_repeats = linear_calibration_over_repeats if metric.startswith("linear_") else calibration_over_repeats
    row = over_repeats(predictions, level=level).loc[metric.partition("_")[2]]
    value, low, high = row[["value", "low", "high"]].to_numpy(float)
    repeats = f"{len(part)} repeat{'' if len(part) == 1 else 's'}"
    method = f"mean of {repeats}, folds pooled; interval over patients, without the variance of training"
    return float(value), float(low), float(high), method
