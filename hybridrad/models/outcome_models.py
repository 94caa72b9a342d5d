"""Models of one outcome from one design: a single block, plain and block-balanced concatenation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatIsMissing
from hybridrad.models.any_estimator import (
    check_task,
    fit_clone,
    last_step,
    of_block,
    own_contributions,
    own_findings,
    rows,
)
from hybridrad.models.block_model import LEFT_TO_ESTIMATOR, block_preparation
from hybridrad.models.case_model import SIZE_BLOCK, Array, Cases
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.linear_fit import LinearFit, fit_linear
from hybridrad.models.memo import share
from hybridrad.models.outcome import Outcome
from hybridrad.models.outcome_path import PathPredictor
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.side_by_side import BalancedPreparation


@dataclass(frozen=True)
class CalibratedPredictor:
    """An estimator of another maker with a slope and an intercept on its predictions."""

    estimator: Any
    slope: float
    intercept: float
    oof_predictions: Array

    @property
    def expected(self) -> float:
        """The estimator's own reference, calibrated; NaN if it has none."""
        own = getattr(last_step(self.estimator), "expected_prediction_", np.nan)
        return float(self.slope * own + self.intercept)

    @property
    def findings(self) -> list[str]:
        """What the estimator says of its own departures."""
        return own_findings(self.estimator)

    def predict(self, X: Any) -> Array:
        """Return calibrated predictions, shape (n_cases,)."""
        return self.slope * _own_predictions(self.estimator, X) + self.intercept

    def contributions(self, X: Any) -> Array:
        """Return contributions (n_cases, n_columns, 1) if the estimator gives its own, scaled by the slope."""
        return self.slope * own_contributions(self.estimator, X)[:, :, None]


