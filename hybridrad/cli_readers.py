"""`--readers COLUMN[:THRESHOLD]`: a finished comparison against readings in the cohort table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import hybridrad as hr
from hybridrad.console import say

ReadersOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--readers",
        metavar="COL[:THRESHOLD]",
        help="Compare with readings in this column of the cohort, positive from THRESHOLD on; may be repeated. "
        "Readings in words: COL:THRESHOLD:LOWEST,...,HIGHEST.",
    ),
]


def make_readers(
    study: hr.Comparison, cohort_table: pd.DataFrame, readers: list[str], folder: Path, *, seed: int = 0
) -> None:
    """Compare the arms of a study with readers and write the tables into its run folder."""
    from hybridrad.run_further import save_readers
    from hybridrad.study_readers import Readings, compare_readers

    found = compare_readers(study, cohort_table, [Readings.parse(text) for text in readers], random_state=seed)
    save_readers(found, folder)
    say(f"Written: {folder / 'readers.csv'}, reader_points.csv")
