"""Models against readers: a column of graded readings of the same cases, such as BI-RADS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hybridrad._checks import check_table, did_you_mean
from hybridrad.comparison.held_out import paired_on_test_set, paired_over_sites
from hybridrad.comparison.paired import comparison_table
from hybridrad.errors import RunError
from hybridrad.evaluation.curves import roc_points
from hybridrad.evaluation.metrics import fold_scores, score_columns
from hybridrad.evaluation.patient_bootstrap import bootstrap_interval

PREDICTION_INDEX = ["model", "repeat", "fold", "case_id"]


def graded(readings: pd.Series, order: Sequence[Any] | None = None) -> pd.Series:
    """Return readings as grades 0, 1, ... from the least to the most suspicious.

    Parameters
    ----------
    readings : Series
        Index ``case_id``.
    order : sequence, optional
        The readings from least to most suspicious, e.g. ``["2", "3", "4A", "4B", "4C", "5"]``; numbers need none.

    Raises
    ------
    RunError
        A reading is missing, or is not in ``order``; readings are text and no order is given.

    Examples
    --------
    >>> graded(pd.Series({"a": "4A", "b": "2", "c": "5"}), ["2", "3", "4A", "5"]).tolist()
    [2, 0, 3]
    """
    if readings.isna().any():
        raise RunError(
            f"{int(readings.isna().sum())} cases have no reading (first: {readings.index[readings.isna()][0]}).",
            hint="Compare on the cases that were read: model and reader must see the same ones.",
        )
    if order is None:
        numbers = pd.to_numeric(readings, errors="coerce")
        if numbers.isna().any():
            raise RunError(
                f"readings such as {readings[numbers.isna()].iloc[0]!r} need an order, least suspicious first."
            )
        levels = sorted(numbers.unique())
        return numbers.map({level: i for i, level in enumerate(levels)}).astype(int)
    position = {str(level): i for i, level in enumerate(order)}
    unknown = sorted(set(readings.astype(str)) - set(position))
    if unknown:
        raise RunError(f"the reading {unknown[0]!r} is not in the order given.{did_you_mean(unknown[0], position)}")
    return readings.astype(str).map(position).astype(int)


def reader_predictions(
    predictions: pd.DataFrame, readings: pd.Series, *, name: str = "reader", order: Sequence[Any] | None = None
) -> pd.DataFrame:
    """Return the predictions table with the reader as one more arm, in every fold on the same cases.

    ``y_score`` of the reader are grades between 0 and 1. They rank cases and are no probabilities: areas mean
    something, Brier score and calibration do not.

    Parameters
    ----------
    predictions : DataFrame
        Two-class predictions of cases.
    readings : Series
        Index ``case_id``; a reading for every case predicted.
    name : str
    order : sequence, optional
        See `graded`.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], ["x", "y"]], names=PREDICTION_INDEX)
    >>> table = pd.DataFrame({"patient_id": ["x", "y"], "y_true": [0, 1], "y_score": [0.2, 0.8]}, index=index)
    >>> reader_predictions(table, pd.Series({"x": 2, "y": 5})).loc["reader", "y_score"].tolist()
    [0.0, 1.0]
    """
    check_table(predictions, index=PREDICTION_INDEX, columns=["patient_id", "y_true"], name="predictions")
    if score_columns(predictions) != ["y_score"]:
        raise ValueError("readings are compared with two-class predictions.")
    if name in predictions.index.unique("model"):
        raise ValueError(f"there is an arm {name!r} already; give the reader another name.")
    # One arm's rows per fold carry the cases; where an arm failed, another may have them.
    rows = predictions.reset_index().drop_duplicates(["repeat", "fold", "case_id"]).assign(model=name)
    absent = sorted(set(rows["case_id"]) - set(readings.index))
    if absent:
        raise RunError(f"{len(absent)} predicted cases have no reading (first: {absent[0]}).")
    grades = graded(readings.loc[sorted(set(rows["case_id"]))], order)
    highest = max(int(grades.max()), 1) if order is None else max(len(order) - 1, 1)
    rows["y_score"] = rows["case_id"].map(grades).to_numpy(dtype=float) / highest
    if "threshold" in rows:
        rows["threshold"] = np.nan
    return pd.concat([predictions, rows.set_index(PREDICTION_INDEX)[list(predictions.columns)]])


def reader_comparison(
    predictions: pd.DataFrame,
    splits: pd.DataFrame,
    readings: pd.Series,
    *,
    name: str = "reader",
    order: Sequence[Any] | None = None,
    margin: float = 0.05,
) -> pd.DataFrame:
    """Return the comparisons of every model with the reader in AUC, paired on the same cases.

    Folds: the corrected test over the folds, as between models; the reader was not trained, so it is on the safe side.
    One test set: DeLong, clustered by patient. Sites: random effects of the differences at each. All exploratory.

    With a few grades the reader's curve has a few corners, joined by straight lines: its area is smaller than that of
    the same judgement on a fine scale, and a model gains by that alone. Read `at_reader_points` beside it.

    Parameters
    ----------
    predictions, splits : DataFrame
        Of a study.
    readings, name, order
        See `reader_predictions`.
    margin : float, default 0.05
        For the verdicts.

    Returns
    -------
    DataFrame
        The columns of the comparisons table; ``baseline`` is the reader.

    Examples
    --------
    >>> from hybridrad.evaluation.nested import NestedCV
    >>> ids, y = [f"c{i:02d}" for i in range(40)], np.arange(40) % 2
    >>> splits = NestedCV(outer=4, repeats=1).splits(y, ids, ids)
    >>> test = pd.concat({"a": splits[splits["role"] == "test"].drop(columns="role")}, names=["model"])
    >>> row = pd.Index(ids).get_indexer(test.index.get_level_values("case_id"))
    >>> table = test.assign(patient_id=test.index.get_level_values("case_id"), y_true=y[row])
    >>> table["y_score"] = np.random.default_rng(0).uniform(size=40)
    >>> readings = pd.Series(y + np.arange(40) % 3, index=ids)
    >>> bool(reader_comparison(table, splits, readings).loc[("a", "reader", "roc_auc"), "difference"] < 0)
    True
    """
    both = reader_predictions(predictions, readings, name=name, order=order)
    kind = splits.attrs.get("kind", "folds")
    pairs = [(str(model), name) for model in predictions.index.unique("model")]
    if kind == "folds":
        return comparison_table(fold_scores(both, splits, metrics=["roc_auc"]), pairs=pairs, margin=margin)
    paired = paired_on_test_set(both) if kind == "split" else paired_over_sites(both, splits.attrs["names"])
    # Only the names of arms and metric are read of it: the test of the design compares predictions.
    index = pd.MultiIndex.from_product([[name], ["roc_auc"], [0], [0]], names=["model", "metric", "repeat", "fold"])
    return comparison_table(pd.DataFrame({"value": np.nan}, index), pairs=pairs, margin=margin, paired=paired)


def at_reader_points(
    y_true: ArrayLike,
    y_score: ArrayLike,
    grades: ArrayLike,
    groups: ArrayLike,
    *,
    n_draws: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Compare a model with the reader at each operating point of the reader, on one set of cases.

    At each grade the reader's calls (this grade or more) have a sensitivity and a specificity. The model is read off
    its ROC curve at the same sensitivity, and at the same specificity. Its threshold there is chosen on these very
    cases, so this compares curves; it is no promise about a threshold fixed beforehand. Scores pooled over the folds of
    a cross-validation come from several models, which lowers the curve: a loss of the model may be due to that.

    Parameters
    ----------
    y_true, y_score : arrays of shape (n_cases,)
        Of one test set, or of one repeat.
    grades : int array of shape (n_cases,)
        See `graded`.
    groups : array of shape (n_cases,)
        Patient of each case.
    n_draws : int, default 1000
        Bootstrap draws of patients for the intervals (percentile).
    random_state : int, default 0

    Returns
    -------
    DataFrame
        Index ``grade`` (called positive at this or more); columns ``sensitivity, specificity`` of the reader,
        ``model_specificity`` at that sensitivity with ``specificity_gain, specificity_low, specificity_high``, and
        ``model_sensitivity`` at that specificity with ``sensitivity_gain, sensitivity_low, sensitivity_high``.

    Examples
    --------
    >>> y, score = [0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.6, 0.5, 0.8, 0.9]
    >>> table = at_reader_points(y, score, [0, 1, 1, 1, 0, 2], range(6), n_draws=50)
    >>> table.loc[1, ["sensitivity", "specificity", "model_specificity"]].round(2).tolist()
    [0.67, 0.33, 1.0]
    """
    y, score, grade = np.asarray(y_true), np.asarray(y_score, dtype=float), np.asarray(grades)
    rows = {}
    for cut in np.unique(grade)[1:]:
        at = _at_point(y, score, grade >= cut)
        row = {"sensitivity": at[0], "specificity": at[1]}
        for which, of_model in (("specificity", at[2]), ("sensitivity", at[3])):
            gain = partial(_gain, y=y, score=score, called=grade >= cut, which=which)
            found = bootstrap_interval(gain, groups, method="percentile", n_draws=n_draws, random_state=random_state)
            row |= {f"model_{which}": of_model, f"{which}_gain": found.value}
            row |= {f"{which}_low": found.low, f"{which}_high": found.high}
        rows[cut] = row
    return pd.DataFrame(rows).T.rename_axis("grade")


def _gain(rows: np.ndarray, *, y: np.ndarray, score: np.ndarray, called: np.ndarray, which: str) -> float:
    """Return what the model has more than the reader among these cases."""
    sensitivity, specificity, model_specificity, model_sensitivity = _at_point(y[rows], score[rows], called[rows])
    return model_specificity - specificity if which == "specificity" else model_sensitivity - sensitivity


def _at_point(y: np.ndarray, score: np.ndarray, called: np.ndarray) -> tuple[float, float, float, float]:
    """Return the reader's sensitivity and specificity, and what the model has at the same of either; NaN: one class."""
    positive = y == 1
    if positive.all() or not positive.any():
        return np.nan, np.nan, np.nan, np.nan
    sensitivity, specificity = float(called[positive].mean()), float((~called[~positive]).mean())
    fpr, tpr = roc_points(y, score)
    # Smallest false positive rate that reaches the sensitivity, largest sensitivity within the false positive rate.
    model_specificity = 1.0 - float(fpr[np.flatnonzero(tpr >= sensitivity - 1e-12)[0]])
    model_sensitivity = float(tpr[np.flatnonzero(fpr <= 1.0 - specificity + 1e-12)[-1]])
    return sensitivity, specificity, model_specificity, model_sensitivity
