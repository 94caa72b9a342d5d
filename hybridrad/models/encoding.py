"""Tables with text columns (clinical ones) as numbers: each text column becomes the codes of its levels.

The levels are learned from training rows. A code is only a name for a level; which levels a model uses is decided where
the codes become columns of zeros and ones, inside each fold (`preparation.py`).
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

UNKNOWN = -1.0


def find_levels(X: pd.DataFrame) -> dict[int, list[str]]:
    """Return position -> sorted levels of the columns that hold text.

    Columns of numbers, of truth values, and object columns that hold nothing but numbers and missing values have no
    levels.

    Examples
    --------
    >>> find_levels(pd.DataFrame({"clinical__age": [50, 60], "clinical__sex": ["m", None]}))
    {1: ['m']}
    """
    levels = {}
    # By types first: taking a thousand columns out of a table one by one costs more than many a fit.
    numeric = {dtype: pd.api.types.is_numeric_dtype(dtype) for dtype in set(X.dtypes)}
    for position, dtype in enumerate(X.dtypes):
        if numeric[dtype]:
            continue
        column = X.iloc[:, position]
        values = column.astype(object)[column.notna().to_numpy()]
        if len(values) and all(isinstance(v, numbers.Real | np.bool_) for v in values):
            continue
        levels[position] = sorted({str(v) for v in values})
    return levels


def code_table(X: pd.DataFrame, levels: Mapping[int, list[str]]) -> NDArray[np.float64]:
    """Return the table as numbers: text as codes 0, 1, ... in the order of ``levels``, missing as NaN, unseen as -1.

    Raises
    ------
    ValueError
        A column without levels holds text.

    Examples
    --------
    >>> code_table(pd.DataFrame({"clinical__sex": ["m", None, "x", "f"]}), {0: ["f", "m"]}).ravel()
    array([ 1., nan, -1.,  0.])
    """
    coded = np.empty(X.shape, dtype=float)
    # Plain numbers at once: taking a thousand columns out of a table one by one costs more than many a fit.
    plain = np.array([isinstance(dtype, np.dtype) and dtype.kind in "fiub" for dtype in X.dtypes], dtype=bool)
    plain[list(levels)] = False
    coded[:, plain] = X.loc[:, plain].to_numpy(dtype=float)
    for position in np.flatnonzero(~plain).tolist():
        column = X.iloc[:, position]
        if position not in levels:
            try:
                coded[:, position] = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
            except (ValueError, TypeError) as err:
                raise ValueError(
                    f"column {X.columns[position]!r} held numbers in training and holds text now."
                ) from err
            continue
        coded[:, position] = _codes(column, levels[position])
    return coded


def _codes(column: pd.Series, levels: list[str]) -> NDArray[np.float64]:
    code: dict[Any, float] = {level: float(i) for i, level in enumerate(levels)}
    missing = column.isna().to_numpy()
    return np.array(
        [np.nan if absent else code.get(str(value), UNKNOWN) for value, absent in zip(column, missing, strict=True)],
        dtype=float,
    )
