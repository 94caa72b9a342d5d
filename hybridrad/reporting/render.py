"""Fill the templates; every value is escaped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


class Numbers:
    """Counts tables and figures in the order in which they appear."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, kind: str) -> int:
        """Return the next number of a kind.

        Examples
        --------
        >>> numbers = Numbers()
        >>> numbers.next("table"), numbers.next("table"), numbers.next("figure")
        (1, 2, 1)
        """
        self._seen[kind] += 1
        return self._seen[kind]


def render_page(content: dict[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    content : dict
        Plain values, tables as ``Grid`` and figures as ``Plate``. Strings are data: whatever they hold is escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        # Outright, because select_autoescape goes by file endings and overlooks .jinja.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.jinja").render(numbers=Numbers(), **content)
    return page.rstrip() + "\n"
