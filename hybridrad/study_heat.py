"""Heat maps of a finished study: its networks trained again in the folds of the first repeat, as they were there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from hybridrad._checks import findings_table
from hybridrad.cohort import Cohort
from hybridrad.errors import Finding
from hybridrad.heat import network_in
from hybridrad.heat_folds import heat_of_folds, with_heat
from hybridrad.study import Comparison
from hybridrad.study_audit_data import AuditedStudy

# Scores of a training that was done twice on the same CPU agree to the last bit, on a GPU to about this.
_SAME_SCORE = 1e-6


def add_heat_maps(
    study: Comparison,
    models: Mapping[str, Any],
    features: pd.DataFrame,
    cohort: Cohort,
    *,
    n_cases: int = 10,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    store: Path | str | None = None,
) -> Comparison:
    """Return a finished study with out-of-fold heat maps of its arms that are networks.

    A study does not keep its networks, so they are trained again, with the seed of the study, in the folds of its first
    repeat. All other tables stay as they are. ``compare_models(..., heat_maps=10)`` makes the same maps on the way.

    Parameters
    ----------
    study : Comparison
    models : dict of name -> estimator
        The arms of the study; those that are no networks are passed over.
    features : DataFrame
        Its feature table, markers of pictures included.
    cohort : Cohort
        Its cohort.
    n_cases : int, default 10
        How many are shown of each arm; the share of the heat in the region is measured for all.
    n_jobs : int, default 1
        Processes over folds.
    progress : callable, optional
        Gets (done, total) folds.
    store : Path, optional
        Folder in which every finished fold is kept until the call returns, for the same call after an interruption.

    Returns
    -------
    Comparison
        With ``heat_maps``, and with a finding where the networks did not come out as they were in the study.

    Raises
    ------
    ValueError
        No arm is a network, or ``n_cases`` is no number of cases.
    MissingDependencyError
        captum is not installed.
    RunError
        The tables are not those of the study, a network has no map that could be shown, or every network failed.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=16, random_state=0)
    >>> store = hr.prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=64, progress=False)
    >>> recipe = hr.TrainingRecipe("head", epochs=1)
    >>> network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, oof=False)
    >>> arms, cv = {"finetuned": network}, hr.NestedCV(outer=2, repeats=1, inner=2)
    >>> study = hr.compare_models(arms, store.marker(), cohort, cv=cv)
    >>> study.heat_maps is None
    True
    >>> len(add_heat_maps(study, arms, store.marker(), cohort, n_cases=4).heat_maps.pictures)
    4
    """
    from hybridrad.evaluation.nested import evaluate

    networks = {name: model for name, model in models.items() if network_in(model) is not None}
    seen = AuditedStudy.of(study, features, cohort, model=None, models=models)
    assert seen.X is not None  # there is a feature table
    repeat = study.splits.index.get_level_values("repeat")
    splits = study.splits[repeat == repeat.min()]
    read = with_heat(_nothing, networks, seen.X, splits, n_cases=n_cases)
    result = evaluate(
        networks,
        seen.X,
        seen.y,
        seen.groups,
        splits,
        **seen.fitting,
        threshold=None,
        n_jobs=n_jobs,
        after_fit=read,
        progress=progress,
        store=None if store is None else Path(store),
    )
    seed = study.settings["random_state"]
    maps = heat_of_folds(result, networks, splits, n_cases=n_cases, random_state=seed)
    noted = findings_table(_departures(study, result.predictions, result.failures))
    findings = pd.concat([study.findings, noted]) if len(noted) else study.findings
    return replace(study, heat_maps=maps, findings=findings)


def shows_heat_maps(study: Comparison, n_cases: int) -> bool:
    """Return whether a study has the heat maps that would be made: of so many cases of each network, or of all."""
    if study.heat_maps is None:
        return False
    shown = study.heat_maps.table["shown"].groupby(level="model")
    return bool((shown.sum() == shown.size().clip(upper=n_cases)).all())


def _nothing(name: str, fitted: Any, X_test: pd.DataFrame) -> dict[str, Any]:
    """Read nothing else off an arm: its tables are there."""
    return {}


def _departures(study: Comparison, again: pd.DataFrame, failures: pd.DataFrame) -> list[Finding]:
    """Return what is to be said of networks that failed, or whose scores are not those of the study."""
    columns = [c for c in again if str(c).startswith("y_score")]
    told = [
        (str(row["model"]), f"no heat maps of fold {row['fold']}: {row['type']}: {row['message']}")
        for row in failures.to_dict("records")
    ]
    for name, scores in again[columns].groupby(level="model"):
        before = study.predictions[columns].reindex(scores.index)
        most = float((scores - before).abs().to_numpy().max(initial=0.0, where=before.notna().to_numpy()))
        if most > _SAME_SCORE:
            told.append(
                (
                    str(name),
                    "the networks trained again for the heat maps differ from those of the comparison (by up to "
                    f"{most:.2g} in the scores of test cases).",
                )
            )
    noted = [Finding("(study)", "N_FIT_DEPARTURE", stage=name, message=f"{name}: {text}") for name, text in told]
    said = set(study.findings["message"])
    return [finding for finding in noted if finding.message not in said]
