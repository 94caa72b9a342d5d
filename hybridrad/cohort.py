"""Reading a cohort table: columns checked and typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import did_you_mean
from hybridrad.case import Case, is_path_column
from hybridrad.cohort_checks import about_all, first_of
from hybridrad.cohort_outcomes import TIME, has_survival
from hybridrad.cohort_table import Cohort
from hybridrad.errors import Finding, RunError
from hybridrad.feature_columns import is_feature, looks_like_pyradiomics, name_features
from hybridrad.tables import as_labels, as_text, as_variable, holds_numbers, read_table, with_decimal_points

__all__ = ["Case", "Cohort", "cohort_from_frame", "read_cohort"]

_IDS = ("case_id", "patient_id")
_RESERVED = (*_IDS, "label", "mask_label", "split")
_MISSING = {
    "case_id": "Name the column that tells the cases apart case_id.",
    "label": "Say which column holds the outcome: label=... (--label COLUMN); or give the columns time and event.",
}


def read_cohort(
    path: str | Path,
    *,
    clinical: Sequence[str] = (),
    images: bool | None = True,
    label: str | None = "label",
    positive: Any = None,
    block: str | None = None,
    not_features: Sequence[str] = (),
    allow_outside_root: bool = False,
) -> Cohort:
    r"""Read a cohort table from a CSV or Parquet file.

    Cells of a CSV file are read as text, so that the id "007" stays "007"; numbers are parsed afterwards, column by
    column. The separator (``,`` ``;`` or tab) is found from the header; decimal commas are understood in files that are
    not separated by commas, and refused where they could be thousands. Empty cells, ``NA``, ``NaN`` and ``NULL`` are
    missing values (``None`` is a word: it may be a grade). White space around cells is removed.

    Parameters
    ----------
    path : str or Path
        Table with ``case_id, patient_id, image, mask, label``, or with ``time`` (positive, in any unit) and ``event``
        (1, or 0: censored) in place of the label; optional ``mask_label, site, split``, further sequences
        and regions as ``image:NAME`` and ``mask:NAME``. Without ``patient_id`` each case is a patient of its own.
        Paths are relative to the folder of the table.
    clinical : sequence of str
        Columns to offer to the models as clinical variables.
    images : bool or None, default True
        False reads a plain table of labels and features: columns ``<block>__<feature>``, and those without a block that
        look like PyRadiomics features (``original_glcm_Contrast``), which become the block ``radiomics``. None: as
        True where the table has a column for images or masks, or no features.
    label : str or None, default "label"
        Column that holds the label; if it is another one, the column ``label`` is ignored. None takes the column
        ``label`` if there is one and does without if not: enough to extract features, not to compare models.
    positive : optional
        The positive class; by default the larger of two labels.
    block : str, optional
        Of a table without images: the block of all columns of numbers that have none, whatever they are called. Ids,
        outcome, site, split and clinical columns are never taken; name others in ``not_features``.
    not_features : sequence of str
        Columns that ``block`` leaves alone: readings, folds, dates in numbers.
    allow_outside_root : bool, default False
        Accept paths (links followed) that lead outside the folder of the table.

    Raises
    ------
    RunError
        The file is no table in UTF-8 or Parquet, lacks a column, or a column cannot be what it was named for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "cohort.csv"
    ...     _ = file.write_text("case_id;label;age\n007;benign;61,5\n008;malignant;70\n")
    ...     cohort = read_cohort(file, images=False, clinical=["age"])
    >>> cohort.clinical_table()["clinical__age"].to_dict()
    {'007': 61.5, '008': 70.0}
    """
    file = Path(path)
    table, decimal_comma = read_table(file)
    root = file.resolve().parent
    has_images = _looks_like_images(table) if images is None else images
    draft = Cohort(table, _names(clinical), label or "label", positive, root, str(path), has_images, allow_outside_root)
    draft = draft if _needs_label(draft, label) else _without_label(draft)
    return _cleaned(draft, decimal_comma=decimal_comma, block=block, not_features=not_features)


def cohort_from_frame(
    table: pd.DataFrame,
    *,
    root: str | Path | None = None,
    clinical: Sequence[str] = (),
    images: bool | None = True,
    label: str | None = "label",
    positive: Any = None,
    block: str | None = None,
    not_features: Sequence[str] = (),
    allow_outside_root: bool = False,
) -> Cohort:
    """Make a cohort of a table in memory, as ``read_cohort`` does of a file.

    Parameters
    ----------
    table : DataFrame
        ``case_id`` is a column or the named index.
    root : str or Path, optional
        Folder the paths are relative to and may not leave; without it they are taken as they are.
    clinical, images, label, positive, block, not_features, allow_outside_root
        As in ``read_cohort``.

    Raises
    ------
    RunError
        A column is missing or cannot be what it was named for.

    Examples
    --------
    >>> table = pd.DataFrame({"case_id": [7, 8], "label": ["benign", "malignant"]})
    >>> cohort_from_frame(table, images=False, positive="benign").classes
    ['malignant', 'benign']
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a pandas DataFrame, got {type(table).__name__}.")
    frame = table.reset_index() if table.index.name == "case_id" else table
    draft = Cohort(
        frame,
        _names(clinical),
        label or "label",
        positive,
        None if root is None else Path(root).resolve(),
        has_images=_looks_like_images(frame) if images is None else images,
        allow_outside_root=allow_outside_root,
    )
    draft = draft if _needs_label(draft, label) else _without_label(draft)
    return _cleaned(draft, decimal_comma=False, block=block, not_features=not_features)


