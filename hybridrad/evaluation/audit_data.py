"""The data of an audit, checked and looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.evaluation.audit_surrogates import Raw


@dataclass(frozen=True)
class AuditData:
    """The data of an audit, checked."""

    X: Raw
    y: NDArray[Any]
    groups: NDArray[Any]
    sites: NDArray[Any] | None
    size: NDArray[np.float64] | None
    site_columns: tuple[Any, ...]

    @classmethod
    def of(cls, X: Any, y: Any, groups: Any, sites: Any, size: Any) -> AuditData:
        """Return the data, with columns looked up by name, or raise ``ValueError``."""
        if not isinstance(X, pd.DataFrame):
            X = np.asarray(X)
        y, groups = np.asarray(y), np.asarray(groups)
        if len(X.shape) < 2 or y.shape != (len(X),) or groups.shape != y.shape:
            raise ValueError(f"X_raw, y and groups have shapes {X.shape}, {y.shape}, {groups.shape}; one row per case.")
        if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
            raise ValueError(f"X_raw: column {X.columns[X.columns.duplicated()][0]!r} stands twice.")
        if pd.isna(y).any() or pd.isna(groups).any():
            raise ValueError("a case has no label or no patient.")
        if len(np.unique(y)) < 2:
            raise ValueError(f"y holds one class only: {y[0]!r}.")
        site = _column(X, sites, "sites")
        sizes = _column(X, size, "size")
        named = () if site is None or not isinstance(X, pd.DataFrame) else _columns_that_name(X, site)
        return cls(X, y, groups, site, None if sizes is None else sizes.astype(float), named)

    def table(self) -> pd.DataFrame:
        """Return the cases as a table, whatever the shape of ``X``."""
        if isinstance(self.X, pd.DataFrame):
            return self.X
        flat = self.X.reshape(len(self.X), -1)
        return pd.DataFrame(flat, columns=[f"column {j}" for j in range(flat.shape[1])])

    def numbers(self) -> pd.DataFrame:
        """Return the columns of numbers that do not name the site."""
        table = self.table().select_dtypes("number")
        return table.drop(columns=[c for c in self.site_columns if c in table])


def _column(X: Raw, wanted: Any, name: str) -> NDArray[Any] | None:
    if wanted is None:
        return None
    if isinstance(wanted, str):
        if not isinstance(X, pd.DataFrame) or wanted not in X.columns:
            raise ValueError(f"{name}={wanted!r} is not a column of X_raw.")
        return X[wanted].to_numpy()
    values = np.asarray(wanted)
    if values.shape != (len(X),):
        raise ValueError(f"{name} has shape {values.shape}, wanted one value per case: {(len(X),)}.")
    return values


def _columns_that_name(X: pd.DataFrame, site: NDArray[Any]) -> tuple[Any, ...]:
    """Return the columns that say the same as ``site``, under whatever names."""
    code = pd.factorize(site)[0]
    return tuple(name for name in X.columns if np.array_equal(pd.factorize(X[name])[0], code))
