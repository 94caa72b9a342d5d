"""What all models share, whatever they predict: reading a table by blocks, patients, seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import check_array, validate_data

from hybridrad.models.encoding import code_table, find_levels
from hybridrad.splits import Fold

Array = NDArray[np.float64]

SIZE_BLOCK = "size"  # holds volumes and areas, which enter models by their logarithm
CLINICAL_BLOCK = "clinical"  # few columns that mean something each


@dataclass(frozen=True)
class Cases:
    """Cases as models see them: numbers (text as codes), and the table as it came for estimators of other makers."""

    values: Array
    table: Any

    def columns(self, positions: NDArray[np.intp]) -> Any:
        """Return the given columns of the table as it came."""
        return self.table.iloc[:, positions] if isinstance(self.table, pd.DataFrame) else self.values[:, positions]

    def only(self, positions: NDArray[np.intp]) -> Cases:
        """Return the same cases with the given columns."""
        return Cases(self.values[:, positions], self.columns(positions))

    def rows(self, positions: NDArray[np.intp]) -> Cases:
        """Return the cases at the given positions."""
        table = self.table.iloc[positions] if isinstance(self.table, pd.DataFrame) else self.values[positions]
        return Cases(self.values[positions], table)


@dataclass(frozen=True)
class Patients:
    """Training cases, which of their columns hold text, patients 0 to n_patients - 1 and inner folds by patient."""

    cases: Cases
    categorical: NDArray[np.bool_]
    groups: NDArray[np.intp]
    folds: list[Fold]
    seed: int
    grouped: bool  # False: no patients were given, every case counts as one

    @property
    def n_patients(self) -> int:
        """Number of patients (of cases, if no groups were given)."""
        return int(self.groups.max()) + 1


class CaseModel(BaseEstimator):
    """Common ground of classifiers, regressors and survival models; not used by itself."""

    # Patients are requested by default, so that a Pipeline with metadata routing hands them down unasked.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012 - read by scikit-learn from the class, never changed

    inner: int
    random_state: Any

    def _read(self, X: Any, *, fit: bool = False) -> Cases:
        if fit:
            self._levels = find_levels(X) if isinstance(X, pd.DataFrame) else {}
        if self._levels:
            if not isinstance(X, pd.DataFrame):
                raise ValueError("the model was trained on a table with text columns; pass a DataFrame.")
            validate_data(self, X, reset=fit, skip_check_array=True)
            values = check_array(code_table(X, self._levels), ensure_all_finite="allow-nan")
        elif isinstance(X, pd.DataFrame) and all(isinstance(d, np.dtype) and d.kind in "fiu" for d in set(X.dtypes)):
            # Plain numbers: checked as one array, because scikit-learn looks at a table column by column.
            validate_data(self, X, reset=fit, skip_check_array=True)
            values = check_array(X.to_numpy(dtype=np.float64), ensure_all_finite="allow-nan")
        else:
            values = validate_data(self, X, reset=fit, dtype=np.float64, ensure_all_finite="allow-nan")
        return Cases(values, X)

    def _categorical(self, cases: Cases) -> NDArray[np.bool_]:
        return np.isin(np.arange(cases.values.shape[1]), list(self._levels))

    def _patients(self, groups: ArrayLike | None, *, n_cases: int) -> NDArray[np.intp]:
        """Return patients 0 to n_patients - 1; every case is a patient of its own where none were given."""
        self.grouped_ = groups is not None
        if groups is None:
            return np.arange(n_cases, dtype=np.intp)
        given = np.asarray(column_or_1d(groups))
        check_consistent_length(np.empty(n_cases), given)
        if np.any(pd.isna(given)):
            raise ValueError("groups: a case has no patient.")
        return np.unique(given, return_inverse=True)[1].astype(np.intp)

    def _seed(self) -> int:
        seed = self.random_state
        if isinstance(seed, int | np.integer):
            return int(seed)
        return int(check_random_state(seed).randint(np.iinfo(np.int32).max))

    def _contributions(self, cases: Cases) -> Array:
        """Return contributions (n, n_columns, n_outputs)."""
        raise NotImplementedError(f"{type(self).__name__} has no exact additive contributions.")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