class OutcomeBlock(SaysWhatIsMissing, CaseOutcome):
    """A model of one block; see `BlockRegressor` and `BlockSurvival`."""

    def __init__(
        self,
        block: str | Mapping[str, Any],
        *,
        estimator: Any = None,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.block = block
        self.estimator = estimator
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
            Values, or for survival a structured array with the fields ``event`` and ``time``.
        groups : array-like of shape (n_cases,), optional
            Patient of each case; inner folds keep patients whole.
        """
        wanted = [self.block] if isinstance(self.block, str) else self.block
        if not isinstance(wanted, list | Mapping) or len(wanted) != 1:
            raise ValueError(f"block must be a name or a dict with one block, got {self.block!r}.")
        training = self._start(X, y, groups, blocks=wanted)
        (name, positions), *_ = self.blocks_.items()
        own, tuned = self.estimator is None, hasattr(self.estimator, "fit_path")
        if tuned:
            check_task(self.estimator, model=type(self).__name__, task=self._outcome.name)
        block = training.cases.values[:, positions] if own else training.cases.columns(positions)
        ingredients = (
            self._outcome.name,
            self.estimator,
            name == SIZE_BLOCK,
            block,
            training.categorical[positions],
            training.y,
            training.groups if self.grouped_ else None,
            training.folds,
            training.seed if tuned else None,  # of trees
        )

        def fit() -> LinearFit | CalibratedPredictor | PathPredictor:
            if tuned:
                # The block's inner folds choose among the settings.
                cases = training.cases.only(positions)
                of_block = replace(training, cases=cases, categorical=training.categorical[positions])
                chosen: PathPredictor = clone(self.estimator).fit_path(of_block)
                return chosen
            if not own:
                return _fit_estimator(self.estimator, block, training, outcome=self._outcome, grouped=self.grouped_)
            return fit_linear(
                block,
                training.y,
                training.groups,
                outcome=self._outcome,
                folds=training.folds,
                preparation=block_preparation(training, name, positions),
                penalties=self._outcome.penalties,
            )

        self.fit_: LinearFit | CalibratedPredictor | PathPredictor = share(ingredients, fit)
        self.oof_predictions_ = self.fit_.oof_predictions
        self.oof_loss_ = self._outcome.loss(self.oof_predictions_, training.y)
        self.expected_prediction_ = self.fit_.expected
        self.findings_ = of_block(name, getattr(self.fit_, "findings", []))
        self._finish(training)
        return self

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks the block, for findings."""
        return super().answer_without_block if self.estimator is None else LEFT_TO_ESTIMATOR

    def _block(self, cases: Cases) -> Any:
        (positions,) = self.blocks_.values()
        if isinstance(self.fit_, LinearFit):
            return cases.values[:, positions]
        return cases.only(positions) if isinstance(self.fit_, PathPredictor) else cases.columns(positions)

    def _predict(self, cases: Cases) -> Array:
        return self.fit_.predict(self._block(cases))

    def _contributions(self, cases: Cases) -> Array:
        (positions,) = self.blocks_.values()
        out = np.zeros((len(cases.values), self.n_features_in_, 1))
        out[:, positions] = self.fit_.contributions(self._block(cases))
        return out


class OutcomeConcat(SaysWhatIsMissing, CaseOutcome):
    """Plain concatenation; see `ConcatRegressor` and `ConcatSurvival`."""

    def __init__(self, blocks: BlockSpec = None, *, inner: int = 4, random_state: Any = 0) -> None:
        self.blocks = blocks
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        # A column named by two blocks enters once.
        self.positions_ = np.unique(np.concatenate(list(self.blocks_.values())))
        categorical = training.categorical[self.positions_]
        self.fit_ = fit_linear(
            training.cases.values[:, self.positions_],
            training.y,
            training.groups,
            outcome=self._outcome,
            folds=training.folds,
            preparation=ColumnPreparation(categorical=categorical, log=np.zeros_like(categorical), unskew=False),
            penalties=self._outcome.penalties,
        )
        self.oof_predictions_ = self.fit_.oof_predictions
        self.expected_prediction_ = self.fit_.expected
        self.findings_: list[str] = []
        self._finish(training)
        return self

    def _predict(self, cases: Cases) -> Array:
        return self.fit_.predict(cases.values[:, self.positions_])

    def _contributions(self, cases: Cases) -> Array:
        out = np.zeros((len(cases.values), self.n_features_in_, 1))
        out[:, self.positions_] = self.fit_.contributions(cases.values[:, self.positions_])
        return out


class OutcomeEarly(SaysWhatIsMissing, CaseOutcome):
    """Block-balanced concatenation; see `EarlyRegressor` and `EarlySurvival`."""

    def __init__(self, blocks: BlockSpec = None, *, inner: int = 4, random_state: Any = 0) -> None:
        self.blocks = blocks
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        self.fit_ = fit_linear(
            training.cases.values,
            training.y,
            training.groups,
            outcome=self._outcome,
            folds=training.folds,
            preparation=BalancedPreparation(blocks=self.blocks_, categorical=training.categorical),
            penalties=self._outcome.balanced_penalties,
        )
        self.oof_predictions_ = self.fit_.oof_predictions
        self.expected_prediction_ = self.fit_.expected
        self.findings_: list[str] = []
        self._finish(training)
        return self

    def _predict(self, cases: Cases) -> Array:
        return self.fit_.predict(cases.values)

    def _contributions(self, cases: Cases) -> Array:
        return self.fit_.contributions(cases.values)


def _fit_estimator(
    estimator: Any, X: Any, training: OutcomeTraining, *, outcome: Outcome, grouped: bool
) -> CalibratedPredictor:
    y, groups = training.y, training.groups if grouped else None
    oof = np.empty(len(y))
    for train, test in training.folds:
        of_train = None if groups is None else groups[train]
        fitted = fit_clone(estimator, rows(X, train), y[train], groups=of_train)
        oof[test] = _own_predictions(fitted, rows(X, test))
    slope, intercept = outcome.shrink(oof, y, own_scale=True)
    return CalibratedPredictor(fit_clone(estimator, X, y, groups=groups), slope, intercept, slope * oof + intercept)


def _own_predictions(estimator: Any, X: Any) -> Array:
    predictions = np.asarray(estimator.predict(X), dtype=float)
    if predictions.shape != (len(X),):
        raise ValueError(f"{type(estimator).__name__}.predict gave shape {predictions.shape}, wanted {(len(X),)}.")
    return predictions
