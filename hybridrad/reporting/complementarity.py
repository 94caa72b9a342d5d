"""How alike the single blocks err: the section of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybridrad.reporting.arms import Arm
from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.text import is_number, number, percent

if TYPE_CHECKING:
    from hybridrad.study import Comparison


def complementarity_section(study: Comparison, arms: Sequence[Arm]) -> dict[str, Any] | None:
    """Return what the section shows; None for a study with fewer than two single arms."""
    if study.complementarity.empty:
        return None
    return {"grid": complementarity_grid(study, arms)}


def complementarity_grid(study: Comparison, arms: Sequence[Arm]) -> Grid:
    """Return the table of pairs of single arms."""
    place = {arm.name: i for i, arm in enumerate(arms)}
    pairs = sorted(study.complementarity.index, key=lambda pair: [place.get(str(n), len(place)) for n in pair])
    rows = []
    for pair in pairs:
        row = study.complementarity.loc[[pair]].iloc[0]
        both = _share(row["double_fault"])
        cells = (
            Cell(str(pair[0]), kind="name"),
            Cell(str(pair[1])),
            Cell(_share(row["error"]), kind="num"),
            Cell(_share(row["error_other"]), kind="num"),
            Cell(both, small=f"{_share(row['double_fault_by_chance'])} by chance", kind="num"),
            Cell(_share(row["error_overlap"]), kind="num"),
            Cell(_value(row["logit_correlation"]), kind="num"),
            Cell(_value(row["logit_correlation_within_class"]), kind="num"),
        )
        rows.append(Row(cells))
    head = (
        ("Model", "name"),
        ("And", "text"),
        ("Errors of the first", "num"),
        ("Of the second", "num"),
        ("Both wrong", "num"),
        ("Of all errors", "num"),
        ("Correlation of logits", "num"),
        ("Within a class", "num"),
    )
    calls = "the threshold from inner folds where there is one, else 0.5"
    if len(study.settings.get("classes") or []) > 2:
        calls = "the most probable class"
    return Grid(
        "How alike the single blocks err and score, out of fold.",
        tuple(Cell(text, kind=kind) for text, kind in head),
        tuple(rows),
        f"Calls: {calls}. By chance: what both would miss if, within a class, they erred independently. Of all errors: "
        "both wrong among the cases where either is. Correlations are taken inside a fold and averaged. No intervals: "
        "the table describes.",
        wide=True,
    )


def _share(value: Any) -> str:
    return percent(float(value)) if is_number(value) else "–"


def _value(value: Any) -> str:
    return number(value, 2) if is_number(value) else "–"
