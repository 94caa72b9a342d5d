"""Values as an outcome: squared error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.utils import assert_all_finite, column_or_1d

from hybridrad.models.outcome import Target
from hybridrad.models.regression.ridge import ridge_path
from hybridrad.models.simplex import ConvexPool
from hybridrad.models.slope import SMALLEST_SLOPE

Array = NDArray[np.float64]

MOST_STRATA = 5
PATIENTS_PER_STRATUM = 5  # so that every one of up to five folds gets a patient of each stratum


class SquaredError:
    """The outcome of a regression, see `Outcome`; its loss is the mean squared error in the unit of y squared."""

    name = "regression"
    penalties = tuple(float(p) for p in np.geomspace(1e6, 1e-2, 33))
    balanced_penalties = tuple(float(p) for p in np.geomspace(1e5, 1e-3, 33))

    def read(self, y: ArrayLike) -> Target:
        """Return the values as floats."""
        values = np.asarray(column_or_1d(y, warn=True, dtype=np.float64))
        assert_all_finite(values, input_name="y")
        if len(values) < 2:
            raise ValueError(f"at least two cases are needed, got n_samples={len(values)}.")
        return values

    def strata(self, y: Target, groups: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return which part of the order of the patients' mean values a case belongs to."""
        mean = np.bincount(groups, weights=y) / np.bincount(groups)
        n_strata = min(max(2, len(mean) // PATIENTS_PER_STRATUM), MOST_STRATA)
        rank = np.empty(len(mean), dtype=np.intp)
        rank[np.argsort(mean, kind="stable")] = np.arange(len(mean))
        return np.asarray(rank * n_strata // len(mean))[groups]

    def signal(self, y: Target) -> Array:
        """Return the ranks of the values."""
        return np.asarray(rankdata(y))

    def path(
        self, design: Array, y: Target, penalties: Sequence[float], *, offset: Array | None = None
    ) -> tuple[Array, Array]:
        """Return coefficients (n_penalties, n_columns) and intercepts (n_penalties,), of what an offset leaves over.

        What is known sets the level, so that what is added has the mean 0. Out-of-fold predictions of the training rows
        are the lower the higher the rows left out are; a free intercept would take that for something to learn, and
        move the predictions of the rows left out away from them.
        """
        if offset is None:
            return ridge_path(design, y, penalties=penalties)
        rest = y - offset
        return ridge_path(design, rest - rest.mean(), penalties=penalties)

    def held_out_loss(self, predictions: Array, y: Target, train: NDArray[np.intp], test: NDArray[np.intp]) -> float:
        """Return the sum of squared errors of the cases left out."""
        return float(np.sum((predictions[test] - y[test]) ** 2))

    def terms(self, y: Target) -> Array:
        """Return 1 for each case."""
        return np.ones(len(y))

    def n_terms(self, y: Target) -> int:
        """Return the number of cases."""
        return len(y)

    def case_losses(self, predictions: Array, y: Target) -> Array:
        """Return the squared errors."""
        return np.asarray((predictions - y) ** 2)

    def loss(self, predictions: Array, y: Target) -> float:
        """Return the mean squared error."""
        return float(np.mean((predictions - y) ** 2))

    def null_loss(self, y: Target) -> float:
        """Return the variance: the mean squared error of the mean."""
        return float(np.var(y))

    def shrink(self, predictions: Array, y: Target, *, own_scale: bool) -> tuple[float, float]:
        """Return the least-squares slope, held between 0.001 and 1 (values have the unit of y), and the intercept."""
        spread = float(np.var(predictions))
        covariance = float(np.mean((predictions - predictions.mean()) * (y - y.mean())))
        slope = min(max(covariance / spread, SMALLEST_SLOPE), 1.0) if spread > 0 else 1.0
        return slope, float(y.mean() - slope * predictions.mean())

    def pool(self, predictions: Array, y: Target, *, shrinkage: float, counts: NDArray[np.intp]) -> ConvexPool:
        """Return the mean squared error of the pooled predictions as a share of the variance of y, shrunk."""
        return _SquaredErrorPool(predictions, y, shrinkage, counts)


class _SquaredErrorPool:
    def __init__(self, predictions: Array, y: Target, shrinkage: float, counts: NDArray[np.intp]) -> None:
        self.n_members, self._shrinkage = predictions.shape[1], shrinkage
        # Weights sum to one, so the error of the pool is the pool of the errors; then no large level cancels.
        errors = predictions - y[:, None]
        variance = float(np.var(y))
        scale = counts.sum() * (variance if variance > 0 else 1.0)
        self._moments = errors.T @ (counts[:, None] * errors) / scale

    def value(self, w: Array) -> float:
        return float(w @ self._moments @ w + self._shrinkage * np.sum((w - 1.0 / self.n_members) ** 2))

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        gradient = 2.0 * (self._moments @ w + self._shrinkage * (w - 1.0 / self.n_members))
        return gradient, 2.0 * (self._moments + self._shrinkage * np.eye(self.n_members))
