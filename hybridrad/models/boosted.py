"""Gradient boosted trees with settings for small cohorts; columns are selected from the training rows first."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive, require
from hybridrad.models.case_classifier import most_probable, probabilities
from hybridrad.models.relevance import best_columns

Array = NDArray[np.float64]

MAX_BIN = 32  # with a few hundred cases more bins cost time and give nothing


class BoostedTrees(ClassifierMixin, BaseEstimator):
    """XGBoost for small cohorts: shallow trees, small steps, half of the rows and columns per tree, one thread.

    Parameters
    ----------
    n_columns : int, default 100
        Columns kept: those whose ranks separate the classes best (analysis of variance on ranks of the training rows).
    n_estimators : int, default 200
    max_depth : int, default 2
    learning_rate : float, default 0.05
    subsample : float, default 0.7
        Share of rows per tree.
    colsample : float, default 0.5
        Share of columns per tree.
    min_child_weight : float, default 3.0
    reg_lambda : float, default 5.0
    random_state : int, default 0

    Attributes
    ----------
    classes_ : ndarray
    selected_ : int ndarray
        Positions of the columns in use.
    expected_logit_ : float or ndarray of shape (n_classes,)

    Notes
    -----
    Missing values are handled by the trees. ``shap_values`` are the path-dependent tree SHAP values; the rounding of
    single precision is spread over the columns, so that sums are exact.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["no", "yes"], 40)
    >>> X = rng.normal(size=(80, 5)) + 2.0 * (y == "yes")[:, None]
    >>> bool(BoostedTrees(n_estimators=50).fit(X, y).score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        *,
        n_columns: int = 100,
        n_estimators: int = 200,
        max_depth: int = 2,
        learning_rate: float = 0.05,
        subsample: float = 0.7,
        colsample: float = 0.5,
        min_child_weight: float = 3.0,
        reg_lambda: float = 5.0,
        random_state: Any = 0,
    ) -> None:
        self.n_columns = n_columns
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Select columns and grow the trees."""
        xgboost = require("xgboost")
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        check_positive(self.n_columns, name="n_columns")
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"at least two classes are needed, got one class: {self.classes_[0]!r}.")
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.selected_ = best_columns(X, codes, n_columns=self.n_columns)
        binary = len(self.classes_) == 2
        settings = {
            **tree_settings(self, seed=int(seed)),
            "objective": "binary:logistic" if binary else "multi:softprob",
            **({} if binary else {"num_class": len(self.classes_)}),
        }
        data = xgboost.DMatrix(X[:, self.selected_], label=codes, nthread=1)
        self.booster_ = xgboost.train(settings, data, num_boost_round=self.n_estimators)
        reference = self._tree_contributions(X[:1])[0, -1]
        self.expected_logit_ = float(reference[0]) if binary else reference
        return self

    def decision_function(self, X: Any) -> Array:
        """Return logits: (n_cases,) of the second class for two classes, else (n_cases, n_classes)."""
        return self._margins(self._read(X))

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities, shape (n_cases, n_classes)."""
        return probabilities(self.decision_function(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each case."""
        return most_probable(self.decision_function(X), self.classes_)

    def shap_values(self, X: Any) -> Array:
        """Return contributions to the logit, shape (n_cases, n_features) or (n_cases, n_features, n_classes)."""
        values = self._read(X)
        own = self._tree_contributions(values)[:, :-1]
        logits = self._margins(values)
        rounding = logits.reshape(len(values), -1) - np.atleast_1d(self.expected_logit_) - own.sum(axis=1)
        out = np.zeros((*values.shape, own.shape[2]))
        out[:, self.selected_] = own + rounding[:, None, :] / own.shape[1]
        return out[:, :, 0] if logits.ndim == 1 else out

    def _read(self, X: Any) -> Array:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))

    def _margins(self, values: Array) -> Array:
        data = require("xgboost").DMatrix(values[:, self.selected_], nthread=1)
        return np.asarray(self.booster_.predict(data, output_margin=True), dtype=float)

    def _tree_contributions(self, values: Array) -> Array:
        """Return (n_cases, n_selected + 1, n_outputs); the last row of columns is the reference."""
        data = require("xgboost").DMatrix(values[:, self.selected_], nthread=1)
        out = np.asarray(self.booster_.predict(data, pred_contribs=True), dtype=float)
        return out[:, :, None] if out.ndim == 2 else out.transpose(0, 2, 1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def tree_settings(model: Any, *, seed: int) -> dict[str, Any]:
    """Return XGBoost's settings of an estimator that has the arguments of `BoostedTrees`."""
    return {
        "max_depth": model.max_depth,
        "learning_rate": model.learning_rate,
        "subsample": model.subsample,
        "colsample_bytree": model.colsample,
        "min_child_weight": model.min_child_weight,
        "reg_lambda": model.reg_lambda,
        "tree_method": "hist",
        "max_bin": MAX_BIN,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
