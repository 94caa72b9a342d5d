"""Learning curves in a report: a panel for each arm, the fits, and where one arm overtakes another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting.arms import ROLE_HEADINGS, Arm
from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.learning_panels import learning_panels
from hybridrad.reporting.plates import Draft, Plate
from hybridrad.reporting.text import count, interval, is_number, metric_name, number

if TYPE_CHECKING:
    from hybridrad.learning import LearningCurves

NOT_IDENTIFIED = "not identified"


def learning_section(
    curves: LearningCurves | None, arms: Sequence[Arm], draw: Callable[..., Plate | None]
) -> dict[str, Any] | None:
    """Return what the section on learning curves shows; None where there are none."""
    if curves is None:
        return None
    there = set(curves.points.index.unique("model"))
    shown = [a for a in arms if a.name in there]
    # An arm that only the curves know is shown as well.
    shown += [
        Arm(str(name), "other") for name in curves.points.index.unique("model") if name not in [a.name for a in shown]
    ]
    lost = curves.settings.get("not_refitted") or []
    return {
        "plate": draw("learning_curves", learning_plate, curves, shown),
        "fits": fits_grid(curves, shown),
        "crossings": crossings_grid(curves, shown),
        "not_refitted": ", ".join(map(str, lost)),
        "failed": ", ".join(map(str, dict.fromkeys(curves.failures["model"]))),
    }


def learning_plate(curves: LearningCurves, arms: Sequence[Arm]) -> Draft | None:
    """Return the panels of all arms."""
    points = curves.points
    if not points["value"].notna().any():
        return None
    baseline = next((a.name for a in arms if a.is_baseline), None)
    grey = f" Dashed grey: the baseline, {baseline}." if baseline else ""
    sizes = points.index.unique("n_patients")
    n_draws, n_test = int(points["n_draws"].max()), int(points["n_test_patients"].median())
    crossing = (
        " Diamonds: where the arm and the one named cross, with the 95 % interval." if _identified(curves) else ""
    )
    caption = (
        f"{_metric(curves)} against the number of patients in training: mean of {count(n_draws, 'draw')} with 95 % "
        f"interval (bootstrap over draws and tested patients, seed {curves.settings.get('random_state')}); in each "
        f"draw the training sets are nested and the same {n_test} patients are tested. Every step was refitted at "
        f"each of {count(len(sizes), 'size')}. Line: the curve a − b n^−c, where it describes the points.{grey}"
        f"{crossing}"
    )
    return Draft(
        lambda: learning_panels(curves.points, curves.fits, curves.crossings, arms, metric=_metric(curves)),
        caption,
        f"Learning curves of {count(len(arms), 'model')}.",
    )


def fits_grid(curves: LearningCurves, arms: Sequence[Arm]) -> Grid:
    """Return the table of fits: first and last point, curve, and from where on it is flat."""
    sizes = sorted(curves.points.index.unique("n_patients"))
    rows, role = [], ""
    for arm in arms:
        fit = curves.fits.loc[arm.name]
        ends = [_point_cell(curves.points, arm.name, n) for n in (sizes[0], sizes[-1])]
        curve = "–"
        if is_number(fit["a"]):
            curve = f"{number(fit['a'], 3)} − {number(fit['b'], 2)} n^−{number(fit['c'], 2)}"
        flat = Cell("–", small=str(fit["text"]))
        if is_number(fit["flat_from"]):
            limits = interval(fit["flat_low"], fit["flat_high"], 0)
            flat = Cell(f"{fit['flat_from']:.0f} patients", small=f"{limits}; {fit['text']}")
        r2 = Cell(number(fit["r2"], 2) if is_number(fit["r2"]) else "–", kind="num")
        cells = (Cell(arm.name, kind="name", badges=arm.badges), *ends, Cell(curve, kind="num"), r2, flat)
        rows.append(Row(cells, ROLE_HEADINGS[arm.role] if arm.role != role else "", arm.is_default_fused))
        role = arm.role
    head = (
        Cell("Model"),
        *(Cell(f"{_metric(curves)}, {n} patients", kind="num") for n in (sizes[0], sizes[-1])),
        Cell("Fitted curve", kind="num"),
        Cell("R² of the fit", kind="num"),
        Cell("Flat from"),
    )
    note = "No curve is shown below R² 0.5 or with fewer than four sizes; nothing is read off beyond the largest size."
    return Grid("Learning curves: ends, fits, and from where on more patients bring little.", head, tuple(rows), note)


def crossings_grid(curves: LearningCurves, arms: Sequence[Arm]) -> Grid | None:
    """Return where arms cross: all pairs of single blocks, these against the default fused model, and all identified.

    "Not identified" is a normal answer; the file lists every pair.
    """
    table, roles = curves.crossings, {a.name: a for a in arms}
    if table.empty:
        return None
    rows, left_out = [], 0
    for row in table.reset_index().to_dict("records"):
        first, second = str(row["model"]), str(row["other"])
        pair = [roles.get(first), roles.get(second)]
        told = all(a is not None and (a.role == "single" or a.is_default_fused) for a in pair)
        known = is_number(row["n_patients"])
        if not (known or told):
            left_out += 1
            continue
        where = Cell(f"{row['n_patients']:.0f} patients" if known else NOT_IDENTIFIED, tone="" if known else "muted")
        words = str(row["text"]).removeprefix(f"{NOT_IDENTIFIED}: ")
        words = words.replace("the second", second).replace("the first", first) if known else words
        limits = Cell(interval(row["low"], row["high"], 0) if known else "–", kind="num")
        rows.append(Row((Cell(first, kind="name"), Cell(second), where, limits, Cell(words))))
    head = (Cell("Model"), Cell("And"), Cell("Cross at"), Cell("95 % interval", kind="num"), Cell("What is known"))
    note = (
        "A crossing is identified where both curves fit and 95 % of the bootstrap replicates cross once, the same way."
    )
    if left_out:
        note += f" {count(left_out, 'further pair')} not identified; see learning_crossings.csv."
    return Grid("Where one model overtakes another as patients are added.", head, tuple(rows), note)


def _metric(curves: LearningCurves) -> str:
    return metric_name(str(curves.settings.get("metric", "roc_auc")))


def _identified(curves: LearningCurves) -> bool:
    return bool(curves.crossings["n_patients"].notna().any())


def _point_cell(points: pd.DataFrame, model: str, n: int) -> Cell:
    row: Any = points.loc[[(model, n)]].iloc[0]
    if not is_number(row["value"]):
        return Cell("–", kind="num", tone="muted")
    return Cell(number(row["value"]), interval(row["low"], row["high"]), kind="num")
