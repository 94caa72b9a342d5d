"""What the models use: shares of blocks and the leading features, with embeddings only as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad.explain import block_shares
from hybridrad.features.blocks import block_of
from hybridrad.reporting.style import INK, MUTED, WIDTH_IN, block_colours, ink_on, quiet_axes
from hybridrad.reporting.text import number, percent, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIMENSION = re.compile(r"_\d{3,5}$")
TOP = 10


@dataclass(frozen=True)
class Bar:
    """A feature, or a whole embedding, and how much it moves the logit of a model."""

    label: str
    block: str
    value: float
    note: str


def embedding_blocks(importance: pd.DataFrame, settings: Mapping[str, Any]) -> set[str]:
    """Return the blocks whose single columns mean nothing to a reader.

    Those of embedding extractors, and blocks of five or more columns whose names all end in a numbered dimension.
    """
    named = {
        str(e.get("name"))
        for e in settings.get("extractors") or []
        if isinstance(e, Mapping) and e.get("kind") == "embedding"
    }
    if importance.empty:
        return named
    columns = importance.reset_index().drop_duplicates("feature").groupby("block")["feature"]
    numbered = {
        str(block)
        for block, names in columns
        if len(names) >= 5 and all(_DIMENSION.search(str(name)) for name in names)
    }
    return named | numbered


def share_table(per_case: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Return shares of blocks (columns) for each model (rows) that was explained; each row sums to 1."""
    if per_case.empty:
        return pd.DataFrame()
    shares = block_shares(per_case)["share"].unstack("block")  # noqa: PD010  # a pivot of an index level
    explained = [m for m in models if m in shares.index]
    shares = shares.loc[explained].dropna(axis="columns", how="all").fillna(0.0)
    order = [b for b in dict.fromkeys(block_of(str(c)) for c in per_case.columns) if b in shares.columns]
    return shares[order]


def top_features(importance: pd.DataFrame, per_case: pd.DataFrame, model: str, *, whole: set[str]) -> list[Bar]:
    """Return the leading features of a model; blocks in ``whole`` enter as one bar each.

    Such a bar is the mean over cases of the absolute sum of the block's SHAP values: the sum comes first, because many
    columns of a wide block cancel each other, and the sum of their importances would favour width.
    """
    rows = importance[importance.index.get_level_values("model") == model].droplevel("model")
    totals = block_shares(per_case)["mean_abs_shap"] if not per_case.empty else pd.Series(dtype=float)
    bars = [
        Bar(f"{block}: all {n} dimensions together", str(block), float(totals[(model, block)]), "")
        for block, n in rows["block"].value_counts().items()
        if block in whole and (model, block) in totals.index
    ]
    for feature, row in rows[~rows["block"].isin(whole)].iterrows():
        name = str(feature).partition("__")[2] or str(feature)
        bars.append(Bar(name, str(row["block"]), float(row["mean_abs_shap"]), _direction(row.get("direction"))))
    bars = [b for b in bars if np.isfinite(b.value)]
    return sorted(bars, key=lambda bar: (-bar.value, bar.label))[:TOP]


def shares_figure(shares: pd.DataFrame, *, scale: str = "logit") -> Figure:
    """Return stacked bars, one per model, with the share of each block written in it."""
    from matplotlib.figure import Figure

    colours = block_colours(list(shares.columns))
    figure = Figure(figsize=(WIDTH_IN, 0.75 + 0.26 * len(shares)), layout="constrained")
    ax = figure.add_subplot()
    start = np.zeros(len(shares))
    for block in shares.columns:
        widths = shares[block].to_numpy(dtype=float)
        ax.barh(
            range(len(shares)), widths, left=start, height=0.68, color=colours[block], edgecolor="white", label=block
        )
        for i in np.flatnonzero(widths >= 0.06):
            at = float(start[i] + widths[i] / 2)
            ax.text(
                at, int(i), percent(widths[i]), ha="center", va="center", fontsize=6.5, color=ink_on(colours[block])
            )
        start = start + widths
    ax.set_yticks(range(len(shares)), [shorten(m, 34) for m in shares.index])
    ax.set_ylim(len(shares) - 0.45, -0.55)
    ax.set_xlim(0, 1)
    ax.set_xticks(np.linspace(0, 1, 5), ["0 %", "25 %", "50 %", "75 %", "100 %"])
    ax.set_xlabel(f"Share of the movement of the {scale}, out of fold")
    quiet_axes(ax)
    handles, labels = ax.get_legend_handles_labels()
    names = [shorten(label, 24) for label in labels]
    figure.legend(handles, names, loc="outside upper right", ncols=min(6, len(names)), handlelength=1, handleheight=1)
    return figure


def features_figure(bars_of: dict[str, list[Bar]], *, scale: str = "logit") -> Figure:
    """Return horizontal bars of the leading features, a panel per model, one scale for all."""
    from matplotlib.figure import Figure

    colours = block_colours(list(dict.fromkeys(bar.block for bars in bars_of.values() for bar in bars)))
    digits = 2 if max(bar.value for bars in bars_of.values() for bar in bars) >= 0.1 else 4
    heights = [max(len(bars), 1) for bars in bars_of.values()]
    figure = Figure(figsize=(WIDTH_IN, 0.55 + sum(0.2 * n + 0.42 for n in heights)), layout="constrained")
    axes = figure.subplots(len(bars_of), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for ax, (model, bars) in zip(axes, bars_of.items(), strict=True):
        ax.barh(range(len(bars)), [b.value for b in bars], height=0.66, color=[colours[b.block] for b in bars])
        ax.set_yticks(range(len(bars)), [shorten(b.label, 52) for b in bars])
        ax.set_ylim(len(bars) - 0.4, -0.6)
        ax.set_title(shorten(model, 40), loc="left", fontweight="bold", pad=4)
        for i, bar in enumerate(bars):
            ax.annotate(
                f"{number(bar.value, digits)} {bar.note}".rstrip(),
                xy=(bar.value, i),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                color=INK,
            )
        quiet_axes(ax)
    axes[-1].set_xlabel(f"Mean absolute SHAP value ({scale}), out of fold")
    figure.legend(
        _swatches(colours),
        list(colours),
        loc="outside upper right",
        ncols=min(6, len(colours)),
        handlelength=1,
        handleheight=1,
    )
    return figure


def _swatches(colours: dict[str, str]) -> list:
    from matplotlib.patches import Patch

    return [Patch(facecolor=colour, edgecolor=MUTED, linewidth=0.3) for colour in colours.values()]


def _direction(sign: Any) -> str:
    """Return in words which way high values of a feature push; nothing when the table does not say."""
    return {"+": "raises", "-": "lowers"}.get(str(sign), "")
