"""Figures of survival: curves of risk groups with numbers at risk, scores over time, predicted against observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.evaluation.kaplan_meier import KaplanMeier, kaplan_meier
from hybridrad.evaluation.survival_scores import KAPLAN_MEIER, SURVIVAL, horizon_text, risk_groups
from hybridrad.reporting.arms import Arm
from hybridrad.reporting.curves import per_repeat
from hybridrad.reporting.style import INK, LINE_STYLES, MUTED, ROLE_COLOURS, ROLE_SHADES, RULE, WIDTH_IN
from hybridrad.reporting.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUPS = ("lowest third", "middle third", "highest third")
GROUP_COLOURS = ("#0072B2", "#9aa4ae", "#D55E00")
COLUMNS = 3
TITLE_CHARACTERS = 24
CALIBRATION_GROUPS = 4


def groups_in_folds(of_repeat: pd.DataFrame, *, n_groups: int = 3) -> pd.Series:
    """Return the risk group of each case, made within its test fold: risks of different folds have different zeros.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([[0, 1], list("abc")], names=["fold", "case_id"])
    >>> groups_in_folds(pd.DataFrame({"y_score": [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]}, index)).tolist()
    [0, 1, 2, 0, 1, 2]
    """
    parts = [
        pd.Series(risk_groups(part["y_score"], n_groups=n_groups), part.index)
        for _, part in of_repeat.groupby(level="fold")
    ]
    return pd.concat(parts).reindex(of_repeat.index)


def risk_group_curves(of_repeat: pd.DataFrame) -> list[KaplanMeier | None]:
    """Return the Kaplan-Meier curve of each third of the risk; None for a group without cases."""
    group = groups_in_folds(of_repeat).to_numpy()
    event, time = of_repeat["event"].to_numpy(bool), of_repeat["time"].to_numpy(float)
    return [kaplan_meier(event[group == k], time[group == k]) if (group == k).any() else None for k in range(3)]


def risk_groups_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm], *, notes: Mapping[str, str]) -> Figure:
    """Return a panel per arm: Kaplan-Meier curves of the thirds of the out-of-fold risk, numbers at risk below.

    Parameters
    ----------
    predictions : DataFrame
        Survival predictions; the first repeat is drawn.
    arms : sequence of Arm
    notes : dict
        Name of an arm -> a line of text in its panel.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = _grid(len(arms), height_in=2.35)
    last = float(predictions["time"].max())
    for ax, arm in zip(axes, arms, strict=True):
        rows = next(iter(per_repeat(predictions, arm.name)), None)
        ax.set_title(shorten(arm.name, TITLE_CHARACTERS), loc="left", fontweight="bold", pad=4)
        ax.set_ylim(0, 1.02)
        ax.set_xlim(0, last)
        ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], prune=None))
        ticks = [t for t in ax.get_xticks() if 0 <= t <= last]
        ax.set_xticks(ticks)
        if rows is None:
            ax.text(0.5, 0.5, "no predictions", transform=ax.transAxes, ha="center")
            continue
        for k, curve in enumerate(risk_group_curves(rows)):
            if curve is not None:
                _draw_curve(ax, curve, GROUP_COLOURS[k])
                _numbers_at_risk(ax, curve, ticks, line=k, colour=GROUP_COLOURS[k])
        ax.text(0.98, 0.97, notes.get(arm.name, ""), transform=ax.transAxes, ha="right", va="top", fontsize=6.5)
    handles = [axes[0].plot([], [], color=c, linewidth=1.5)[0] for c in GROUP_COLOURS]
    figure.legend(handles, [f"{g} of risk" for g in GROUPS], loc="outside upper center", ncols=3)
    figure.supxlabel("Time; below: cases at risk", fontsize=7.5)
    figure.supylabel("Survival (Kaplan–Meier)", fontsize=7.5)
    return figure


def _draw_curve(ax: Axes, curve: KaplanMeier, colour: str) -> None:
    low, high = curve.interval()
    x, y = np.r_[0.0, curve.times], np.r_[1.0, curve.survival]
    ax.fill_between(x, np.r_[1.0, low], np.r_[1.0, high], step="post", color=colour, alpha=0.13, linewidth=0)
    ax.step(x, y, where="post", color=colour, linewidth=1.3)


def _numbers_at_risk(ax: Axes, curve: KaplanMeier, ticks: Sequence[float], *, line: int, colour: str) -> None:
    for t in ticks:
        later = np.searchsorted(curve.times, t)
        n = int(curve.at_risk[later]) if later < len(curve.times) else 0
        ax.annotate(
            str(n),
            xy=(t, 0),
            xycoords=ax.get_xaxis_transform(),
            xytext=(0, -19 - 8 * line),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=6,
            color=colour if line != 1 else MUTED,
        )


