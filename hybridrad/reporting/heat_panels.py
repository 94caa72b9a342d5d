"""Heat maps as pictures: the view in grey, the heat over it, the outline of the region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.heat import HeatMaps
from hybridrad.heat_shares import spread_matrix
from hybridrad.reporting.style import INK, LINE_STYLES, MUTED, RC, WIDTH_IN
from hybridrad.reporting.text import is_number, number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hybridrad.reporting.view_sheet import ViewSheet

COLUMNS = 5
PANEL_IN = 2.1
# Dark to light at an even pace, also in grey print; where there is no heat, the picture itself is seen.
_COLOURS, _MOST_OPAQUE = "inferno", 0.75
_OUTLINE = "#56B4E9"  # sky blue of Okabe and Ito: in none of the heat's colours
# Okabe and Ito's, for the class that was called. No two of the first 42 classes share both colour and marker.
_CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X")
_GAP_IN, _HEAD_IN, _EDGE_IN, _BAR_IN = 0.1, 0.54, 0.05, 0.42


def draw_heat_maps(maps: HeatMaps, *, model: str | None = None, classes: Sequence[object] = ()) -> ViewSheet:
    """Draw the heat maps of a network, with the outline of the region and what was measured.

    Parameters
    ----------
    maps : HeatMaps
        From `heat_maps`, or of a study: ``study.heat_maps``.
    model : str, optional
        Which one, where there are several; default the first.
    classes : sequence, optional
        Names of the classes, where the table holds their positions: ``study.settings["classes"]``.

    Returns
    -------
    ViewSheet
        Its ``save`` writes PNG, PDF or SVG.

    Raises
    ------
    ValueError
        No case of this model is shown.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("network", "case_1")], names=["model", "case_id"])
    >>> row = {"y_true": 1, "called": 1, "y_score": 0.8, "n_views": 1, "view": 0, "shown": True}
    >>> row |= {"heat_in_region": 0.6, "region_area": 0.2}
    >>> grey, heat = np.full((32, 32), 90, np.uint8), np.eye(4, dtype=np.float32)
    >>> sheet = draw_heat_maps(HeatMaps(pd.DataFrame(row, index), [grey], [grey * 0], [heat]))
    >>> sheet.case_ids
    ['case_1']
    """
    import matplotlib as mpl

    from hybridrad.reporting.view_sheet import ViewSheet

    names = list(maps.shown.index.unique("model"))
    if not names or (model is not None and model not in names):
        raise ValueError(f"no heat map of {model or 'any model'} is shown; there are those of {names}.")
    with mpl.rc_context(RC):
        figure = heat_panels(maps, names[0] if model is None else model, classes)
    cases = maps.shown.loc[[names[0] if model is None else model]].index.get_level_values("case_id")
    return ViewSheet(figure, list(cases), pd.DataFrame())


def heat_panels(maps: HeatMaps, model: str, classes: Sequence[object] = ()) -> Figure:
    """Return the figure of one model: a cell for each case shown, by class, right calls before wrong ones."""
    from matplotlib.figure import Figure

    shown = maps.shown.reset_index()
    rows = shown[shown["model"] == model]
    rows = rows.assign(wrong=rows["y_true"] != rows["called"]).sort_values(["y_true", "wrong"], kind="stable")
    n_across = min(COLUMNS, len(rows))
    cell = (WIDTH_IN - 2 * _EDGE_IN - (COLUMNS - 1) * _GAP_IN) / COLUMNS
    width = 2 * _EDGE_IN + max(n_across, 2) * (cell + _GAP_IN) - _GAP_IN
    height = math.ceil(len(rows) / COLUMNS) * (_HEAD_IN + cell + _GAP_IN) + _BAR_IN
    figure = Figure(figsize=(width, height))
    # One pair of axes in inches for all cells.
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    for place, (i, row) in enumerate(rows.iterrows()):
        left = _EDGE_IN + place % COLUMNS * (cell + _GAP_IN)
        top = place // COLUMNS * (_HEAD_IN + cell + _GAP_IN)
        for line, (text, colour, size) in enumerate(_words(row, classes)):
            axes.text(left, top + 0.15 + 0.145 * line, text, color=colour, fontsize=size, va="baseline")
        at = int(str(i))
        _cell(axes, maps.pictures[at], maps.regions[at], maps.heats[at], left=left, top=top + _HEAD_IN, side=cell)
    _bar(axes, height - _BAR_IN + 0.1)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def overlaid(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a grey picture with its heat over it: opaque by strength, relative to the strongest of the picture.

    Examples
    --------
    >>> grey = np.full((4, 4), 51, np.uint8)
    >>> overlaid(grey, np.zeros((2, 2), np.float32))[0, 0].tolist()
    [0.2, 0.2, 0.2]
    """
    import matplotlib as mpl

    rows, columns = (spread_matrix(picture.shape[axis], heat.shape[axis]) for axis in (0, 1))
    spread = rows @ np.asarray(heat, dtype=float) @ columns.T
    strongest = spread.max()
    strength = spread / strongest if strongest > 0 else spread
    colour = mpl.colormaps[_COLOURS](strength)[..., :3]
    opaque = (_MOST_OPAQUE * strength)[..., np.newaxis]
    return np.asarray((1.0 - opaque) * picture[..., np.newaxis] / 255.0 + opaque * colour)


