"""`hybridrad report` and `hybridrad audit`: what is made of a finished comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import hybridrad as hr
from hybridrad.cli_options import FeaturesOfRunOpt, JobsOpt, RunArg, SeedOpt
from hybridrad.cli_readers import ReadersOpt, make_readers
from hybridrad.console import print_audit, print_scores, say
from hybridrad.errors import RunError
from hybridrad.run_report import write_run_report


def report(
    run_folder: RunArg,
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
    write_and_print(study, run_folder)


def audit(
    run_folder: RunArg,
    cohort_file: Annotated[
        Path | None, typer.Option("--cohort", metavar="COHORT.csv", help="Its cohort table: sites, clinical columns.")
    ] = None,
    features: FeaturesOfRunOpt = None,
    model: Annotated[str | None, typer.Option("--model", help="Arm to audit; default the fused one.")] = None,
    permutations: Annotated[
        int, typer.Option("--permutations", min=0, help="Refit on so many permuted labels (99; takes long).")
    ] = 0,
    jobs: JobsOpt = 2,
    seed: SeedOpt = 0,
) -> None:
    """Ask whether the numbers in RUN could be flattering, and write RUN/audit.csv."""
    from hybridrad.run_folder import find_controls, find_data, load_study
    from hybridrad.run_further import save_audit
    from hybridrad.run_networks import with_markers

    study = load_study(run_folder)
    table, cohort = find_data(run_folder, study, cohort_file=cohort_file, features=features)
    if table is not None and cohort is not None:
        # Together they are told from other data by a hash, and the study's table had the markers of its networks.
        table = with_markers(table, run_folder, study)
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
    arms = study.settings.get("arms") or {}
    audited = model or next((name for name, arm in arms.items() if arm.get("is_default_fused")), None)
    save_audit(found, study, run_folder, model=audited or study.settings.get("baseline"))
    print_audit(found)
    say(f"Written: {run_folder / 'audit.csv'}")


def write_and_print(study: hr.Comparison, folder: Path) -> None:
    """Write the report of a study into its run folder and print its scores."""
    path = write_run_report(study, folder)
    print_scores(study)
    say(f"Report: {path}")
