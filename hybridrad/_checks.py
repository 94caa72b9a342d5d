"""Small validators, the one door to optional packages, and a checker for each table that travels."""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.errors import Finding, MissingDependencyError

FINDING_COLUMNS = ["severity", "stage", "message", "hint"]
FAILURE_COLUMNS = ["code", "message", "hint", "seconds"]
SCORE_COLUMNS = ["value", "low", "high", "n_patients", "n_cases", "method"]
COMPARISON_COLUMNS = ["difference", "low", "high", "p_value", "p_adjusted", "verdict", "method"]
REGRET_COLUMNS = ["regret", "low", "high", "upper_one_sided", "note", "method"]
IMPORTANCE_COLUMNS = ["block", "mean_abs_shap", "direction", "folds_selected"]


def require(package: str, *, extra: str = "", hint: str = "") -> ModuleType:
    """Import an optional package or say in one sentence how to get it.

    Parameters
    ----------
    package : str
        Name to import.
    extra : str, optional
        The extra of hybridrad that installs it.
    hint : str, optional
        Replaces the sentence built from ``extra``.

    Raises
    ------
    MissingDependencyError
        The package is not installed.

    Examples
    --------
    >>> require("json").__name__
    'json'
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as err:
        if err.name is not None and err.name.split(".")[0] != package.split(".")[0]:
            raise
        wanted = f'"hybridrad[{extra}]"' if extra else package
        how = hint or f"Install it with: pip install {wanted}"
        raise MissingDependencyError(f"{package} is not installed.", code="E_MISSING_DEPENDENCY", hint=how) from err


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` for the closest known name, or an empty string.

    Examples
    --------
    >>> did_you_mean("binwidht", ["binWidth", "label"])
    ' Did you mean binWidth?'
    """
    lowered = {str(k).lower().replace("_", ""): k for k in known}
    close = difflib.get_close_matches(name.lower().replace("_", ""), list(lowered), n=1, cutoff=0.6)
    return f" Did you mean {lowered[close[0]]}?" if close else ""


def check_positive(value: Any, *, name: str) -> float:
    """Return ``value`` if it is a positive finite number, else raise ``ValueError``."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (is_number and 0 < value < math.inf):
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    return value


def check_choice(value: Any, allowed: Sequence[Any], *, name: str) -> Any:
    """Return ``value`` if it is one of ``allowed``, else raise ``ValueError`` with the list."""
    if value not in allowed:
        names = [str(a) for a in allowed]
        raise ValueError(f"{name}={value!r} is not one of {', '.join(names)}.{did_you_mean(str(value), names)}")
    return value


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as the table that travels: index ``case_id, code``.

    Examples
    --------
    >>> findings_table([Finding("a", "W_ROI_SMALL", stage="mask", message="12 voxels.")]).index.tolist()
    [('a', 'W_ROI_SMALL')]
    """
    rows = [f.as_row() for f in findings]
    frame = pd.DataFrame(rows, columns=["case_id", "code", *FINDING_COLUMNS], dtype="object")
    return frame.set_index(["case_id", "code"])


def check_features(features: pd.DataFrame) -> pd.DataFrame:
    """Return a feature table unchanged if it is one.

    Index ``case_id``: unique text. Columns ``<block>__<feature>``: numbers, none of them infinite, NaN where a value is
    missing; only the block ``clinical`` may hold categories.

    Raises
    ------
    TypeError, ValueError
        It is none; the message names the first column or case.
    """
    check_table(features, index=["case_id"], columns=[], name="features")
    for case_id in features.index:
        if not isinstance(case_id, str):
            raise ValueError(f"features: case_id {case_id!r} is {type(case_id).__name__}, wanted text.")
    if not features.index.is_unique:
        raise ValueError(f"features: case_id {features.index[features.index.duplicated()][0]!r} stands twice.")
    if not features.columns.is_unique:
        raise ValueError(f"features: column {features.columns[features.columns.duplicated()][0]!r} stands twice.")
    for column in features.columns:
        block, separator, feature = str(column).partition("__")
        if not (block and separator and feature):
            raise ValueError(f"features: column {column!r} is not named <block>__<feature>.")
        values = features[column]
        if pd.api.types.is_numeric_dtype(values):
            infinite = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
            if infinite.any():
                raise ValueError(f"features: column {column!r}, case {features.index[infinite.argmax()]}: not finite.")
        elif block != "clinical":
            raise ValueError(f"features: column {column!r} holds {values.dtype}, wanted numbers.")
    return features


def check_table(table: pd.DataFrame, *, index: Sequence[str], columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return ``table`` if it has the index names and at least the columns, else raise ``ValueError``."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{name} must be a pandas DataFrame, got {type(table).__name__}.")
    if list(table.index.names) != list(index):
        raise ValueError(f"{name}: index is {list(table.index.names)}, wanted {list(index)}.")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ValueError(f"{name}: columns {missing} are missing; it has {list(table.columns)[:12]}.")
    return table