def scores_over_time(horizons: pd.DataFrame, arms: Sequence[Arm], *, main: float) -> Figure:
    """Return AUC and Brier score over the horizons, a line per arm, with the Kaplan-Meier curve's Brier score in grey.

    Parameters
    ----------
    horizons : DataFrame
        The horizons table.
    arms : sequence of Arm
    main : float
        The horizon of the AUC in the table of scores; marked.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    handles: dict[str, Any] = {}
    for ax, metric, name in ((left, "uno_auc", "Time-dependent AUC"), (right, "brier", "Brier score")):
        seen: dict[str, int] = {}
        for arm in arms:
            nth = seen[arm.role] = seen.get(arm.role, -1) + 1
            t, row = _over_time(horizons, arm.name, metric)
            if not len(t):
                continue
            shades = ROLE_SHADES[arm.role]
            colour, style = shades[nth % len(shades)], LINE_STYLES[nth % len(LINE_STYLES)]
            width = 1.8 if arm.is_default_fused else 1.1
            if arm.is_default_fused:
                low, high = row["low"].to_numpy(float), row["high"].to_numpy(float)
                ax.fill_between(t, low, high, color=colour, alpha=0.12, linewidth=0)
            line = ax.plot(t, row["value"], color=colour, linestyle=style, linewidth=width, marker="o", markersize=2.4)
            handles.setdefault(arm.name, line[0])
        t, row = _over_time(horizons, KAPLAN_MEIER, metric)
        if len(t):
            line = ax.plot(t, row["value"], color=MUTED, linestyle=LINE_STYLES[1], linewidth=1.1)
            handles["Kaplan–Meier, no feature"] = line[0]
        ax.axvline(main, color=RULE, linewidth=0.8, zorder=0)
        ax.set_xlabel("Time")
        ax.set_ylabel(name)
    left.axhline(0.5, color=RULE, linewidth=0.8, zorder=0)
    figure.legend(
        list(handles.values()),
        [shorten(n, 26) for n in handles],
        loc="outside upper center",
        ncols=min(4, max(len(handles), 1)),
    )
    return figure


def _over_time(horizons: pd.DataFrame, model: str, metric: str) -> tuple[NDArray[np.float64], pd.DataFrame]:
    index = horizons.index
    rows = horizons[(index.get_level_values("model") == model) & (index.get_level_values("metric") == metric)]
    t = rows.index.get_level_values("horizon").astype(float).to_numpy()
    order = np.argsort(t)
    return t[order], rows.iloc[order]


def survival_calibration(of_repeat: pd.DataFrame, horizon: float) -> pd.DataFrame:
    """Return mean predicted and observed (Kaplan-Meier) survival at a horizon in groups of predicted survival.

    Returns
    -------
    DataFrame
        Columns ``predicted, observed, low, high``; a row per group, none where nobody is followed up so far.
    """
    predicted = of_repeat[f"{SURVIVAL}{horizon_text(horizon)}"].to_numpy(float)
    group = risk_groups(predicted, n_groups=CALIBRATION_GROUPS)
    rows = []
    for k in np.unique(group):
        mine = of_repeat[group == k]
        curve = kaplan_meier(mine["event"], mine["time"])
        at = int(np.searchsorted(curve.times, horizon, side="right")) - 1
        if float(mine["time"].max()) < horizon:
            continue
        low, high = curve.interval()
        seen = (curve.survival[at], low[at], high[at]) if at >= 0 else (1.0, 1.0, 1.0)
        rows.append((predicted[group == k].mean(), *seen))
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high"])


def survival_calibration_by_arm(predictions: pd.DataFrame, arms: Sequence[Arm], *, horizon: float) -> Figure:
    """Return a panel per arm: observed against predicted survival at a horizon, the first repeat with intervals."""
    figure, axes = _grid(len(arms), height_in=2.1)
    for ax, arm in zip(axes, arms, strict=True):
        colour = ROLE_COLOURS[arm.role]
        ax.set_title(shorten(arm.name, TITLE_CHARACTERS), loc="left", fontweight="bold", pad=4)
        ax.plot([0, 1], [0, 1], color=RULE, linewidth=0.7, zorder=0)
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.02)
        ax.set_aspect("equal")
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        for i, rows in enumerate(per_repeat(predictions, arm.name)):
            if rows[f"{SURVIVAL}{horizon_text(horizon)}"].isna().any():
                ax.text(0.5, 0.5, "no survival predicted", ha="center", fontsize=6.5, color=INK)
                break
            table = survival_calibration(rows, horizon)
            if i == 0:
                ax.vlines(table["predicted"], table["low"], table["high"], color=colour, linewidth=0.9)
                ax.plot(table["predicted"], table["observed"], color=colour, marker="o", markersize=3, linewidth=1.2)
            else:
                ax.plot(table["predicted"], table["observed"], color=colour, alpha=0.25, linewidth=0.6)
    figure.supxlabel("Predicted survival", fontsize=7.5)
    figure.supylabel("Observed survival", fontsize=7.5)
    return figure


def _grid(n_panels: int, *, height_in: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = 2 if n_panels == 4 else min(COLUMNS, max(n_panels, 1))
    rows = -(-n_panels // columns)
    figure = Figure(figsize=(WIDTH_IN * columns / COLUMNS, 0.45 + height_in * rows))
    figure.set_layout_engine("constrained", h_pad=0.06, w_pad=0.05)
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(n_panels)]
