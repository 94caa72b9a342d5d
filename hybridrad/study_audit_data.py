"""A finished study for its audit: its tables put together, its arms made ready to be fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad import record
from hybridrad._checks import check_choice
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.evaluation.patients import aggregate_to_patients
from hybridrad.strata import Task
from hybridrad.study import Comparison
from hybridrad.study_cases import cases_used, size_of
from hybridrad.study_outcome import outcome_of
from hybridrad.study_tables import case_table

if TYPE_CHECKING:
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier


@dataclass(frozen=True)
class AuditedStudy:
    """A study with what is known about its data.

    ``patients`` are those of all cases in its splits. ``arms`` are those that can be fitted again; ``X`` is None
    without a feature table, else it holds the cases in the splits; ``y``, ``groups`` and ``sites`` go with its rows.
    """

    study: Comparison
    model: str
    arms: dict[str, Any]
    X: pd.DataFrame | None
    y: np.ndarray
    groups: np.ndarray
    patients: pd.Series
    sites: np.ndarray | None

    @classmethod
    def of(
        cls,
        study: Comparison,
        features: pd.DataFrame | None,
        cohort: Cohort | None,
        *,
        model: str | None,
        models: Mapping[str, Any] | None,
        networks: Mapping[str, NetworkClassifier] | None = None,
    ) -> AuditedStudy:
        """Put a study and its tables together, or raise ``RunError`` if they do not belong together."""
        names = list(study.predictions.index.unique("model"))
        arms = study.settings.get("arms", {})
        if model is None:
            model = next((n for n in names if arms.get(n, {}).get("is_default_fused")), study.settings.get("baseline"))
        check_choice(model, names, name="model")
        known = known_cases(study, cohort)
        split = known[known.index.isin(study.splits.index.unique("case_id"))]
        X, rows, sites = None, split, None
        if features is not None:
            X = _table(study, features, cohort, known.index)
            X = X[X.index.isin(split.index)]
            rows = split.loc[X.index]
            sites = _sites(study, X.index, cohort)
        return cls(
            study,
            str(model),
            {} if X is None else _arms(study, X, models, networks or {}),
            X,
            _targets(rows, task_of_study(study)),
            rows["patient_id"].to_numpy().astype(str),
            split["patient_id"].astype(str),
            sites,
        )

    @property
    def fitting(self) -> dict[str, Any]:
        """How the study fitted its arms."""
        settings = self.study.settings
        return {
            "inner": settings["cv"]["inner"],
            "random_state": settings["random_state"],
            "horizons": tuple(settings.get("horizons") or ()),
        }

    def as_scored(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """Return predictions of cases as the study scores them: of cases, or of patients."""
        rule = self.study.settings.get("aggregate")
        if rule is None or (rule == "largest" and self.X is None):
            return predictions
        size = size_of(self.X) if rule == "largest" and self.X is not None else None
        return aggregate_to_patients(predictions, rule, size=size)


def task_of_study(study: Comparison) -> Task:
    """Return what a study predicts."""
    task: Task = study.settings.get("task", "classification")
    return task


def known_cases(study: Comparison, cohort: Cohort | None) -> pd.DataFrame:
    """Return patient and outcome of every case of a study, also of those that it never tests.

    A study that was stored before it held them has those of the tested cases in its predictions; the others are then
    taken from the cohort.

    Raises
    ------
    RunError
        Without a cohort they are not all known, or its classes are not those of the study.
    """
    if not study.cases.empty:
        return study.cases
    tested = study.predictions.droplevel(["model", "repeat", "fold"])
    columns = [c for c in ("patient_id", "y_true", "event", "time") if c in tested]
    tested = tested.loc[~tested.index.duplicated(), columns]
    split = study.splits.index.unique("case_id")
    lost = split.difference(tested.index)
    if lost.empty:
        return tested.sort_index()
    if cohort is None:
        raise RunError(
            f"the study does not hold patient and outcome of {len(lost)} cases that it never tests, first {lost[0]!r}.",
            hint="Give its cohort.",
        )
    used = cohort.subset([case for case in cohort.table.index if case in set(split)])
    outcome = outcome_of(used, task_of_study(study))
    classes = [record.plain(c) for c in outcome.classes]
    if classes != study.settings.get("classes", classes):
        raise RunError(
            f"the cohort has the classes {classes}, the study {study.settings['classes']}.",
            hint="Give the cohort of the study, with the same label and positive class.",
        )
    return case_table(used.patient_id, outcome)


def sites_left_out(study: Comparison) -> pd.Series | None:
    """Return the site of each case of a study that left sites out; None for other designs.

    Sites that could not be tested are not told apart.
    """
    cv = study.settings.get("cv") or {}
    if cv.get("kind") != "site":
        return None
    tested = study.splits[study.splits["role"] == "test"].reset_index().set_index("case_id")
    names = tested["fold"].astype(str).map(cv["names"])
    return names.reindex(study.splits.index.unique("case_id")).fillna("(never tested)")


def _sites(study: Comparison, cases: pd.Index, cohort: Cohort | None) -> np.ndarray | None:
    sites = sites_left_out(study)
    if sites is None and cohort is not None and "site" in cohort.table:
        sites = cohort.table["site"]
    known = None if sites is None else sites.reindex(cases)
    return None if known is None or known.isna().all() else known.to_numpy()


def _targets(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Return what models of the study are fitted to."""
    if task != "survival":
        return rows["y_true"].to_numpy().astype(float if task == "regression" else np.intp)
    y = np.empty(len(rows), dtype=[("event", np.bool_), ("time", np.float64)])
    y["event"], y["time"] = rows["event"], rows["time"]
    return y


def _table(study: Comparison, features: pd.DataFrame, cohort: Cohort | None, cases: pd.Index) -> pd.DataFrame:
    """Return the table the study was fitted on, or as much of it as was given."""
    absent = cases.difference(features.index)
    if len(absent):
        raise RunError(f"{len(absent)} cases of the study are not in the feature table, first {absent[0]!r}.")
    if cohort is None:
        return features[features.index.isin(cases)]
    used, X = cases_used(features, cohort.subset([c for c in cohort.table.index if c in set(cases)]))
    known = study.settings.get("data_sha256")
    outcome = outcome_of(used, task_of_study(study)).table
    if known is not None and known != record.data_digest(X, outcome, used.patient_id):
        raise RunError(
            "features and cohort are not those of the study: its hash of features, labels and patients differs.",
            hint="Give the same tables, with the same label and clinical columns.",
        )
    return X


def _arms(
    study: Comparison, X: pd.DataFrame, models: Mapping[str, Any] | None, networks: Mapping[str, NetworkClassifier]
) -> dict[str, Any]:
    """Return the arms of the study that can be fitted again on this table."""
    from hybridrad.models.standard import describe_arm, standard_models

    names = list(study.predictions.index.unique("model"))
    if models is not None:
        return {n: models[n] for n in names if n in models}
    arms = {}
    for name in names:
        try:
            arm = standard_models(X, names=[name], task=task_of_study(study), networks=networks)[name]
        except ValueError:
            continue  # an estimator of the caller's, or blocks that were not given
        if describe_arm(arm)["text"] == study.settings["arms"].get(name, {}).get("text"):
            arms[name] = arm
    return arms
