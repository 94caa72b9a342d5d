"""Fit a whole path of settings of one outcome at once and let the inner folds choose; see `settings_path.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import CaseOutcome, OutcomeTraining
from hybridrad.models.ridge_path import TIE
from hybridrad.models.settings_path import FittedSettings, Setting, part_of


@dataclass(frozen=True)
class PathPredictor:
    """The chosen setting, fitted to all training rows and calibrated on its inner out-of-fold predictions.

    ``inner_losses`` holds one loss per setting, each after its own calibration; ``oof_predictions`` are those of the
    chosen one.
    """

    settings: list[Setting]
    inner_losses: Array
    chosen: int
    fitted: FittedSettings
    slope: float
    intercept: float
    oof_predictions: Array

    @property
    def expected(self) -> float:
        """The reference of the contributions; NaN if there is none."""
        return float(self.slope * np.ravel(self.fitted.expected)[0] + self.intercept)

    @property
    def findings(self) -> list[str]:
        """What the fitted estimator says of its own departures, if it is one that can."""
        return list(getattr(self.fitted, "findings", []))

    def predict(self, cases: Cases) -> Array:
        """Return calibrated predictions, shape (n_cases,)."""
        return np.asarray(self.slope * self.fitted.scores(cases)[0] + self.intercept)

    def contributions(self, cases: Cases) -> Array:
        """Return contributions (n_cases, n_columns, 1), scaled by the slope."""
        return np.asarray(self.slope * self.fitted.contributions(cases))


class TunedOutcome(CaseOutcome):
    """Common ground of regressors and survival models whose inner folds choose among settings; not used by itself.

    Subclasses give ``settings()``, from simple to complex, and ``fit_settings(training, settings)``. Inside
    ``BlockRegressor(block, estimator=...)`` and ``BlockSurvival(block, estimator=...)`` the block's inner folds choose,
    and the out-of-fold predictions of the chosen setting are the block's own, as with the default model.
    """

    def settings(self) -> list[Setting]:
        """Return the settings to choose from."""
        raise NotImplementedError

    def fit_settings(self, training: OutcomeTraining, settings: Sequence[Setting]) -> FittedSettings:
        """Fit all of these settings to the training rows; scores are predictions, shape (n_settings, n_cases)."""
        raise NotImplementedError

    def fit_path(self, training: OutcomeTraining) -> PathPredictor:
        """Choose by the loss of the inner folds and refit the chosen setting on all rows.

        Parameters
        ----------
        training : OutcomeTraining
            Cases with targets, patients and inner folds.
        """
        settings = self.settings()
        if not settings:
            raise ValueError(f"{type(self).__name__}: there are no settings to choose from.")
        oof = np.empty((len(settings), len(training.y)))
        for train, test in training.folds:
            fitted = self.fit_settings(part_of(training, train), settings)
            oof[:, test] = fitted.scores(training.cases.rows(test))
        lines = [self._outcome.shrink(one, training.y, own_scale=False) for one in oof]
        calibrated = [slope * one + intercept for one, (slope, intercept) in zip(oof, lines, strict=True)]
        losses = np.array([self._outcome.loss(one, training.y) for one in calibrated])
        tie = TIE * abs(self._outcome.null_loss(training.y))
        best = int(np.flatnonzero(losses <= losses.min() + tie)[0])
        refitted = self.fit_settings(training, [settings[best]])
        return PathPredictor(settings, losses, best, refitted, *lines[best], calibrated[best])

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose a setting and fit it; see `BlockRegressor.fit`."""
        training = self._start(X, y, groups, blocks={"all": slice(None)})
        self.fit_ = self.fit_path(training)
        self.setting_ = self.fit_.settings[self.fit_.chosen]
        self.losses_ = pd.DataFrame(self.fit_.settings).assign(inner_loss=self.fit_.inner_losses)
        self.oof_predictions_ = self.fit_.oof_predictions
        self.oof_loss_ = float(self.fit_.inner_losses[self.fit_.chosen])
        self.expected_prediction_ = self.fit_.expected
        self.findings_ = self.fit_.findings
        self._finish(training)
        return self

    def _predict(self, cases: Cases) -> Array:
        return self.fit_.predict(cases)

    def _contributions(self, cases: Cases) -> Array:
        return self.fit_.contributions(cases)
