"""Table files in, clean columns out: everything is text first, and becomes a number only where that is sure."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError

# "None" and "none" are not in this list on purpose: they are words that mean something (grade: none).
MISSING = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)+([eE][+-]?\d+)?", re.ASCII)
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+|[+-]?\d+(,\d+){2,}", re.ASCII)
# Beyond this many different numbers a column with a few words in it is a measurement with typing errors ("12o",
# "<0.5"), not a grade such as 1, 2, 3, 4a.
_MOST_GRADES = 10


def read_table(file: Path) -> tuple[pd.DataFrame, bool]:
    """Read a CSV or Parquet file.

    Parameters
    ----------
    file : Path
        Parquet is known by its content; all else must be text in UTF-8, separated by ``,`` ``;`` or tab.

    Returns
    -------
    table : DataFrame
        Text cells of a CSV file as they stand; columns of a Parquet file in their own types.
    decimal_comma : bool
        True where a comma inside a cell may be a decimal sign: text that is not separated by commas.

    Raises
    ------
    RunError
        No such file, an Excel file, another encoding, lines of different lengths, no rows.
    """
    if not file.is_file():
        near = did_you_mean(file.name, [f.name for f in file.parent.iterdir()]) if file.parent.is_dir() else ""
        what = "is a folder" if file.is_dir() else "does not exist"
        raise RunError(f"the table {file} {what}.{near}", code="E_FILE_MISSING", hint="Give a CSV or Parquet file.")
    try:
        content = file.read_bytes()
    except OSError as err:
        raise RunError(f"the table {file} cannot be read: {err.strerror}.", code="E_FILE_UNREADABLE") from err
    if content[:4] == b"PAR1":
        try:
            return _frame_with_rows(pd.read_parquet(io.BytesIO(content)), file), False
        except (OSError, ValueError) as err:  # the kinds of error pyarrow raises
            raise RunError(f"{file} is a damaged Parquet file: {err}", code="E_FILE_UNREADABLE") from err
    hint = 'Save it as "CSV UTF-8" (or Parquet) and give that file.'
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise RunError(f"{file} is an Excel file, not CSV or Parquet.", code="E_FILE_UNREADABLE", hint=hint)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise RunError(f"{file} is not text in UTF-8 ({err}).", code="E_FILE_UNREADABLE", hint=hint) from err
    if "\0" in text:
        raise RunError(f"{file} is not text: it holds zero bytes.", code="E_FILE_UNREADABLE", hint=hint)
    return _parse_csv(text, file)


def as_text(values: Iterable[Any]) -> list[str | None]:
    """Return cells as stripped text, missing ones as None; whole numbers never grow a ``.0``.

    Examples
    --------
    >>> as_text([" 007 ", 7, 7.0, "NA", float("nan")])
    ['007', '7', '7', None, None]
    """
    return [_text(v) for v in values]


def as_labels(values: Sequence[Any]) -> list[Any]:
    """Return class labels: int if all are whole numbers, float if all are numbers, else str; missing ones as None.

    Examples
    --------
    >>> as_labels(["1", "0.0", None]), as_labels(["1", "x"])
    ([1, 0, None], ['1', 'x'])
    """
    texts = as_text(values)
    if not all(t is None or _NUMBER.fullmatch(t) for t in texts):
        return list(texts)
    found = [None if t is None else float(t) for t in texts]
    if all(v is None or (v.is_integer() and abs(v) <= 2**53) for v in found):
        return [None if v is None else int(v) for v in found]
    return list(found)


def as_numbers(column: pd.Series) -> pd.Series:
    """Return a column as float64, missing values as NaN.

    Raises
    ------
    RunError
        A cell is not a finite number; the message names the column and the first such row.

    Examples
    --------
    >>> as_numbers(pd.Series(["1", None, "2e3"], name="size__volume_ml")).tolist()
    [1.0, nan, 2000.0]
    """
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
    else:
        texts = as_text(column)
        bad = [i for i, t in enumerate(texts) if t is not None and not _NUMBER.fullmatch(t)]
        _refuse_cells(column, texts, bad)
        values = np.array([np.nan if t is None else float(t) for t in texts], dtype=float)
    _refuse_cells(column, values, np.flatnonzero(np.isinf(values)))
    return pd.Series(values, index=column.index, name=column.name)


def holds_numbers(column: pd.Series) -> bool:
    """Return whether every cell of a column that is not missing is a number, perhaps with a decimal comma.

    Examples
    --------
    >>> [holds_numbers(pd.Series(cells)) for cells in (["1", None, "2,5"], ["1", "x"], [""])]
    [True, False, False]
    """
    if pd.api.types.is_numeric_dtype(column):
        return not pd.api.types.is_bool_dtype(column)
    known = [t for t in as_text(column) if t is not None]
    return bool(known) and all(_NUMBER.fullmatch(t) or _COMMA_NUMBER.fullmatch(t) for t in known)


def as_variable(column: pd.Series) -> pd.Series:
    """Return a column as float64 if it holds numbers, as categories (object: str or None) if it holds words.

    Raises
    ------
    RunError
        It holds many different numbers and a few cells that are none: a measurement with typing errors.

    Examples
    --------
    >>> as_variable(pd.Series(["1", "4a", None], name="stage")).tolist()
    ['1', '4a', None]
    """
    if pd.api.types.is_numeric_dtype(column):
        return as_numbers(column)
    texts = as_text(column)
    known = [t for t in texts if t is not None]
    figures = [t for t in known if _NUMBER.fullmatch(t) or _COMMA_NUMBER.fullmatch(t)]
    if len(figures) == len(known) or (2 * len(figures) >= len(known) and len(set(figures)) > _MOST_GRADES):
        return as_numbers(column)
    return pd.Series(texts, index=column.index, name=column.name, dtype=object)


def with_decimal_points(table: pd.DataFrame, columns: Sequence[str], *, decimal_comma: bool) -> pd.DataFrame:
    """Return the table with decimal commas of number columns turned into points.

    Raises
    ------
    RunError
        Commas that may stand for thousands, beside decimal points, or in a table where a comma separates cells.

    Examples
    --------
    >>> with_decimal_points(pd.DataFrame({"age": ["61,5", "70"]}), ["age"], decimal_comma=True)["age"].tolist()
    ['61.5', '70']
    """
    commas: dict[str, list[str | None]] = {}
    pointed = ""
    for name in columns:
        if pd.api.types.is_numeric_dtype(table[name]):
            continue
        texts = as_text(table[name])
        known = [t for t in texts if t is not None]
        if not all(_NUMBER.fullmatch(t) or _COMMA_NUMBER.fullmatch(t) for t in known):
            continue
        if any("," in t for t in known):
            commas[name] = texts
        if any("." in t for t in known):
            pointed = name
    if not commas:
        return table
    name, cell = next((n, t) for n, texts in commas.items() for t in texts if t is not None and "," in t)
    hint = "Write numbers with a decimal point and without separators of thousands."
    where = f"column {name}: {cell!r}"
    if not decimal_comma:
        raise RunError(f"{where} holds a comma, which is not a decimal sign in this table.", hint=hint)
    if pointed:
        raise RunError(f"{where} holds a comma, and column {pointed} holds decimal points.", hint=hint)
    if all(_MAYBE_THOUSANDS.fullmatch(t) for texts in commas.values() for t in texts if t is not None and "," in t):
        raise RunError(f"{where} can be a decimal number or thousands.", hint=hint)
    changed = {n: [None if t is None else t.replace(",", ".") for t in texts] for n, texts in commas.items()}
    return table.assign(**{n: pd.Series(v, index=table.index, dtype=object) for n, v in changed.items()})


def _text(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) <= 2**53 else repr(number)
    text = str(value).strip()
    return None if text in MISSING else text


def _refuse_cells(column: pd.Series, cells: Sequence[Any] | np.ndarray, bad: Sequence[int] | np.ndarray) -> None:
    if len(bad):
        first = int(bad[0])
        others = f" ({len(bad)} such cells)" if len(bad) > 1 else ""
        raise RunError(
            f"column {column.name}, case {column.index[first]}: {cells[first]!s} is not a finite number{others}.",
            hint="Correct the cells, or leave them empty where the value is unknown.",
        )


def _frame_with_rows(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    if table.empty:
        raise RunError(f"{file} holds no cases: a header and one row per case are wanted.", code="E_FILE_UNREADABLE")
    return table


def _parse_csv(text: str, file: Path) -> tuple[pd.DataFrame, bool]:
    header = text.lstrip().partition("\n")[0]
    cells = {separator: [c.strip(' "\r') for c in header.split(separator)] for separator in ",;\t"}
    separator = max(cells, key=lambda s: ("case_id" in cells[s], len(cells[s])))
    # The csv module and not pandas: pandas takes the first column for an index where rows are one cell longer than
    # the header, and fills up short lines, in silence.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as err:
        raise RunError(f"{file}, line {reader.line_num}: {err}.", code="E_FILE_UNREADABLE") from err
    names = lines[0][1] if lines else []
    for number, row in lines[1:]:
        if len(row) != len(names):
            raise RunError(
                f"{file}, line {number}: {len(row)} cells, the header has {len(names)} (separator {separator!r}).",
                code="E_FILE_UNREADABLE",
                hint="Put cells that hold the separator between double quotes.",
            )
    table = pd.DataFrame([row for _, row in lines[1:]], columns=names, dtype=object)
    return _frame_with_rows(table, file), separator != ","
