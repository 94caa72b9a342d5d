"""Late fusions of one outcome: the mean of the block models' predictions, and the hedge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import (
    AnswersWithoutBlock,
    absent_blocks,
    absent_members,
    pool_contributions,
    pool_present,
)
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.members import (
    JOINT,
    equal_weights,
    joint_blocks,
    shrinkage_of,
    weight_intervals,
    weights_not_fitted,
    weights_without,
)
from hybridrad.models.outcome_models import OutcomeBlock, OutcomeEarly
from hybridrad.models.present import (
    answers_where_present,
    contributions_where_present,
    fit_members_where_present,
    out_of_fold_answers,
)
from hybridrad.models.simplex import simplex_optimum


class OutcomePool(AnswersWithoutBlock, CaseOutcome):
    """Common ground of the fusions that pool predictions of block models with weights; not used by itself."""

    _member: ClassVar[type[OutcomeBlock]]
    estimators: Mapping[str, Any] | None
    members_: dict[str, OutcomeBlock | OutcomeEarly]
    joint_blocks_: list[str]
    findings_: list[str]

    def _fit_members(self, training: OutcomeTraining, y: ArrayLike, groups: ArrayLike | None) -> None:
        """Fit one model per block, to the cases that have it."""
        self.members_ = fit_members_where_present(
            self._member,
            training,
            y,
            groups,
            blocks=self.blocks_,
            estimators=self.estimators,
            inner=self.inner,
            absent=absent_blocks(training.cases.values, self.blocks_),
            findings=self.findings_,
        )

    def _out_of_fold(self, training: OutcomeTraining) -> Array:
        """Return the members' out-of-fold predictions, shape (n_train, n_members)."""
        return np.column_stack(out_of_fold_answers(self.members_.values(), self._absent(training.cases)))

    def _absent(self, cases: Cases) -> NDArray[np.bool_]:
        return absent_members(absent_blocks(cases.values, self.blocks_), self.blocks_, self.joint_blocks_)

    def _pooled(self, predictions: Array, weights: Array, cases: Cases) -> Array:
        """Return the weighted mean of predictions (n_cases, n_members); absent blocks leave theirs to the others."""
        return pool_present(predictions, weights, self._absent(cases), predictions @ weights)

    def _of_members(self, cases: Cases) -> Array:
        return np.column_stack(answers_where_present(self.members_.values(), cases, self._absent(cases)))

    def _expected(self, weights: Array) -> float:
        return float(sum(w * m.expected_prediction_ for w, m in zip(weights, self.members_.values(), strict=True)))

    def _pooled_contributions(self, weights: Array, cases: Cases) -> Array:
        members, absent = self.members_.values(), self._absent(cases)
        return pool_contributions(
            contributions_where_present(members, cases, absent),
            weights,
            absent,
            expected=np.array([[m.expected_prediction_] for m in members]),
            blocks=self.blocks_,
        )


class OutcomeLate(OutcomePool):
    """The mean of the block models' predictions; see `LateRegressor` and `LateSurvival`."""

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        estimators: Mapping[str, Any] | None = None,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.estimators = estimators
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the members; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        self.joint_blocks_: list[str] = []
        self.findings_: list[str] = []
        self._fit_members(training, y, groups)
        self.oof_predictions_ = self._pooled(self._out_of_fold(training), self._equal(), training.cases)
        self.expected_prediction_ = self._expected(self._equal())
        self._finish(training)
        return self

    def _equal(self) -> Array:
        return np.full(len(self.blocks_), 1.0 / len(self.blocks_))

    def _predict(self, cases: Cases) -> Array:
        return self._pooled(self._of_members(cases), self._equal(), cases)

    def _contributions(self, cases: Cases) -> Array:
        return self._pooled_contributions(self._equal(), cases)


