"""Dots with intervals: scores of the arms, differences between them, weights of the hedge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hybridrad.reporting.style import BAND, INK, MUTED, ROLE_COLOURS, ROLE_MARKERS, RULE, WIDTH_IN, quiet_axes
from hybridrad.reporting.text import is_number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.2
LABEL_CHARACTERS = 34
CLOSEST_WORDS = 0.12  # share of the axis; words of lines that are closer would lie on each other


@dataclass(frozen=True)
class DotRow:
    """One line of a dot-and-interval figure.

    Parameters
    ----------
    label : str
        Left of the axes.
    value, low, high : float
        Dot and ends of the line; not drawn where they are not finite.
    columns : tuple of str
        Texts right of the axes, one per column.
    role : str
        Decides colour and marker: ``single``, ``fused`` or ``other``.
    heading : str
        A heading above this row, where a group begins.
    strong : bool
        Set in bold type.
    colour : str
        Replaces the colour of the role.
    """

    label: str
    value: float
    low: float
    high: float
    columns: tuple[str, ...] = ()
    role: str = "single"
    heading: str = ""
    strong: bool = False
    colour: str = ""


@dataclass(frozen=True)
class Guide:
    """A vertical line with an optional word at its top, or a shaded band when ``to`` is given."""

    at: float
    to: float | None = None
    word: str = ""
    dashed: bool = True


def dots_and_intervals(
    rows: Sequence[DotRow],
    *,
    xlabel: str,
    guides: Sequence[Guide] = (),
    column_heads: Sequence[str] = (),
    column_width_pt: float = 112.0,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Return a figure with one line per row: label, dot and interval, texts on the right.

    Parameters
    ----------
    rows : sequence of DotRow
        From top to bottom.
    xlabel : str
    guides : sequence of Guide
        Reference lines and bands.
    column_heads : sequence of str
        Heads of the texts on the right.
    column_width_pt : float
        Distance between two columns of text, points.
    limits : (float, float), optional
        Ends of the axis; else from the data.
    """
    from matplotlib.figure import Figure

    places, n_lines = _places(rows)
    figure = Figure(figsize=(WIDTH_IN, 0.62 + ROW_IN * n_lines), layout="constrained")
    ax = figure.add_subplot()
    # Limits first: words of the guides are placed against them.
    ax.set_xlim(*(limits or _limits(rows, guides)))
    ax.set_ylim(n_lines - 0.4, -0.7)
    sides = _word_sides(guides, ax.get_xlim())
    for guide in guides:
        _draw_guide(ax, guide, side=sides.get(guide, "center"))
    for row, y in zip(rows, places, strict=True):
        _draw_row(ax, row, y, column_width_pt=column_width_pt)
    for i, head in enumerate(column_heads):
        _side_text(ax, head, y=-0.85, shift_pt=10 + i * column_width_pt, color=MUTED)
    _label_rows(ax, rows, places)
    ax.set_xlabel(xlabel)
    quiet_axes(ax)
    return figure


def _places(rows: Sequence[DotRow]) -> tuple[list[float], int]:
    """Return the height of each row, and the number of lines with the headings."""
    places, line = [], 0
    for row in rows:
        line += 1 if row.heading else 0
        places.append(float(line))
        line += 1
    return places, max(line, 1)


def _label_rows(ax: Axes, rows: Sequence[DotRow], places: Sequence[float]) -> None:
    labels = [(y, r.label, "bold" if r.strong else "normal", INK) for r, y in zip(rows, places, strict=True)]
    labels += [(y - 1, r.heading, "heading", MUTED) for r, y in zip(rows, places, strict=True) if r.heading]
    ax.set_yticks([y for y, *_ in labels], [shorten(text, LABEL_CHARACTERS) for _, text, *_ in labels])
    for (_, _, weight, colour), tick in zip(labels, ax.get_yticklabels(), strict=True):
        tick.set_color(colour)
        tick.set(fontstyle="italic") if weight == "heading" else tick.set(fontweight=weight)


def _draw_row(ax: Axes, row: DotRow, y: float, *, column_width_pt: float) -> None:
    colour = row.colour or ROLE_COLOURS[row.role]
    if is_number(row.low) and is_number(row.high):
        ax.plot([row.low, row.high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=3)
    if is_number(row.value):
        marker = ROLE_MARKERS[row.role]
        ax.plot([row.value], [y], marker=marker, color=colour, markersize=5, markeredgecolor="white", zorder=4)
    for i, text in enumerate(row.columns):
        weight = "bold" if row.strong else "normal"
        _side_text(ax, text, y=y, shift_pt=10 + i * column_width_pt, color=INK, weight=weight)


def _side_text(ax: Axes, text: str, *, y: float, shift_pt: float, color: str, weight: str = "normal") -> None:
    ax.annotate(
        text,
        xy=(1, y),
        xycoords=ax.get_yaxis_transform(),
        xytext=(shift_pt, 0),
        textcoords="offset points",
        va="center",
        color=color,
        fontweight=weight,
        annotation_clip=False,
    )


def _word_sides(guides: Sequence[Guide], limits: tuple[float, float]) -> dict[Guide, str]:
    """Return how the words of lines are aligned that would lie on each other: away from each other."""
    near = CLOSEST_WORDS * (limits[1] - limits[0])
    lines = sorted((g for g in guides if g.word and g.to is None), key=lambda g: g.at)
    sides: dict[Guide, str] = {}
    for left, right in pairwise(lines):
        if right.at - left.at < near:
            sides |= {left: "right", right: "left"}
    return sides


def _draw_guide(ax: Axes, guide: Guide, *, side: str) -> None:
    if guide.to is not None:
        ax.axvspan(guide.at, guide.to, color=BAND, linewidth=0, zorder=0)
        middle = (guide.at + guide.to) / 2
    else:
        style = (0, (4, 2)) if guide.dashed else "-"
        ax.axvline(guide.at, color=MUTED if guide.dashed else RULE, linewidth=0.8, linestyle=style, zorder=1)
        middle = guide.at
    if guide.word:
        ax.annotate(
            guide.word,
            xy=(middle, 1),
            xycoords=ax.get_xaxis_transform(),
            xytext=({"right": -1.5, "left": 1.5}.get(side, 0.0), 3),
            textcoords="offset points",
            ha=side,
            color=MUTED,
            fontsize=6.5,
        )


def _limits(rows: Sequence[DotRow], guides: Sequence[Guide]) -> tuple[float, float]:
    ends = [float(v) for r in rows for v in (r.value, r.low, r.high) if is_number(v)]
    ends += [v for g in guides for v in (g.at, g.to) if v is not None]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low or 1.0)
    return low - room, high + room