def share_panels(table: pd.DataFrame, classes: Sequence[object] = ()) -> Figure:
    """Return a panel for each model: heat in the region against the region's area, a point for each case."""
    from matplotlib.figure import Figure

    models = list(table.index.unique("model"))
    columns = min(3, len(models))
    rows = math.ceil(len(models) / columns)
    known = table[table["heat_in_region"].notna()]
    widest, highest = (1.06 * float(known[c].max()) if len(known) else 1.0 for c in ("region_area", "heat_in_region"))
    called = sorted(known["called"].unique(), key=str)
    labels = [f"called {shorten(class_name(group, classes), 18)}" for group in called]
    width = 0.55 + columns * (PANEL_IN + 0.1)
    # As many names side by side as there is room for: what goes beyond the figure is cut off.
    ncols = max(1, min(len(labels), int(width / (0.4 + 0.065 * max(map(len, labels), default=0)))))
    lines_in = 0.16 * (math.ceil(len(labels) / ncols) - 1)
    figure = Figure(figsize=(width, 0.6 + lines_in + rows * (PANEL_IN + 0.25)))
    figure.set_layout_engine("constrained", h_pad=0.05, w_pad=0.04)
    for i, name in enumerate(models):
        ax = figure.add_subplot(rows, columns, i + 1)
        ax.set(xlim=(0.0, min(widest, 1.0)), ylim=(-0.03 * highest, min(highest, 1.03)))
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=LINE_STYLES[1], zorder=1)
        of_model = known[known.index.get_level_values("model") == name]
        for place, group in enumerate(called):
            part = of_model[of_model["called"] == group]
            wrong = (part["y_true"] != part["called"]) & part["y_true"].notna()
            colour = _CLASS_COLOURS[place % len(_CLASS_COLOURS)]
            for of_part, face in ((part[~wrong], colour), (part[wrong], "white")):
                ax.scatter(
                    of_part["region_area"],
                    of_part["heat_in_region"],
                    s=10,
                    marker=_CLASS_MARKERS[place % len(_CLASS_MARKERS)],
                    facecolor=face,
                    edgecolor=colour,
                    linewidth=0.8,
                    alpha=0.8,
                    zorder=3,
                )
        ax.set_title(shorten(str(name), 24), loc="left", fontweight="bold", pad=4)
        ax.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(models))
    figure.supxlabel("Region's share of the picture", fontsize=7.5)
    figure.supylabel("Share of the heat in the region", fontsize=7.5)
    handles = [_mark(place, label) for place, label in enumerate(labels)]
    figure.legend(handles=handles, loc="outside upper center", ncols=ncols)
    return figure


