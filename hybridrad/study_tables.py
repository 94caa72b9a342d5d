"""From what the folds left behind to the tables of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad import record
from hybridrad._checks import FAILURE_COLUMNS, IMPORTANCE_COLUMNS, REGRET_COLUMNS, findings_table
from hybridrad.cohort import Cohort
from hybridrad.errors import Finding

if TYPE_CHECKING:
    from hybridrad.evaluation.result import EvaluationResult
    from hybridrad.features.assembly import ExtractionRun
    from hybridrad.study_cases import Roles
    from hybridrad.study_outcome import Outcome


def extras(result: EvaluationResult, name: str | None, key: str) -> list[Any]:
    """Return one thing that was read off an arm in every fold, where there was one."""
    values = (extra.get(key) for (arm, _, _), extra in result.extras.items() if arm == name and extra)
    return [v for v in values if v is not None]


def arms(models: Mapping[str, Any], roles: Roles, X: pd.DataFrame, result: EvaluationResult) -> dict[str, Any]:
    """Return what each arm was: role, blocks, number of features, seconds spent."""
    seconds = result.seconds.groupby(level="model")["seconds"].sum()
    columns = list(X.columns)
    return {
        name: {
            "n_features": record.n_columns(roles.described[name]["blocks"], columns) or len(columns),
            **roles.described[name],
            "seconds": round(float(seconds.get(name, 0.0)), 3),
            "is_default_fused": name == roles.fused_default,
            **_network_as_trained(roles.described[name], extras(result, name, "networks")),
        }
        for name in models
    }


def networks(roles: Roles) -> list[dict[str, Any]]:
    """Return the descriptions of the networks that the arms train, each with the ``name`` of its arm."""
    return [{"name": name, **network} for name, arm in roles.described.items() for network in record.networks_of(arm)]


def _network_as_trained(described: Mapping[str, Any], choices: list[dict[str, dict[str, int]]]) -> dict[str, Any]:
    """Return the description of an arm's network with the epochs and recipes chosen in each fold, in their order."""
    found = []
    for network in record.networks_of(described):
        of_folds = [choice for of_fold in choices if (choice := of_fold.get(network.get("member", "")))]
        told = {"chosen_epochs": [choice["epochs"] for choice in of_folds]}
        if "recipes" in network:
            told["chosen_recipes"] = [choice["recipe"] for choice in of_folds]
        found.append({**network, **told})
    return {"network": found if len(found) > 1 else found[0]} if found else {}


