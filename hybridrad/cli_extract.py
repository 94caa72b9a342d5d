"""`hybridrad check` and `hybridrad extract`: what is wrong with a cohort, and its feature table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import hybridrad as hr
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
    Task,
    TaskOpt,
    WhereOpt,
    in_groups,
    read_asked,
)
from hybridrad.cohort_checks import first_of
from hybridrad.console import print_findings, print_run, say
from hybridrad.errors import RunError
from hybridrad.features.blocks import find_blocks


def check(
    cohort_file: CohortArg,
    label: LabelOpt = "label",
    task: TaskOpt = Task.auto,
    where: WhereOpt = None,
    features: FeaturesOpt = None,
    block: BlockOpt = None,
    allow_outside_root: OutsideOpt = False,
    jobs: JobsOpt = 1,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Also write the findings here.")
    ] = None,
) -> None:
    """Say what is wrong with a cohort before anything is computed."""
    from hybridrad.exports import write_csv

    cohort = read_asked(
        cohort_file,
        label=label,
        where=where,
        allow_outside_root=allow_outside_root,
        images=None if features is None else False,
        block=block if features is None else None,
    )
    findings = cohort.check(task=task.value, n_jobs=jobs)
    say(f"{len(cohort.table)} cases, {cohort.table['patient_id'].nunique()} patients.")
    if features is not None:
        findings = pd.concat([findings, _features_of(cohort, features, block=block)])
    print_findings(findings)
    if out_file is not None:
        write_csv(findings, out_file)
        say(f"Written: {out_file}")


def _features_of(cohort: hr.Cohort, file: Path, *, block: str | None) -> pd.DataFrame:
    """Say which cases of a cohort a feature table has, and return the findings on its columns."""
    from hybridrad._checks import findings_table
    from hybridrad.feature_columns import notes_of
    from hybridrad.study_cases import cases_used

    table = feature_table(file, cohort, block)
    used, X = cases_used(table, cohort)
    lacking = cohort.table.index.difference(used.table.index)
    blocks = ", ".join(f"{name} ({len(columns)})" for name, columns in find_blocks(list(X.columns)).items())
    say(f"{file.name}: features of {len(used.table)} of these cases, in the blocks {blocks}.")
    if len(lacking):
        say(f"Without features, and so not in a comparison: {first_of(lacking)}.")
    return findings_table(notes_of(table))


def feature_table(
    file: Path, cohort: hr.Cohort, block: str | None, *, not_features: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the features in a file beside a cohort; its outcome and clinical columns are none."""
    from hybridrad.features.table_file import read_feature_table

    return read_feature_table(file, block=block, not_features=[cohort.label, *cohort.clinical, *not_features])


def refuse_empty(run: hr.ExtractionRun) -> None:
    """Stop where no case was extracted: there is nothing to go on with.

    Raises
    ------
    RunError
        Every case failed.
    """
    if run.features.empty and len(run.failures):
        first = run.failures.iloc[0]
        raise RunError(f"no case could be extracted. The first: {first['message']}", hint=str(first["hint"]))


@in_groups
def extract(
    cohort_file: CohortArg,
    out_folder: OutOpt,
    extraction: ExtractionOptions,
    where: WhereOpt = None,
    allow_outside_root: OutsideOpt = False,
    jobs: JobsOpt = 2,
    retry_failed: RetryOpt = False,
) -> None:
    """Extract radiomics and embeddings of every case into RUN/features.parquet."""
    from hybridrad.run_folder import claim_folder

    extractors = extraction.extractors()
    cohort = read_asked(cohort_file, label=None, where=where, allow_outside_root=allow_outside_root)
    claim_folder(out_folder, {"command": "extract", "cohort": cohort_file.name, "where": where, **extraction.recipe()})
    run = hr.extract_features(cohort, extractors, store=out_folder, n_jobs=jobs, retry_failed=retry_failed)
    print_run(run)
    refuse_empty(run)
    say(f"Written: {out_folder / 'features.parquet'}")
    raise typer.Exit(2 if len(run.failures) else 0)
