"""Checks of a study that fit its arms again: controls on its own folds, and permuted labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import check_choice
from hybridrad.evaluation.audit_controls import control_scores
from hybridrad.evaluation.audit_data import AuditData
from hybridrad.evaluation.audit_null_tests import NullTests
from hybridrad.evaluation.audit_run import out_of_fold
from hybridrad.evaluation.audit_table import UNJUDGED, Check
from hybridrad.evaluation.metrics import fold_scores
from hybridrad.evaluation.nested import NestedCV, evaluate
from hybridrad.evaluation.patients import aggregate_to_patients
from hybridrad.models.block_model import BlockModel
from hybridrad.study_audit_data import AuditedStudy
from hybridrad.study_cases import size_of

_CONTROLS = {"shuffled_voxels": "A_SHUFFLED_VOXELS", "background_only": "A_BACKGROUND_ONLY"}


def _fold_scores(seen: AuditedStudy, predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the AUC of one arm in every fold, of the unit that the study scores."""
    predictions = predictions[predictions.index.get_level_values("model") == model]
    rule = seen.study.settings.get("aggregate")
    if rule is not None and (rule != "largest" or seen.X is not None):
        size = size_of(seen.X) if rule == "largest" and seen.X is not None else None
        predictions = aggregate_to_patients(predictions, rule, size=size)
    table = fold_scores(predictions, seen.study.splits, metrics=["roc_auc"])  # of one model and one metric
    return table.droplevel(["model", "metric"])


def control_checks(
    seen: AuditedStudy, controls: Mapping[str, pd.DataFrame], *, n_jobs: int, say: Callable[[str], None]
) -> list[Check]:
    """Return the audited arm against size and against the same arm on control features, on the folds of the study."""
    for name in controls:
        check_choice(name, list(_CONTROLS), name="control")
    study, n_folds = seen.study, seen.study.settings["cv"]["folds_used"]
    real = _fold_scores(seen, study.predictions, seen.model)

    def against(code: str, model: str, estimator: Any, table: pd.DataFrame) -> Check:
        say(code)
        result = evaluate(
            {model: estimator}, table, seen.y, seen.groups, study.splits, **seen.fitting, threshold=None, n_jobs=n_jobs
        )
        return control_scores(real, _fold_scores(seen, result.predictions, model), code, n_folds=n_folds)

    checks: list[Check] = []
    if seen.model == "size":
        checks.append(Check("A_SIZE_ONLY", UNJUDGED, "the audited arm is size itself."))
    elif "size" in study.predictions.index.unique("model"):
        size = _fold_scores(seen, study.predictions, "size")
        checks.append(control_scores(real, size, "A_SIZE_ONLY", n_folds=n_folds))
    elif seen.X is not None and any(c.startswith("size__") for c in seen.X.columns):
        checks.append(against("A_SIZE_ONLY", "size", BlockModel("size"), seen.X))
    else:
        checks.append(Check("A_SIZE_ONLY", UNJUDGED, "there is no column of size.", "Extract with hybridrad."))
    for name, code in _CONTROLS.items():
        if name not in controls:
            hint = f'hr.extract_control(cohort, extractors, control="{name}", ...) makes the control features.'
            checks.append(Check(code, UNJUDGED, "no control features were given.", hint))
        elif seen.model not in seen.arms or seen.X is None:
            checks.append(Check(code, UNJUDGED, "the arm or the feature table of the study is not known."))
        else:
            checks.append(_with_control(seen, seen.X, code, controls[name], against))
    return checks


def _with_control(
    seen: AuditedStudy, X: pd.DataFrame, code: str, control: pd.DataFrame, against: Callable[..., Check]
) -> Check:
    lost = X.index.difference(control.index)
    if len(lost):
        message = f"{len(lost)} cases of the study have no control features, first {lost[0]}."
        return Check(code, UNJUDGED, message, "Compare and audit on the cases that both extractions have.")
    table = X.copy()
    for column in table.columns.intersection(control.columns):
        table[column] = control.loc[table.index, column]
    return against(code, seen.model, seen.arms[seen.model], table)


def permuted_checks(seen: AuditedStudy, permutations: int, *, n_jobs: int, random_state: int) -> list[Check]:
    """Return the checks that refit the audited arm on permuted labels, in one repeat."""
    X = seen.X
    if X is None or seen.model not in seen.arms:
        return [Check("A_LABEL_PERMUTATION", UNJUDGED, f"the arm {seen.model} is not known.", "Give it as models.")]
    cv = NestedCV(outer=seen.study.settings["cv"]["folds_used"], repeats=1, inner=seen.fitting["inner"])

    def run(X: pd.DataFrame, y: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        splits = cv.splits(y, groups, X.index, seen.fitting["random_state"])
        arm = {seen.model: seen.arms[seen.model]}
        result = evaluate(arm, X, y, groups, splits, **seen.fitting, threshold=None, n_jobs=n_jobs)
        table = result.predictions.reset_index(["model", "repeat", "fold"]).loc[X.index]
        scores = table[[c for c in table.columns if c.startswith("y_score")]].to_numpy()
        return (scores[:, 0] if scores.shape[1] == 1 else scores), table["fold"].to_numpy()

    data = AuditData.of(X, seen.y, seen.groups, None, None)
    real = out_of_fold(run, data.X, data.y, data.groups)
    return NullTests(run, data, real, 20, random_state, lambda code: None).labels(permutations)
