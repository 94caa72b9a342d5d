"""What each block adds to those before it: the section of a report on a priority arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.text import estimate, is_number, metric_name, number, p_value
from hybridrad.study_steps import AFTER, BEFORE

if TYPE_CHECKING:
    from hybridrad.study import Comparison


def steps_section(study: Comparison) -> dict[str, Any] | None:
    """Return what the section shows; None for a study without a priority arm."""
    return None if study.steps.empty else {"grids": [steps_grid(study, m) for m in study.steps.index.unique("model")]}


def steps_grid(study: Comparison, model: str) -> Grid:
    """Return the steps of one priority arm."""
    table = study.steps.loc[model]
    metric = next(c for c in table.columns if c not in (*BEFORE, *AFTER))
    loss, first = ("log loss", "the prevalence") if metric == "roc_auc" else ("loss", "one prediction for all")
    rows = []
    for block, row in table.iterrows():
        gain = estimate(row["gain"], row["gain_low"], row["gain_high"], signed=True) if is_number(row["gain"]) else "–"
        cells = (
            Cell(str(block) if row["order"] == 1 else f"+ {block}", kind="name"),
            Cell(f"{int(row['kept_folds'])} of {int(row['n_folds'])}", kind="num"),
            Cell(estimate(row[metric], row["low"], row["high"]), kind="num"),
            Cell(gain, kind="num"),
            Cell(p_value(row["p_value"]) or "–", kind="num"),
            Cell(number(row["inner_gain"], 3, signed=True), kind="num"),
        )
        rows.append(Row(cells))
    head = (
        ("Blocks", "name"),
        ("Kept in folds", "num"),
        (f"{metric_name(metric)} so far (95 % interval)", "num"),
        ("Gain over the blocks before", "num"),
        ("p", "num"),
        (f"Inner {loss} falls by", "num"),
    )
    method = str(table["method"].iloc[-1]).removeprefix("exploratory: ")
    return Grid(
        f"{model}: what each block adds to those before it, on test cases.",
        tuple(Cell(text, kind=kind) for text, kind in head),
        tuple(rows),
        f"Exploratory. Method: {method}. The order is declared, so that a late block is credited only with what the "
        "earlier ones leave open. The last column is what the inner folds saw, by which blocks are kept; the first "
        f"is compared with {first} and always kept.",
    )
