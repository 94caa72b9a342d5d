"""One ridge of one outcome over all blocks, with a penalty of its own for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatIsMissing
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.linear_fit import fit_linear
from hybridrad.models.outcome import Outcome
from hybridrad.models.penalty_factors import FACTORS, FoldDesign, InnerLoss, choose_factors, penalised
from hybridrad.models.ridge_path import TIE


class OutcomePenalty(SaysWhatIsMissing, CaseOutcome):
    """One ridge with penalty factors; see `BlockPenaltyRegressor` and `BlockPenaltySurvival`."""

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        factors: Sequence[float] | Mapping[str, float] = FACTORS,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.factors = factors
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose the factors and fit; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        inner = _InnerOutcomeLoss(training, self.blocks_, outcome=self._outcome)
        tie = TIE * abs(self._outcome.null_loss(training.y))
        self.factors_, self.search_ = choose_factors(self.factors, list(self.blocks_), inner, tie=tie)
        self.fit_ = fit_linear(
            training.cases.values,
            training.y,
            training.groups,
            outcome=self._outcome,
            folds=training.folds,
            preparation=penalised(training, self.blocks_, self.factors_),
            penalties=self._outcome.penalties,
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


class _InnerOutcomeLoss(InnerLoss):
    def __init__(self, training: OutcomeTraining, blocks: Mapping[str, NDArray[np.intp]], *, outcome: Outcome) -> None:
        super().__init__(training, blocks)
        self.outcome = outcome

    def _least(self, designs: Iterator[FoldDesign]) -> float:
        outcome, y = self.outcome, self.training.y
        losses = np.zeros(len(outcome.penalties))
        predictions = np.empty((len(losses), len(y)))
        for train, test, known, new in designs:
            coefs, intercepts = outcome.path(known, y[train], outcome.penalties)
            predictions[:, train] = coefs @ known.T + intercepts[:, None]
            predictions[:, test] = coefs @ new.T + intercepts[:, None]
            losses += [outcome.held_out_loss(of_penalty, y, train, test) for of_penalty in predictions]
        return float(losses.min()) / outcome.n_terms(y)
