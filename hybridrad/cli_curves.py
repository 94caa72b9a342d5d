"""`hybridrad curves RUN`: learning curves of a finished comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import hybridrad as hr
from hybridrad.cli_options import FeaturesOfRunOpt, JobsOpt, RunArg, SeedOpt, names_in
from hybridrad.console import print_crossings, run_study, say
from hybridrad.errors import RunError
from hybridrad.run_report import write_run_report


def curves(
    run_folder: RunArg,
    cohort_file: Annotated[
        Path | None, typer.Option("--cohort", metavar="COHORT.csv", help="Its cohort table, for clinical columns.")
    ] = None,
    features: FeaturesOfRunOpt = None,
    models: Annotated[str | None, typer.Option("--models", help="Arms, with commas; default all of the study.")] = None,
    sizes: Annotated[
        str | None, typer.Option("--sizes", metavar="N,N,...", help="Training patients; default five sizes.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=2, help="Draws of patients.")] = 20,
    weights: Annotated[
        str | None,
        typer.Option("--weights", help="Weights of its trained networks, where they are not where they were."),
    ] = None,
    jobs: JobsOpt = 2,
    seed: SeedOpt = 0,
) -> None:
    """Refit all arms on growing sets of patients, and write learning_*.csv and the report of RUN.

    What was finished is kept in RUN until then: the same command goes on there after an interruption.
    """
    from hybridrad.run_folder import find_data, load_study
    from hybridrad.run_networks import find_networks, with_markers

    study = load_study(run_folder)
    table, cohort = find_data(run_folder, study, cohort_file=cohort_file, features=features)
    if table is None:
        raise RunError(
            f"{run_folder} holds no features.parquet; the arms cannot be fitted again.",
            hint="Give the feature table of the comparison with --features.",
        )
    wanted = names_in(models)
    networks = find_networks(run_folder, study, arms=wanted, weights=weights)
    make_curves(
        study,
        # All markers: they are part of the data that the study has a hash of.
        with_markers(table, run_folder, study) if networks or cohort is not None else table,
        cohort,
        run_folder,
        models=wanted,
        networks=networks,
        sizes=_sizes(sizes),
        draws=draws,
        n_jobs=jobs,
        random_state=seed,
    )
    path = write_run_report(study, run_folder)
    say(f"Report: {path}")


def make_curves(study: hr.Comparison, table: Any, cohort: Any, folder: Path, **options: Any) -> None:
    """Compute learning curves with a progress bar, write them into the run folder and print the crossings."""
    from hybridrad.evaluation.fold_store import drop_folds
    from hybridrad.run_further import save_learning_curves
    from hybridrad.study_curves import curves_of_study

    found = run_study(
        lambda progress: curves_of_study(
            study, table, cohort, announce=say, progress=progress, store=folder, **options
        ),
        "Learning curves",
    )
    save_learning_curves(found, folder)
    drop_folds(folder)
    for name in found.settings["not_refitted"]:
        say(f"{name} is not refitted: it needs the cohort table (--cohort), or is an estimator of your own.")
    for row in found.failures.drop_duplicates("model").to_dict("records"):
        say(f"{row['model']} failed in some draws ({row['type']}: {row['message']}) and has no curve there.")
    print_crossings(found.crossings)
    say(f"Written: {folder / 'learning_points.csv'}, learning_fits.csv, learning_crossings.csv")


def _sizes(text: str | None) -> list[int] | None:
    """Return the sizes typed, or raise ``ValueError``.

    Examples
    --------
    >>> _sizes("40, 80,160")
    [40, 80, 160]
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise ValueError(f"--sizes {text!r} is not a list of patients such as 40,80,160,320.")
    return [int(part) for part in parts]
