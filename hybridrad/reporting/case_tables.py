"""The tables of cases in a report: findings and failures, by code and one by one."""

from __future__ import annotations

import pandas as pd

from hybridrad.errors import CATALOGUE
from hybridrad.reporting.grid import Cell, Grid, Row, plain
from hybridrad.reporting.text import count

LONGEST = 30  # rows shown; the rest is in the CSV files
_SEVERITIES = ("error", "warning", "note")


def codes_grid(table: pd.DataFrame, *, caption: str) -> Grid:
    """Return how many cases have each code, with its meaning and what to do."""
    flat = table.reset_index()
    rows = []
    for code, group in flat.groupby("code", sort=True):
        known = CATALOGUE.get(str(code))
        severity = str(group["severity"].iloc[0]) if "severity" in group else (known.severity if known else "error")
        hints = group["hint"].dropna().astype(str)
        hints = hints[hints != ""]
        hint = str(hints.mode().iloc[0]) if len(hints) else ""
        cells = (
            Cell(str(code), kind="code"),
            Cell(severity, tone=severity if severity in _SEVERITIES else ""),
            Cell(known.meaning if known else "", small=hint),
            Cell(f"{group['case_id'].nunique():,}", kind="num"),
        )
        order = (_SEVERITIES.index(severity) if severity in _SEVERITIES else 9, str(code))
        rows.append((order, Row(cells)))
    head = (Cell("Code"), Cell("Severity"), Cell("Meaning, and what to do"), Cell("Cases", kind="num"))
    return Grid(caption, head, tuple(row for _, row in sorted(rows, key=lambda pair: pair[0])))


def cases_grid(table: pd.DataFrame, *, caption: str, file: str) -> Grid:
    """Return findings or failures case by case, the gravest first, at most ``LONGEST``; notes are only counted."""
    flat, notes = table.reset_index(), 0
    if "severity" in flat:
        notes = int((flat["severity"] == "note").sum())
        flat = flat[flat["severity"] != "note"]
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
