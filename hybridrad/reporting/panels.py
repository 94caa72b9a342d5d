"""Small multiples: a panel for each arm (or class) with the light curves of the repeats and their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hybridrad.reporting.arms import Arm
from hybridrad.reporting.curves import calibration_curves, mean_roc, per_repeat, roc_curves
from hybridrad.reporting.style import LINE_STYLES, MUTED, ROLE_COLOURS, ROLE_SHADES, RULE, WIDTH_IN
from hybridrad.reporting.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_LIMIT_IN = 2.0
TITLE_CHARACTERS = {5: 17, 4: 21}  # what fits above a panel, by panels per row
LEGEND_CHARACTERS = 24
TICKS = ([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])


def roc_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm], *, notes: dict[str, str]) -> Figure:
    """Return one ROC panel per arm: light curves for the repeats, the mean in bold, the baseline's mean in grey.

    Parameters
    ----------
    predictions : DataFrame
        Predictions of two classes.
    arms : sequence of Arm
    notes : dict
        Name of an arm -> lines of text in its panel.
    """
    figure, axes = _grid(len(arms), xlabel="False positive fraction", ylabel="True positive fraction")
    baseline = next((a for a in arms if a.is_baseline), None)
    against = roc_curves(predictions, baseline.name) if baseline else []
    for ax, arm in zip(axes, arms, strict=True):
        curves = roc_curves(predictions, arm.name)
        _diagonal(ax)
        for curve in curves:
            ax.plot(*curve, color=ROLE_COLOURS[arm.role], alpha=0.22, linewidth=0.5)
        if against and not arm.is_baseline:
            ax.plot(*mean_roc(against), color=MUTED, linewidth=0.9, linestyle=LINE_STYLES[1])
        if curves:
            ax.plot(*mean_roc(curves), color=ROLE_COLOURS[arm.role], linewidth=1.6)
        _panel_text(ax, arm.name, notes.get(arm.name, "") if curves else "no predictions", place="lower right")
    return figure


def roc_by_class(predictions: pd.DataFrame, arms: Sequence[Arm], *, classes: Sequence[str]) -> Figure:
    """Return one ROC panel per class against all others, with the mean curve of each arm."""
    figure, axes = _grid(len(classes), xlabel="False positive fraction", ylabel="True positive fraction")
    handles = {}
    for k, (ax, label) in enumerate(zip(axes, classes, strict=True)):
        _diagonal(ax)
        seen: dict[str, int] = {}
        for arm in arms:
            nth = seen[arm.role] = seen.get(arm.role, -1) + 1
            curves = roc_curves(predictions, arm.name, class_index=k)
            if curves:
                shades = ROLE_SHADES[arm.role]
                style = {"color": shades[nth % len(shades)], "linestyle": LINE_STYLES[nth % len(LINE_STYLES)]}
                width = 1.8 if arm.is_default_fused else 1.1
                handles[arm.name] = ax.plot(*mean_roc(curves), linewidth=width, **style)[0]
        _panel_text(ax, f"{label} against the rest", "", place="lower right")
    if handles:
        names = [shorten(n, LEGEND_CHARACTERS) for n in handles]
        figure.legend(list(handles.values()), names, loc="outside upper center", ncols=min(5, len(names)))
    return figure


def calibration_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm], *, notes: dict[str, str]) -> Figure:
    """Return one calibration panel per arm: a grouped curve for each repeat and where the predictions lie."""
    figure, axes = _grid(len(arms), xlabel="Predicted probability", ylabel="Observed fraction")
    for ax, arm in zip(axes, arms, strict=True):
        curves = calibration_curves(predictions, arm.name)
        _diagonal(ax)
        _histogram(ax, predictions, arm)
        light = len(curves) > 1
        for predicted, observed in curves:
            ax.plot(predicted, observed, color=ROLE_COLOURS[arm.role], alpha=0.3 if light else 1.0, linewidth=0.6)
        if curves:
            x, y = (_mean_of([c[i] for c in curves]) for i in (0, 1))
            ax.plot(x, y, color=ROLE_COLOURS[arm.role], linewidth=1.4, marker="o", markersize=2.6)
        _panel_text(ax, arm.name, notes.get(arm.name, "") if curves else "no predictions", place="upper left")
    return figure


def decision_curves(curves: pd.DataFrame, arms: Sequence[Arm]) -> Figure:
    """Return net benefit against threshold probability: a line per arm, grey for acting on everybody and on nobody.

    Parameters
    ----------
    curves : DataFrame
        Index ``model, threshold``; columns ``net_benefit, treat_all``.
    arms : sequence of Arm
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN * 0.72, 2.9))
    figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.04)
    ax = figure.add_subplot()
    everybody = curves.groupby(level="threshold")["treat_all"].mean()
    ax.plot(everybody.index, everybody, color=MUTED, linewidth=0.9, linestyle=LINE_STYLES[1], label="everybody")
    ax.axhline(0, color=MUTED, linewidth=0.9, label="nobody")
    highest = float(everybody.max())
    seen: dict[str, int] = {}
    for arm in arms:
        nth = seen[arm.role] = seen.get(arm.role, -1) + 1
        line = curves[curves.index.get_level_values("model") == arm.name].droplevel("model")["net_benefit"]
        if line.empty:
            continue
        shades = ROLE_SHADES[arm.role]
        style = {"color": shades[nth % len(shades)], "linestyle": LINE_STYLES[nth % len(LINE_STYLES)]}
        width = 1.8 if arm.is_default_fused else 1.1
        ax.plot(line.index, line, linewidth=width, label=shorten(arm.name, LEGEND_CHARACTERS), **style)
        highest = max(highest, float(line.max()))
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.12 * highest, 1.08 * highest)  # far below zero no curve says anything
    ax.set_xlabel("Threshold probability")
    ax.set_ylabel("Net benefit")
    ax.legend(loc="upper right")
    return figure


