"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import hybridrad as hr
from hybridrad import cli_views
from hybridrad.cli_curves import curves, make_curves
from hybridrad.cli_readers import ReadersOpt, make_readers
from hybridrad.cli_views import (
    BackgroundOpt,
    FieldOpt,
    MarginOpt,
    MaskChannelOpt,
    MipAxisOpt,
    PaddingOpt,
    RelativeOpt,
    SlabOpt,
    SlicesOpt,
    ViewOpt,
    ViewSpacingOpt,
    WindowOpt,
)
from hybridrad.console import (
    announce,
    print_audit,
    print_examined,
    print_findings,
    print_run,
    print_scores,
    print_speed,
    run_study,
    say,
    say_error,
)
from hybridrad.errors import HybridradError, RunError
from hybridrad.run_report import write_run_report

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.features.assembly import ExtractionRun

app = typer.Typer(
    name="hybridrad",
    help="Radiomics and deep features for small imaging cohorts: extract both, fuse with a hedge, compare honestly.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# What a mistyped call raises; typer gives it no public name of its own (click's, or its own copy of click's).
_UsageError: Any = typer.BadParameter.__bases__[0]

CohortArg = Annotated[Path, typer.Argument(metavar="COHORT.csv", help="Cohort table, CSV or Parquet.")]
OutOpt = Annotated[
    Path, typer.Option("--out", metavar="RUN", help="Folder of the run; an unfinished run resumes there.")
]
LabelOpt = Annotated[str, typer.Option("--label", help="Column with the outcome.")]
WhereOpt = Annotated[
    list[str] | None, typer.Option("--where", metavar="COL=VALUE", help="Use only these cases; may be repeated.")
]
OutsideOpt = Annotated[bool, typer.Option("--allow-outside-root", help="Allow files outside the table's folder.")]
SpacingOpt = Annotated[
    tuple[float, float, float] | None,
    typer.Option("--spacing", metavar="X Y Z", help="Radiomics: resample to this spacing, in mm; 0 keeps an axis."),
]
ParamsOpt = Annotated[Path | None, typer.Option("--params", help="Radiomics: a PyRadiomics parameter file (YAML).")]
EngineOpt = Annotated[str, typer.Option("--engine", help="Radiomics: native or pyradiomics.")]
BackboneOpt = Annotated[str, typer.Option("--backbone", help="CNN: torchvision model, or timm:NAME.")]
WeightsOpt = Annotated[str, typer.Option("--weights", help="CNN: torchvision name, local file, or `untrained`.")]
LayersOpt = Annotated[
    str | None,
    typer.Option(
        "--layers", metavar="NAME,...", help="CNN: layers to read, e.g. layer3,last_map; default penultimate."
    ),
]
PoolingOpt = Annotated[
    str | None, typer.Option("--pooling", help="CNN: of a map: mean, max, gem, mean_max or masked_mean.")
]
SqrtOpt = Annotated[bool, typer.Option("--sqrt", help="CNN: signed square root of the pooled values.")]
ViewPoolingOpt = Annotated[
    str | None,
    typer.Option("--view-pooling", help="CNN: of a case's views: mean (default), max, mean_max, statistics."),
]
JobsOpt = Annotated[int, typer.Option("--jobs", min=1, help="Worker processes.")]
RetryOpt = Annotated[bool, typer.Option("--retry-failed", help="Try failed cases again.")]


class Task(StrEnum):
    """What the outcome is."""

    auto = "auto"
    classification = "classification"
    regression = "regression"
    survival = "survival"


TaskOpt = Annotated[
    Task,
    typer.Option("--task", help="What the outcome is; auto: survival with time and event and no label, else classes."),
]


class Unit(StrEnum):
    """What is scored."""

    case = "case"
    patient = "patient"


@dataclass(frozen=True)
class ExtractionOptions:
    """What the options say about extraction."""

    spacing: tuple[float, float, float] | None
    params: str | None
    engine: str
    view: str
    margin: float | None
    field: float | None
    relative_margin: float | None
    view_spacing: float | None
    window: str | None
    backbone: str
    weights: str
    # None where the option is not given: a run folder from before it existed still belongs to the same call.
    padding: str | None = None
    background: str | None = None
    mask_channel: bool | None = None
    slices: int | None = None
    mip_axis: str | None = None
    slab_margin: float | None = None
    layers: str | None = None
    pooling: str | None = None
    sqrt: bool | None = None
    view_pooling: str | None = None

    def extractors(self) -> list[Any]:
        """Return the radiomics and the embedding extractor."""
        settings = hr.RadiomicsSettings.from_yaml(self.params) if self.params else hr.RadiomicsSettings()
        if self.spacing is not None:
            settings = settings.with_spacing(self.spacing)
        views = cli_views.views_of(
            self.view,
            margin=self.margin,
            field=self.field,
            relative_margin=self.relative_margin,
            view_spacing=self.view_spacing,
            window=self.window,
            padding=self.padding,
            background=self.background,
            mask_channel=self.mask_channel,
            slices=self.slices,
            mip_axis=self.mip_axis,
            slab_margin=self.slab_margin,
        )
        return [
            hr.RadiomicsExtractor(settings, engine=self.engine),
            hr.EmbeddingExtractor(
                self.backbone,
                weights=self.weights,
                views=views,
                layers=[n.strip() for n in self.layers.split(",")] if self.layers else None,
                pooling=self.pooling,
                sqrt=bool(self.sqrt),
                view_pooling=self.view_pooling or "mean",
            ),
        ]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        say(f"hybridrad {hr.__version__}")
        raise typer.Exit(0)


@app.command()
def check(
    cohort_file: CohortArg,
    label: LabelOpt = "label",
    task: TaskOpt = Task.auto,
    where: WhereOpt = None,
    allow_outside_root: OutsideOpt = False,
    jobs: JobsOpt = 1,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Also write the findings here.")
    ] = None,
) -> None:
    """Say what is wrong with a cohort before anything is computed."""
    from hybridrad.exports import write_csv

    cohort = _cohort(cohort_file, (), label, None, where, allow_outside_root, images=True)
    findings = cohort.check(task=task.value, n_jobs=jobs)
    say(f"{len(cohort.table)} cases, {cohort.table['patient_id'].nunique()} patients.")
    print_findings(findings)
    if out_file is not None:
        write_csv(findings, out_file)
        say(f"Written: {out_file}")


