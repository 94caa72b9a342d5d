"""What all models share: reading a table by blocks, labels, patients, inner folds, and what follows from logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, assert_all_finite, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from hybridrad.features.blocks import BlockSpec, resolve_blocks
from hybridrad.models.encoding import code_table, find_levels
from hybridrad.splits import Fold, inner_splits

Array = NDArray[np.float64]

SIZE_BLOCK = "size"  # holds volumes and areas, which enter models by their logarithm


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
class Training:
    """Training cases with labels 0 to n_classes - 1, patients 0 to n_patients - 1 and inner folds by patient."""

    cases: Cases
    categorical: NDArray[np.bool_]
    y: NDArray[np.intp]
    groups: NDArray[np.intp]
    n_classes: int
    folds: list[Fold]
    seed: int
    grouped: bool = True  # False: no patients were given, every case counts as one

    @property
    def n_patients(self) -> int:
        """Number of patients (of cases, if no groups were given)."""
        return int(self.groups.max()) + 1


def probabilities(logits: Array) -> Array:
    """Return probabilities (n_cases, n_classes) of logits: (n_cases,) for two classes, else (n_cases, n_classes)."""
    if logits.ndim == 1:
        return np.column_stack([expit(-logits), expit(logits)])
    return np.asarray(softmax(logits, axis=1))


def most_probable(logits: Array, classes: NDArray[Any]) -> NDArray[Any]:
    """Return the most probable class of each case."""
    best = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
    return np.asarray(classes[best])


class CaseClassifier(ClassifierMixin, BaseEstimator):
    """Common ground of the block models and fusions; not used by itself.

    Subclasses set ``inner`` and ``random_state`` in ``__init__``, call ``_start`` in ``fit`` and give ``_logits``.
    """

    # Patients are requested by default, so that a Pipeline with metadata routing hands them down unasked.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012 - read by scikit-learn from the class, never changed

    inner: int
    random_state: Any

    def _start(self, X: Any, y: ArrayLike, groups: ArrayLike | None, *, blocks: BlockSpec) -> Training:
        """Check the training data, learn classes, columns and blocks, and make the inner folds."""
        cases = self._read(X, fit=True)
        labels = np.asarray(column_or_1d(y, warn=True))
        assert_all_finite(labels, input_name="y")
        if np.any(pd.isna(labels)):
            raise ValueError("y: a case has no label.")
        check_classification_targets(labels)
        check_consistent_length(cases.values, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, got one class: {self.classes_[0]!r}.")
        self.grouped_ = groups is not None
        if groups is None:
            patients = np.arange(len(codes), dtype=np.intp)
        else:
            given = np.asarray(column_or_1d(groups))
            check_consistent_length(codes, given)
            if np.any(pd.isna(given)):
                raise ValueError("groups: a case has no patient.")
            patients = np.unique(given, return_inverse=True)[1].astype(np.intp)
        self.blocks_ = resolve_blocks(X if isinstance(X, pd.DataFrame) else cases.values, blocks)
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        codes = codes.astype(np.intp)
        folds = inner_splits(codes, patients, n_folds=self.inner, random_state=int(seed))
        categorical = np.isin(np.arange(cases.values.shape[1]), list(self._levels))
        return Training(cases, categorical, codes, patients, len(self.classes_), folds, int(seed), self.grouped_)

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

    def _logits(self, cases: Cases) -> Array:
        raise NotImplementedError

    def _contributions(self, cases: Cases) -> Array:
        """Return contributions (n, n_columns, n_outputs)."""
        raise NotImplementedError(f"{type(self).__name__} has no exact additive contributions.")

    def decision_function(self, X: Any) -> Array:
        """Return logits: (n_cases,) of the second class for two classes, else (n_cases, n_classes).

        With more than two classes they are log-probabilities up to a constant per case.
        """
        check_is_fitted(self)
        return self._logits(self._read(X))

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities, shape (n_cases, n_classes), in the order of ``classes_``."""
        return probabilities(self.decision_function(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each case."""
        return most_probable(self.decision_function(X), self.classes_)

    def shap_values(self, X: Any) -> Array:
        """Return what each input column adds to the logit of each case.

        They are exact: the sum over columns plus ``expected_logit_`` is ``decision_function``. For linear models they
        are the interventional SHAP values with the training mean as reference. Levels of a text column are summed.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)

        Returns
        -------
        ndarray
            (n_cases, n_features) for two classes, else (n_cases, n_features, n_classes).

        Raises
        ------
        NotImplementedError
            The model holds an estimator that cannot give them.
        """
        check_is_fitted(self)
        out = self._contributions(self._read(X))
        return out[:, :, 0] if out.shape[2] == 1 else out

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def as_outputs(logits: Array) -> Array:
    """Return logits as (n, n_outputs): one output for two classes."""
    return logits[:, None] if logits.ndim == 1 else logits


def as_logits(outputs: Array) -> Array:
    """Return (n, n_outputs) as logits: (n,) for one output."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def plain_expected(expected: Array) -> Any:
    """Return the expected logit as a float for two classes, else as an array by class."""
    return float(expected[0]) if len(expected) == 1 else expected
