"""`hybridrad compare` and `hybridrad demo`: from a cohort to tables and a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import hybridrad as hr
from hybridrad.cli_arms import check_arms, columns_to_come
from hybridrad.cli_curves import make_curves
from hybridrad.cli_extract import feature_table, refuse_empty
from hybridrad.cli_networks import TrainingOptions, add_heat_maps, make_networks, same_pictures, wanted_networks
from hybridrad.cli_options import (
    BlockOpt,
    CohortArg,
    ExtractionOptions,
    FeaturesOpt,
    JobsOpt,
    LabelOpt,
    OutOpt,
    OutsideOpt,
    RetryOpt,
    SeedOpt,
    Task,
    TaskOpt,
    WhereOpt,
    in_groups,
    names_in,
    read_asked,
    text_of,
)
from hybridrad.cli_readers import ReadersOpt, make_readers
from hybridrad.cli_runs import write_and_print
from hybridrad.cli_scoring import ScoringOptions
from hybridrad.console import announce, print_findings, print_run, run_study, say
from hybridrad.errors import RunError
from hybridrad.run_report import write_run_report

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.features.assembly import ExtractionRun


@in_groups
def compare(
    cohort_file: CohortArg,
    out_folder: OutOpt,
    extraction: ExtractionOptions,
    scoring: ScoringOptions,
    training: TrainingOptions,
    clinical: Annotated[
        list[str] | None, typer.Option("--clinical", metavar="COL ...", help="Clinical columns of the cohort table.")
    ] = None,
    label: LabelOpt = "label",
    task: TaskOpt = Task.auto,
    horizons: Annotated[
        str | None, typer.Option("--horizons", metavar="T,T,...", help="Survival: times to predict it at, with commas.")
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", help="Label of the positive class; default the larger.")
    ] = None,
    features: FeaturesOpt = None,
    block: BlockOpt = None,
    models: Annotated[str | None, typer.Option("--models", help="Arms, with commas; default the standard set.")] = None,
    baseline: Annotated[str | None, typer.Option("--baseline", help="Arm the others are compared with.")] = None,
    cv: Annotated[
        str,
        typer.Option(
            "--cv",
            metavar="DESIGN",
            help="FOLDSxREPEATS; site (leave one out); split (train and test of the cohort); folds:COLUMN.",
        ),
    ] = "5x10",
    inner: Annotated[int, typer.Option("--inner", min=2, help="Inner folds.")] = 4,
    margin_auc: Annotated[
        float, typer.Option("--equivalence-margin", help="Difference (AUC, concordance, R2) that counts as none.")
    ] = 0.05,
    where: WhereOpt = None,
    title: Annotated[str, typer.Option("--title", help="Title of the report.")] = "",
    readers: ReadersOpt = None,
    learning_curves: Annotated[
        bool, typer.Option("--learning-curves", help="Also refit all arms on growing sets of patients; takes long.")
    ] = False,
    allow_outside_root: OutsideOpt = False,
    jobs: JobsOpt = 2,
    seed: SeedOpt = 0,
    retry_failed: RetryOpt = False,
) -> None:
    """Extract, compare all arms on the same splits, and write tables and a report into RUN."""
    from hybridrad.evaluation.designs import columns_of, design_from
    from hybridrad.run_folder import claim_folder
    from hybridrad.study_readers import Readings

    design = design_from(cv, inner=inner)
    meant = [*columns_of(design), *(Readings.parse(text).column for text in readers or ())]
    cohort = read_asked(
        cohort_file,
        label=label,
        where=where,
        allow_outside_root=allow_outside_root,
        clinical=clinical or (),
        positive=positive,
        images=None if features is None else False,
        block=block if features is None else None,
        not_features=meant,
    )
    from_images = features is None and cohort.has_images
    extractors = extraction.extractors() if from_images else []
    from hybridrad.study_outcome import task_asked

    chosen = task_asked(task.value, cohort)
    scoring.check(n_classes=len(cohort.classes), task=chosen)
    if chosen != "classification" and readers:
        raise RunError(
            f"--readers is for classes; the task is {chosen}.", hint="Leave it out, or name a label with two classes."
        )
    wanted = wanted_networks(names_in(models), extraction, task=chosen, images=bool(extractors))
    training.check(names_in(models), extraction)
    recipe = {
        "command": "compare",
        "cohort": cohort_file.name,
        "where": where,
        "label": label,
        **({"task": task.value} if task is not Task.auto else {}),
        **({"horizons": horizons} if horizons else {}),
        "positive": positive,
        "clinical": clinical,
        **scoring.recipe(),
        "features": text_of(features),
        **({"block": block} if block else {}),
        "models": models,
        "baseline": baseline,
        "cv": cv,
        "inner": inner,
        "equivalence_margin": margin_auc,
        "seed": seed,
        **({**extraction.recipe(), "input_px": training.input_px} if from_images else {}),
    }
    run: ExtractionRun | None = None
    announce(cohort)
    if not from_images:
        table = cohort.features() if features is None else feature_table(features, cohort, block, not_features=meant)
    there = columns_to_come(e.name for e in extractors) if from_images else list(table.columns)
    check_arms(names_in(models), baseline, there, clinical=cohort.clinical, task=chosen, networks=wanted)
    claim_folder(out_folder, recipe)
    say(scoring.sentence(n_classes=len(cohort.classes), task=chosen))
    if not from_images:
        _say_columns(table, out_folder)
    else:
        run = hr.extract_features(cohort, extractors, store=out_folder, n_jobs=jobs, retry_failed=retry_failed)
        print_run(run)
        refuse_empty(run)
        table = run.features
    networks: dict[str, Any] = {}
    store: hr.ViewStore | None = None
    if wanted:
        networks, store = make_networks(
            wanted, extraction, training, cohort, out_folder / "views", jobs=jobs, seed=seed, retry_failed=retry_failed
        )
        table = table.join([store.marker(name) for name in networks])
    arms = hr.standard_models(
        table,
        clinical=list(cohort.clinical_table().columns),
        names=names_in(models),
        inner=inner,
        random_state=seed,
        task=chosen,
        networks=networks,
    )
    finished = _finished_before(out_folder, table, cohort, design, seed, task.value)
    if finished is not None and not same_pictures(finished, store):
        finished = None
    if finished is not None:
        say("The comparison of these data is finished; only its report is made again.")
        if training.heat_maps:
            finished = add_heat_maps(finished, arms, table, cohort, out_folder, n_cases=training.n_heat_maps, jobs=jobs)
        _further(finished, table, cohort, networks, out_folder, readers, learning_curves, jobs=jobs, seed=seed)
        write_and_print(finished, out_folder)
        raise typer.Exit(2 if len(finished.failures) else 0)
    study = run_study(
        lambda progress: hr.compare_models(
            arms,
            table,
            cohort,
            task=task.value,
            horizons=_numbers(horizons),
            cv=design,
            baseline=baseline,
            unit=scoring.unit.value,
            aggregate=scoring.rule,
            threshold=scoring.threshold_rule.value,
            target_sensitivity=scoring.sensitivity,
            margin=margin_auc,
            heat_maps=training.n_heat_maps,
            run=run,
            n_jobs=jobs,
            random_state=seed,
            title=title,
            command=" ".join(["hybridrad", *_shown_arguments()]),
            announce=say,
            progress=progress,
            store=out_folder,
        )
    )
    _finish(study, out_folder)
    if readers or learning_curves:
        _further(study, table, cohort, networks, out_folder, readers, learning_curves, jobs=jobs, seed=seed)
        say(f"Report: {write_run_report(study, out_folder)}")
    raise typer.Exit(2 if len(study.failures) else 0)


def demo(
    out_folder: Annotated[Path, typer.Option("--out", metavar="RUN", help="Folder of the demonstration.")] = Path(
        "demo_run"
    ),
    patients: Annotated[int, typer.Option("--patients", min=24, help="Patients of the synthetic cohort.")] = 60,
    jobs: JobsOpt = 2,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Make a synthetic cohort with a known truth and run everything on it, offline."""
    from hybridrad.run_folder import claim_folder

    cohort = hr.make_cohort(out_folder / "cohort", n_patients=patients, scenario="both", random_state=seed)
    claim_folder(out_folder, {"command": "demo", "patients": patients, "seed": seed})
    announce(cohort)
    extractors = [
        hr.RadiomicsExtractor(hr.RadiomicsSettings()),
        hr.EmbeddingExtractor("squeezenet1_1", weights="untrained", views=hr.Views("largest_slice", window="lung")),
    ]
    run = hr.extract_features(cohort, extractors, store=out_folder, n_jobs=jobs)
    print_run(run)
    study = run_study(
        lambda progress: hr.compare_models(
            hr.standard_models(run.features, inner=4, random_state=seed),
            run.features,
            cohort,
            cv=hr.NestedCV(outer=5, repeats=4, inner=4),
            baseline="deep",
            run=run,
            n_jobs=jobs,
            random_state=seed,
            title="Demonstration on a synthetic cohort with a known truth",
            command="hybridrad demo",
            announce=say,
            progress=progress,
            store=out_folder,
        )
    )
    _finish(study, out_folder)
    raise typer.Exit(2 if len(study.failures) else 0)


