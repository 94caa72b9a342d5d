"""The figure of learning curves: one panel per arm, patients on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad.reporting.arms import Arm
from hybridrad.reporting.style import INK, LINE_STYLES, MUTED, ROLE_COLOURS, ROLE_MARKERS, WIDTH_IN
from hybridrad.reporting.text import is_number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS, PANEL_IN, TITLE_CHARACTERS = 4, 1.45, 21


def learning_panels(
    points: pd.DataFrame,
    fits: pd.DataFrame,
    crossings: pd.DataFrame,
    arms: Sequence[Arm],
    *,
    metric: str = "ROC AUC",
) -> Figure:
    """Return the figure.

    Parameters
    ----------
    points : DataFrame
        Index ``model, n_patients``; ``value, low, high``.
    fits : DataFrame
        Index ``model``; ``a, b, c``.
    crossings : DataFrame
        Index ``model, other``; ``n_patients, low, high``.
    arms : sequence of Arm
        A panel each.
    metric : str
        What the points are of, as it is printed.
    """
    from matplotlib.figure import Figure

    columns = min(COLUMNS, len(arms))
    rows = math.ceil(len(arms) / columns)
    width = min(WIDTH_IN, 0.5 + columns * (WIDTH_IN - 0.5) / COLUMNS)
    figure = Figure(figsize=(width, 0.45 + rows * (PANEL_IN + 0.25)))
    figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.04)
    baseline = next((a for a in arms if a.is_baseline), None)
    limits = _limits(points)
    for i, arm in enumerate(arms):
        ax = figure.add_subplot(rows, columns, i + 1)
        _axes(ax, points, limits)
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(arms))
        if baseline is not None and not arm.is_baseline:
            _curve(ax, points, fits, baseline.name, color=MUTED, linestyle=LINE_STYLES[1], linewidth=0.9)
        _curve(ax, points, fits, arm.name, color=ROLE_COLOURS[arm.role], linestyle="-", linewidth=1.5, only_fitted=True)
        _points(ax, points, arm)
        _crossings(ax, points, fits, crossings, arm.name)
        ax.set_title(shorten(arm.name, TITLE_CHARACTERS), loc="left", fontweight="bold", pad=4)
    figure.supxlabel("Patients in training", fontsize=7.5)
    figure.supylabel(metric, fontsize=7.5)
    return figure


def _limits(points: pd.DataFrame) -> tuple[float, float]:
    low, high = float(points["low"].min()), float(points["high"].max())
    room = 0.06 * (high - low or 0.1)
    return low - room, min(high + room, 1.005)


def _axes(ax: Axes, points: pd.DataFrame, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    sizes = sorted(points.index.unique("n_patients"))
    ax.set_xscale("log")
    ax.set_xlim(sizes[0] * 0.85, sizes[-1] * 1.18)
    ax.set_ylim(*limits)
    # At most three labels: more would touch each other.
    labelled = {sizes[0], sizes[len(sizes) // 2], sizes[-1]}
    ax.set_xticks(sizes, [str(n) if n in labelled else "" for n in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())


def _curve(
    ax: Axes,
    points: pd.DataFrame,
    fits: pd.DataFrame,
    model: str,
    *,
    color: str,
    linestyle: object,
    linewidth: float,
    only_fitted: bool = False,
) -> None:
    """Draw the fitted curve of an arm; without a fit, the line through its points unless only fits are wanted."""
    values = points.loc[model]["value"].dropna() if model in points.index.unique("model") else pd.Series(dtype=float)
    if values.empty:
        return
    style: Any = {"color": color, "linestyle": linestyle, "linewidth": linewidth, "zorder": 2}
    if is_number(fits.loc[model, "a"]):
        n = np.geomspace(values.index.min(), values.index.max(), 60)
        ax.plot(n, _at(fits, model, n), **style)
    elif not only_fitted:
        ax.plot(values.index, values, **style)


def _points(ax: Axes, points: pd.DataFrame, arm: Arm) -> None:
    known, colour = points[points["value"].notna()], ROLE_COLOURS[arm.role]
    rows = known[known.index.get_level_values("model") == arm.name].droplevel("model")
    if rows.empty:
        ax.text(0.5, 0.5, "not scored", transform=ax.transAxes, ha="center", color=MUTED, fontsize=6.5)
        return
    ax.vlines(rows.index, rows["low"], rows["high"], color=colour, linewidth=0.9, alpha=0.7, zorder=3)
    ax.plot(rows.index, rows["value"], linestyle="none", marker=ROLE_MARKERS[arm.role], color=colour, markersize=3.6,
            markeredgecolor="white", markeredgewidth=0.5, zorder=4)  # fmt: skip


def _crossings(ax: Axes, points: pd.DataFrame, fits: pd.DataFrame, crossings: pd.DataFrame, model: str) -> None:
    """Mark where this arm and another cross: a diamond on its curve, the interval as a line, the other's name."""
    shown = 0
    for row in crossings.reset_index().to_dict("records"):
        if model not in (row["model"], row["other"]) or not is_number(row["n_patients"]):
            continue
        other, at = (row["other"] if row["model"] == model else row["model"]), float(row["n_patients"])
        level = float(_at(fits, model, np.array([at]))[0])
        ax.plot([row["low"], row["high"]], [level, level], color=INK, linewidth=0.8, zorder=5)
        ax.plot([at], [level], marker="D", color="white", markeredgecolor=INK, markersize=4, zorder=6)
        # Names stand in the lower right corner, where a rising curve leaves room.
        text = f"{shorten(str(other), 14)} at {at:.0f}"
        ax.text(0.97, 0.04 + 0.1 * shown, text, transform=ax.transAxes, ha="right", fontsize=6, color=INK)
        shown += 1


def _at(fits: pd.DataFrame, model: str, n: np.ndarray) -> np.ndarray:
    a, b, c = fits.loc[[model], ["a", "b", "c"]].to_numpy(dtype=float)[0]
    return np.asarray(a - b * n**-c)
