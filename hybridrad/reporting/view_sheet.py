"""A contact sheet: what the network sees of the cases of a cohort."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hybridrad._checks import FAILURE_COLUMNS, check_choice
from hybridrad.errors import RunError
from hybridrad.features.worker import failure_of, paths_of
from hybridrad.imaging.roi import read_roi
from hybridrad.imaging.views import Views
from hybridrad.reporting.style import BAND, INK, MUTED, RC
from hybridrad.reporting.text import shorten
from hybridrad.reporting.view_cells import Cell, cells_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hybridrad.case import Case
    from hybridrad.cohort import Cohort

MOST_CASES = 200
"""Cases of one sheet; more would be a picture that no viewer opens."""
FILE_KINDS = (".png", ".pdf", ".svg")

_CELLS_A_ROW = 9
_CELL_IN, _GAP_IN, _HEAD_IN, _EDGE_IN = 1.3, 0.08, 0.36, 0.15
_OUTLINE = "#E69F00"  # orange of Okabe and Ito: no grey, and seen by colour-blind readers


@dataclass(frozen=True)
class ViewSheet:
    """What ``draw_views`` returns.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    case_ids : list of str
        The cases of the sheet, those that failed included.
    failures : DataFrame
        Index ``case_id, stage``; columns ``code, message, hint, seconds``: the cases that could not be shown.
    """

    figure: Figure
    case_ids: list[str]
    failures: pd.DataFrame

    def save(self, path: str | os.PathLike[str], *, dpi: int = 150) -> Path:
        """Write the sheet as PNG, PDF or SVG, by the ending of ``path``; the same sheet gives the same file twice.

        Raises
        ------
        ValueError
            Another ending.
        """
        import matplotlib as mpl

        path = Path(path)
        check_choice(path.suffix.lower(), FILE_KINDS, name="ending of the file")
        undated = {
            ".png": {"Software": None},
            ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
            ".svg": {"Date": None, "Creator": None},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(RC):
            self.figure.savefig(path, dpi=dpi, metadata=undated[path.suffix.lower()])
        return path


@dataclass(frozen=True)
class _Strip:
    """A case on the sheet: two lines of text over its cells, or over the reason why there are none."""

    title: str
    below: str
    cells: list[Cell]
    fault: str = ""

    @property
    def n_places(self) -> int:
        return max(len(self.cells), 1)


def draw_views(
    cohort: Cohort,
    views: Views | None = None,
    *,
    n_cases: int = 20,
    random_state: int = 0,
    image: str = "image",
    mask: str = "mask",
) -> ViewSheet:
    """Draw what a network sees of the cases of a cohort, with the outline of their regions.

    Each case has its id, its label if there is one, and the side of its pictures in pixels over its pictures: before
    anything is extracted, one look tells whether the window fits the images, whether the crop is too tight or too wide,
    and whether masks lie where they should.

    Parameters
    ----------
    cohort : Cohort
    views : Views, optional
        Default ``Views("largest_slice")``, the one of ``EmbeddingExtractor``.
    n_cases : int
        So many are drawn by chance from a larger cohort; they keep their order. At most ``MOST_CASES``.
    random_state : int
        Seed of that draw.
    image, mask : str
        Columns of the cohort table.

    Returns
    -------
    ViewSheet
        A case that cannot be read or shown is a row of ``failures``, and an empty cell with its code in the sheet.

    Raises
    ------
    ValueError
        ``n_cases`` out of range.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = Path(tempfile.mkdtemp())
    >>> cohort = hr.make_cohort(folder, n_patients=3, random_state=0)
    >>> sheet = draw_views(cohort, hr.Views("orthogonal", margin_mm=10, window="lung"), n_cases=2)
    >>> len(sheet.case_ids), len(sheet.failures), sheet.save(folder / "views.png").name
    (2, 0, 'views.png')
    """
    views = Views() if views is None else views
    if isinstance(n_cases, bool) or not isinstance(n_cases, int) or not 1 <= n_cases <= MOST_CASES:
        raise ValueError(f"n_cases must be a whole number from 1 to {MOST_CASES}, got {n_cases!r}.")
    cases = cohort.cases()
    if len(cases) > n_cases:
        chosen = np.random.default_rng(random_state).choice(len(cases), size=n_cases, replace=False)
        cases = [cases[i] for i in sorted(chosen)]
    labels = cohort.label_values
    strips: list[_Strip] = []
    failures: list[dict[str, Any]] = []
    for case in cases:
        label = labels[case.case_id]
        below = "" if label is None else f"{cohort.label}: {label}"
        try:
            strips.append(_strip(case, views, below, image, mask))
        except RunError:
            raise
        except Exception as err:  # noqa: BLE001  whatever a damaged file provokes is that case's row
            failure = failure_of(err, stage="views")
            row = {"code": failure.code, "message": failure.message, "hint": failure.hint, "seconds": np.nan}
            failures.append({"case_id": case.case_id, "stage": failure.stage, **row})
            strips.append(_Strip(case.case_id, below, [], fault=failure.code))
    table = pd.DataFrame(failures, columns=["case_id", "stage", *FAILURE_COLUMNS]).set_index(["case_id", "stage"])
    return ViewSheet(_figure(strips), [case.case_id for case in cases], table)


def _strip(case: Case, views: Views, below: str, image: str, mask: str) -> _Strip:
    files = paths_of(case, image, mask)
    roi = read_roi(files[image], files[mask], case_id=case.case_id, mask_label=case.mask_label)
    rendered = views.render_with_region(roi)
    side = " x ".join(map(str, rendered.pictures.shape[2:]))
    return _Strip(case.case_id, ", ".join(t for t in (below, f"{side} px") if t), cells_of(views, rendered))


def _figure(strips: Sequence[_Strip]) -> Figure:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = _rows(strips)
    n_across = max(sum(s.n_places for s in row) for row in rows)
    step, height_row = _CELL_IN + _GAP_IN, _HEAD_IN + _CELL_IN + _GAP_IN
    width, height = 2 * _EDGE_IN + n_across * step, 2 * _EDGE_IN + len(rows) * height_row
    with mpl.rc_context(RC):
        figure = Figure(figsize=(width, height))
        # One pair of axes in inches for all cells: some hundred axes take ten times as long.
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        for number, row in enumerate(rows):
            left, top = _EDGE_IN, _EDGE_IN + number * height_row
            for strip in row:
                _draw_strip(axes, strip, left, top)
                left += strip.n_places * step
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _rows(strips: Sequence[_Strip]) -> list[list[_Strip]]:
    """Fill rows with cases, as words fill lines."""
    rows: list[list[_Strip]] = [[]]
    for strip in strips:
        if rows[-1] and sum(s.n_places for s in rows[-1]) + strip.n_places > _CELLS_A_ROW:
            rows.append([])
        rows[-1].append(strip)
    return rows


def _draw_strip(axes: Axes, strip: _Strip, left: float, top: float) -> None:
    letters = math.floor(20 * strip.n_places)
    axes.text(left, top + 0.13, shorten(strip.title, letters), color=INK, fontsize=7, va="baseline")
    axes.text(left, top + 0.27, shorten(strip.below, letters + 4), color=MUTED, fontsize=6, va="baseline")
    top += _HEAD_IN
    if strip.fault:
        axes.fill_between([left, left + _CELL_IN], top, top + _CELL_IN, color=BAND, linewidth=0)
        middle = (left + _CELL_IN / 2, top + _CELL_IN / 2)
        axes.text(*middle, strip.fault, color=INK, fontsize=6, ha="center", va="center")
    for number, cell in enumerate(strip.cells):
        _draw_cell(axes, cell, left + number * (_CELL_IN + _GAP_IN), top)


def _draw_cell(axes: Axes, cell: Cell, left: float, top: float) -> None:
    extent = (left, left + _CELL_IN, top + _CELL_IN, top)
    axes.imshow(cell.picture, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    if cell.region is not None and cell.region.any():
        # With a rim of a pixel, so that the outline of a region that is cut by the crop is closed.
        height, width = cell.region.shape
        padded = np.pad(cell.region, 1)
        x = left + (np.arange(-1, width + 1) + 0.5) / width * _CELL_IN
        y = top + (np.arange(-1, height + 1) + 0.5) / height * _CELL_IN
        axes.contour(
            np.clip(x, left, left + _CELL_IN),
            np.clip(y, top, top + _CELL_IN),
            padded,
            levels=[0.5],
            colors=_OUTLINE,
            linewidths=0.7,
        )
    if cell.caption:
        box = {"facecolor": "black", "alpha": 0.55, "linewidth": 0, "pad": 1.0}
        place = (left + 0.04, top + _CELL_IN - 0.05)
        axes.text(*place, cell.caption, color="white", fontsize=5.5, va="bottom", bbox=box)