def _looks_like_images(table: pd.DataFrame) -> bool:
    """Return whether a table is one of images: it names some, or has no features that it could be a table of."""
    names = [str(c).strip() for c in table.columns]
    return any(map(is_path_column, names)) or not any(is_feature(c) or looks_like_pyradiomics(c) for c in names)


def _needs_label(draft: Cohort, label: str | None) -> bool:
    """Return whether the label must be there: it was asked for, and time and event do not stand in for it."""
    return label is not None and not (label == "label" and has_survival(draft.table.columns))


def _without_label(draft: Cohort) -> Cohort:
    """Return the draft of a cohort for which no label was asked; a column ``label`` is used if it is there."""
    if draft.label in draft.table.columns:
        return draft
    return replace(draft, table=draft.table.assign(**{draft.label: None}), has_label=False)


def _cleaned(draft: Cohort, *, decimal_comma: bool, block: str | None, not_features: Sequence[str]) -> Cohort:
    """Return the cohort with its columns checked and typed."""
    raw = draft.table.rename(columns=lambda c: str(c).strip())
    raw = raw.loc[:, raw.columns != ""]  # what has no name (an index written by pandas) cannot be asked for
    _check_columns(raw, draft)
    ids, notes = as_text(raw["case_id"]), []
    if None in ids:
        raise RunError(f"{draft._name}: case_id is empty in row {ids.index(None) + 1}.", hint="Give every row an id.")
    stripped = [v for c in _IDS if c in raw for v in raw[c] if isinstance(v, str) and v != v.strip()]
    if stripped:
        notes.append(about_all("N_ID_STRIPPED", f"{len(stripped)} ids had white space around them; it was removed."))
    features: dict[str, str] = {}
    feature_notes: tuple[Finding, ...] = ()
    if not draft.has_images:
        paths = [c for c in raw.columns if is_path_column(c)]
        features, feature_notes = name_features(
            raw.columns,
            block=block,
            not_features={draft.label, *draft.clinical, *paths, *not_features},
            is_number=lambda column: holds_numbers(raw[column]),
        )
    elif block is not None:
        raise RunError(f"{draft._name} is read as a table of images; block is for a table of features.")
    numeric = [c for c in raw.columns if c in draft.clinical or c in features]
    numeric += [c for c in (TIME,) if c in raw and c not in numeric and draft.task == "survival"]
    raw = with_decimal_points(raw, numeric, decimal_comma=decimal_comma).set_axis(pd.Index(ids, name="case_id"))
    columns: dict[str, pd.Series] = {}
    for name in raw.columns.drop("case_id"):
        column = raw[name]
        if name in draft.clinical:
            columns[name] = as_variable(column)
        elif name == draft.label:
            labels = as_labels(column.tolist())
            whole = all(isinstance(v, int | float) for v in labels)
            columns[name] = pd.Series(labels, raw.index, dtype=None if whole else object)
        elif name in _RESERVED or is_path_column(name) or not pd.api.types.is_numeric_dtype(column):
            columns[name] = pd.Series(as_text(column), raw.index, dtype=object)
        else:
            columns[name] = column
    if "patient_id" not in columns:
        columns["patient_id"] = pd.Series(ids, raw.index, dtype=object)
        hint = "If a patient can have several cases, add a column patient_id: splits must be by patient."
        notes.append(about_all("N_PATIENT_ASSUMED", "no column patient_id; each case is a patient of its own.", hint))
    cohort = replace(
        draft,
        table=pd.DataFrame(columns, raw.index),
        notes=tuple(notes),
        positive=None,
        feature_names=features,
        feature_notes=feature_notes,
    )
    return replace(cohort, positive=_positive(draft.positive, cohort.classes, draft.label))


