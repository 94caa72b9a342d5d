"""Read a feature table that lies in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hybridrad._checks import check_features
from hybridrad.cohort_checks import first_of
from hybridrad.errors import RunError
from hybridrad.feature_columns import NOTES, how_to_use, name_features, with_notes, with_size
from hybridrad.tables import as_numbers, as_text, as_variable, holds_numbers, read_table, with_decimal_points


def read_feature_table(path: Path, *, block: str | None = None, not_features: Sequence[str] = ()) -> pd.DataFrame:
    """Return a feature table from Parquet or CSV: ``case_id`` and ``<block>__<feature>`` columns.

    Columns without a block that look like PyRadiomics features become the block ``radiomics``, other columns are left
    out; without a block ``size`` one is made of a volume (or area) among the shape features. What became of which
    column is carried by the table (``attrs``) and listed by the study that is made of it.

    Parameters
    ----------
    path : Path
    block : str, optional
        The block of all columns of numbers that have none, whatever they are called.
    not_features : sequence of str
        Columns that are no features: the outcome and clinical columns of the cohort table, where they stand here too.

    Raises
    ------
    RunError
        The file does not exist or is no table, has no column ``case_id`` or no features; a cell is no finite number.
    ValueError
        It is no feature table: an id twice, text in a feature.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "features.csv"
    ...     _ = path.write_text("case_id,age,deep__0,original_glcm_Contrast\\n007,61,0.5,2\\n")
    ...     table = read_feature_table(path)
    >>> table.index.tolist(), list(table.columns)
    (['007'], ['deep__0', 'radiomics__original_glcm_Contrast'])
    """
    raw, decimal_comma = read_table(path)
    stored = list(raw.attrs.get(NOTES, ()))
    raw = raw.reset_index() if raw.index.name == "case_id" else raw
    raw.columns = [str(c).strip() for c in raw.columns]
    if "case_id" not in raw.columns:
        raise RunError(
            f"{path.name} has no column case_id; it begins with {', '.join(raw.columns[:5])}.",
            hint="Name the column that tells the cases apart case_id, as in the cohort table.",
        )
    if not raw.columns.is_unique:
        raise RunError(f"{path.name}: the column {raw.columns[raw.columns.duplicated()][0]!r} stands twice.")
    names, notes = name_features(
        raw.columns, block=block, not_features=not_features, is_number=lambda column: holds_numbers(raw[column])
    )
    if not names:
        others = [c for c in raw.columns if c != "case_id"]
        raise RunError(
            f"{path.name} has no column named <block>__<feature> and none that looks like a PyRadiomics feature; "
            f"it has {first_of(others, 12)}.",
            hint=f"Name features like radiomics__original_glcm_Contrast; {how_to_use()}",
        )
    raw = with_decimal_points(raw, list(names), decimal_comma=decimal_comma)
    raw = raw.set_axis(pd.Index(as_text(raw["case_id"]), name="case_id", dtype="str"))
    table, derived = with_size(pd.DataFrame({name: _values(raw[column], name) for column, name in names.items()}))
    table.attrs[NOTES] = stored
    return with_notes(check_features(table), (*notes, *derived))


def _values(column: pd.Series, name: str) -> pd.Series:
    return as_variable(column) if name.startswith("clinical__") else as_numbers(column)
