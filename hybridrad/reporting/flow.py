"""The flow of cases from the cohort table to the analysis, as numbers and as a STARD-like diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hybridrad.reporting.style import INK, MUTED, WIDTH_IN
from hybridrad.reporting.text import count, is_number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_CODES = 6
SHOWN_CLASSES = 4
_LINE = 0.15  # height of a line of text, inches


@dataclass(frozen=True)
class Flow:
    """How many cases came, failed and were used; ``unexplained`` is what the three numbers leave over."""

    given: int
    failed: int
    used: int
    patients_given: int | None
    patients_used: int | None
    per_class: tuple[tuple[str, int | None, int | None], ...]
    by_code: tuple[tuple[str, int], ...]

    @property
    def unexplained(self) -> int:
        """Cases that neither failed nor were used."""
        return self.given - self.failed - self.used


def read_flow(settings: Mapping[str, Any]) -> Flow | None:
    """Return the flow stored with a study, or None when it was not recorded.

    Examples
    --------
    >>> read_flow({"flow": {"given": 10, "failed": 1, "used": 8}}).unexplained
    1
    """
    flow = settings.get("flow") or {}
    if not all(is_number(flow.get(k)) for k in ("given", "failed", "used")):
        return None
    classes = tuple((str(c), n.get("cases"), n.get("patients")) for c, n in (flow.get("per_class") or {}).items())
    codes = (flow.get("failures_by_code") or {}).items()
    return Flow(
        given=int(flow["given"]),
        failed=int(flow["failed"]),
        used=int(flow["used"]),
        patients_given=flow.get("patients_given"),
        patients_used=flow.get("patients_used"),
        per_class=classes,
        by_code=tuple(sorted(((str(c), int(n)) for c, n in codes), key=lambda item: (-item[1], item[0]))),
    )


def flow_diagram(flow: Flow) -> Figure:
    """Return the diagram: given, failed beside it, used, and the classes below."""
    from matplotlib.figure import Figure

    given = ["Cases in the cohort table", _people(flow.given, flow.patients_given)]
    used = ["Cases analysed", _people(flow.used, flow.patients_used)]
    lost = _lost(flow)
    classes = _class_boxes(flow)
    height_lost, height_box = _height(lost), _height(given)
    height_classes = max((_height(c) for c in classes), default=0.0)
    gap = 0.3
    between = max(gap, height_lost + 0.2) if lost else gap
    total = 2 * height_box + between + (gap + height_classes if classes else 0) + 0.04
    figure = Figure(figsize=(WIDTH_IN, total))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(0, WIDTH_IN)
    ax.set_ylim(0, total)
    ax.axis("off")
    left, width = 0.35, 2.6
    middle = left + width / 2
    top = total - 0.02
    low = top - height_box
    _box(ax, given, x=left, top=top, width=width)
    _arrow(ax, (middle, low), (middle, low - between))
    if lost:
        aside = low - between / 2
        _arrow(ax, (middle, aside), (left + width + 0.35, aside))
        _box(ax, lost, x=left + width + 0.35, top=aside + height_lost / 2, width=3.5)
    _box(ax, used, x=left, top=low - between, width=width, strong=True)
    _draw_classes(ax, classes, from_xy=(middle, low - between - height_box), gap=gap)
    return figure


def _people(cases: Any, patients: Any) -> str:
    return count(cases, "case") + (f" of {count(patients, 'patient')}" if is_number(patients) else "")


def _lost(flow: Flow) -> list[str]:
    """Return the lines of the box beside the arrow; empty when every case was used."""
    if not flow.failed and not flow.unexplained:
        return []
    lines = [f"Failed: {count(flow.failed, 'case')}"]
    lines += [f"{shorten(code, 36)}: {n:,}" for code, n in flow.by_code[:SHOWN_CODES]]
    if len(flow.by_code) > SHOWN_CODES:
        rest = sum(n for _, n in flow.by_code[SHOWN_CODES:])
        lines.append(f"other codes: {rest:,}")
    if flow.unexplained:
        lines.append(f"Not used for another reason: {count(flow.unexplained, 'case')}")
    return lines


def _class_boxes(flow: Flow) -> list[list[str]]:
    boxes = [[shorten(c, 22), count(n, "case"), count(p, "patient")] for c, n, p in flow.per_class]
    if len(boxes) <= SHOWN_CLASSES:
        return boxes
    # One box with a line for each: more than four boxes do not fit side by side.
    return [["Classes", *(f"{shorten(c, 30)}: {_people(n, p)}" for c, n, p in flow.per_class)]]


def _draw_classes(ax: Axes, boxes: Sequence[list[str]], *, from_xy: tuple[float, float], gap: float) -> None:
    if not boxes:
        return
    space, width = 0.16, 1.55 if len(boxes) > 1 else 2.6
    whole = len(boxes) * width + (len(boxes) - 1) * space
    left = max(0.02, from_xy[0] - whole / 2)
    x, y = from_xy
    for i, lines in enumerate(boxes):
        at = left + i * (width + space)
        centre = at + width / 2
        ax.plot([x, x, centre], [y, y - gap / 2, y - gap / 2], color=MUTED, linewidth=0.8, solid_joinstyle="miter")
        _arrow(ax, (centre, y - gap / 2), (centre, y - gap))
        _box(ax, lines, x=at, top=y - gap, width=width)


def _height(lines: Sequence[str]) -> float:
    return 0.16 + _LINE * len(lines)


def _box(ax: Axes, lines: Sequence[str], *, x: float, top: float, width: float, strong: bool = False) -> None:
    from matplotlib.patches import Rectangle

    height = _height(lines)
    edge = INK if strong else MUTED
    ax.add_patch(
        Rectangle(
            (x, top - height), width, height, facecolor="#f6f8fa", edgecolor=edge, linewidth=1.1 if strong else 0.7
        )
    )
    for i, line in enumerate(lines):
        y = top - 0.08 - _LINE * (i + 0.5)
        ax.text(x + 0.12, y, line, va="center", fontweight="bold" if i == 0 else "normal")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 0.8, "shrinkA": 0, "shrinkB": 0},
    )
