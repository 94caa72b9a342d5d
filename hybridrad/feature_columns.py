"""Which columns of a table are features where other software wrote it, and the size that follows from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from hybridrad.cohort_checks import about_all, first_of
from hybridrad.errors import Finding, RunError

RADIOMICS = "radiomics"
SIZE = "size"
# Columns of a cohort table that have a meaning of their own, whatever they hold.
NEVER_FEATURES = ("case_id", "patient_id", "label", "mask_label", "split", "site", "time", "event")
NOTES = "notes"  # in the attrs of a feature table: rows of findings about its columns

# PyRadiomics' <image type>_<class>_<Feature>; a sequence may stand before it, the image type may be missing.
_PYRADIOMICS = re.compile(r"(.+_)?(firstorder|shape|shape2D|glcm|gldm|glrlm|glszm|ngtdm)_(\d+P|[A-Z])[A-Za-z0-9]*")
_DIAGNOSTICS = re.compile(r"(.+_)?diagnostics_.+")
# Shape feature -> column of the block size, divisor, unit it is read as. Voxels before meshes: so the library counts.
_SIZES = {
    "original_shape_VoxelVolume": ("size__volume_ml", 1000.0, "mm3"),
    "original_shape_MeshVolume": ("size__volume_ml", 1000.0, "mm3"),
    "original_shape2D_PixelSurface": ("size__area_mm2", 1.0, "mm2"),
    "original_shape2D_MeshSurface": ("size__area_mm2", 1.0, "mm2"),
}
_SHOWN = 20  # names of columns in a message


def is_feature(column: str) -> bool:
    """Return whether a column is named ``<block>__<feature>``.

    Examples
    --------
    >>> is_feature("deep__0000"), is_feature("age")
    (True, False)
    """
    block, separator, feature = column.partition("__")
    return bool(block and separator and feature)


def looks_like_pyradiomics(column: str) -> bool:
    """Return whether a column without a block is named as PyRadiomics names features.

    Examples
    --------
    >>> looks_like_pyradiomics("wavelet-LLH_glcm_Contrast"), looks_like_pyradiomics("T2_original_shape_Sphericity")
    (True, True)
    >>> looks_like_pyradiomics("diagnostics_Mask-original_VoxelNum"), looks_like_pyradiomics("shape_score")
    (False, False)
    """
    return _PYRADIOMICS.fullmatch(column) is not None and _DIAGNOSTICS.fullmatch(column) is None


def name_features(
    columns: Iterable[str],
    *,
    block: str | None = None,
    not_features: Collection[str] = (),
    is_number: Callable[[str], bool],
) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return column -> feature name ``<block>__<feature>``, and what is to be said of the columns.

    Columns that have a block keep it. Of the others those that look like PyRadiomics features become block
    ``radiomics``; with ``block``, all that hold numbers become that block. Columns of ``diagnostics_`` are no features.

    Parameters
    ----------
    columns : iterable of str
    block : str, optional
    not_features : collection of str
        The outcome, clinical and other columns that are something else. Ids, sites, splits and files always are.
    is_number : callable
        Whether a column holds numbers; asked only where that decides.

    Raises
    ------
    ValueError
        ``block`` is no name for one.
    RunError
        Two columns would be the same feature.

    Examples
    --------
    >>> names, notes = name_features(["case_id", "original_glcm_Contrast", "kvp"], is_number=lambda column: True)
    >>> names
    {'original_glcm_Contrast': 'radiomics__original_glcm_Contrast'}
    >>> [note.code for note in notes]
    ['N_COLUMNS_NAMED', 'N_COLUMN_LEFT_OUT']
    """
    if block is not None and (not block or "__" in block or block in (SIZE, "clinical")):
        raise ValueError(
            f"block={block!r} is no name for a block: a word without '__' is wanted, other than size and clinical."
        )
    names: dict[str, str] = {}
    left_out, diagnostics = [], 0
    for column in columns:
        if column in NEVER_FEATURES or column in not_features:
            continue
        if is_feature(column):
            names[column] = column
        elif _DIAGNOSTICS.fullmatch(column):
            diagnostics += 1
        elif is_number(column) if block is not None else looks_like_pyradiomics(column):
            names[column] = f"{block or RADIOMICS}__{column}"
        else:
            left_out.append(column)
    twins = pd.Index(list(names.values()))
    if not twins.is_unique:
        twin = twins[twins.duplicated()][0]
        both = [column for column, feature in names.items() if feature == twin]
        raise RunError(
            f"the columns {' and '.join(both)} would both be the feature {twin}.", hint="Rename one of them."
        )
    return names, tuple(_notes(names, left_out, diagnostics, block))


