"""A case: one region of one image, and the rule of where its files may lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hybridrad.errors import CaseError
from hybridrad.tables import as_labels


@dataclass(frozen=True)
class Case:
    """What extraction needs to know of a row of the cohort table.

    Parameters
    ----------
    case_id : str
    patient_id : str
        Empty where the table gives none.
    paths : mapping of str to Path
        Column name (``image``, ``mask``, ``image:ADC``, ...) -> resolved file; empty cells are left out.
    mask_label : int, optional
        Value of the region in the mask file.
    error : CaseError, optional
        Why this row cannot be used (path outside the root, no file named, ...); a run records it and goes on.

    Examples
    --------
    >>> Case("007", "p1", {"image": Path("/data/007.nii.gz")}).path("image").name
    '007.nii.gz'
    """

    case_id: str
    patient_id: str
    paths: Mapping[str, Path]
    mask_label: int | None = None
    error: CaseError | None = None

    def path(self, column: str) -> Path:
        """Return the file under ``column``, or raise the CaseError that says why there is none."""
        if self.error is not None:
            raise self.error
        if column not in self.paths:
            message = f"the cohort table names no file under {column!r}; it names {', '.join(self.paths)}."
            raise _error("E_FILE_MISSING", self.case_id, message, "Fill the cell, or choose another column.")
        return self.paths[column]


def is_image_column(column: str) -> bool:
    """Return whether a column of the cohort table names image files: ``image`` or ``image:NAME``."""
    return column == "image" or column.startswith("image:")


def is_path_column(column: str) -> bool:
    """Return whether a column of the cohort table names files."""
    return is_image_column(column) or column == "mask" or column.startswith("mask:")


def cases_of(table: pd.DataFrame, *, root: Path | None, allow_outside_root: bool) -> list[Case]:
    """Return one Case per row of a cleaned cohort table; a row that cannot be used carries its ``error``.

    Parameters
    ----------
    table : DataFrame
        Index ``case_id``; ``patient_id``, path columns and ``mask_label`` as str or None.
    root : Path or None
        Folder that paths are relative to and, links followed, may not leave; None takes them as they are.
    allow_outside_root : bool
    """
    columns = [c for c in table.columns if is_path_column(c)]
    limit = None if root is None or allow_outside_root else root.resolve()
    no_label = pd.Series(None, index=table.index, dtype=object)
    rows = zip(
        table.index,
        table["patient_id"],
        table.get("mask_label", no_label),
        table[columns].to_numpy(dtype=object),
        strict=True,
    )
    cases = []
    for case_id, patient_id, label_text, texts in rows:
        paths: dict[str, Path] = {}
        mask_label, error = None, None
        try:
            mask_label = _mask_label(label_text, case_id=case_id)
            for column, text in zip(columns, texts, strict=True):
                if text is not None:
                    paths[column] = _resolve(text, root=root or Path(), limit=limit, column=column, case_id=case_id)
                elif column in ("image", "mask"):
                    raise _error("E_FILE_MISSING", case_id, f"the column {column} is empty.", "Name the file.")
        except CaseError as err:
            error = err
        cases.append(Case(case_id, patient_id or "", paths, mask_label, error))
    return cases


def _resolve(text: str, *, root: Path, limit: Path | None, column: str, case_id: str) -> Path:
    try:
        resolved = (root / text).resolve()
    except (OSError, RuntimeError, ValueError) as err:  # links in a circle, a zero byte, a name that is too long
        message = f"the path {text!r} under {column} cannot be resolved ({err})."
        raise _error("E_FILE_UNREADABLE", case_id, message, "Correct the path.") from err
    if limit is None or resolved.is_relative_to(limit):
        return resolved
    message = f"the path {text!r} under {column} leads outside the folder of the cohort table."
    hint = "Move the files below that folder, or allow it outright: allow_outside_root=True (--allow-outside-root)."
    raise _error("E_PATH_OUTSIDE_ROOT", case_id, message, hint)


def _mask_label(text: str | None, *, case_id: str) -> int | None:
    value = as_labels([text])[0]
    if value is None or (isinstance(value, int) and value > 0):
        return value
    raise _error("E_CONFIG", case_id, f"mask_label is {text!r}.", "Give a whole number above 0, or leave it empty.")


def _error(code: str, case_id: str, message: str, hint: str) -> CaseError:
    return CaseError(code, case_id=case_id, stage="cohort", message=message, hint=hint)
