"""Fit a whole path of settings at once and let the inner folds choose: the common ground of the tuned models.

A plain grid search fits every setting from scratch. Here a model is asked for all its settings in one go
(`fit_settings`), so that what they have in common is done once per inner fold: preparation, ranking of columns,
distances, trees that a smaller forest shares with a larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.models.case_classifier import Array, CaseClassifier, Cases, Training, plain_expected
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.ridge_logistic import log_loss
from hybridrad.models.slope import apply_slope, margin_slope, shrinking_slope

TIE = 1e-9  # losses closer than this are equal, and the earlier, simpler setting is taken
Setting = dict[str, Any]
AnyTraining = TypeVar("AnyTraining", Training, OutcomeTraining)


class FittedSettings(Protocol):
    """What a model learned for several settings from the same rows; of values and risks, scores are predictions."""

    def scores(self, cases: Cases) -> Array:
        """Return scores before calibration, shape (n_settings, n) or (n_settings, n, n_classes)."""

    def contributions(self, cases: Cases) -> Array:
        """Return what each column adds to the score of the first setting, shape (n, n_columns, n_outputs)."""

    @property
    def expected(self) -> Array:
        """The score that the contributions of the first setting start from; NaN if it has none."""


@dataclass(frozen=True)
class PathFit:
    """The chosen setting, fitted to all training rows and calibrated on its inner out-of-fold logits.

    ``inner_losses`` holds one log loss per setting, each after its own calibration; ``oof_logits`` are those of the
    chosen one.
    """

    settings: list[Setting]
    inner_losses: Array
    chosen: int
    fitted: FittedSettings
    slope: float
    intercept: Array
    oof_logits: Array

    @property
    def expected_logit(self) -> Array:
        """The reference of the contributions."""
        return np.asarray(self.slope * np.atleast_1d(self.fitted.expected) + self.intercept)

    @property
    def findings(self) -> list[str]:
        """What the fitted estimator says of its own departures, if it is one that can."""
        return list(getattr(self.fitted, "findings", []))

    def logits(self, cases: Cases) -> Array:
        """Return calibrated logits of shape (n,) or (n, n_classes)."""
        return apply_slope(self.fitted.scores(cases)[0], self.slope, self.intercept)

    def contributions(self, cases: Cases) -> Array:
        """Return contributions (n, n_columns, n_outputs), scaled by the slope."""
        return self.slope * self.fitted.contributions(cases)


class TunedClassifier(CaseClassifier):
    """Common ground of models whose inner folds choose among settings; not used by itself.

    Subclasses give ``settings()``, from simple to complex, and ``fit_settings(training, settings)``. Inside
    ``BlockModel(block, estimator=...)`` the block's inner folds choose, and the out-of-fold logits of the chosen
    setting are the block's own, as with the default model.
    """

    margins_: bool = False  # scores whose scale means nothing get a free slope

    def settings(self) -> list[Setting]:
        """Return the settings to choose from."""
        raise NotImplementedError

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedSettings:
        """Fit all of these settings to the training rows."""
        raise NotImplementedError

    def fit_path(self, training: Training) -> PathFit:
        """Choose by the log loss of the inner folds and refit the chosen setting on all rows.

        Parameters
        ----------
        training : Training
            Cases with codes of labels, patients and inner folds.
        """
        settings = self.settings()
        if not settings:
            raise ValueError(f"{type(self).__name__}: there are no settings to choose from.")
        outputs = () if training.n_classes == 2 else (training.n_classes,)
        oof = np.empty((len(settings), len(training.y), *outputs))
        for train, test in training.folds:
            fitted = self.fit_settings(part_of(training, train), settings)
            oof[:, test] = fitted.scores(training.cases.rows(test))
        calibrate = margin_slope if self.margins_ else shrinking_slope
        lines = [calibrate(one, training.y) for one in oof]
        calibrated = [apply_slope(one, *line) for one, line in zip(oof, lines, strict=True)]
        losses = np.array([log_loss(one, training.y) for one in calibrated])
        best = int(np.flatnonzero(losses <= losses.min() + TIE)[0])
        refitted = self.fit_settings(training, [settings[best]])
        return PathFit(settings, losses, best, refitted, *lines[best], calibrated[best])

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose a setting and fit it.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
        groups : array-like of shape (n_cases,), optional
            Patient of each case; inner folds keep patients whole.
        """
        training = self._start(X, y, groups, blocks={"all": slice(None)})
        self.fit_ = self.fit_path(training)
        self.setting_ = self.fit_.settings[self.fit_.chosen]
        self.losses_ = pd.DataFrame(self.fit_.settings).assign(inner_loss=self.fit_.inner_losses)
        self.oof_logits_ = self.fit_.oof_logits
        self.oof_loss_ = float(self.fit_.inner_losses[self.fit_.chosen])
        self.expected_logit_ = plain_expected(self.fit_.expected_logit)
        self.findings_ = self.fit_.findings
        return self

    def _logits(self, cases: Cases) -> Array:
        return self.fit_.logits(cases)

    def _contributions(self, cases: Cases) -> Array:
        return self.fit_.contributions(cases)


def part_of(training: AnyTraining, positions: NDArray[np.intp]) -> AnyTraining:
    """Return the training part of an inner fold; nothing is tuned inside it, so it has no folds."""
    return replace(
        training,
        cases=training.cases.rows(positions),
        y=training.y[positions],
        groups=training.groups[positions],
        folds=[],
    )
