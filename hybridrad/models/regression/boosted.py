"""Gradient boosted trees for values, with settings for small cohorts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from hybridrad.models.boosted_outcome import BoostedOutcome
from hybridrad.models.outcome import Target
from hybridrad.models.regression.rescaled import level_and_scale
from hybridrad.models.regression.squared_error import SquaredError

Array = NDArray[np.float64]


class BoostedRegressor(RegressorMixin, BoostedOutcome):
    """XGBoost regression for small cohorts: shallow trees, small steps, half of the columns per tree, one thread.

    As a member of a fusion or in ``BlockRegressor(block, estimator=...)`` it gets a slope between 0 and 1 learned out
    of fold.

    Parameters
    ----------
    n_columns : int, default 100
        Columns kept: those whose ranks follow the ranks of y most closely in the training rows.
    n_estimators : int, default 200
    max_depth : int, default 2
    learning_rate : float, default 0.05
    subsample : float, default 0.7
        Share of rows per tree.
    colsample : float, default 0.5
        Share of columns per tree.
    min_child_weight : float, default 12.0
        Rows per leaf. With squared error a row weighs 1, with the logistic loss of `BoostedTrees` at most 1/4; this
        default and the next are four times those of `BoostedTrees` and hold the trees back as much.
    reg_lambda : float, default 20.0
    random_state : int, default 0

    Attributes
    ----------
    selected_ : int ndarray
        Positions of the columns in use.
    expected_prediction_ : float

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(80, 5))
    >>> bool(BoostedRegressor(n_estimators=50).fit(X, 3.0 * X[:, 0]).score(X, 3.0 * X[:, 0]) > 0.5)
    True
    """

    _outcome = SquaredError()

    def __init__(
        self,
        *,
        n_columns: int = 100,
        n_estimators: int = 200,
        max_depth: int = 2,
        learning_rate: float = 0.05,
        subsample: float = 0.7,
        colsample: float = 0.5,
        min_child_weight: float = 12.0,
        reg_lambda: float = 20.0,
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

    def _targets(self, y: ArrayLike) -> Target:
        return self._outcome.read(y)

    def _objective(self, y: Target) -> tuple[dict[str, Any], dict[str, Array]]:
        # Trees are grown in single precision; a large level or unit must not cost digits.
        self.level_, self.scale_ = level_and_scale(y)
        return {"objective": "reg:squarederror", "base_score": 0.0}, {"label": (y - self.level_) / self.scale_}
