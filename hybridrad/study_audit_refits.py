"""Checks of a study that fit its arms again: controls on its own folds, and permuted labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import check_choice
from hybridrad.comparison.paired import paired_test
from hybridrad.errors import RunError
from hybridrad.evaluation.audit_controls import control_verdict
from hybridrad.evaluation.audit_null import null_runs
from hybridrad.evaluation.audit_null_tests import FEW_EXCHANGE, labels_check
from hybridrad.evaluation.audit_permutation import permutation_check
from hybridrad.evaluation.audit_run import OutOfFold, cell_auc
from hybridrad.evaluation.audit_surrogates import one_label_each, permuted_labels
from hybridrad.evaluation.audit_table import UNJUDGED, Check
from hybridrad.evaluation.metrics import fold_scores, score_columns
from hybridrad.evaluation.nested import NestedCV, evaluate
from hybridrad.models.block_model import BlockModel
from hybridrad.study_audit_data import AuditedStudy
from hybridrad.study_steps import scores_by_design

CONTROLS = {"shuffled_voxels": "A_SHUFFLED_VOXELS", "background_only": "A_BACKGROUND_ONLY"}
_CONTROL, _NEVER = "(control)", "(never tested)"


def control_checks(
    seen: AuditedStudy, controls: Mapping[str, pd.DataFrame], *, n_jobs: int, say: Callable[[str], None]
) -> list[Check]:
    """Return the audited arm against size and against the same arm on control features, on the folds of the study."""
    study = seen.study

    def against(code: str, model: str, estimator: Any, table: pd.DataFrame) -> Check:
        say(code)
        arm = {model: estimator}
        try:
            result = evaluate(
                arm, table, seen.y, seen.groups, study.splits, **seen.fitting, threshold=None, n_jobs=n_jobs
            )
        except RunError as err:
            return Check(code, UNJUDGED, f"the control could not be fitted: {err.message}")
        return _judged(seen, code, result.predictions, model)

    checks: list[Check] = []
    if seen.model == "size":
        checks.append(Check("A_SIZE_ONLY", UNJUDGED, "the audited arm is size itself."))
    elif "size" in study.predictions.index.unique("model"):
        checks.append(_judged(seen, "A_SIZE_ONLY", study.predictions, "size"))
    elif seen.X is not None and any(c.startswith("size__") for c in seen.X.columns):
        checks.append(against("A_SIZE_ONLY", "size", BlockModel("size"), seen.X))
    else:
        checks.append(Check("A_SIZE_ONLY", UNJUDGED, "there is no column of size.", "Extract with hybridrad."))
    for name, code in CONTROLS.items():
        if name not in controls:
            hint = f'hr.extract_control(cohort, extractors, control="{name}", ...) makes the control features.'
            checks.append(Check(code, UNJUDGED, "no control features were given.", hint))
        elif seen.model not in seen.arms or seen.X is None:
            checks.append(Check(code, UNJUDGED, "the arm or the feature table of the study is not known."))
        else:
            checks.append(_with_control(seen, seen.X, code, controls[name], against))
    return checks


def check_controls(controls: Mapping[str, pd.DataFrame]) -> None:
    """Raise ``ValueError`` where controls have a name that is none."""
    for name in controls:
        check_choice(name, list(CONTROLS), name="control")


def _judged(seen: AuditedStudy, code: str, predictions: pd.DataFrame, control: str) -> Check:
    """Return the audited arm against another one on the same folds, by the test of the study's design."""
    splits, found = seen.study.splits, []
    for table, name, as_name in ((seen.study.predictions, seen.model, seen.model), (predictions, control, _CONTROL)):
        part = table[table.index.get_level_values("model") == name]
        found.append(part.rename(index={name: as_name}, level="model"))
    scored = seen.as_scored(pd.concat(found))
    per_fold = fold_scores(scored, splits, metrics=["roc_auc"], patient_id=seen.patients)
    scores, paired = scores_by_design(per_fold, scored, splits)
    test, method = (paired or partial(paired_test, per_fold))(seen.model, _CONTROL, "roc_auc")
    value, low, high = (float(scores[c][(_CONTROL, "roc_auc")]) for c in ("value", "low", "high"))
    return control_verdict(
        code,
        float(scores["value"][(seen.model, "roc_auc")]),
        (value, low, high),
        (test.difference, test.low, test.high),
        method=method,
    )


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
    """Return the checks that refit the audited arm on permuted labels, in one repeat of the study's own design.

    Folds that the study dealt itself, stratified by the labels, are dealt anew for every labelling. Sites, a test part
    and folds made elsewhere stay as they are, and labels are exchanged within a site, a part, a fold.
    """
    X, y, groups = seen.X, seen.y, seen.groups
    if X is None or seen.model not in seen.arms:
        return [Check("A_LABEL_PERMUTATION", UNJUDGED, f"the arm {seen.model} is not known.", "Give it as models.")]
    cv = seen.study.settings["cv"]
    own = None
    if cv.get("kind", "folds") != "folds" or cv.get("design", "NestedCV") != "NestedCV":
        repeat = seen.study.splits.index.get_level_values("repeat")
        own = seen.study.splits[repeat == repeat.min()]
    strata = None if own is None else folds_tested_in(own, seen.patients).loc[X.index].to_numpy()
    by_patient, reached = one_label_each(y, groups), list[float]()

    def refitted(labels: np.ndarray, stratum: np.ndarray) -> tuple[float, float]:
        """Return the score of the study, and the AUC over pairs of cases whose labels could have been exchanged."""
        splits = own
        if splits is None:
            design = NestedCV(outer=cv["folds_used"], repeats=1, inner=seen.fitting["inner"])
            splits = design.splits(labels, groups, X.index, seen.fitting["random_state"])
        arm = {seen.model: seen.arms[seen.model]}
        result = evaluate(arm, X, labels, groups, splits, **seen.fitting, threshold=None, n_jobs=n_jobs)
        for row in result.failures.to_dict("records"):
            raise RunError(f"{seen.model} failed in fold {row['fold']}: {row['type']}: {row['message']}")
        scored = seen.as_scored(result.predictions)
        per_fold = fold_scores(scored, splits, metrics=["roc_auc"], patient_id=seen.patients)
        score = scores_by_design(per_fold, scored, splits)[0]["value"][(seen.model, "roc_auc")]
        return float(score), _within(result.predictions, X.index, labels, groups, stratum, by_patient=by_patient)

    def draw(rng: np.random.Generator) -> float:
        score, within = refitted(*permuted_labels(y, groups, rng, strata=strata))
        reached.append(score)
        return within

    stratum = permuted_labels(y, groups, np.random.default_rng(0), strata=strata)[1]
    tested = slice(None) if strata is None else strata != _NEVER
    if (stratum[tested] < 0).mean() > 0.5:
        return [Check(code, UNJUDGED, FEW_EXCHANGE) for code in ("A_NULL_LABELS", "A_LABEL_PERMUTATION")]
    try:
        observed, _ = refitted(y, stratum)
    except RunError as err:
        return [Check("A_LABEL_PERMUTATION", UNJUDGED, f"the arm could not be fitted again: {err.message}")]
    runs = null_runs(draw, n_runs=permutations, seed=(random_state, 0))
    return [labels_check(runs), permutation_check(observed, runs, reached)]


