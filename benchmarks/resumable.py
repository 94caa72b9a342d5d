"""Run tasks in processes of one thread and keep their rows in a CSV, so that a run that was stopped can go on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

Rows = list[dict[str, Any]]


def read_rows(out: Path, columns: list[str], *, text: list[str]) -> pd.DataFrame:
    """Return the rows of the file; a last line that was cut off in the middle is removed from it."""
    content = out.read_text() if out.exists() else ""
    whole = content[: content.rfind("\n") + 1]
    if whole != content:
        out.write_text(whole)
    if not whole:
        return pd.DataFrame(columns=columns)
    # An empty text is a text, not a missing number.
    types = dict.fromkeys(text, str)
    return pd.read_csv(io.StringIO(whole), dtype=types, keep_default_na=False, na_values=["nan"])


def add_rows(out: Path, columns: list[str], run: Callable[..., Rows], tasks: list[Any], n_jobs: int) -> None:
    """Append the rows of every ``run(*task)`` to the file, those of a task at once, as they come."""
    with out.open("a", newline="") as file:
        if out.stat().st_size == 0:
            csv.DictWriter(file, columns).writeheader()
        for i, rows in enumerate(_in_processes(run, tasks, n_jobs)):
            text = io.StringIO()
            csv.DictWriter(text, columns).writerows(rows)
            file.write(text.getvalue())
            file.flush()
            if (i + 1) % 20 == 0:
                print(f"{i + 1} of {len(tasks)} done", flush=True)


def _in_processes(run: Callable[..., Rows], tasks: list[Any], n_jobs: int) -> Iterator[Rows]:
    if n_jobs == 1:
        for task in tasks:
            yield run(*task)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        yield from pool(joblib.delayed(run)(*task) for task in tasks)
