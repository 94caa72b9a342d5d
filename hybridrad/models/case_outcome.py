"""Common ground of regressors and survival models: targets, inner folds, one predicted number for each case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from hybridrad.features.blocks import BlockSpec, resolve_blocks
from hybridrad.models.case_model import Array, CaseModel, Cases, Patients
from hybridrad.models.outcome import Outcome, Target
from hybridrad.splits import inner_splits


@dataclass(frozen=True)
class OutcomeTraining(Patients):
    """Training cases with their targets."""

    y: Target


class CaseOutcome(CaseModel):
    """Common ground of regressors and survival models; not used by itself.

    Subclasses set ``inner`` and ``random_state`` in ``__init__``, call ``_start`` and at the end ``_finish`` in
    ``fit``, and give ``_predict``.
    """

    _outcome: ClassVar[Outcome]

    def _start(self, X: Any, y: ArrayLike, groups: ArrayLike | None, *, blocks: BlockSpec) -> OutcomeTraining:
        """Check the training data, learn columns and blocks, and make the inner folds."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        cases = self._read(X, fit=True)
        targets = self._outcome.read(y)
        check_consistent_length(cases.values, targets)
        patients = self._patients(groups, n_cases=len(targets))
        self.blocks_ = resolve_blocks(X if isinstance(X, pd.DataFrame) else cases.values, blocks)
        seed = self._seed()
        strata = self._outcome.strata(targets, patients)
        folds = inner_splits(strata, patients, n_folds=self.inner, random_state=seed)
        return OutcomeTraining(
            cases=cases,
            categorical=self._categorical(cases),
            groups=patients,
            folds=folds,
            seed=seed,
            grouped=self.grouped_,
            y=targets,
        )

    def _finish(self, training: OutcomeTraining) -> None:
        """Learn what follows from the fitted model; nothing for values."""

    def _predict(self, cases: Cases) -> Array:
        raise NotImplementedError

    def predict(self, X: Any) -> Array:
        """Return one number for each case, shape (n_cases,): a value, or a risk (log relative hazard)."""
        check_is_fitted(self)
        return self._predict(self._read(X))

    def shap_values(self, X: Any) -> Array:
        """Return what each input column adds to the prediction of each case, shape (n_cases, n_features).

        They are exact: the sum over columns plus ``expected_prediction_`` is ``predict``. For linear models they are
        the interventional SHAP values with the training mean as reference. Levels of a text column are summed.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)

        Raises
        ------
        NotImplementedError
            The model holds an estimator that cannot give them.
        """
        check_is_fitted(self)
        return self._contributions(self._read(X))[:, :, 0]