def _may_name_files(column: pd.Series) -> bool:
    """Return whether there is a text with a dot in a column, as in ``007.png``, that is no number."""
    texts = column.dropna().astype(str)
    return bool((pd.to_numeric(texts, errors="coerce").isna() & texts.str.contains(".", regex=False)).any())


def _check_columns(raw: pd.DataFrame, draft: Cohort) -> None:
    names, where = list(raw.columns), draft._name
    if not raw.columns.is_unique:
        raise RunError(f"{where}: the column {raw.columns[raw.columns.duplicated()][0]!r} stands twice.")
    if not len(raw):
        raise RunError(f"{where} holds no cases.")
    for name in ("case_id", draft.label, *draft.clinical):
        if name not in names:
            raise RunError(
                f"{where} has no column {name!r}; it has {first_of(names, 12)}.{did_you_mean(name, names)}",
                hint=_MISSING.get(name, ""),
            )
    for name in draft.clinical:
        if name in _RESERVED or name == draft.label or is_path_column(name):
            raise RunError(f"the column {name!r} cannot be a clinical variable: it is an id, a path or the label.")
    if draft.label in (*_IDS, "mask_label") or is_path_column(draft.label):
        raise RunError(f"the column {draft.label!r} cannot be the label: it is an id, a path or a mask value.")
    if draft.has_images:
        for kind in ("image", "mask"):
            if not any(c == kind or c.startswith(f"{kind}:") for c in names):
                near = did_you_mean(kind, [name for name in names if _may_name_files(raw[name])])
                hint = f"Add it, or read a plain feature table with images=False.{near}"
                raise RunError(f"{where} has no column {kind!r}; it has {first_of(names, 12)}.", hint=hint)
    for name in _IDS:
        for value in raw[name] if name in names else ():
            if isinstance(value, float | np.floating) and (float(value) % 1 > 0 or abs(float(value)) > 2**53):
                raise RunError(
                    f"{where}: {name} holds the number {value!r}; ids must be text or whole numbers.",
                    hint="Store ids as text: as decimal numbers they have lost digits already.",
                )


def _positive(wanted: Any, classes: list[Any], label: str) -> Any:
    if wanted is None:
        return classes[-1] if len(classes) == 2 else None
    spellings = [wanted, *as_text([wanted]), *as_labels([wanted])]
    found = [c for c in classes if c in spellings]
    if not found:
        near = did_you_mean(str(wanted), map(str, classes))
        raise RunError(f"the positive class {wanted!r} does not occur in {label}; it has {first_of(classes)}.{near}")
    return found[0]


def _names(names: Sequence[str]) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else tuple(map(str, names))
    if len(set(listed)) < len(listed):
        raise RunError(f"clinical names a column twice: {', '.join(listed)}.")
    return listed