@app.command()
def extract(
    cohort_file: CohortArg,
    out_folder: OutOpt,
    spacing: SpacingOpt = None,
    params: ParamsOpt = None,
    engine: EngineOpt = "native",
    view: ViewOpt = "largest_slice",
    margin: MarginOpt = None,
    field: FieldOpt = None,
    relative_margin: RelativeOpt = None,
    view_spacing: ViewSpacingOpt = None,
    window: WindowOpt = None,
    padding: PaddingOpt = None,
    background: BackgroundOpt = None,
    mask_channel: MaskChannelOpt = False,
    slices: SlicesOpt = None,
    mip_axis: MipAxisOpt = None,
    slab_margin: SlabOpt = None,
    backbone: BackboneOpt = "resnet50",
    weights: WeightsOpt = "DEFAULT",
    layers: LayersOpt = None,
    pooling: PoolingOpt = None,
    sqrt: SqrtOpt = False,
    view_pooling: ViewPoolingOpt = None,
    where: WhereOpt = None,
    allow_outside_root: OutsideOpt = False,
    jobs: JobsOpt = 2,
    retry_failed: RetryOpt = False,
) -> None:
    """Extract radiomics and embeddings of every case into RUN/features.parquet."""
    from hybridrad.run_folder import claim_folder

    options = ExtractionOptions(
        spacing,
        _text(params),
        engine,
        view,
        margin,
        field,
        relative_margin,
        view_spacing,
        window,
        backbone,
        weights,
        padding=padding,
        background=background,
        mask_channel=mask_channel or None,
        slices=slices,
        mip_axis=mip_axis,
        slab_margin=slab_margin,
        layers=layers,
        pooling=pooling,
        sqrt=sqrt or None,
        view_pooling=view_pooling,
    )
    extractors = options.extractors()
    cohort = _cohort(cohort_file, (), None, None, where, allow_outside_root, images=True)
    claim_folder(out_folder, {"command": "extract", "cohort": cohort_file.name, "where": where, **asdict(options)})
    run = hr.extract_features(cohort, extractors, store=out_folder, n_jobs=jobs, retry_failed=retry_failed)
    print_run(run)
    say(f"Written: {out_folder / 'features.parquet'}")
    raise typer.Exit(2 if len(run.failures) else 0)


