"""Heat maps in a report: pictures of some cases, and for all of them how much of the heat lies in the region."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.heat_panels import class_name, heat_panels, share_panels
from hybridrad.reporting.plates import Draft, Plate
from hybridrad.reporting.text import count, listing

if TYPE_CHECKING:
    from hybridrad.heat import HeatMaps
    from hybridrad.study import Comparison


def heat_section(study: Comparison, draw: Callable[..., Plate | None]) -> dict[str, Any] | None:
    """Return what the section on heat maps shows; None for a study without them."""
    maps: HeatMaps | None = getattr(study, "heat_maps", None)
    if maps is None or maps.table.empty:
        return None
    classes = study.settings.get("classes") or []
    models = list(maps.table.index.unique("model"))
    panels = [
        draw(f"heat_maps_{place}" if len(models) > 1 else "heat_maps", heat_plate, maps, name, classes)
        for place, name in enumerate(models, start=1)
    ]
    return {
        "cells": listing(list(dict.fromkeys(f"{n} × {n}" for n in maps.table["cells"]))),
        "panels": [panel for panel in panels if panel is not None],
        "shares": draw("heat_in_region", shares_plate, maps.table, classes),
        "grid": heat_grid(maps.table, classes),
    }


def heat_plate(maps: HeatMaps, model: str, classes: list[Any]) -> Draft | None:
    """Return the pictures of one model."""
    shown = maps.shown
    n = int((shown.index.get_level_values("model") == model).sum())
    if n == 0:
        return None
    n_all = len(maps.table.loc[[model]])
    score = f"the probability of {classes[-1]}" if len(classes) == 2 else "the probability of the class called"
    several = (maps.table.loc[[model], "n_views"] > 1).any()
    other = " (and the one called, where it is another)" if len(classes) > 2 else ""
    views = " Of several views the one with the most heat is shown, with its number." if several else ""
    caption = (
        f"Heat maps of {model} for {n} of {n_all} cases, drawn by chance and balanced over classes and, as far as "
        "their number goes, over right and wrong calls: what speaks for the class that the model called, in the "
        "picture as the network saw it. Each map is of the network that was fitted without the case's patient. Above "
        "each: the case, its true class"
        f"{other}, the out-of-fold score ({score}), and the share of the heat inside the region beside the region's "
        f"share of the picture.{views}"
    )
    return Draft(lambda: heat_panels(maps, model, classes), caption, f"Heat maps of {count(n, 'case')}.")


def shares_plate(table: pd.DataFrame, classes: list[Any]) -> Draft | None:
    """Return the shares of all cases."""
    if not table["heat_in_region"].notna().any():
        return None
    caption = (
        "Share of the heat inside the region against the region's share of the picture, all tested cases of the first "
        "repeat. On the dashed line heat is spread as if the region did not matter; below it the network looks beside "
        "the region. Open marks: wrong calls."
    )
    return Draft(
        lambda: share_panels(table, classes), caption, "Points of the share of the heat in the region by its area."
    )


def heat_grid(table: pd.DataFrame, classes: list[Any]) -> Grid:
    """Return medians and quartiles of the shares of each model, by the class it called."""
    rows = []
    for name, of_model in table.groupby(level="model", sort=False):
        parts = [(f"called {class_name(called, classes)}", part) for called, part in of_model.groupby("called")]
        for place, (words, part) in enumerate([("all cases", of_model), *(parts if len(parts) > 1 else [])]):
            rows.append(_shares_row(words, part, heading="" if place else str(name)))
    heads = (
        "Cases",
        "Heat in region",
        "Region's area",
        "Most possible",
        "Heat in box",
        "Box's area",
        "More than by area",
    )
    without = int(table["heat_in_region"].isna().sum())
    note = (
        "Most possible: all heat on the one cell of the map that the region fills most. Box: the upright box around "
        "the region. More than by area: cases whose heat in the region exceeds the region's share of the picture."
    )
    if without:
        note += f" Left out: {count(without, 'case')} without any heat for the class that was called."
    return Grid(
        "How much of the heat lies in the region: median over cases (quartiles).",
        (Cell("Model and call"), *(Cell(head, kind="num") for head in heads)),
        tuple(rows),
        note,
    )


def _shares_row(words: str, part: pd.DataFrame, *, heading: str) -> Row:
    hot = part[part["heat_in_region"].notna()]
    more = int((hot["heat_in_region"] > hot["region_area"]).sum())
    cells = (
        Cell(words, kind="name"),
        Cell(f"{len(part):,}", count(part["patient_id"].nunique(), "patient"), kind="num"),
        *(_quartiles(hot[c]) for c in ("heat_in_region", "region_area", "most_possible", "heat_in_box", "box_area")),
        Cell(f"{more:,} of {len(hot):,}", kind="num"),
    )
    return Row(cells, heading)


def _quartiles(values: pd.Series) -> Cell:
    if values.empty:
        return Cell("–", kind="num", tone="muted")
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return Cell(f"{100 * middle:.0f} %", f"{100 * low:.0f} to {100 * high:.0f} %", kind="num")
