"""Colours, type and files of the figures: one place, so that they look alike and come out the same twice."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 7.0  # the text width of an A4 page

INK, MUTED, RULE, BAND = "#1b1f24", "#5b6570", "#c9d1d9", "#e9eef3"
# Okabe and Ito's colours, told apart by colour-blind readers: a hue family for each role.
ROLE_COLOURS = {"single": "#0072B2", "fused": "#D55E00", "other": "#5b6570"}
ROLE_MARKERS = {"single": "o", "fused": "s", "other": "D"}
ROLE_SHADES = {
    "single": ("#0072B2", "#56B4E9", "#003f63", "#7fa8c9"),
    "fused": ("#D55E00", "#E69F00", "#8a3d00"),
    "other": ("#5b6570", "#9aa4ae"),
}
LINE_STYLES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
# Tol's muted colours for blocks, so that a block is never taken for a role.
_BLOCK_COLOURS = {"radiomics": "#44AA99", "deep": "#332288", "size": "#DDCC77", "clinical": "#CC6677"}
_MORE_BLOCKS = ("#88CCEE", "#882255", "#999933", "#AA4499", "#117733", "#7b7b7b")

RC: Any = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same layout on every machine
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a name is a "$"
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "hybridrad",
    "pdf.fonttype": 42,
    "image.composite_image": False,  # pictures keep their pixels; the reader's screen scales them
    "figure.dpi": 72,
    "savefig.facecolor": "white",
}
PAGE_SANS = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"


@dataclass(frozen=True)
class Picture:
    """A drawn figure: the SVG file, the PDF file, and the SVG without file header for a web page."""

    name: str
    svg: str
    pdf: bytes
    inline: str
    width_in: float


def draw(name: str, build: Callable[[], Figure], *, pdf: bool = True) -> Picture:
    """Draw a figure under the house style and return it as SVG and PDF.

    Parameters
    ----------
    name : str
        Name of the file and prefix of the ids, which must not clash when several figures share a page.
    build : callable
        Returns the matplotlib ``Figure``; called inside the style context.
    pdf : bool
        Whether the PDF is made as well.
    """
    import matplotlib as mpl

    with mpl.rc_context(RC), warnings.catch_warnings():
        # Names in scripts that the font lacks: browsers find another font, the picture is right there.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = build()
        svg = _saved(figure, "svg", metadata={"Date": None, "Creator": None}).decode("utf-8")
        figure.set_layout_engine("none")  # laid out by the first saving; both files are to be alike
        dates = {"CreationDate": None, "Producer": None, "Creator": None}
        content = _saved(figure, "pdf", metadata=dates) if pdf else b""
        width_in = float(figure.get_figwidth())
    return Picture(name=name, svg=svg, pdf=content, inline=inline_svg(svg, prefix=name), width_in=width_in)


def inline_svg(svg: str, *, prefix: str) -> str:
    """Return an SVG file of matplotlib as an element for an HTML page.

    File header, comments, metadata, the style sheet (it would reach the whole page) and name spaces go; ids and the
    references to them get a prefix.

    Examples
    --------
    >>> inline_svg('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><g id="a"/></svg>', prefix="roc")
    '<svg><g id="roc-a"/></svg>'
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<style\b[^>]*>.*?</style>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'\sid="', f' id="{prefix}-', body)
    body = body.replace('xlink:href="#', f'href="#{prefix}-').replace("url(#", f"url(#{prefix}-")
    # Measured in DejaVu, shown in the page's sans serif, which is narrower: nothing can overlap.
    return re.sub(r"'DejaVu Sans'(, [^;\"]*)?", PAGE_SANS, body)


def block_colours(blocks: Sequence[str]) -> dict[str, str]:
    """Return a colour for each block; the well-known ones keep theirs in every study.

    Examples
    --------
    >>> block_colours(["deep", "adc"])
    {'deep': '#332288', 'adc': '#88CCEE'}
    """
    others = [b for b in blocks if b not in _BLOCK_COLOURS]
    spare = {b: _MORE_BLOCKS[i % len(_MORE_BLOCKS)] for i, b in enumerate(others)}
    return {b: _BLOCK_COLOURS.get(b) or spare[b] for b in blocks}


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read better on ``colour``.

    Examples
    --------
    >>> ink_on("#332288"), ink_on("#DDCC77")
    ('white', '#1b1f24')
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 125 else INK


def quiet_axes(ax: Axes) -> None:
    """Take away what carries no information from axes whose rows are labelled."""
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0, pad=4)
    ax.set_axisbelow(True)


def _saved(figure: Figure, kind: str, *, metadata: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