@app.command()
def compare(
    cohort_file: CohortArg,
    out_folder: OutOpt,
    spacing: SpacingOpt = None,
    params: ParamsOpt = None,
    engine: EngineOpt = "native",
    view: ViewOpt = "largest_slice",
    margin: MarginOpt = None,
    field: FieldOpt = None,
    relative_margin: RelativeOpt = None,
    view_spacing: ViewSpacingOpt = None,
    window: WindowOpt = None,
    padding: PaddingOpt = None,
    background: BackgroundOpt = None,
    mask_channel: MaskChannelOpt = False,
    slices: SlicesOpt = None,
    mip_axis: MipAxisOpt = None,
    slab_margin: SlabOpt = None,
    backbone: BackboneOpt = "resnet50",
    weights: WeightsOpt = "DEFAULT",
    layers: LayersOpt = None,
    pooling: PoolingOpt = None,
    sqrt: SqrtOpt = False,
    view_pooling: ViewPoolingOpt = None,
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
    unit: Annotated[Unit, typer.Option("--unit", help="What is scored: case or patient.")] = Unit.case,
    features: Annotated[
        Path | None, typer.Option("--features", metavar="TABLE", help="Use this feature table, extract nothing.")
    ] = None,
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
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all chance.")] = 0,
    retry_failed: RetryOpt = False,
) -> None:
    """Extract, compare all arms on the same splits, and write tables and a report into RUN."""
    from hybridrad.evaluation.designs import design_from
    from hybridrad.run_folder import claim_folder

    options = ExtractionOptions(
        spacing,
        _text(params),
        engine,
        view,
        margin,
        field,
        relative_margin,
        view_spacing,
        window,
        backbone,
        weights,
        padding=padding,
        background=background,
        mask_channel=mask_channel or None,
        slices=slices,
        mip_axis=mip_axis,
        slab_margin=slab_margin,
        layers=layers,
        pooling=pooling,
        sqrt=sqrt or None,
        view_pooling=view_pooling,
    )
    design = design_from(cv, inner=inner)
    extractors = [] if features else options.extractors()
    cohort = _cohort(cohort_file, clinical or (), label, positive, where, allow_outside_root, images=features is None)
    from hybridrad.study_outcome import task_asked

    chosen = task_asked(task.value, cohort)
    if chosen != "classification" and (readers or learning_curves):
        raise RunError(
            f"--readers and --learning-curves are for classes; the task is {chosen}.",
            hint="Leave them out, or name a label.",
        )
    recipe = {
        "command": "compare",
        "cohort": cohort_file.name,
        "where": where,
        "label": label,
        **({"task": task.value} if task is not Task.auto else {}),
        **({"horizons": horizons} if horizons else {}),
        "positive": positive,
        "clinical": clinical,
        "unit": unit.value,
        "features": _text(features),
        "models": models,
        "baseline": baseline,
        "cv": cv,
        "inner": inner,
        "equivalence_margin": margin_auc,
        "seed": seed,
        **({} if features else asdict(options)),
    }
    claim_folder(out_folder, recipe)
    announce(cohort)
    from hybridrad.features.table_file import read_feature_table

    run: ExtractionRun | None = None
    if features is not None:
        table = read_feature_table(features)
    else:
        run = hr.extract_features(cohort, extractors, store=out_folder, n_jobs=jobs, retry_failed=retry_failed)
        print_run(run)
        table = run.features
    finished = _finished_before(out_folder, table, cohort, design, seed, task.value)
    if finished is not None:
        say("The comparison of these data is finished; only its report is made again.")
        _further(finished, table, cohort, out_folder, readers, learning_curves, jobs=jobs, seed=seed)
        _report(finished, out_folder)
        raise typer.Exit(2 if len(finished.failures) else 0)
    names = [n.strip() for n in models.split(",") if n.strip()] if models else None
    clinical_columns = list(cohort.clinical_table().columns)
    arms = hr.standard_models(
        table, clinical=clinical_columns, names=names, inner=inner, random_state=seed, task=chosen
    )
    study = run_study(
        lambda progress: hr.compare_models(
            arms,
            table,
            cohort,
            task=task.value,
            horizons=_numbers(horizons),
            cv=design,
            baseline=baseline,
            unit=unit.value,
            margin=margin_auc,
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
        _further(study, table, cohort, out_folder, readers, learning_curves, jobs=jobs, seed=seed)
        say(f"Report: {write_run_report(study, out_folder)}")
    raise typer.Exit(2 if len(study.failures) else 0)


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished comparison.")],
    readers: ReadersOpt = None,
    cohort_file: Annotated[
        Path | None, typer.Option("--cohort", metavar="COHORT.csv", help="Its cohort table, for --readers.")
    ] = None,
) -> None:
    """Make the report again from the tables in RUN."""
    from hybridrad.run_folder import find_data, load_study

    study = load_study(run_folder)
    if readers:
        _, cohort = find_data(run_folder, study, cohort_file=cohort_file)
        if cohort is None:
            raise RunError("--readers needs the cohort table that holds the readings: --cohort COHORT.csv.")
        make_readers(study, cohort.table, readers, run_folder)
    _report(study, run_folder)


@app.command()
def audit(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished comparison.")],
    cohort_file: Annotated[
        Path | None, typer.Option("--cohort", metavar="COHORT.csv", help="Its cohort table: sites, clinical columns.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option("--features", metavar="TABLE", help="Its feature table, where RUN does not hold it.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Arm to audit; default the fused one.")] = None,
    permutations: Annotated[
        int, typer.Option("--permutations", min=0, help="Refit on so many permuted labels (99; takes long).")
    ] = 0,
    jobs: JobsOpt = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all chance.")] = 0,
) -> None:
    """Ask whether the numbers in RUN could be flattering, and write RUN/audit.csv."""
    from hybridrad.exports import write_csv
    from hybridrad.run_folder import find_controls, find_data, load_study

    study = load_study(run_folder)
    table, cohort = find_data(run_folder, study, cohort_file=cohort_file, features=features)
    found = hr.audit(
        study,
        table,
        cohort,
        model=model,
        store=run_folder,
        controls=find_controls(run_folder),
        permutations=permutations,
        n_jobs=jobs,
        random_state=seed,
        progress=lambda code: say(f"... {code}"),
    )
    write_csv(found, run_folder / "audit.csv")
    print_audit(found)
    say(f"Written: {run_folder / 'audit.csv'}")


app.command()(curves)


@app.command()
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


@app.command()
def doctor() -> None:
    """Say what this machine has and what is missing."""
    from hybridrad.doctor import examine

    results = examine()
    print_examined(results)
    raise typer.Exit(1 if any(r.state == "missing" for r in results) else 0)


@app.command()
def bench(
    voxels: Annotated[int, typer.Option("--voxels", min=500, help="Voxels of the synthetic region.")] = 5_000,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Extractions of which the median is given.")] = 3,
) -> None:
    """Measure the radiomics engine on this machine, against PyRadiomics where it is installed."""
    from hybridrad.bench import speed_table

    print_speed(speed_table(sizes=[voxels], repeats=repeats, note=say))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _cohort(
    path: Path,
    clinical: Sequence[str],
    label: str | None,
    positive: str | None,
    where: list[str] | None,
    allow_outside_root: bool,
    *,
    images: bool,
) -> Any:
    cohort = hr.read_cohort(
        path,
        clinical=tuple(clinical),
        images=images,
        label=label,
        positive=positive,
        allow_outside_root=allow_outside_root,
    )
    for condition in where or ():
        column, separator, value = condition.partition("=")
        if not separator or column not in cohort.table.columns:
            raise RunError(
                f"--where {condition!r} is not COLUMN=VALUE with a column of the table.",
                hint=f"Columns: {', '.join(map(str, cohort.table.columns))}.",
            )
        keep = cohort.table.index[cohort.table[column].astype(str) == value]
        if not len(keep):
            raise RunError(f"--where {condition!r} leaves no case.")
        cohort = cohort.subset(keep)
    return cohort


cli_views.register(app, _cohort)


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
    _report(study, folder)


def _further(
    study: hr.Comparison,
    table: pd.DataFrame,
    cohort: Any,
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
        make_curves(study, table, cohort, folder, n_jobs=jobs, random_state=seed)


def _report(study: hr.Comparison, folder: Path) -> None:
    path = write_run_report(study, folder)
    print_scores(study)
    say(f"Report: {path}")


def _shown_arguments() -> list[str]:
    """Return the arguments as typed, with file paths cut to their names: reports travel, folders are private."""
    return [Path(a).name if ("/" in a or "\\" in a) and not a.startswith("-") else a for a in sys.argv[1:]]


def _spread(arguments: Sequence[str]) -> list[str]:
    """Turn ``--clinical a b c`` into one option a column; click options take a fixed number of values.

    Examples
    --------
    >>> _spread(["compare", "c.csv", "--clinical", "age", "sex", "--seed", "1"])
    ['compare', 'c.csv', '--clinical', 'age', '--clinical', 'sex', '--seed', '1']
    """
    spread: list[str] = []
    inside = False
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        if argument == "--clinical" and not following.startswith("-"):
            inside = True
        elif argument.startswith("-"):
            inside = False
            spread.append(argument)
        else:
            spread += ["--clinical", argument] if inside else [argument]
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status: 0 well, 2 cases failed, 1 the call failed."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(_spread(arguments), standalone_mode=False)
    except HybridradError as error:
        say_error(str(error))
        status = 1
    except _UsageError as error:
        error.show()
        status = 1
    except (typer.Abort, KeyboardInterrupt):
        say_error("Stopped. What is finished is kept; the same command goes on from there.")
        status = 1
    except (ValueError, TypeError, OSError) as error:
        say_error(str(error))
        status = 1
    sys.exit(status or 0)
