"""One of several variants of a block for one outcome, chosen by the inner folds."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatChosenLacks
from hybridrad.models.block_choice import least_loss
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import CaseOutcome
from hybridrad.models.members import fit_members
from hybridrad.models.outcome_models import OutcomeBlock
from hybridrad.models.ridge_path import TIE


class OutcomeChoice(SaysWhatChosenLacks, CaseOutcome):
    """The variant of the least inner loss; see `BlockChoiceRegressor` and `BlockChoiceSurvival`."""

    _member: ClassVar[type[OutcomeBlock]]
    model_: OutcomeBlock

    def __init__(
        self, blocks: BlockSpec = None, *, estimator: Any = None, inner: int = 4, random_state: Any = 0
    ) -> None:
        self.blocks = blocks
        self.estimator = estimator
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit every variant and choose; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        models = fit_members(
            X,
            y,
            groups,
            blocks=self.blocks_,
            estimators=None if self.estimator is None else dict.fromkeys(self.blocks_, self.estimator),
            inner=self.inner,
            seed=training.seed,
            model=self._member,
        )
        self.losses_, self.chosen_ = least_loss(models, tie=TIE * abs(self._outcome.null_loss(training.y)))
        self.model_: OutcomeBlock = models[self.chosen_]
        self.oof_predictions_, self.oof_loss_ = self.model_.oof_predictions_, self.model_.oof_loss_
        self.expected_prediction_ = self.model_.expected_prediction_
        self.findings_ = [f"Variant {self.chosen_} was chosen (inner loss {self.oof_loss_:.4g})."]
        self.findings_ += self.model_.findings_
        self._finish(training)
        return self

    def _predict(self, cases: Cases) -> Array:
        return self.model_._predict(cases)

    def _contributions(self, cases: Cases) -> Array:
        return self.model_._contributions(cases)
