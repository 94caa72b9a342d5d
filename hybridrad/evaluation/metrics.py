"""Scores of predictions, computed per fold (calibration: per repeat), never on folds pooled over repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import average_precision_score

from hybridrad._checks import check_choice, check_table
from hybridrad.evaluation.calibration import calibration
from hybridrad.evaluation.patients import aggregate_to_patients
from hybridrad.evaluation.regression_metrics import linear_calibration, mae, r2, rmse, spearman
from hybridrad.evaluation.survival_scores import SURVIVAL_SCORES
from hybridrad.strata import Task

__all__ = [
    "METRICS",
    "POOLED",
    "Metric",
    "aggregate_to_patients",
    "average_precision",
    "brier",
    "fold_scores",
    "log_loss",
    "metric_names",
    "roc_auc",
    "score_columns",
    "score_of",
    "sensitivity",
    "specificity",
]

# In the index of fold scores: the value belongs to the pooled test folds of a repeat, not to one fold.
POOLED = -1
PREDICTION_INDEX = ["model", "repeat", "fold", "case_id"]


@dataclass(frozen=True)
class Metric:
    """What is known about a metric: its range, which way is better, and where it is defined.

    ``higher_is_better`` is None for calibration coefficients: they have a target, not a direction.
    """

    low: float
    high: float
    higher_is_better: bool | None
    binary_only: bool = False
    per_repeat: bool = False
    task: Task = "classification"


METRICS: dict[str, Metric] = {
    "roc_auc": Metric(0.0, 1.0, True),
    "average_precision": Metric(0.0, 1.0, True),
    "brier": Metric(0.0, 2.0, False),
    "log_loss": Metric(0.0, np.inf, False),
    "sensitivity": Metric(0.0, 1.0, True, binary_only=True),
    "specificity": Metric(0.0, 1.0, True, binary_only=True),
    "calibration_slope": Metric(-np.inf, np.inf, None, binary_only=True, per_repeat=True),
    "calibration_intercept": Metric(-np.inf, np.inf, None, binary_only=True, per_repeat=True),
    "r2": Metric(-np.inf, 1.0, True, task="regression"),
    "mae": Metric(0.0, np.inf, False, task="regression"),
    "rmse": Metric(0.0, np.inf, False, task="regression"),
    "spearman": Metric(-1.0, 1.0, True, task="regression"),
    "linear_slope": Metric(-np.inf, np.inf, None, per_repeat=True, task="regression"),
    "linear_intercept": Metric(-np.inf, np.inf, None, per_repeat=True, task="regression"),
    "concordance": Metric(0.0, 1.0, True, task="survival"),
    "uno_auc": Metric(0.0, 1.0, True, task="survival"),
    "integrated_brier": Metric(0.0, np.inf, False, task="survival"),
}
PRIMARY_METRICS: dict[Task, str] = {"classification": "roc_auc", "regression": "r2", "survival": "concordance"}
_VALUES: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {"r2": r2, "mae": mae, "rmse": rmse, "spearman": spearman}


def roc_auc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the area under the ROC curve; with (n_cases, n_classes) scores the macro one-against-rest mean.

    Parameters
    ----------
    y_true : array of shape (n_cases,)
        0 and 1, or 0 .. n_classes - 1.
    y_score : array of shape (n_cases,) or (n_cases, n_classes)

    Returns
    -------
    float
        Ties count one half. NaN where a class is absent: no pair can be ranked.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return _one_against_rest(_binary_auc, y_true, y_score)


def average_precision(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the average precision; with (n_cases, n_classes) scores the macro one-against-rest mean.

    Examples
    --------
    >>> average_precision([0, 1, 1], [0.1, 0.4, 0.8])
    1.0
    """
    return _one_against_rest(lambda y, s: float(average_precision_score(y, s)), y_true, y_score)


