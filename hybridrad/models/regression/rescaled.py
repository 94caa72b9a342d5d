"""Values in a unit of their own: machines and trees are fitted to these, so that the unit of y does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.case_model import Cases

Array = NDArray[np.float64]


def level_and_scale(y: Array) -> tuple[float, float]:
    """Return mean and standard deviation of values, 1 for values that are all the same.

    Examples
    --------
    >>> level_and_scale(np.array([1.0, 3.0])), level_and_scale(np.array([2.0, 2.0]))
    ((2.0, 1.0), (2.0, 1.0))
    """
    spread = float(y.std())
    return float(y.mean()), spread if spread > 0 else 1.0


@dataclass(frozen=True)
class Rescaled:
    """What was fitted to ``(y - level) / scale``, back in the unit of y; see `FittedSettings`."""

    fitted: Any
    level: float
    scale: float

    def scores(self, cases: Cases) -> Array:
        """Return predictions, shape (n_settings, n_cases)."""
        return np.asarray(self.level + self.scale * self.fitted.scores(cases))

    @property
    def expected(self) -> Array:
        """The prediction that the contributions of the first setting start from."""
        return np.asarray(self.level + self.scale * self.fitted.expected)

    def contributions(self, cases: Cases) -> Array:
        """Return what each column adds to the prediction of the first setting, shape (n_cases, n_columns, 1)."""
        return np.asarray(self.scale * self.fitted.contributions(cases))