def what_went_wrong(
    run: ExtractionRun | None,
    result: EvaluationResult,
    cohort: Cohort,
    used: Cohort,
    *,
    notes: Sequence[Finding] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return failures and findings of extraction, of what else was noted before fitting, and of comparison together."""
    failures = run.failures if run is not None else _no_failures()
    lost = [c for c in cohort.table.index if c not in used.table.index]
    unexplained = [c for c in lost if c not in failures.index.get_level_values("case_id")]
    if unexplained:
        index = pd.MultiIndex.from_tuples([(c, "features") for c in unexplained], names=failures.index.names)
        row = ["E_FEATURES_MISSING", "The feature table has no row of this case.", "Extract it, or leave it out.", 0.0]
        missing = pd.DataFrame([row] * len(unexplained), index=index, columns=FAILURE_COLUMNS)
        failures = missing if failures.empty else pd.concat([failures, missing])
    findings = [] if run is None or run.findings.empty else [run.findings]
    # What the extraction said already, e.g. of the same weights, is not said twice.
    said = {
        pair
        for table in findings
        for pair in zip(table.index.get_level_values("case_id"), table["message"], strict=True)
    }
    notes = [note for note in notes if (note.case_id, note.message) not in said]
    findings += [findings_table(notes)] if notes else []
    fitting = _fitting_findings(result)
    if not fitting.empty:
        findings.append(fitting)
    return failures, pd.concat(findings) if findings else findings_table([])


def _no_failures() -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([[], []], names=["case_id", "stage"])
    return pd.DataFrame(columns=FAILURE_COLUMNS, index=index)


def _fitting_findings(result: EvaluationResult) -> pd.DataFrame:
    """Return what the arms said about themselves and what their code warned about: a line each, with its count."""
    from hybridrad.evaluation.labels_seen import LabelsSeenWarning

    counts: dict[tuple[str, str, str], int] = {}
    for (name, _, _), extra in result.extras.items():
        for text in (extra or {}).get("findings", []):
            # The numbers in it differ from fold to fold; the first stands for all.
            key = (name, "N_FIT_DEPARTURE", text.split("(")[0].strip())
            counts[key] = counts.get(key, 0) + 1
    for row in result.failures.to_dict("records"):
        # Without a threshold or an explanation an arm is still scored; without predictions it is not.
        code = "E_ARM_FAILED" if row["stage"] in ("fit", "predict") else "W_FIT_WARNING"
        key = (str(row["model"]), code, f"{row['stage']}: {row['type']}: {row['message']}")
        counts[key] = counts.get(key, 0) + 1
    for row in result.warnings.to_dict("records"):
        key = (str(row["model"]), "W_FIT_WARNING", f"{row['type']}: {row['message']}")
        if row["type"] == LabelsSeenWarning.__name__:
            key = (str(row["model"]), "W_LABELS_SEEN", str(row["message"]))
        counts[key] = counts.get(key, 0) + 1
    return findings_table(
        Finding("(study)", code, stage=name, message=f"{name}, in {n} folds: {text}")
        for (name, code, text), n in counts.items()
    )


def score_tables(
    result: EvaluationResult,
    splits: pd.DataFrame,
    roles: Roles,
    unit: str,
    aggregate: Any,
    size: pd.Series | None,
    margin: float,
    patient_id: pd.Series,
    outcome: Outcome,
) -> dict[str, pd.DataFrame]:
    """Return scores, comparisons, regret, sites, horizons, complementarity; from predictions of cases or patients."""
    from hybridrad.comparison.held_out import paired_on_test_set, paired_over_sites
    from hybridrad.comparison.paired import comparison_table
    from hybridrad.comparison.regret import regret_table
    from hybridrad.evaluation.intervals import score_table
    from hybridrad.evaluation.metrics import fold_scores, metric_names
    from hybridrad.evaluation.patients import aggregate_to_patients
    from hybridrad.evaluation.set_scores import set_score_table
    from hybridrad.evaluation.site_scores import scores_of_sites, site_table

    scored = result.predictions
    if unit == "patient":
        scored = aggregate_to_patients(scored, aggregate, size=size)
    horizons = no_horizons()
    if outcome.task == "survival":
        scored, horizons = _over_time(scored, splits, outcome.table, patient_id, unit, list(roles.described))
    primary, metrics = outcome.primary_metric, metric_names(scored, task=outcome.task)
    # All arms, also one that failed everywhere: it must not drop out of the family or of the regret in silence.
    arms = list(roles.described)
    singles, fused, default = roles.singles, roles.fused, roles.fused_default
    picks, unselected = _picks(result, singles, splits)
    per_fold = fold_scores(scored, splits, models=arms, patient_id=patient_id, task=outcome.task)
    kind, sites, paired = splits.attrs.get("kind", "folds"), no_sites(), None
    if kind == "site":
        names = splits.attrs["names"]
        sites = site_table(scored, names, models=arms, metrics=metrics)
        scores = scores_of_sites(sites)
        paired = paired_over_sites(_with_picks(scored, picks), names)
    elif kind == "split":
        scores = set_score_table(scored, models=arms, metrics=metrics)
        paired = paired_on_test_set(_with_picks(scored, picks))
    else:
        scores = score_table(per_fold, scored)
    family = [(default, single) for single in singles] if default is not None else []
    pairs = [(name, roles.baseline) for name in roles.described if name != roles.baseline]
    pairs += [(f, single) for f in fused for single in singles]
    regret = _no_regret()
    if fused and singles:
        regret = regret_table(
            per_fold,
            fused=fused,
            singles=singles,
            selected=picks,
            unselected=unselected,
            metric=primary,
            paired=paired,
        )
    return {
        "scores": scores,
        "comparisons": comparison_table(
            per_fold, pairs=pairs, family=family, primary_metric=primary, margin=margin, paired=paired
        ),
        "regret": regret,
        "sites": sites,
        "horizons": horizons,
        "complementarity": _complementarity(scored, singles)
        if outcome.task == "classification"
        else no_complementarity(),
    }


def _complementarity(scored: pd.DataFrame, singles: list[str]) -> pd.DataFrame:
    from hybridrad.comparison.complementarity import complementarity_table

    predicted = [name for name in singles if name in scored.index.unique("model")]
    return complementarity_table(scored, models=predicted) if len(predicted) > 1 else no_complementarity()


def no_complementarity() -> pd.DataFrame:
    """Return the empty table of a study with fewer than two single arms, or without classes."""
    from hybridrad.comparison.complementarity import COLUMNS

    return pd.DataFrame(columns=COLUMNS, index=pd.MultiIndex.from_arrays([[], []], names=["model", "other"]))


def case_table(patient_id: pd.Series, outcome: Outcome) -> pd.DataFrame:
    """Return patient and outcome of every case used, also of those that are never tested.

    Columns ``patient_id`` and ``y_true``, or ``event, time``, as in the predictions table.
    """
    from hybridrad.evaluation.task_predictions import truth_columns

    known = pd.DataFrame({"patient_id": patient_id, **truth_columns(outcome.y, task=outcome.task)})
    return known.rename_axis("case_id")


def no_cases() -> pd.DataFrame:
    """Return the empty table of a study that was stored before it had one."""
    return pd.DataFrame(columns=["patient_id"], index=pd.Index([], name="case_id"))


def study_mark(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a study from another one, of its settings: its data and its splits."""
    return {
        "data_sha256": settings.get("data_sha256"),
        "splits_sha256": (settings.get("cv") or {}).get("splits_sha256"),
    }


def _over_time(
    scored: pd.DataFrame,
    splits: pd.DataFrame,
    outcome: pd.DataFrame,
    patient_id: pd.Series,
    unit: str,
    arms: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return survival predictions with the weights of censoring, and the scores at each horizon."""
    from hybridrad.evaluation.horizon_scores import horizon_table
    from hybridrad.evaluation.survival_scores import with_censoring_weights

    if unit == "patient":  # one row, and one weight, for each patient
        first = ~patient_id.duplicated()
        outcome = outcome[first.reindex(outcome.index)]
        splits = splits[splits.index.get_level_values("case_id").isin(outcome.index)]
    weighted = with_censoring_weights(scored, outcome)
    intervals = splits.attrs.get("kind", "folds") == "folds"
    return weighted, horizon_table(weighted, splits, outcome, models=arms, patient_id=patient_id, intervals=intervals)


def no_horizons() -> pd.DataFrame:
    """Return the empty table of scores over time of a study that is not of survival."""
    index = pd.MultiIndex.from_arrays([[], [], []], names=["model", "metric", "horizon"])
    return pd.DataFrame(columns=["value", "low", "high", "method"], index=index)


def no_sites() -> pd.DataFrame:
    """Return the empty site table of a study that left no sites out."""
    index = pd.MultiIndex.from_arrays([[], [], []], names=["model", "metric", "site"])
    columns = ["value", "low", "high", "n_patients", "n_cases", "method", "tau", "i2"]
    return pd.DataFrame(columns=columns, index=index)


def _with_picks(scored: pd.DataFrame, picks: pd.Series | None) -> pd.DataFrame:
    """Return predictions with one more arm: in each fold that of the single arm the inner folds picked there."""
    from hybridrad.comparison.regret import SELECTED

    if picks is None:
        return scored
    picked = picks.to_dict()
    rows = [
        part[part.index.get_level_values("model") == picked[key]].rename(index={picked[key]: SELECTED}, level="model")
        for key, part in scored.groupby(level=["repeat", "fold"], sort=False)
    ]
    return pd.concat([scored, *rows])


def _no_regret() -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([[], [], []], names=["model", "reference", "metric"])
    return pd.DataFrame(columns=REGRET_COLUMNS, index=index)


def _picks(result: EvaluationResult, singles: list[str], splits: pd.DataFrame) -> tuple[pd.Series | None, str]:
    """Return, for each outer fold, the single arm with the least inner out-of-fold loss.

    None where any arm has no such loss in some fold, or one that saw labels; then with the words that say which.
    """
    from hybridrad.evaluation.labels_seen import LabelsSeenWarning

    if not singles:
        return None, ""
    keys = ["repeat", "fold"]
    folds = pd.MultiIndex.from_frame(splits.index.to_frame()[keys]).unique()
    losses = pd.DataFrame(np.nan, index=folds, columns=singles)
    for (name, repeat, fold), extra in result.extras.items():
        loss = (extra or {}).get("oof_loss")
        if name in singles and loss is not None:
            losses.loc[(repeat, fold), name] = float(loss)
    warned = result.warnings[result.warnings["type"] == LabelsSeenWarning.__name__]
    saw = {name: warned.loc[warned["model"] == name, keys].drop_duplicates() for name in singles}
    reasons = [
        f"{name} gave no inner loss in {int(lacking)} of {len(folds)} folds"
        for name, lacking in losses.isna().sum().items()
        if lacking
    ]
    reasons += [
        f"a step before {name} saw the labels its inner loss is made of, in {len(at)} of {len(folds)} folds"
        for name, at in saw.items()
        if len(at)
    ]
    if reasons:
        return None, "no arm could be picked: " + "; ".join(reasons)
    return losses.idxmin(axis=1), ""


def importance_tables(
    result: EvaluationResult, X: pd.DataFrame, splits: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return importance by model and feature, and per case; empty tables where nothing was explained."""
    from hybridrad.explain import importance_table

    shap = {key: extra["shap"] for key, extra in result.extras.items() if extra and extra.get("shap") is not None}
    if shap:
        return importance_table(shap, X, splits)
    index = pd.MultiIndex.from_arrays([[], []], names=["model", "feature"])
    cases = pd.MultiIndex.from_arrays([[], []], names=["model", "case_id"])
    return pd.DataFrame(columns=IMPORTANCE_COLUMNS, index=index), pd.DataFrame(index=cases)