def _say_columns(table: pd.DataFrame, folder: Path) -> None:
    """Print what became of which column, and keep the table as it is compared: the file it came from is another one."""
    from hybridrad._checks import findings_table
    from hybridrad.exports import write_parquet
    from hybridrad.feature_columns import notes_of

    notes = findings_table(notes_of(table))
    if len(notes):
        print_findings(notes)
        write_parquet(table, folder / "features.parquet")


def _numbers(text: str | None) -> list[float] | None:
    """Read ``"12,24"``.

    Examples
    --------
    >>> _numbers("12, 24")
    [12.0, 24.0]
    """
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as err:
        raise ValueError(f"{text!r} is not a list of numbers with commas, for example 12,24,36.") from err


def _finished_before(
    folder: Path, features: pd.DataFrame, cohort: Any, design: Any, seed: int, task: Any
) -> hr.Comparison | None:
    """Return the study in a run folder if it was made of the same data by this version; the settings are the same."""
    from hybridrad.evaluation.design_splits import splits_of
    from hybridrad.record import data_digest
    from hybridrad.run_folder import STUDY_FILE, load_study
    from hybridrad.study_cases import cases_used
    from hybridrad.study_cases import design as carried_out
    from hybridrad.study_outcome import outcome_of, task_asked

    if not (folder / STUDY_FILE).is_file():
        return None
    study = load_study(folder)
    used, X = cases_used(features, cohort)
    chosen = task_asked(task, cohort)
    same = study.settings.get("data_sha256") == data_digest(X, outcome_of(used, chosen).table, used.patient_id)
    # Sites, a test part and own folds come from columns that are no data of the models.
    same = same and study.settings["cv"] == carried_out(design, splits_of(design, used, seed, task=chosen))
    return study if same and study.settings.get("hybridrad_version") == hr.__version__ else None


def _finish(study: hr.Comparison, folder: Path) -> None:
    from hybridrad.evaluation.fold_store import drop_folds
    from hybridrad.run_folder import save_study

    save_study(study, folder)
    drop_folds(folder)
    write_and_print(study, folder)


def _further(
    study: hr.Comparison,
    table: pd.DataFrame,
    cohort: Any,
    networks: dict[str, Any],
    folder: Path,
    readers: list[str] | None,
    learning_curves: bool,
    *,
    jobs: int,
    seed: int,
) -> None:
    """Make what was asked for beside the study; the study is written before, so that nothing here can cost it."""
    if readers:
        make_readers(study, cohort.table, readers, folder, seed=seed)
    if learning_curves:
        make_curves(study, table, cohort, folder, networks=networks, n_jobs=jobs, random_state=seed)


def _shown_arguments() -> list[str]:
    """Return the arguments as typed, with file paths cut to their names: reports travel, folders are private."""
    return [Path(a).name if ("/" in a or "\\" in a) and not a.startswith("-") else a for a in sys.argv[1:]]
