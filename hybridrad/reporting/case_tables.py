"""The tables of cases in a report: findings and failures, by code and one by one."""

from __future__ import annotations

import pandas as pd

from hybridrad.errors import CATALOGUE
from hybridrad.reporting.grid import Cell, Grid, Row, plain
from hybridrad.reporting.text import count

WHOLES = ("(study)", "(cohort)")  # stand in the place of a case
LONGEST = 30  # rows shown; the rest is in the CSV files
_SEVERITIES = ("error", "warning", "note")


def codes_grid(table: pd.DataFrame, *, caption: str) -> Grid:
    """Return how many cases have each code, with its meaning and what to do.

    A hint that differs from case to case is that of the first one, and says so. What is about the study as a whole,
    such as the fit of a model, is about no case.
    """
    flat = table.reset_index()
    rows = []
    for code, group in flat.groupby("code", sort=True):
        known = CATALOGUE.get(str(code))
        severity = str(group["severity"].iloc[0]) if "severity" in group else (known.severity if known else "error")
        told = group[group["hint"].fillna("").astype(str) != ""]
        hint = str(told["hint"].iloc[0]) if len(told) else ""
        if len(set(told["hint"])) > 1:
            hint = f"{told['case_id'].iloc[0]}, for example: {hint}"
        n_cases = group.loc[~_of_study(group), "case_id"].nunique()
        cells = (
            Cell(str(code), kind="code"),
            Cell(severity, tone=severity if severity in _SEVERITIES else ""),
            Cell(known.meaning if known else "", small=hint),
            Cell(f"{n_cases:,}" if n_cases else "study", kind="num"),
        )
        order = (_SEVERITIES.index(severity) if severity in _SEVERITIES else 9, str(code))
        rows.append((order, Row(cells)))
    head = (Cell("Code"), Cell("Severity"), Cell("Meaning, and what to do"), Cell("Cases", kind="num"))
    return Grid(caption, head, tuple(row for _, row in sorted(rows, key=lambda pair: pair[0])))


def cases_grid(table: pd.DataFrame, *, caption: str, file: str) -> Grid:
    """Return findings or failures case by case, the gravest first, at most ``LONGEST``.

    Notes are only counted, but for those about the study as a whole: what they mean stands in their message alone.
    """
    flat, notes = table.reset_index(), 0
    if "severity" in flat:
        counted = (flat["severity"] == "note") & ~_of_study(flat)
        notes = int(counted.sum())
        flat = flat[~counted]
        rank = flat["severity"].map({s: i for i, s in enumerate(_SEVERITIES)}).fillna(9)
        flat = flat.iloc[rank.argsort(kind="stable")]
    rows = [
        Row(
            (
                Cell(str(r["case_id"]), kind="name"),
                Cell(str(r["code"]), kind="code"),
                Cell(plain(r.get("stage"))),
                Cell(plain(r.get("message")), small=plain(r.get("hint"))),
            )
        )
        for _, r in flat.head(LONGEST).iterrows()
    ]
    parts = [f"The first {LONGEST} of {len(flat):,} rows; see {file} for all."] if len(flat) > LONGEST else []
    parts += [f"{count(notes, 'note')} not listed here; see {file}."] if notes else []
    note = " ".join(parts)
    return Grid(
        caption, (Cell("Case"), Cell("Code"), Cell("Stage"), Cell("Message, and what to do")), tuple(rows), note
    )


def _of_study(flat: pd.DataFrame) -> pd.Series:
    return flat["case_id"].astype(str).isin(WHOLES)
