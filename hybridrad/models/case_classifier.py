"""Common ground of the classifiers: labels, inner folds stratified by class, and what follows from logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from hybridrad.features.blocks import BlockSpec, resolve_blocks
from hybridrad.models.case_model import SIZE_BLOCK as SIZE_BLOCK
from hybridrad.models.case_model import Array as Array
from hybridrad.models.case_model import CaseModel, Patients
from hybridrad.models.case_model import Cases as Cases
from hybridrad.splits import inner_splits


@dataclass(frozen=True)
class Training(Patients):
    """Training cases with labels 0 to n_classes - 1."""

    y: NDArray[np.intp]
    n_classes: int


def probabilities(logits: Array) -> Array:
    """Return probabilities (n_cases, n_classes) of logits: (n_cases,) for two classes, else (n_cases, n_classes)."""
    if logits.ndim == 1:
        return np.column_stack([expit(-logits), expit(logits)])
    return np.asarray(softmax(logits, axis=1))


def most_probable(logits: Array, classes: NDArray[Any]) -> NDArray[Any]:
    """Return the most probable class of each case."""
    best = (logits > 0).astype(int) if logits.ndim == 1 else logits.argmax(axis=1)
    return np.asarray(classes[best])


class CaseClassifier(ClassifierMixin, CaseModel):
    """Common ground of the block models and fusions; not used by itself.

    Subclasses set ``inner`` and ``random_state`` in ``__init__``, call ``_start`` in ``fit`` and give ``_logits``.
    """

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
        patients = self._patients(groups, n_cases=len(codes))
        self.blocks_ = resolve_blocks(X if isinstance(X, pd.DataFrame) else cases.values, blocks)
        seed = self._seed()
        codes = codes.astype(np.intp)
        folds = inner_splits(codes, patients, n_folds=self.inner, random_state=seed)
        return Training(
            cases=cases,
            categorical=self._categorical(cases),
            groups=patients,
            folds=folds,
            seed=seed,
            grouped=self.grouped_,
            y=codes,
            n_classes=len(self.classes_),
        )

    def _logits(self, cases: Cases) -> Array:
        raise NotImplementedError

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


def as_outputs(logits: Array) -> Array:
    """Return logits as (n, n_outputs): one output for two classes."""
    return logits[:, None] if logits.ndim == 1 else logits


def as_logits(outputs: Array) -> Array:
    """Return (n, n_outputs) as logits: (n,) for one output."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def plain_expected(expected: Array) -> Any:
    """Return the expected logit as a float for two classes, else as an array by class."""
    return float(expected[0]) if len(expected) == 1 else expected
