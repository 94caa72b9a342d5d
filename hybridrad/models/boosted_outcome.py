"""What boosted regressors and survival models share: selected columns, trees, exact contributions."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive, require
from hybridrad.models.boosted import tree_settings
from hybridrad.models.outcome import Outcome, Target
from hybridrad.models.relevance import largest_columns, rank_association

Array = NDArray[np.float64]


class BoostedOutcome(BaseEstimator):
    """Common ground of `BoostedRegressor` and `BoostedSurvival`; not used by itself."""

    _outcome: ClassVar[Outcome]
    n_columns: int
    n_estimators: int
    random_state: Any
    sign_ = 1.0  # of predictions against the trees' margins
    scale_ = 1.0
    level_ = 0.0

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Select columns and grow the trees.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
            Values, or for survival a structured array with the fields ``event`` and ``time``.
        """
        xgboost = require("xgboost")
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        values = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        targets = self._targets(y)
        check_consistent_length(values, targets)
        check_positive(self.n_columns, name="n_columns")
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.selected_ = np.arange(values.shape[1])
        if values.shape[1] > self.n_columns:
            self.selected_ = largest_columns(rank_association(values, self._outcome.signal(targets)), self.n_columns)
        settings, labels = self._objective(targets)
        data = xgboost.DMatrix(values[:, self.selected_], nthread=1, **labels)
        self.booster_ = xgboost.train(
            tree_settings(self, seed=int(seed)) | settings, data, num_boost_round=self.n_estimators
        )
        reference = float(self._tree_contributions(values[:1])[0, -1])
        self.expected_prediction_ = self.level_ + self.sign_ * self.scale_ * reference
        self._finish(values, targets)
        return self

    def predict(self, X: Any) -> Array:
        """Return one number for each case, shape (n_cases,): a value, or a risk (higher: earlier event)."""
        return self._predict(self._read(X))

    def shap_values(self, X: Any) -> Array:
        """Return contributions to the prediction, shape (n_cases, n_features)."""
        values = self._read(X)
        own = self.sign_ * self.scale_ * self._tree_contributions(values)[:, :-1]
        rounding = self._predict(values) - self.expected_prediction_ - own.sum(axis=1)
        out = np.zeros_like(values)
        out[:, self.selected_] = own + rounding[:, None] / own.shape[1]
        return out

    def _targets(self, y: ArrayLike) -> Target:
        raise NotImplementedError

    def _objective(self, y: Target) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return XGBoost's objective and the labels of its training table."""
        raise NotImplementedError

    def _finish(self, values: Array, y: Target) -> None:
        """Learn what follows from the grown trees."""

    def _read(self, X: Any) -> Array:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))

    def _predict(self, values: Array) -> Array:
        data = require("xgboost").DMatrix(values[:, self.selected_], nthread=1)
        margins = np.asarray(self.booster_.predict(data, output_margin=True), dtype=float)
        return self.level_ + self.sign_ * self.scale_ * margins

    def _tree_contributions(self, values: Array) -> Array:
        """Return (n_cases, n_selected + 1); the last column is the reference."""
        data = require("xgboost").DMatrix(values[:, self.selected_], nthread=1)
        return np.asarray(self.booster_.predict(data, pred_contribs=True), dtype=float)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