def brier(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the Brier score: mean squared error of the probability of class 1 (0 to 1).

    With (n_cases, n_classes) probabilities: squared errors summed over classes, then averaged (0 to 2).

    Examples
    --------
    >>> brier([0, 1], [0.5, 1.0])
    0.125
    """
    y, p = np.asarray(y_true), np.asarray(y_score, dtype=float)
    if p.ndim == 1:
        return float(np.mean((p - y) ** 2))
    return float(((p - np.eye(p.shape[1])[y.astype(int)]) ** 2).sum(axis=1).mean())


def log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the mean negative log likelihood in nats; probabilities are kept 1e-15 away from 0.

    Examples
    --------
    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    y, p = np.asarray(y_true).astype(int), np.asarray(y_score, dtype=float)
    of_truth = np.where(y == 1, p, 1.0 - p) if p.ndim == 1 else p[np.arange(len(y)), y]
    return float(-np.log(np.clip(of_truth, 1e-15, 1.0)).mean())


def sensitivity(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> float:
    """Return the share of positives with a score at or above the threshold; NaN without positives or threshold.

    Examples
    --------
    >>> sensitivity([0, 1, 1], [0.1, 0.4, 0.8], 0.5)
    0.5
    """
    called = np.asarray(y_score, dtype=float)[np.asarray(y_true) == 1] >= threshold
    return float(called.mean()) if len(called) and np.isfinite(threshold) else np.nan


def specificity(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> float:
    """Return the share of negatives with a score below the threshold; NaN without negatives or threshold.

    Examples
    --------
    >>> specificity([0, 0, 1], [0.1, 0.6, 0.8], 0.5)
    0.5
    """
    spared = np.asarray(y_score, dtype=float)[np.asarray(y_true) == 0] < threshold
    return float(spared.mean()) if len(spared) and np.isfinite(threshold) else np.nan


def metric_names(predictions: pd.DataFrame, *, task: Task = "classification") -> list[str]:
    """Return the metrics that are defined for these predictions; of classes all for two, four for more.

    Examples
    --------
    >>> metric_names(pd.DataFrame(columns=["y_score_0", "y_score_1", "y_score_2"]))
    ['roc_auc', 'average_precision', 'brier', 'log_loss']
    >>> metric_names(pd.DataFrame(columns=["time", "event", "y_score"]), task="survival")
    ['concordance', 'uno_auc', 'integrated_brier']
    """
    binary = score_columns(predictions) == ["y_score"]
    return [name for name, known in METRICS.items() if known.task == task and (binary or not known.binary_only)]


def score_columns(predictions: pd.DataFrame) -> list[str]:
    """Return ``["y_score"]`` (two classes) or ``["y_score_0", "y_score_1", ...]``."""
    return [str(c) for c in predictions.columns if c == "y_score" or str(c).startswith("y_score_")]


def fold_scores(
    predictions: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    patient_id: pd.Series | None = None,
    task: Task = "classification",
) -> pd.DataFrame:
    """Score every model in every outer fold.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table, of cases or from `aggregate_to_patients`; survival: from
        `hybridrad.evaluation.survival_scores.with_censoring_weights`.
    splits : DataFrame
        The splits table the predictions were made on.
    metrics : sequence of str, optional
        Default: all that are defined for the number of classes.
    models : sequence of str, optional
        Models to score, also those without any prediction; default: those in ``predictions``.
    patient_id : Series, optional
        Index ``case_id``: patient of each case; default as found in ``predictions``.
    task : {"classification", "regression", "survival"}
        What the predictions are of.

    Returns
    -------
    DataFrame
        Index ``model, metric, repeat, fold``; columns ``value, n_train_patients, n_test_patients``. There is a row for
        every fold of ``splits``; the value is NaN where the model has no predictions or the metric is undefined. A
        metric of a repeat (calibration) has one row per repeat, with ``fold`` = -1.

    Raises
    ------
    ValueError
        Unknown metric, one that needs two classes, or a case of a fold that has no patient.

    Examples
    --------
    >>> from hybridrad.splits import make_splits
    >>> splits = make_splits([0, 0, 1, 1], list("abcd"), n_folds=2, repeats=1, random_state=0, case_id=list("wxyz"))
    >>> test = splits[splits["role"] == "test"]
    >>> table = pd.concat({"arm": test}, names=["model"]).drop(columns="role")
    >>> case = table.index.get_level_values("case_id")
    >>> table["patient_id"], table["y_true"] = case.map(dict(zip("wxyz", "abcd"))), (case > "x").astype(int)
    >>> table["y_score"] = table["y_true"] * 0.8
    >>> fold_scores(table, splits, metrics=["roc_auc"])["value"].tolist()
    [1.0, 1.0]
    """
    columns = score_columns(predictions)
    truth = ["event", "time"] if task == "survival" else ["y_true"]
    check_table(predictions, index=PREDICTION_INDEX, columns=["patient_id", *truth], name="predictions")
    if not columns:
        raise ValueError("predictions have no column y_score and none y_score_<class>.")
    known = metric_names(predictions, task=task)
    wanted = list(known if metrics is None else metrics)
    for name in wanted:
        check_choice(name, known, name="metric")
    sizes = fold_sizes(predictions, splits, patient_id=patient_id)
    rows: list[tuple[object, ...]] = []
    names = predictions.index.unique("model") if models is None else list(models)
    for model in names:
        of_model = predictions[predictions.index.get_level_values("model") == model]
        folds = dict(iter(of_model.groupby(level=["repeat", "fold"])))
        repeats = dict(iter(of_model.groupby(level="repeat")))
        for name in wanted:
            if METRICS[name].per_repeat:
                for repeat in sizes.index.unique("repeat"):
                    # A repeat with a failed fold does not hold all cases, so it has no value.
                    complete = all((repeat, fold) in folds for fold in sizes.loc[repeat].index)
                    value = _coefficient(name, repeats[repeat]) if complete else np.nan
                    n = sizes.loc[repeat]
                    rows.append((model, name, repeat, POOLED, value, n["n_train"].mean(), n["n_test"].sum()))
                continue
            for key, n_train, n_test in sizes.itertuples():
                value = _value(name, folds[key], columns) if key in folds else np.nan
                rows.append((model, name, *key, value, n_train, n_test))
    labels = ["model", "metric", "repeat", "fold", "value", "n_train_patients", "n_test_patients"]
    return pd.DataFrame(rows, columns=labels).set_index(labels[:4])


def fold_sizes(predictions: pd.DataFrame, splits: pd.DataFrame, *, patient_id: pd.Series | None = None) -> pd.DataFrame:
    """Return how many patients train and test each fold: index ``repeat, fold``, columns ``n_train, n_test``."""
    check_table(splits, index=["repeat", "fold", "case_id"], columns=["role"], name="splits")
    cases = splits.index.get_level_values("case_id")
    if patient_id is None and "n_cases" in predictions:
        # Rows are patients already and the cases' ids are gone: a patient not tested in a fold trains it.
        tested = predictions.groupby(level=["repeat", "fold"])["patient_id"].nunique()
        everybody = predictions["patient_id"].nunique()
        keys = splits.groupby(level=["repeat", "fold"]).size().index
        tested = tested.reindex(keys)
        return pd.DataFrame({"n_train": everybody - tested, "n_test": tested})
    if patient_id is None:
        of_case = predictions["patient_id"].astype(str).droplevel(["model", "repeat", "fold"])
        patient_id = of_case[~of_case.index.duplicated()]
    patient = patient_id.reindex(cases)
    if patient.isna().any():
        raise ValueError(f"case {cases[patient.isna().to_numpy()][0]!r} of the splits has no patient; pass patient_id.")
    frame = splits.assign(patient=patient.to_numpy())
    count = {role: part.groupby(level=["repeat", "fold"])["patient"].nunique() for role, part in frame.groupby("role")}
    return pd.DataFrame({"n_train": count["train"], "n_test": count["test"]})


def score_of(name: str, part: pd.DataFrame) -> float:
    """Return a metric of the predictions of one model on one test set; NaN where it is not defined.

    Examples
    --------
    >>> score_of("roc_auc", pd.DataFrame({"y_true": [0, 0, 1, 1], "y_score": [0.1, 0.4, 0.35, 0.8]}))
    0.75
    """
    return _value(name, part, score_columns(part))


def _value(name: str, part: pd.DataFrame, columns: list[str]) -> float:
    if name in SURVIVAL_SCORES:
        return SURVIVAL_SCORES[name](part)
    if name in _VALUES:
        return _VALUES[name](part["y_true"], part["y_score"])
    y = part["y_true"].to_numpy()
    score = part["y_score"].to_numpy() if columns == ["y_score"] else part[columns].to_numpy()
    if name in ("sensitivity", "specificity"):
        threshold = float(part["threshold"].iloc[0]) if "threshold" in part else np.nan
        return (sensitivity if name == "sensitivity" else specificity)(y, score, threshold)
    return {"roc_auc": roc_auc, "average_precision": average_precision, "brier": brier, "log_loss": log_loss}[name](
        y, score
    )


def _coefficient(name: str, of_repeat: pd.DataFrame) -> float:
    if name.startswith("linear_"):
        line = linear_calibration(of_repeat["y_true"], of_repeat["y_score"])
        return line.slope if name == "linear_slope" else line.intercept
    fitted = calibration(of_repeat["y_true"], of_repeat["y_score"])
    return fitted.slope if name == "calibration_slope" else fitted.intercept


def _one_against_rest(binary: Callable[[NDArray, NDArray], float], y_true: ArrayLike, y_score: ArrayLike) -> float:
    y, score = np.asarray(y_true), np.asarray(y_score, dtype=float)
    classes = [1] if score.ndim == 1 else list(range(score.shape[1]))
    values = []
    for k in classes:
        is_class = y == k
        if is_class.all() or not is_class.any():
            return np.nan
        values.append(binary(is_class.astype(int), score if score.ndim == 1 else score[:, k]))
    return float(np.mean(values))


def _binary_auc(y: NDArray, score: NDArray) -> float:
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = stats.rankdata(score)
    return float((ranks[positive].sum() - m * (m + 1) / 2.0) / (m * n))
