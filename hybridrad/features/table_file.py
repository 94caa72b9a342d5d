"""Read a feature table that lies in a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hybridrad._checks import check_features
from hybridrad.errors import RunError


def read_feature_table(path: Path) -> pd.DataFrame:
    """Return a feature table from Parquet or CSV: ``case_id`` and ``<block>__<feature>`` columns; others are left out.

    Raises
    ------
    RunError
        The file does not exist or has no column ``case_id``.
    ValueError
        It is no feature table: an id twice, text in a feature, an infinite value.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "features.csv"
    ...     _ = path.write_text("case_id,age,deep__0\\n007,61,0.5\\n")
    ...     table = read_feature_table(path)
    >>> table.index.tolist(), list(table.columns)
    (['007'], ['deep__0'])
    """
    if not path.is_file():
        raise RunError(f"The feature table {path} does not exist.", code="E_FILE_MISSING")
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        table = table.reset_index() if table.index.name == "case_id" else table
    else:
        table = pd.read_csv(path, dtype={"case_id": "str"})
    if "case_id" not in table.columns:
        raise RunError(f"{path.name} has no column case_id; it begins with {list(table.columns[:5])}.")
    table["case_id"] = table["case_id"].astype("str")
    table = table.set_index("case_id")
    return check_features(table[[c for c in table.columns if "__" in c]])
