"""A table ready to be typeset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a second line in small type, and how it is set.

    ``kind`` is one of text, num, name, code, verdict.
    """

    text: str
    small: str = ""
    kind: str = "text"
    badges: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """A row of cells, under a heading where a group begins."""

    cells: tuple[Cell, ...]
    heading: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: caption, column heads, rows, and a note below."""

    caption: str
    head: tuple[Cell, ...]
    rows: tuple[Row, ...]
    note: str = ""
    wide: bool = False


def plain(value: Any) -> str:
    """Return a cell of a table as text; a missing value is empty."""
    return "" if value is None or (not isinstance(value, str) and pd.isna(value)) else str(value)
