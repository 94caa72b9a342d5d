"""compare_models(): run all arms on the same patient-grouped splits and return the tables of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

import hybridrad
from hybridrad import record
from hybridrad._checks import check_choice, check_positive
from hybridrad.cohort import Cohort
from hybridrad.feature_columns import notes_of
from hybridrad.heat import HeatMaps
from hybridrad.heat_folds import heat_of_folds, with_heat
from hybridrad.study_cases import (
    announcement,
    cases_used,
    design,
    find_roles,
    size_of,
)
from hybridrad.study_claims import claims_table, decision_curves, no_claims, no_net_benefit
from hybridrad.study_outcome import TaskChoice, outcome_of, refuse_patients_with_two_outcomes, task_asked
from hybridrad.study_steps import no_steps, read_steps, step_table
from hybridrad.study_tables import (
    arms,
    case_table,
    extras,
    importance_tables,
    networks,
    no_cases,
    no_complementarity,
    no_horizons,
    no_sites,
    score_tables,
    what_went_wrong,
)

if TYPE_CHECKING:
    from hybridrad.evaluation.designs import Design
    from hybridrad.features.assembly import ExtractionRun


@dataclass(frozen=True)
class Comparison:
    """The tables of a study; plain pandas frames with the columns that the documentation of tables lists.

    Attributes
    ----------
    scores : DataFrame
        Index ``model, metric``; value with its interval.
    comparisons : DataFrame
        Index ``model, baseline, metric``; paired differences with verdicts.
    regret : DataFrame
        Index ``model, reference, metric``; what a fused model loses against the single arms.
    predictions : DataFrame
        Index ``model, repeat, fold, case_id``; every out-of-fold prediction.
    splits : DataFrame
        Index ``repeat, fold, case_id``; who was trained and tested on where.
    importance, importance_cases : DataFrame
        Out-of-fold SHAP by model and feature, and per case.
    findings, failures : DataFrame
        What was noticed, and the cases that are not in the study.
    settings : dict
        Everything needed to judge and repeat the study; plain JSON data.
    sites : DataFrame
        Index ``model, metric, site``; the score at each site, where sites were left out in turn, else empty.
    horizons : DataFrame
        Index ``model, metric, horizon``; survival: AUC and Brier score at each horizon, else empty.
    complementarity : DataFrame
        Index ``model, other``: how alike errors and scores of two single arms are; empty with fewer than two.
    cases : DataFrame
        Index ``case_id``: patient and outcome of every case used, also of those that are never tested.
    steps : DataFrame
        Index ``model, block``: what each block of a priority arm adds to those before it; empty without one.
    claims : DataFrame
        Index ``model, quantity``: calibration-in-the-large, explained variation, parameters, sample sizes, stability of
        selections, optimism; see `hybridrad.study_claims.claims_table`.
    net_benefit : DataFrame
        Index ``model, threshold``; the decision curve of every arm, for two classes, else empty.
    heat_maps : HeatMaps, optional
        Out-of-fold heat maps of the arms that are networks, where they were asked for.
    """

    scores: pd.DataFrame
    comparisons: pd.DataFrame
    regret: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)
    splits: pd.DataFrame = field(repr=False)
    importance: pd.DataFrame = field(repr=False)
    importance_cases: pd.DataFrame = field(repr=False)
    findings: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame = field(repr=False)
    settings: dict[str, Any] = field(repr=False)
    sites: pd.DataFrame = field(default_factory=no_sites, repr=False)
    horizons: pd.DataFrame = field(default_factory=no_horizons, repr=False)
    cases: pd.DataFrame = field(default_factory=no_cases, repr=False)
    complementarity: pd.DataFrame = field(default_factory=no_complementarity, repr=False)
    steps: pd.DataFrame = field(default_factory=no_steps, repr=False)
    claims: pd.DataFrame = field(default_factory=no_claims, repr=False)
    net_benefit: pd.DataFrame = field(default_factory=no_net_benefit, repr=False)
    heat_maps: HeatMaps | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        metric = str(self.settings.get("primary_metric", "roc_auc"))
        values = self.scores["value"][self.scores.index.get_level_values("metric") == metric].droplevel("metric")
        told = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
        return (
            f"Comparison({len(values)} arms; {metric}: {told}; tables: scores, comparisons, regret, predictions, ...)"
        )


def compare_models(
    models: Mapping[str, Any],
    features: pd.DataFrame,
    cohort: Cohort,
    *,
    task: TaskChoice = "auto",
    cv: Design | None = None,
    baseline: str | None = None,
    unit: Literal["case", "patient"] = "case",
    aggregate: Literal["mean", "max", "largest"] = "mean",
    margin: float = 0.05,
    horizons: Sequence[float] | None = None,
    threshold: Literal["sensitivity", "youden"] = "sensitivity",
    target_sensitivity: float = 0.90,
    explain: bool = True,
    heat_maps: int = 0,
    run: ExtractionRun | None = None,
    n_jobs: int = 1,
    random_state: int = 0,
    title: str = "",
    command: str = "",
    announce: Callable[[str], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    store: Path | str | None = None,
) -> Comparison:
    """Compare models on identical patient-grouped splits: nested cross-validation, sites, or a fixed test set.

    Parameters
    ----------
    models : dict of name -> estimator
        From `hybridrad.standard_models`, own scikit-learn classifiers (regressors, survival models), or both.
    features : DataFrame of shape (n_cases, n_features)
        Index ``case_id``, columns ``<block>__<feature>``. Clinical columns of the cohort are added.
    cohort : Cohort
        Gives labels (or time and event), patients and clinical columns; cases without features count as failed.
    task : {"auto", "classification", "regression", "survival"}
        What the outcome is. ``auto``: survival if the cohort has ``time`` and ``event`` and no label, else
        classification; a label that is a value has to be declared as ``regression``.
    cv : NestedCV, LeaveOneSiteOut, FixedSplit or OwnFolds, optional
        Default: nested cross-validation with 5 folds, 10 repeats, 4 inner folds. What the numbers mean follows from it:
        see the page on folds.
    baseline : str, optional
        The arm that every other is compared with; default ``deep``, else the first single arm.
    unit : {"case", "patient"}
        What is scored. ``patient`` needs one label per patient and pools cases by ``aggregate``.
    aggregate : {"mean", "max", "largest"}
        How the scores of a patient's cases become one, for ``unit="patient"``.
    margin : float, default 0.05
        Difference below which two arms count as equivalent; declared before the run. It is one of the primary metric:
        ROC AUC, R2 (regression) or concordance (survival).
    horizons : sequence of float, optional
        Survival: times, in the unit of the column ``time``, at which the arms predict survival; declared before the
        run. Default: the deciles of the times of the events. The middle one is that of the AUC in the scores.
    threshold : {"sensitivity", "youden"}
        How the operating point is chosen from inner out-of-fold scores.
    target_sensitivity : float, default 0.90
        Of the operating point, on the inner out-of-fold scores.
    explain : bool, default True
        Compute SHAP values of the test cases of every fold.
    heat_maps : int, default 0
        How many cases of each arm that is a network are shown with a heat map (Grad-CAM, by captum): chosen by chance,
        balanced over classes and over right and wrong calls. The map of a case comes from the network of the first
        repeat that was fitted without its patient; the share of the heat in the region is measured for all cases.
    run : ExtractionRun, optional
        Adds failures, findings and extraction settings to the study.
    n_jobs : int, default 1
        Processes over outer folds.
    random_state : int, default 0
        Seed of the splits and of every arm.
    title, command : str, optional
        For the report: its title, and the call that made it.
    announce : callable, optional
        Gets one sentence, before the first fit: what difference this cohort can resolve; and one for each arm that
        trains a network: how long that will take.
    progress : callable, optional
        Gets (done, total) outer folds.
    store : Path, optional
        Folder in which every finished outer fold is kept (``folds.sqlite``): the same call goes on there after an
        interruption, and gives the tables of an undisturbed run. Folds of other data, arms, seeds or versions are never
        taken. The file can be deleted at any time.

    Returns
    -------
    Comparison

    Raises
    ------
    RunError
        Too few patients of a class, features and cohort that do not belong together, or patient scoring of
        patients with several labels.

    References
    ----------
    Nadeau & Bengio, Machine Learning 52:239-281, 2003, doi:10.1023/A:1024068626366.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import hybridrad as hr
    >>> from hybridrad.cohort import cohort_from_frame
    >>> rng = np.random.default_rng(0)
    >>> ids = [f"c{i:02d}" for i in range(40)]
    >>> label = np.arange(40) % 2
    >>> table = pd.DataFrame({"case_id": ids, "patient_id": ids, "label": label})
    >>> cohort = cohort_from_frame(table, images=False)
    >>> features = pd.DataFrame({"size__volume_ml": rng.uniform(1, 2, 40) + label, "radiomics__a": rng.normal(size=40)})
    >>> features.index = pd.Index(ids, name="case_id")
    >>> models = {"size": hr.BlockModel("size"), "radiomics": hr.BlockModel("radiomics")}
    >>> cv = hr.NestedCV(outer=5, repeats=1, inner=3)
    >>> study = hr.compare_models(models, features, cohort, cv=cv, baseline="radiomics")
    >>> bool(study.scores.loc[("size", "roc_auc"), "value"] > 0.9)
    True
    """
    from hybridrad.evaluation.design_splits import splits_of
    from hybridrad.evaluation.nested import NestedCV, evaluate
    from hybridrad.evaluation.patients import aggregate_to_patients
    from hybridrad.models.finetuned.seen_images import images_trained_on
    from hybridrad.models.finetuned.timing import training_announcements
    from hybridrad.models.memo import shared_fits
    from hybridrad.study_resolution import resolution_of

    check_choice(unit, ["case", "patient"], name="unit")
    check_choice(aggregate, ["mean", "max", "largest"], name="aggregate")
    check_positive(margin, name="margin")
    if not models:
        raise ValueError("models is empty; give at least one arm, e.g. hr.standard_models(features).")
    cv = cv or NestedCV()
    chosen = task_asked(task, cohort)
    used, X = cases_used(features, cohort)
    roles = find_roles(models, baseline)
    outcome = outcome_of(used, chosen, horizons)
    if unit == "patient":
        refuse_patients_with_two_outcomes(outcome, used.patient_id)
    size = size_of(X) if unit == "patient" and aggregate == "largest" else None
    groups = used.patient_id.to_numpy()
    splits = splits_of(cv, used, random_state, task=chosen)
    resolvable = resolution_of(used, splits, task=chosen)
    read = with_heat(_read_off if explain else _read_off_without_shap, models, X, splits, n_cases=heat_maps)
    if announce is not None:
        announce(announcement(used, splits, resolvable))
        for sentence in training_announcements(models, X, outcome.y, groups, splits, inner=cv.inner):
            announce(sentence)
    result = evaluate(
        dict(models),
        X,
        outcome.y,
        groups,
        splits,
        inner=cv.inner,
        n_jobs=n_jobs,
        random_state=random_state,
        threshold=threshold if len(outcome.classes) == 2 else None,
        target_sensitivity=target_sensitivity,
        patient_rule=aggregate if unit == "patient" else None,
        size=size,
        horizons=outcome.horizons,
        apparent=True,
        fold_context=shared_fits,
        after_fit=read,
        progress=progress,
        store=None if store is None else Path(store),
    )
    noted = [*notes_of(features), *images_trained_on(models, X.index)]
    failures, findings = what_went_wrong(run, result, cohort, used, notes=noted)
    described = arms(models, roles, X, result)
    settings = {
        "title": title,
        "created": date.today().isoformat(),
        "hybridrad_version": hybridrad.__version__,
        "versions": record.versions(),
        "machine": record.machine(),
        "command": command,
        "random_state": random_state,
        "cv": design(cv, splits),
        "unit": unit,
        "aggregate": aggregate if unit == "patient" else None,
        "task": chosen,
        "positive": record.plain(outcome.classes[-1]) if len(outcome.classes) == 2 else None,
        "classes": [record.plain(c) for c in outcome.classes],
        "label": outcome.name,
        "horizons": list(outcome.horizons),
        "primary_metric": outcome.primary_metric,
        "margin": margin,
        "baseline": roles.baseline,
        "threshold": {"rule": threshold, "target_sensitivity": target_sensitivity}
        if chosen == "classification"
        else None,
        "resolvable_difference": resolvable.value,
        "resolvable_basis": resolvable.basis,
        "arms": described,
        "flow": record.flow(cohort, used, failures, groups=outcome.groups, names=outcome.group_names()),
        "extractors": list(run.extractors) if run is not None else [],
        "size": record.size_note(
            features.loc[X.index], [*(run.extractors if run is not None else []), *networks(roles)]
        ),
        "hedge": {"weights": record.hedge_weights(extras(result, roles.fused_default, "weights"))},
        "grouped": all(result.routed.values()),
        "cohort": record.cohort_note(cohort),
        "data_sha256": record.data_digest(X, outcome.table, used.patient_id),
    }
    tables = score_tables(result, splits, roles, unit, aggregate, size, margin, used.patient_id, outcome)
    rule = aggregate if unit == "patient" else None
    steps = step_table(
        result,
        splits,
        aggregate=rule,
        size=size,
        patient_id=used.patient_id,
        metric=outcome.primary_metric,
        task=chosen,
    )
    importance, importance_cases = importance_tables(result, X, splits)
    scored = result.predictions if rule is None else aggregate_to_patients(result.predictions, rule, size=size)
    return Comparison(
        **tables,
        predictions=result.predictions,
        splits=splits,
        cases=case_table(used.patient_id, outcome),
        importance=importance,
        importance_cases=importance_cases,
        findings=findings,
        failures=failures,
        settings=settings,
        steps=steps,
        claims=claims_table(
            scored,
            importance,
            tables["scores"],
            arms=described,
            primary_metric=outcome.primary_metric,
            task=chosen,
            apparent=result.apparent,
        ),
        net_benefit=decision_curves(scored, task=chosen),
        heat_maps=heat_of_folds(result, models, splits, n_cases=heat_maps, random_state=random_state),
    )


# ---- in the folds (these run in worker processes, so they are plain functions of the module) ----


def _read_off(name: str, fitted: Any, X_test: pd.DataFrame) -> dict[str, Any]:
    """Take from a fitted arm what the tables need, before it is forgotten."""
    from hybridrad.explain import fold_contributions

    return {"shap": fold_contributions(name, fitted, X_test), **_read_off_without_shap(name, fitted, X_test)}


def _read_off_without_shap(name: str, fitted: Any, X_test: pd.DataFrame) -> dict[str, Any]:
    from hybridrad.evaluation.routing import inside
    from hybridrad.models.finetuned.arm_networks import trained_choices

    model, X_seen = inside(fitted, X_test)
    weights = getattr(model, "weights_", None)
    return {
        "oof_loss": getattr(model, "oof_loss_", None),
        "weights": dict(weights) if isinstance(weights, pd.Series) else None,
        "findings": [*getattr(model, "findings_", []), *_absences(model, X_seen)],
        "steps": read_steps(model, X_seen),
        "networks": trained_choices(fitted),
    }


def _absences(fitted: Any, X_test: pd.DataFrame) -> list[str]:
    """Return what a model says of test cases that lack a block."""
    from hybridrad.models.absence import say_absence

    if not hasattr(fitted, "missing_blocks"):
        return []
    return say_absence(fitted.missing_blocks(X_test), fitted.answer_without_block)