def _mark(place: int, label: str) -> Any:
    from matplotlib.lines import Line2D

    style: Any = {"color": _CLASS_COLOURS[place % len(_CLASS_COLOURS)], "linestyle": "none", "markersize": 3.6}
    return Line2D([], [], marker=_CLASS_MARKERS[place % len(_CLASS_MARKERS)], label=label, **style)


def class_name(value: object, classes: Sequence[object]) -> str:
    """Return the name of a class given by its position, or the label itself where there are no names.

    Examples
    --------
    >>> class_name(1.0, ["benign", "malignant"]), class_name("malignant", []), class_name(float("nan"), [])
    ('malignant', 'malignant', '')
    """
    if not isinstance(value, str) and not is_number(value):
        return ""
    if isinstance(value, str):
        return value
    at = int(float(str(value)))
    return str(classes[at]) if classes else str(at)


def _words(row: pd.Series, classes: Sequence[object]) -> list[tuple[str, str, float]]:
    true = class_name(row["y_true"], classes)
    called = class_name(row["called"], classes)
    wrong = bool(true) and true != called
    second = f"true {shorten(true, 14)}, " if true else f"called {shorten(called, 14)}, "
    second += f"score {number(row['y_score'], 2)}{' (wrong)' if wrong else ''}"
    if wrong and len(classes) > 2:  # of two classes the one called is the other
        second = f"true {shorten(true, 9)}, called {shorten(called, 9)}, {number(row['y_score'], 2)}"
    third = "no heat at all"
    if is_number(row["heat_in_region"]):
        third = f"{100 * row['heat_in_region']:.0f} % of heat on {100 * row['region_area']:.0f} % of area"
    if int(row["n_views"]) > 1:
        third += f"; {int(row['view']) + 1}/{int(row['n_views'])}"
    return [(shorten(str(row["case_id"]), 20), INK, 7), (second, INK, 6), (third, MUTED, 6)]


def _cell(
    axes: Axes,
    picture: NDArray[np.uint8],
    region: NDArray[np.uint8],
    heat: NDArray[np.float32],
    *,
    left: float,
    top: float,
    side: float,
) -> None:
    extent = (left, left + side, top + side, top)
    # "none" keeps the pixels in SVG and PDF.
    axes.imshow(overlaid(picture, heat), extent=extent, aspect="auto", interpolation="none")
    if (region >= 128).any():
        # With a rim of a pixel, so that the outline of a region that is cut by the crop is closed.
        n = region.shape[0]
        at = (np.arange(-1, n + 1) + 0.5) / n * side
        x, y = np.clip(left + at, left, left + side), np.clip(top + at, top, top + side)
        axes.contour(x, y, np.pad(region / 255.0, 1), levels=[0.5], colors=_OUTLINE, linewidths=0.9)


def _bar(axes: Axes, top: float) -> None:
    """Draw what the colours mean, on a middle grey."""
    strength = np.linspace(0, 1, 64, dtype=np.float32)[np.newaxis]
    grey = np.full((1, 64), 110, np.uint8)
    axes.imshow(overlaid(grey, strength), extent=(_EDGE_IN, _EDGE_IN + 1.2, top + 0.1, top), aspect="auto")
    axes.text(_EDGE_IN, top + 0.22, "no heat", fontsize=6, color=MUTED, va="baseline")
    axes.text(_EDGE_IN + 1.2, top + 0.22, "most", fontsize=6, color=MUTED, va="baseline", ha="right")
    axes.plot([_EDGE_IN + 1.45, _EDGE_IN + 1.7], [top + 0.05] * 2, color=_OUTLINE, linewidth=1.2)
    axes.text(_EDGE_IN + 1.76, top + 0.075, "outline of the region", fontsize=6, color=MUTED, va="baseline")
