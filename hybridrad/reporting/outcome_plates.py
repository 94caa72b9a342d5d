"""Figures of values and of survival with their captions, and what is said beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.evaluation.survival_metrics import over_horizons
from hybridrad.evaluation.survival_scores import KAPLAN_MEIER, horizon_text, main_horizon
from hybridrad.reporting.arms import Arm
from hybridrad.reporting.curve_plates import leading_arms
from hybridrad.reporting.message import score_row
from hybridrad.reporting.plates import Draft, Plate
from hybridrad.reporting.survival_panels import (
    CALIBRATION_GROUPS,
    risk_groups_by_arm,
    scores_over_time,
    survival_calibration_by_arm,
)
from hybridrad.reporting.text import count, decimals_of, estimate, is_number, metric_name, metric_word, number
from hybridrad.reporting.value_panels import residuals_by_arm, values_by_arm

if TYPE_CHECKING:
    from hybridrad.study import Comparison

CALIBRATION_ARMS = 6


def outcome_plates(
    study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm], draw: Callable[..., Plate | None]
) -> list[Plate]:
    """Return the figures of a study of values or of survival; none for classes, which have figures of their own."""
    if predictions.empty:
        return []
    drawn: list[Plate | None] = []
    if task_of_study(study) == "survival":
        drawn = [
            draw("risk_groups", risk_groups_plate, study, predictions, arms),
            draw("scores_over_time", over_time_plate, study, arms),
            draw("survival_calibration", survival_calibration_plate, study, predictions, arms),
        ]
    elif task_of_study(study) == "regression":
        drawn = [
            draw("predicted_observed", values_plate, study, predictions, arms),
            draw("residuals", residuals_plate, study, predictions, arms),
        ]
    return [plate for plate in drawn if plate is not None]


def task_of_study(study: Comparison) -> str:
    """Return the task of a study; one that does not say is of classes."""
    return str(study.settings.get("task") or "classification")


def risk_groups_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft:
    """Return Kaplan-Meier curves of the thirds of the out-of-fold risk for a few arms."""
    shown = leading_arms(arms)
    notes = {a.name: _note(study, a, "concordance", "C") for a in shown}
    who = "patients" if study.settings.get("unit") == "patient" else "cases"
    caption = (
        f"Kaplan–Meier curves of the {who} in the lowest, middle and highest third of the predicted risk, with 95 % "
        "bands and numbers at risk. Thirds are made within each test fold, because risks of different folds have "
        "different zeros; the folds of the first repeat are shown together. C: concordance with its 95 % interval."
    )
    return Draft(lambda: risk_groups_by_arm(predictions, shown, notes=notes), caption, "Survival of thirds of risk.")


def over_time_plate(study: Comparison, arms: Sequence[Arm]) -> Draft | None:
    """Return AUC and Brier score over time."""
    if study.horizons.empty:
        return None
    shown, main = leading_arms(arms), main_horizon(study.settings["horizons"])
    caption = (
        "Time-dependent AUC (events until a time against those still without) and Brier score, weighted for censoring; "
        "means over folds, the band is the 95 % interval of the default fused model. Dashed grey: the Kaplan–Meier "
        "curve of the training part, which knows no feature. Vertical line: the horizon of the AUC in the table, "
        f"{horizon_text(main)}. All numbers are in horizons.csv."
    )
    table = study.horizons
    return Draft(lambda: scores_over_time(table, shown, main=main), caption, "AUC and Brier score over time.")


def survival_calibration_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft | None:
    """Return observed against predicted survival at the main horizon."""
    horizons = study.settings.get("horizons") or []
    if not horizons:
        return None
    main = main_horizon(horizons)
    shown = list(arms) if len(arms) <= CALIBRATION_ARMS else leading_arms(arms)
    words = {4: "quarters"}.get(CALIBRATION_GROUPS, f"{CALIBRATION_GROUPS} groups")
    caption = (
        f"Calibration at time {horizon_text(main)}, out of fold: survival observed by Kaplan and Meier in {words} of "
        "the cases ordered by predicted survival; bold with 95 % intervals for the first repeat, light for the others."
    )
    return Draft(
        lambda: survival_calibration_by_arm(predictions, shown, horizon=main), caption, "Calibration of survival."
    )


def values_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft:
    """Return observed against predicted values."""
    notes = {a.name: _note(study, a, "r2", "R²") for a in arms}
    caption = (
        "Observed against predicted values, out of fold. Dots: the cases of the first repeat; lines: observed on "
        "predicted by least squares, bold for the first repeat, light for the others; grey: perfect agreement. R² is "
        "the mean over folds with its 95 % interval."
    )
    return Draft(lambda: values_by_arm(predictions, arms, notes=notes), caption, "Observed against predicted values.")


def residuals_plate(study: Comparison, predictions: pd.DataFrame, arms: Sequence[Arm]) -> Draft:
    """Return what is left over, with limits of agreement."""
    caption = (
        "Observed minus predicted against predicted values, out of fold, first repeat. Line: the mean; dashed: the "
        "limits that hold 95 % of normal differences; the numbers are mean and limits."
    )
    return Draft(lambda: residuals_by_arm(predictions, arms), caption, "Residuals of every model.")


def beside_scores(study: Comparison) -> list[str]:
    """Return the sentences that the table of scores needs."""
    if task_of_study(study) == "regression":
        return [
            "R² compares the predictions with the mean of the test cases themselves, which no model knew: predicting "
            "the training mean gives a little less than 0."
        ]
    if task_of_study(study) != "survival":
        return []
    horizons: list[Any] = list(study.settings.get("horizons") or [])
    words = [
        f"{metric_name('concordance')} is Harrell's; 0.5 is chance. {metric_name('uno_auc')} is that at time "
        f"{horizon_text(main_horizon(horizons))}; {metric_word('integrated_brier')} is the mean over the times "
        f"{horizon_text(horizons[0])} to {horizon_text(horizons[-1])}."
    ]
    reference = [study.horizons["value"].get((KAPLAN_MEIER, "brier", horizon_text(t)), float("nan")) for t in horizons]
    if all(is_number(v) for v in reference):
        words.append(
            "The Kaplan–Meier curve of each training part, which knows no feature, has an integrated Brier score of "
            f"{number(over_horizons(horizons, reference), decimals_of('integrated_brier'))}."
        )
    return words


def outcome_sentences(study: Comparison) -> list[str]:
    """Return what the procedure says of the task."""
    if task_of_study(study) == "survival":
        return [
            "Scores over time are weighted by the inverse probability of censoring, estimated by Kaplan and Meier from "
            "all cases of the study; censoring is taken to be independent of the outcome and of what the models see. "
            f"Survival is predicted at {count(len(study.settings.get('horizons') or []), 'time')} fixed before the "
            "first fit: those that were declared, else the deciles of the times of the events."
        ]
    if task_of_study(study) == "regression":
        return ["Calibration slope and intercept are those of the least-squares line of observed on predicted values."]
    return []


def _note(study: Comparison, arm: Arm, metric: str, word: str) -> str:
    row = score_row(study, arm, metric)
    if row is None or not is_number(row["value"]):
        return ""
    return f"{word} {estimate(row['value'], row['low'], row['high'], 2)}"
