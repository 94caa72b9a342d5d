"""Gradient boosted trees for events in time: Cox's partial likelihood, or accelerated failure time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_choice, check_positive
from hybridrad.models.boosted_outcome import BoostedOutcome
from hybridrad.models.outcome import Target
from hybridrad.models.survival.baseline import Baseline, breslow_baseline
from hybridrad.models.survival.cox_loss import CoxLoss

Array = NDArray[np.float64]


class BoostedSurvival(BoostedOutcome):
    """XGBoost for events in time in small cohorts: shallow trees, small steps, half the columns per tree, one thread.

    As a member of a fusion or in ``BlockSurvival(block, estimator=...)`` its risk gets a slope learned out of fold, and
    the survival probabilities a baseline learned out of fold; by itself it gives probabilities that are too sure.

    Parameters
    ----------
    objective : {"cox", "aft"}, default "cox"
        Cox's partial likelihood, or accelerated failure time, whose risk is minus the logarithm of the predicted time.
    aft_distribution : {"normal", "logistic", "extreme"}, default "normal"
        Of the logarithm of time.
    aft_scale : float, default 1.0
        Its scale.
    n_columns : int, default 100
        Columns kept: those whose ranks follow the martingale residuals of a model without columns most closely in the
        training rows (the score test of a Cox model of the ranks).
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
    selected_ : int ndarray
        Positions of the columns in use.
    expected_prediction_ : float

    References
    ----------
    Barnwal, Cho & Hocking 2022, Survival regression with accelerated failure time model in XGBoost,
    doi:10.1080/10618600.2022.2067548.

    Examples
    --------
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> X = np.random.default_rng(0).normal(size=(80, 5))
    >>> y = survival_targets(np.tile([1, 1, 0, 1], 20), np.exp(-X[:, 0]))
    >>> model = BoostedSurvival(n_estimators=50).fit(X, y)
    >>> bool(np.corrcoef(model.predict(X), X[:, 0])[0, 1] > 0.7)
    True
    """

    _outcome = CoxLoss()

    def __init__(
        self,
        *,
        objective: str = "cox",
        aft_distribution: str = "normal",
        aft_scale: float = 1.0,
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
        self.objective = objective
        self.aft_distribution = aft_distribution
        self.aft_scale = aft_scale
        self.n_columns = n_columns
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.random_state = random_state

    def predict_survival(self, X: Any, times: ArrayLike) -> Array:
        """Return survival probabilities, shape (n_cases, n_times), on Breslow's baseline of the training cases."""
        return self.baseline_.survival(self.predict(X), times)

    def _targets(self, y: ArrayLike) -> Target:
        check_choice(self.objective, ["cox", "aft"], name="objective")
        check_choice(self.aft_distribution, ["normal", "logistic", "extreme"], name="aft_distribution")
        check_positive(self.aft_scale, name="aft_scale")
        return self._outcome.read(y)

    def _objective(self, y: Target) -> tuple[dict[str, Any], dict[str, Array]]:
        self.sign_ = 1.0 if self.objective == "cox" else -1.0
        if self.objective == "cox":
            return cox_objective(y)
        time = in_typical_times(y)
        settings = {
            "objective": "survival:aft",
            "aft_loss_distribution": self.aft_distribution,
            "aft_loss_distribution_scale": self.aft_scale,
            "base_score": 1.0,
        }
        upper = np.where(y["event"], time, np.inf)
        return settings, {"label_lower_bound": time, "label_upper_bound": upper}

    def _finish(self, values: Array, y: Target) -> None:
        self.baseline_: Baseline = breslow_baseline(y["event"], y["time"], self._predict(values))


def cox_objective(y: Target) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return XGBoost's settings for Cox's partial likelihood, and its labels: times, those of censored cases negative.

    Examples
    --------
    >>> from hybridrad.models.survival.targets import survival_targets
    >>> cox_objective(survival_targets([1, 0], [1.0, 4.0]))[1]["label"].tolist()
    [0.5, -2.0]
    """
    time = in_typical_times(y)
    return {"objective": "survival:cox", "base_score": 1.0}, {"label": np.where(y["event"], time, -time)}


def in_typical_times(y: Target) -> Array:
    """Return times in a unit in which the typical time is 1, so that trees start from there."""
    return np.asarray(y["time"] / np.exp(np.log(y["time"]).mean()))
