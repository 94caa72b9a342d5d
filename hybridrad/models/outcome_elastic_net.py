"""An elastic net of one outcome over a path of penalties, each started from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybridrad.models.case_model import Array
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.held_signs import check_l1_ratio
from hybridrad.models.outcome import Target
from hybridrad.models.outcome_path import TunedOutcome
from hybridrad.models.path_design import path_design
from hybridrad.models.settings_path import Setting
from hybridrad.models.tuned_elastic_net import FittedLines

NOTHING = 1e-12  # per case; with columns and pull of size 1, a smaller product of them is rounding
STRENGTHS: tuple[float, ...] = tuple(float(s) for s in np.geomspace(0.9, 0.01, 10))


class OutcomeElasticNet(TunedOutcome):
    """An elastic net; see `TunedElasticNetRegressor` and `TunedElasticNetSurvival`."""

    def __init__(
        self,
        *,
        strength: Sequence[float] = STRENGTHS,
        l1_ratio: Sequence[float] = (0.2, 0.8),
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings, for each mixture from strong to weak penalty; sparse mixtures first."""
        return [
            {"l1_ratio": float(ratio), "strength": float(strength)}
            for ratio in sorted(self.l1_ratio, reverse=True)
            for strength in sorted(self.strength, reverse=True)
        ]

    def fit_settings(self, training: OutcomeTraining, settings: Sequence[Setting]) -> FittedLines:
        """Fit one path per mixture."""
        design = path_design(training, n_columns=self.n_columns, outcome=self._outcome)
        coefs = np.empty((len(settings), design.rows.shape[1], 1))
        intercepts = np.empty((len(settings), 1))
        strongest = float(np.abs(design.rows.T @ self._pull(training.y)).max())
        # Where no column says anything, any penalty that is more than rounding leaves all of them out.
        strongest = strongest if strongest > NOTHING * len(training.y) else 1.0
        for ratio in dict.fromkeys(s["l1_ratio"] for s in settings):
            check_l1_ratio(ratio)
            at = [i for i, s in enumerate(settings) if s["l1_ratio"] == ratio]
            at.sort(key=lambda i: -settings[i]["strength"])
            penalties = [settings[i]["strength"] * strongest / ratio for i in at]
            coefs[at, :, 0], intercepts[at, 0] = self._path(design.rows, training.y, penalties, ratio)
        return FittedLines(design, coefs, intercepts)

    def _pull(self, y: Target) -> Array:
        """Return minus the derivative of the loss by the predictions, where these are the same for all."""
        raise NotImplementedError

    def _path(self, design: Array, y: Target, penalties: Sequence[float], l1_ratio: float) -> tuple[Array, Array]:
        """Return coefficients (n_penalties, n_columns) and intercepts (n_penalties,)."""
        raise NotImplementedError