def _mean_of(curves: list) -> list[float]:
    longest = max(len(c) for c in curves)
    whole = [c for c in curves if len(c) == longest]
    return [sum(float(c[i]) for c in whole) / len(whole) for i in range(longest)]


def _histogram(ax: Axes, predictions: pd.DataFrame, arm: Arm) -> None:
    """Draw where the predicted probabilities of the first repeat lie, in the lowest tenth of the panel."""
    rows = next(iter(per_repeat(predictions, arm.name)), None)
    if rows is None:
        return
    scores = rows["y_score"].dropna().clip(0, 1)
    if scores.empty:
        return
    counts, edges = np.histogram(scores, bins=20, range=(0, 1))
    ax.bar((edges[:-1] + edges[1:]) / 2, 0.12 * counts / counts.max(), width=0.045, color=RULE, linewidth=0, zorder=0)


def _columns(n_panels: int) -> int:
    """Return how many panels stand side by side: the number that leaves the fewest places empty."""
    if n_panels <= 4:
        return max(n_panels, 1)
    return min((4, 5, 3), key=lambda columns: -n_panels % columns)


def _grid(n_panels: int, *, xlabel: str, ylabel: str) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = _columns(n_panels)
    rows = max(1, math.ceil(n_panels / columns))
    panel_in = min((WIDTH_IN - 0.45) / columns, PANEL_LIMIT_IN)
    figure = Figure(figsize=(min(WIDTH_IN, 0.45 + columns * (panel_in + 0.15)), 0.35 + rows * (panel_in + 0.26)))
    figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.04)
    axes = []
    for i in range(n_panels):
        ax = figure.add_subplot(rows, columns, i + 1)
        ax.set_aspect("equal")
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_xticks(*TICKS)
        ax.set_yticks(*TICKS)
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= n_panels)
        axes.append(ax)
    figure.supxlabel(xlabel, fontsize=7.5)
    figure.supylabel(ylabel, fontsize=7.5)
    return figure, axes


def _diagonal(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], color=RULE, linewidth=0.7, zorder=0)


def _panel_text(ax: Axes, title: str, note: str, *, place: str) -> None:
    grid = ax.get_gridspec()
    width = TITLE_CHARACTERS.get(grid.ncols if grid else 1, 30)
    ax.set_title(shorten(title, width), loc="left", fontweight="bold", pad=4)
    if not note:
        return
    x, y, across, up = (0.98, 0.04, "right", "bottom") if place == "lower right" else (0.03, 0.97, "left", "top")
    ax.text(x, y, note, transform=ax.transAxes, ha=across, va=up, fontsize=6.5, linespacing=1.3)
