"""Options of what is scored and how: cases or patients, and the operating point."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from hybridrad.errors import RunError


class Unit(StrEnum):
    """What is scored."""

    case = "case"
    patient = "patient"


class PatientRuleName(StrEnum):
    """How the scores of a patient's cases become one."""

    mean = "mean"
    max = "max"
    largest = "largest"


class ThresholdRule(StrEnum):
    """How the operating point is chosen."""

    sensitivity = "sensitivity"
    youden = "youden"


@dataclass(frozen=True)
class ScoringOptions:
    """What is scored and how."""

    unit: Annotated[Unit, typer.Option("--unit", help="What is scored: case or patient.")] = Unit.case
    patient_rule: Annotated[
        PatientRuleName | None,
        typer.Option("--patient-rule", help="--unit patient: mean (default) or max of the cases, or the largest case."),
    ] = None
    threshold_rule: Annotated[
        ThresholdRule,
        typer.Option("--threshold-rule", help="Of sensitivity and specificity, on inner folds: sensitivity or youden."),
    ] = ThresholdRule.sensitivity
    target_sensitivity: Annotated[
        float | None,
        typer.Option("--target-sensitivity", metavar="S", help="--threshold-rule sensitivity: this one; default 0.9."),
    ] = None

    def check(self, *, n_classes: int, task: str) -> None:
        """Refuse options that would be without effect, or for another kind of outcome.

        Examples
        --------
        >>> ScoringOptions(patient_rule=PatientRuleName.max).check(n_classes=2, task="classification")
        Traceback (most recent call last):
        ...
        hybridrad.errors.RunError: --patient-rule is without effect where cases are scored. Add --unit patient.
        """
        by_youden = self.threshold_rule is ThresholdRule.youden
        if self.patient_rule is not None and self.unit is Unit.case:
            raise RunError("--patient-rule is without effect where cases are scored.", hint="Add --unit patient.")
        if self.target_sensitivity is not None and by_youden:
            raise RunError("--target-sensitivity is without effect with --threshold-rule youden.", hint="Give one.")
        if self.target_sensitivity is not None and not 0 < self.target_sensitivity <= 1:
            raise RunError(f"--target-sensitivity {self.target_sensitivity:g} does not lie above 0 and up to 1.")
        if (by_youden or self.target_sensitivity is not None) and (task != "classification" or n_classes != 2):
            raise RunError("thresholds are for two classes; leave --threshold-rule and --target-sensitivity out.")
        if self.patient_rule is PatientRuleName.max and task == "classification" and n_classes > 2:
            raise RunError("--patient-rule max is for two classes.", hint="Use mean or largest.")

    @property
    def sensitivity(self) -> float:
        """The sensitivity aimed at."""
        return 0.90 if self.target_sensitivity is None else self.target_sensitivity

    @property
    def rule(self) -> Any:
        """The patient rule by name."""
        return (self.patient_rule or PatientRuleName.mean).value

    def recipe(self) -> dict[str, Any]:
        """Return the options for the record of a run folder; rules are named where they are not the default ones.

        Examples
        --------
        >>> ScoringOptions().recipe()
        {'unit': 'case'}
        """
        further = {
            "patient_rule": None if self.rule == "mean" else self.rule,
            "threshold_rule": None if self.threshold_rule is ThresholdRule.sensitivity else self.threshold_rule.value,
            "target_sensitivity": None if self.sensitivity == 0.90 else self.sensitivity,
        }
        return {"unit": self.unit.value, **{name: value for name, value in further.items() if value is not None}}

    def sentence(self, *, n_classes: int, task: str) -> str:
        """Return what is scored and how, to be printed before the run.

        Examples
        --------
        >>> ScoringOptions(unit=Unit.patient, threshold_rule=ThresholdRule.youden).sentence(
        ...     n_classes=2, task="classification")
        "Scored by patient (rule: mean); thresholds from inner folds by Youden's index."
        """
        text = f"Scored by patient (rule: {self.rule})" if self.unit is Unit.patient else "Scored by case"
        if task == "classification" and n_classes == 2:
            by_youden = self.threshold_rule is ThresholdRule.youden
            how = "by Youden's index" if by_youden else f"at a sensitivity of {self.sensitivity:g}"
            text += f"; thresholds from inner folds {how}"
        return f"{text}."
