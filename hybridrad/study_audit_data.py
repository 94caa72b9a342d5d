"""A finished study for its audit: its tables put together, its arms made ready to be fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import check_choice
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.study import Comparison
from hybridrad.study_cases import cases_used


@dataclass(frozen=True)
class AuditedStudy:
    """A study with what is known about its data.

    ``arms`` are those that can be fitted again, ``X`` is None without a feature table.
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
    ) -> AuditedStudy:
        """Put a study and its tables together, or raise ``RunError`` if they do not belong together."""
        names = list(study.predictions.index.unique("model"))
        arms = study.settings.get("arms", {})
        if model is None:
            model = next((n for n in names if arms.get(n, {}).get("is_default_fused")), study.settings.get("baseline"))
        check_choice(model, names, name="model")
        one = study.predictions.loc[names[0]]
        one = one.droplevel(["repeat", "fold"])
        one = one[~one.index.duplicated()].sort_index()
        X, sites = None, None
        if features is not None:
            X = _table(study, features, cohort, one.index)
            one = one.loc[X.index]
            if cohort is not None and "site" in cohort.table:
                sites = cohort.table["site"].reindex(X.index)
        return cls(
            study,
            str(model),
            {} if X is None else _arms(study, X, models),
            X,
            one["y_true"].to_numpy().astype(np.intp),
            one["patient_id"].to_numpy().astype(str),
            one["patient_id"].astype(str),
            None if sites is None or sites.isna().all() else sites.to_numpy(),
        )

    @property
    def fitting(self) -> dict[str, Any]:
        """How the study fitted its arms."""
        settings = self.study.settings
        return {"inner": settings["cv"]["inner"], "random_state": settings["random_state"]}


def _table(study: Comparison, features: pd.DataFrame, cohort: Cohort | None, cases: pd.Index) -> pd.DataFrame:
    """Return the table the study was fitted on, or as much of it as was given."""
    from hybridrad.record import data_digest

    absent = cases.difference(features.index)
    if len(absent):
        raise RunError(f"{len(absent)} cases of the study are not in the feature table, first {absent[0]!r}.")
    if cohort is None:
        return features[features.index.isin(cases)]
    used, X = cases_used(features, cohort.subset([c for c in cohort.table.index if c in set(cases)]))
    known = study.settings.get("data_sha256")
    if known is not None and known != data_digest(X, used.label_values.to_frame("label"), used.patient_id):
        raise RunError(
            "features and cohort are not those of the study: its hash of features, labels and patients differs.",
            hint="Give the same tables, with the same label and clinical columns.",
        )
    return X


def _arms(study: Comparison, X: pd.DataFrame, models: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arms of the study that can be fitted again on this table."""
    from hybridrad.models.standard import describe_arm, standard_models

    names = list(study.predictions.index.unique("model"))
    if models is not None:
        return {n: models[n] for n in names if n in models}
    arms = {}
    for name in names:
        try:
            arm = standard_models(X, names=[name])[name]
        except ValueError:
            continue  # an estimator of the caller's, or blocks that were not given
        if describe_arm(arm)["text"] == study.settings["arms"].get(name, {}).get("text"):
            arms[name] = arm
    return arms
