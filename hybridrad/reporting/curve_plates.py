"""Figures of ROC and calibration curves with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from hybridrad.reporting.arms import Arm
from hybridrad.reporting.curves import SMALL_CLASS, smaller_class
from hybridrad.reporting.design import design_words
from hybridrad.reporting.message import score_row
from hybridrad.reporting.panels import calibration_by_arm, decision_curves, roc_by_arm, roc_by_class
from hybridrad.reporting.plates import Draft
from hybridrad.reporting.text import count, decimals_of, interval, is_number, listing, number

if TYPE_CHECKING:
    from hybridrad.study import Comparison

CURVES_PER_PANEL = 5


def roc_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft | None:
    """Return ROC curves, a panel per arm."""
    if predictions.empty:
        return None
    notes = {a.name: _panel_note(study, a, "roc_auc", "AUC") for a in arms}
    baseline = next((a.name for a in arms if a.is_baseline), None)
    grey = f" Dashed grey: the mean curve of the baseline, {baseline}." if baseline else ""
    caption = (
        f"ROC curves{_unit_words(study, predictions)}. Light: one curve for each of {_repeats(predictions)}, from "
        "the out-of-fold predictions of all its "
        f"folds; bold: their mean at fixed false positive fractions.{grey} The number in a panel is "
        f"{design_words(study.settings).panel} with its 95 % interval, not the area under the drawn curve."
    )
    return Draft(lambda: roc_by_arm(predictions, arms, notes=notes), caption, "ROC curves of every model.")


def roc_classes_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft | None:
    """Return ROC curves of each class against the rest for a few arms."""
    if predictions.empty:
        return None
    shown = leading_arms(arms)
    classes = [str(c) for c in study.settings.get("classes") or []]
    names = listing([a.name for a in shown])
    caption = f"ROC curves of each class against all others, mean over {_repeats(predictions)}, for {names}."
    return Draft(lambda: roc_by_class(predictions, shown, classes=classes), caption, "ROC curves of each class.")


def calibration_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft | None:
    """Return calibration curves, a panel per arm."""
    if predictions.empty:
        return None
    notes = {a.name: _panel_note(study, a, "calibration_slope", "slope") for a in arms}
    cases = predictions.groupby("case_id")["y_true"].first().dropna().to_numpy(dtype=int)
    smallest = smaller_class(cases)
    warning = f" With {smallest} in the smaller class these curves are unstable." if smallest < SMALL_CLASS else ""
    caption = (
        f"Calibration{_unit_words(study, predictions)}, out of fold: observed fraction in "
        f"{'tenths' if smallest >= SMALL_CLASS else 'fifths'} of the cases "
        f"ordered by predicted probability, light for each of {_repeats(predictions)}, bold for their mean. Grey bars: "
        "where the predictions of the first repeat lie. The number is the calibration slope with its 95 % "
        f"interval.{warning}"
    )
    return Draft(
        lambda: calibration_by_arm(predictions, arms, notes=notes), caption, "Calibration curves of every model."
    )


def decision_plate(study: Comparison, curves: pd.DataFrame, arms: Sequence[Arm]) -> Draft | None:
    """Return decision curves of a few arms, with what treating everybody or nobody is worth."""
    if curves.empty:
        return None
    shown = leading_arms(arms)
    caption = (
        "Decision curves: net benefit of acting on every predicted probability at or above a threshold, in true "
        f"positives per {study.settings.get('unit') or 'case'}; false positives are weighted by the odds of the "
        "threshold, which is the probability from which on one would act. Mean over the repeats, each from the "
        "predictions of all its folds. Grey: acting on everybody, and on nobody, which is zero; a model is worth using "
        "where it lies above both, and loses by probabilities that are not calibrated. All models are in "
        "net_benefit.csv."
    )
    return Draft(lambda: decision_curves(curves, shown), caption, "Decision curves of a few models.")


def leading_arms(arms: Sequence[Arm]) -> list[Arm]:
    """Return the few arms that share a panel: the default fused one, the baseline and the first singles."""
    chosen = [a for a in arms if a.is_default_fused or a.is_baseline]
    chosen += [a for a in arms if a not in chosen and a.role == "single"]
    chosen += [a for a in arms if a not in chosen]
    return [a for a in arms if a in chosen[:CURVES_PER_PANEL]]


def curve_predictions(study: Comparison) -> pd.DataFrame:
    """Return the predictions that curves are drawn from: of cases, or of patients where these are scored.

    The rule "largest" needs sizes, which are not stored with a study: there the curves are those of the cases.
    """
    from hybridrad.evaluation.patients import aggregate_to_patients

    s, table = study.settings, study.predictions
    if s.get("unit") != "patient" or s.get("aggregate") not in ("mean", "max") or table.empty or "n_cases" in table:
        return table
    return aggregate_to_patients(table, s["aggregate"])


def _panel_note(study: Comparison, arm: Arm, metric: str, word: str) -> str:
    row = score_row(study, arm, metric)
    if row is None or not is_number(row["value"]):
        return ""
    digits = decimals_of(metric)
    return f"{word} {number(row['value'], digits)}\n({interval(row['low'], row['high'], digits)})"


def _unit_words(study: Comparison, predictions: pd.DataFrame) -> str:
    if study.settings.get("unit") != "patient":
        return ""
    return " of patients" if "n_cases" in predictions else " of cases, though patients are scored: sizes are not stored"


def _repeats(predictions: pd.DataFrame) -> str:
    return count(predictions.index.get_level_values("repeat").nunique(), "repeat")
