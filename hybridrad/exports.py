"""Write tables and texts to files so that a reader never meets a half-written or dangerous one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd

# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Call ``write`` with a temporary name beside ``path``, flush it to disk and move it into place.

    Parameters
    ----------
    path : Path
        Where the finished file shall be; its folder is made if need be.
    write : callable
        Gets the temporary path and writes the whole content.

    Raises
    ------
    OSError
        The folder cannot be written; nothing is left at ``path`` that was not there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes private files; the result follows the user's umask like any other file.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def defuse(text: object) -> object:
    """Return a text cell that no spreadsheet takes for a formula; numbers and a lone sign pass unchanged.

    Examples
    --------
    >>> defuse("=1+1"), defuse("-1.5"), defuse(-1.5)
    ("'=1+1", '-1.5', -1.5)
    """
    if not isinstance(text, str) or not text.startswith(_FORMULA_STARTS) or text in ("+", "-"):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as UTF-8 CSV with its index; text cells are defused, numbers keep all their digits."""
    flat = table.reset_index()
    for column in flat.columns:
        if not pd.api.types.is_numeric_dtype(flat[column]):
            flat[column] = flat[column].map(defuse)
    return write_atomically(path, lambda temporary: flat.to_csv(temporary, index=False, encoding="utf-8"))


def write_parquet(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as Parquet with its index."""
    return write_atomically(path, lambda temporary: table.to_parquet(temporary))


def write_text(text: str, path: Path) -> Path:
    """Write a text as UTF-8."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
