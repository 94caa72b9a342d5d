"""Gradient boosted trees of values over a path of settings: fewer rounds are the beginning of more rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybridrad.models.boosted import tree_settings
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.outcome_path import TunedOutcome
from hybridrad.models.path_design import path_design
from hybridrad.models.regression.regressors import CaseRegressor
from hybridrad.models.regression.rescaled import Rescaled, level_and_scale
from hybridrad.models.settings_path import Setting
from hybridrad.models.tuned_boosted import boosting_settings, grown_boosters


class TunedBoostedRegressor(CaseRegressor, TunedOutcome):
    """XGBoost regression; rounds, depth and learning rate chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockRegressor`; missing values are imputed. All numbers of rounds
    of one depth and rate come from one booster, of which the smaller ones are the beginning. Rows and columns per tree
    and the penalties are those of `BoostedRegressor`.

    Parameters
    ----------
    n_estimators : tuple of int, default (25, 50, 100, 150, 200)
    max_depth : tuple of int, default (1, 2)
    learning_rate : tuple of float, default (0.03, 0.1)
    subsample, colsample : float, default 0.7, 0.5
        Share of rows, and of columns, per tree.
    min_child_weight : float, default 12.0
    reg_lambda : float, default 20.0
    n_columns : int or None, default 100
        Columns kept: those whose ranks follow the ranks of y most closely. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds and the trees.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner mean squared error.
    oof_predictions_ : ndarray of shape (n_train,)
    expected_prediction_ : float

    Raises
    ------
    ValueError
        From ``fit``: there are no settings.

    References
    ----------
    Chen & Guestrin, KDD 2016, doi:10.1145/2939672.2939785.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(80, 4))
    >>> model = TunedBoostedRegressor(n_estimators=(5, 50)).fit(X, 3.0 * X[:, 0])
    >>> len(model.losses_), bool(model.score(X, 3.0 * X[:, 0]) > 0.5)
    (8, True)
    """

    def __init__(
        self,
        *,
        n_estimators: Sequence[int] = (25, 50, 100, 150, 200),
        max_depth: Sequence[int] = (1, 2),
        learning_rate: Sequence[float] = (0.03, 0.1),
        subsample: float = 0.7,
        colsample: float = 0.5,
        min_child_weight: float = 12.0,
        reg_lambda: float = 20.0,
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings, from shallow and slow to deep and fast."""
        return boosting_settings(self)

    def fit_settings(self, training: OutcomeTraining, settings: Sequence[Setting]) -> Rescaled:
        """Grow one booster for all settings that differ in their number of rounds alone."""
        design = path_design(training, n_columns=self.n_columns, outcome=self._outcome)
        # Trees are grown in single precision; a large level or unit must not cost digits.
        level, scale = level_and_scale(training.y)
        options = {**tree_settings(self, seed=training.seed), "objective": "reg:squarederror", "base_score": 0.0}
        labels = {"label": (training.y - level) / scale}
        return Rescaled(grown_boosters(design, settings, options=options, labels=labels), level, scale)
