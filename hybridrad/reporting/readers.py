"""Models against readers: the section of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting.arms import Arm, in_order_of
from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.text import count, decimals_of, interval, is_number, metric_name, number, p_value, percent

if TYPE_CHECKING:
    from hybridrad.study_readers import ReaderStudy


def readers_section(readers: ReaderStudy | None, arms: Sequence[Arm]) -> dict[str, Any] | None:
    """Return what the section shows; None where no readings were compared."""
    if readers is None:
        return None
    thresholds = {str(r["column"]): r.get("threshold") for r in readers.settings.get("readers") or []}
    shown = []
    for name in readers.comparisons.index.unique("reader"):
        of_reader = in_order_of(list(arms), readers.comparisons.loc[name])
        shown.append(
            {
                "name": str(name),
                "threshold": thresholds.get(str(name)),
                "areas": readers_grid(of_reader, str(name), ("roc_auc",)),
                "calls": readers_grid(of_reader, str(name), ("sensitivity", "specificity")),
                "points": points_grid(in_order_of(list(arms), readers.points.loc[name]), str(name)),
            }
        )
    return {"readers": shown}


def readers_grid(table: pd.DataFrame, reader: str, metrics: Sequence[str]) -> Grid | None:
    """Return model against reader in these metrics; None where they were not compared."""
    part = table[table.index.get_level_values("metric").isin(metrics)]
    if part.empty:
        return None
    several, rows = len(metrics) > 1, []
    for row in part.reset_index().to_dict("records"):
        metric = str(row["metric"])
        digits = decimals_of(metric)
        cells = [Cell(str(row["model"]), kind="name")]
        cells += [Cell(metric_name(metric))] if several else []
        cells += [Cell(number(row[k], digits), kind="num") for k in ("model_value", "reader_value")]
        limits = interval(row["low"], row["high"], digits)
        cells.append(Cell(number(row["difference"], digits, signed=True), small=limits, kind="num"))
        if several:
            cells += [Cell(_whole(row[k]), kind="num") for k in ("only_model", "only_reader")]
        cells.append(Cell(p_value(row["p_value"]) or "none", kind="num"))
        rows.append(Row(tuple(cells)))
    head = [Cell("Model")]
    head += [Cell("Of")] if several else []
    head += [Cell(t, kind="num") for t in ("Model", "Reader", "Difference (95 % interval)")]
    head += [Cell(t, kind="num") for t in ("Only the model right", "Only the reader right")] if several else []
    head.append(Cell("p", kind="num"))
    what = "Calls" if several else "Area under the curve"
    first = part.iloc[0]
    people = f"{count(first['n_patients'], 'patient')}, {count(first['n_cases'], 'case')}"
    if several:
        negative = part.iloc[1] if len(part) > 1 else first
        people = f"{count(first['n_cases'], 'positive case')}, {count(negative['n_cases'], 'negative case')}"
    methods = "; ".join(dict.fromkeys(str(m).removeprefix("exploratory: ") for m in part["method"]))
    return Grid(
        f"{what} of every model against {reader}, on the same cases ({people}).",
        tuple(head),
        tuple(rows),
        f"Exploratory, p-values not adjusted. Method: {methods}.",
    )


def points_grid(points: pd.DataFrame, reader: str) -> Grid:
    """Return models read off their curves at the operating points of the reader."""
    rows, before = [], ""
    for row in points.reset_index().to_dict("records"):
        gains = [
            Cell(percent(row[f"model_{k}"]), small=_gain(row, k), kind="num") for k in ("specificity", "sensitivity")
        ]
        cells = (
            Cell(f"≥ {row['grade']}", kind="name"),
            Cell(percent(row["sensitivity"]), kind="num"),
            Cell(percent(row["specificity"]), kind="num"),
            *gains,
        )
        rows.append(Row(cells, str(row["model"]) if row["model"] != before else ""))
        before = str(row["model"])
    head = (
        Cell(f"{reader}"),
        Cell("Sensitivity of the reader", kind="num"),
        Cell("Specificity of the reader", kind="num"),
        Cell("Specificity of the model at that sensitivity", kind="num"),
        Cell("Sensitivity of the model at that specificity", kind="num"),
    )
    note = (
        "Below a value: its difference from the reader, in percentage points, with the 95 % interval (bootstrap of "
        "patients). The model's threshold is chosen on these very cases, so this compares curves; it promises nothing "
        "of a threshold fixed before. Scores of the folds of the first repeat are pooled, which lowers their curve."
    )
    return Grid(f"The models at the operating points of {reader}.", head, tuple(rows), note)


def _gain(row: Mapping[Any, Any], which: str) -> str:
    values = [100 * float(row[f"{which}_{k}"]) for k in ("gain", "low", "high")]
    return f"{number(values[0], 0, signed=True)} ({interval(values[1], values[2], 0)})"


def _whole(value: Any) -> str:
    return f"{int(value):,}" if is_number(value) else "–"