class OutcomeHedge(OutcomePool):
    """The convex stack of the block models and a joint one; see `HedgedRegressor` and `HedgedSurvival`."""

    _together: ClassVar[type[OutcomeEarly]]

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        estimators: Mapping[str, Any] | None = None,
        joint: bool = True,
        inner: int = 4,
        shrinkage: str | float = "auto",
        n_bootstrap: int = 200,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.estimators = estimators
        self.joint = joint
        self.inner = inner
        self.shrinkage = shrinkage
        self.n_bootstrap = n_bootstrap
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the members and the weights; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        shrinkage_of(self.shrinkage, training.groups)  # a wrong one is refused before members are fitted
        self.joint_blocks_ = joint_blocks(self.blocks_, self.estimators, wanted=self.joint)
        self.findings_: list[str] = []
        self._fit_members(training, y, groups)
        if self.joint_blocks_:
            together = {name: self.blocks_[name].tolist() for name in self.joint_blocks_}
            early = self._together(together, inner=self.inner, random_state=training.seed)
            self.members_[JOINT] = early.fit(X, y, groups=groups)
        scores = self._out_of_fold(training)
        used = self._used_for_weights(training)
        self.shrinkage_ = shrinkage_of(self.shrinkage, training.groups, used)
        if used.any():
            found = simplex_optimum(self._outcome.pool(scores, training.y, shrinkage=self.shrinkage_, counts=used))
        else:
            found = equal_weights(len(self.members_))
        self.weights_ = pd.Series(found.weights, index=pd.Index(self.members_, name="member"), name="weight")
        self.kkt_residual_ = found.kkt_residual
        self.weight_intervals_ = self._intervals(scores, training, used)
        fused = self._pooled(scores, found.weights, training.cases)
        self._shrink_if_useless(scores, fused, training)
        self.oof_predictions_ = self.slope_ * fused + self.intercept_
        self.expected_prediction_ = self.slope_ * self._expected(found.weights) + self.intercept_
        self._finish(training)
        return self

    def _used_for_weights(self, training: OutcomeTraining) -> NDArray[np.intp]:
        """Return 1 for the training cases that have every block, else 0; 0 for all where these are too few."""
        complete = np.asarray(~absent_blocks(training.cases.values, self.blocks_).any(axis=1))
        if complete.all():
            return np.ones(len(complete), dtype=np.intp)
        if self._outcome.n_terms(training.y[complete]) < 2:
            self.findings_.append(weights_not_fitted(complete))
            return np.zeros(len(complete), dtype=np.intp)
        self.findings_.append(weights_without(complete))
        return complete.astype(np.intp)

    def _intervals(self, scores: Array, training: OutcomeTraining, used: NDArray[np.intp]) -> pd.DataFrame:
        def weights_of(drawn: NDArray[np.intp]) -> Array | None:
            counts = drawn * used
            if self._outcome.n_terms(training.y[counts > 0]) == 0:  # nothing to learn from was drawn
                return None
            pool = self._outcome.pool(scores, training.y, shrinkage=self.shrinkage_, counts=counts)
            return simplex_optimum(pool).weights

        return weight_intervals(
            weights_of, training.groups, self.weights_.index, n_draws=self.n_bootstrap, seed=training.seed
        )

    def _shrink_if_useless(self, scores: Array, fused: Array, training: OutcomeTraining) -> None:
        self.slope_, self.intercept_ = 1.0, 0.0
        null = self._outcome.null_loss(training.y)
        best = min(self._outcome.loss(member, training.y) for member in scores.T)
        if best > null:
            self.slope_, self.intercept_ = self._outcome.shrink(fused, training.y, own_scale=False)
            self.findings_.append(
                f"Every member's out-of-fold loss (best {best:.4g}) is worse than that of one prediction for all "
                f"({null:.4g}); the fused predictions were shrunk by a slope of {self.slope_:.2f}."
            )

    def _predict(self, cases: Cases) -> Array:
        weights = np.asarray(self.weights_, dtype=float)
        return self.slope_ * self._pooled(self._of_members(cases), weights, cases) + self.intercept_

    def _contributions(self, cases: Cases) -> Array:
        return self.slope_ * self._pooled_contributions(np.asarray(self.weights_, dtype=float), cases)