def folds_tested_in(splits: pd.DataFrame, patients: pd.Series) -> pd.Series:
    """Return for each case in which folds its patient is tested, as text, the same for all cases of a patient.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([(0, 0, "a"), (0, 0, "b"), (0, 1, "a")], names=["repeat", "fold", "case_id"])
    >>> splits = pd.DataFrame({"role": ["test", "train", "train"]}, index)
    >>> folds_tested_in(splits, pd.Series({"a": "p", "b": "q"})).to_dict()
    {'a': '0', 'b': '(never tested)'}
    """
    tested = splits[splits["role"] == "test"].reset_index()
    folds = tested.groupby(tested["case_id"].map(patients))["fold"].agg(lambda f: " ".join(map(str, sorted(set(f)))))
    return patients.map(folds).fillna(_NEVER)


def _within(
    predictions: pd.DataFrame,
    cases: pd.Index,
    y: np.ndarray,
    groups: np.ndarray,
    stratum: np.ndarray,
    *,
    by_patient: bool,
) -> float:
    rows = cases.get_indexer(predictions.index.get_level_values("case_id"))
    scores = predictions[score_columns(predictions)].to_numpy(dtype=float)
    out = OutOfFold(
        scores[:, 0] if scores.shape[1] == 1 else scores,
        predictions.index.get_level_values("fold").to_numpy().astype(np.intp),
    )
    return cell_auc(y[rows], out, groups[rows], by_patient=by_patient, stratum=stratum[rows])