def _notes(names: Mapping[str, str], left_out: list[str], diagnostics: int, block: str | None) -> list[Finding]:
    named = [column for column, feature in names.items() if column != feature]
    notes = []
    if named:
        how = "" if block is not None else " that look like PyRadiomics features"
        message = f"{_columns(len(named))} without a block{how} taken as block {block or RADIOMICS}: "
        notes.append(about_all("N_COLUMNS_NAMED", f"{message}{first_of(named)}."))
    if names and (left_out or diagnostics):
        parts = [first_of(left_out, _SHOWN)] if left_out else []
        parts += [f"{diagnostics} named diagnostics_*"] if diagnostics else []
        message = f"{_columns(len(left_out) + diagnostics)} left out, being no features: {'; '.join(parts)}."
        hint = "" if not left_out else how_to_use(block)
        notes.append(about_all("N_COLUMN_LEFT_OUT", message, hint))
    return notes


def _columns(n: int) -> str:
    return f"{n} column{'s' * (n != 1)}"


def how_to_use(block: str | None = None) -> str:
    """Return how columns that were left out can be used after all."""
    others = "" if block is not None else '; block="NAME" (--block NAME) takes all other numbers as features'
    return f"clinical=[...] (--clinical) names clinical columns{others}."


def with_size(features: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Return a feature table with a block ``size``, from volume or area among its shape features where it has none.

    Examples
    --------
    >>> table, notes = with_size(pd.DataFrame({"radiomics__original_shape_VoxelVolume": [1500.0]}))
    >>> float(table["size__volume_ml"].iloc[0]), notes[0].code
    (1.5, 'N_SIZE_DERIVED')
    """
    columns = [str(c) for c in features.columns]
    if any(c.startswith(f"{SIZE}__") for c in columns):
        return features, ()
    for shape, (size, divisor, unit) in _SIZES.items():
        source = next((c for c in columns if c.endswith(shape)), None)
        if source is not None:
            divided = f", divided by {divisor:.0f}" if divisor != 1 else ""
            message = f"the table has no block size; {size} is {source}, read as {unit}{divided}."
            hint = "It gives the arm size, which every comparison needs; give a column of its own if this is not so."
            derived = features.assign(**{size: features[source] / divisor})
            return derived, (about_all("N_SIZE_DERIVED", message, hint),)
    return features, ()


def with_notes(features: pd.DataFrame, notes: Iterable[Finding]) -> pd.DataFrame:
    """Return a feature table that carries what is to be said of its columns; ``compare_models`` lists it."""
    carried = features.copy(deep=False)
    carried.attrs[NOTES] = [*features.attrs.get(NOTES, ()), *(note.as_row() for note in notes)]
    return carried


def notes_of(features: pd.DataFrame) -> list[Finding]:
    """Return what a feature table carries of findings about its columns.

    Examples
    --------
    >>> notes_of(pd.DataFrame())
    []
    """
    rows: list[dict[str, Any]] = features.attrs.get(NOTES, [])
    return [Finding(**{key: row[key] for key in ("case_id", "code", "stage", "message", "hint")}) for row in rows]
