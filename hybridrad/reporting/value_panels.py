"""Figures of predicted values: predicted against observed, and what is left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hybridrad.evaluation.regression_metrics import linear_calibration
from hybridrad.reporting.arms import Arm
from hybridrad.reporting.curves import per_repeat
from hybridrad.reporting.style import MUTED, ROLE_COLOURS, RULE, WIDTH_IN
from hybridrad.reporting.text import number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
TITLE_CHARACTERS = 21
LIMIT = 1.96


def agreement(y_true: pd.Series, y_score: pd.Series) -> tuple[float, float, float]:
    """Return the mean of observed minus predicted and the limits that hold 95 % of normal differences.

    References
    ----------
    Bland & Altman (1986), doi:10.1016/s0140-6736(86)90837-8.

    Examples
    --------
    >>> [round(x, 3) for x in agreement(pd.Series([1.0, 2.0, 3.0]), pd.Series([1.0, 1.0, 4.0]))]
    [0.0, -1.96, 1.96]
    """
    rest = y_true.to_numpy(float) - y_score.to_numpy(float)
    mean, spread = float(rest.mean()), float(rest.std(ddof=1)) if len(rest) > 1 else float("nan")
    return mean, mean - LIMIT * spread, mean + LIMIT * spread


def values_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm], *, notes: Mapping[str, str]) -> Figure:
    """Return a panel per arm: observed against predicted values of the first repeat, with the line of each repeat."""
    everything = predictions[["y_true", "y_score"]].to_numpy(float)
    ends = float(np.nanmin(everything)), float(np.nanmax(everything))
    room = 0.05 * (ends[1] - ends[0] or 1.0)
    low, high = ends[0] - room, ends[1] + room
    figure, axes = _grid(len(arms))
    for ax, arm in zip(axes, arms, strict=True):
        colour = ROLE_COLOURS[arm.role]
        ax.plot([low, high], [low, high], color=RULE, linewidth=0.7, zorder=0)
        repeats = list(per_repeat(predictions, arm.name))
        for i, rows in enumerate(repeats):
            if i == 0:
                ax.plot(rows["y_score"], rows["y_true"], ".", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
            line = linear_calibration(rows["y_true"], rows["y_score"])
            x = np.array([rows["y_score"].min(), rows["y_score"].max()])
            ax.plot(x, line.intercept + line.slope * x, color=colour, linewidth=1.4 if i == 0 else 0.5)
        ax.set_xlim(low, high)
        ax.set_ylim(low, high)
        ax.set_aspect("equal")
        _title(ax, arm, notes.get(arm.name, "") if repeats else "no predictions")
    figure.supxlabel("Predicted", fontsize=7.5)
    figure.supylabel("Observed", fontsize=7.5)
    return figure


def residuals_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm]) -> Figure:
    """Return a panel per arm: observed minus predicted against predicted, with mean and limits of agreement."""
    figure, axes = _grid(len(arms))
    rest = (predictions["y_true"] - predictions["y_score"]).to_numpy(float)
    far = 1.25 * float(np.nanmax(np.abs(rest))) or 1.0
    scores = predictions["y_score"].to_numpy(float)
    room = 0.05 * (float(np.ptp(scores)) or 1.0)
    for ax, arm in zip(axes, arms, strict=True):
        rows = next(iter(per_repeat(predictions, arm.name)), None)
        ax.axhline(0, color=RULE, linewidth=0.7, zorder=0)
        ax.set_ylim(-far, far)
        ax.set_xlim(scores.min() - room, scores.max() + room)
        if rows is None:
            _title(ax, arm, "no predictions")
            continue
        colour = ROLE_COLOURS[arm.role]
        x, y = rows["y_score"], rows["y_true"] - rows["y_score"]
        ax.plot(x, y, ".", color=colour, markersize=3, alpha=0.5, markeredgewidth=0)
        mean, low, high = agreement(rows["y_true"], rows["y_score"])
        ax.axhline(mean, color=colour, linewidth=1.1)
        for limit in (low, high):
            ax.axhline(limit, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)))
        _title(ax, arm, f"{_short(mean)} ({_short(low)} to {_short(high)})")
    figure.supxlabel("Predicted", fontsize=7.5)
    figure.supylabel("Observed minus predicted", fontsize=7.5)
    return figure


def _short(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return number(value, digits, signed=True)


def _title(ax: Axes, arm: Arm, note: str) -> None:
    ax.set_title(shorten(arm.name, TITLE_CHARACTERS), loc="left", fontweight="bold", pad=4)
    if note:
        # On white, because dots reach into the corner.
        behind = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.8}
        ax.text(
            0.03, 0.97, note, transform=ax.transAxes, ha="left", va="top", fontsize=6.5, linespacing=1.3, bbox=behind
        )


def _grid(n_panels: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = min(COLUMNS, max(n_panels, 1))
    rows = -(-n_panels // columns)
    panel_in = (WIDTH_IN - 0.45) / COLUMNS
    figure = Figure(figsize=(0.45 + columns * panel_in, 0.35 + rows * (panel_in + 0.22)))
    figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.04)
    axes = [figure.add_subplot(rows, columns, i + 1) for i in range(n_panels)]
    for i, ax in enumerate(axes):
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= n_panels)
    return figure, axes
