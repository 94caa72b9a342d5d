"""Priority by offsets for one outcome: each block may only add to what the blocks before it already say."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from hybridrad.models.absence import absent_blocks
from hybridrad.models.block_model import block_preparation
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.linear_fit import LinearFit, fit_linear
from hybridrad.models.members import fit_members
from hybridrad.models.outcome_models import OutcomeBlock
from hybridrad.models.outcome_offsets import Offsets, after_block, can_be_nested, nested_offsets, stacked_offsets
from hybridrad.models.priority_steps import Step, SumOfBlocks, judged_step, left_out, says_left_out


class OutcomePriority(SumOfBlocks, CaseOutcome):
    """Blocks one after the other; see `PriorityRegressor` and `PrioritySurvival`."""

    _member: ClassVar[type[OutcomeBlock]]

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the blocks in their order; see `BlockRegressor.fit`."""
        training: OutcomeTraining = self._begin(X, y, groups)
        (first, positions), *later = self.blocks_.items()
        base = fit_members(
            X,
            y,
            groups,
            blocks={first: positions},
            estimators=None,
            inner=self.inner,
            seed=training.seed,
            model=self._member,
        )[first]
        self.fits_: dict[str, OutcomeBlock | LinearFit] = {first: base}
        self.findings_: list[str] = []
        absent = absent_blocks(training.cases.values, self.blocks_)
        averages = self._averages_of_folds(training)[absent[:, 0]]
        known = left_out(base.oof_predictions_, absent[:, 0], instead=averages)
        rows = [self._step(self._nothing_known(training), known, training, kept=True, penalty=base.fit_.penalty)]
        offsets = self._first_offsets(training, first, known) if later else None
        for b, (name, positions) in enumerate(later, start=1):
            assert offsets is not None
            values, preparation = training.cases.values[:, positions], block_preparation(training, name, positions)
            fit = fit_linear(
                values,
                training.y,
                training.groups,
                outcome=self._outcome,
                folds=training.folds,
                preparation=preparation,
                penalties=self._outcome.penalties,
                offsets=offsets.known,
            )
            added = left_out(fit.oof_predictions, absent[:, b])
            step = self._step(known, known + added, training, kept=self.se_factor, penalty=fit.penalty)
            rows.append(step)
            if not step.kept:
                self.findings_.append(says_left_out(name, step, loss="loss"))
                continue
            self.fits_[name] = fit
            known = known + added
            if name != later[-1][0]:
                offsets = after_block(
                    values,
                    training,
                    offsets,
                    outcome=self._outcome,
                    preparation=preparation,
                    penalties=self._outcome.penalties,
                    added=added,
                )
        self.steps_ = pd.DataFrame(rows, index=pd.Index(self.blocks_, name="block"))
        self.oof_predictions_ = known
        references = [fit.expected for fit in self.fits_.values() if isinstance(fit, LinearFit)]
        self.expected_prediction_ = float(base.expected_prediction_ + sum(references))
        self._finish(training)
        return self

    def _nothing_known(self, training: OutcomeTraining) -> Array:
        """Return the prediction that is the same for all."""
        start = np.zeros(len(training.y))
        return start + self._outcome.shrink(start, training.y, own_scale=False)[1]

    def _averages_of_folds(self, training: OutcomeTraining) -> Array:
        """Return what the training rows of its fold say of a case of which nothing is known."""
        out = np.empty(len(training.y))
        for train, test in training.folds:
            out[test] = self._outcome.shrink(np.zeros(len(train)), training.y[train], own_scale=False)[1]
        return out

    def _step(
        self, before: Array, after: Array, training: OutcomeTraining, *, kept: bool | float, penalty: float
    ) -> Step:
        losses = self._outcome.case_losses(before, training.y), self._outcome.case_losses(after, training.y)
        terms = self._outcome.terms(training.y)
        return judged_step(*losses, training.groups, kept=kept, penalty=penalty, terms=terms)

    def _first_offsets(self, training: OutcomeTraining, first: str, known: Array) -> Offsets:
        positions: NDArray[np.intp] = self.blocks_[first]
        if self.offsets == "nested":
            if can_be_nested(training):
                return nested_offsets(
                    training.cases.values[:, positions],
                    training,
                    outcome=self._outcome,
                    preparation=block_preparation(training, first, positions),
                    penalties=self._outcome.penalties,
                    oof_predictions=known,
                    inner=self.inner,
                )
            self.findings_.append(
                "Offsets are stacked, not nested: some inner training part holds too few patients to be split."
            )
        return stacked_offsets(known, len(training.folds))

    def staged_predict(self, X: Any) -> dict[str, Array]:
        """Return block -> predictions with this block and those before it, shape (n_cases,).

        A block that was left out changes nothing. The last ones are those of ``predict``.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        """
        check_is_fitted(self)
        return self._stages(self._read(X))

    def _predict(self, cases: Cases) -> Array:
        return self._total(cases)

    def _added(self, fit: LinearFit, X: Array) -> Array:
        return fit.predict(X)

    def _reference(self, fit: LinearFit) -> float:
        return fit.expected
