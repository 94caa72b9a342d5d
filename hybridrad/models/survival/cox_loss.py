"""Events in time as an outcome: minus the log partial likelihood per event, with Efron's ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from hybridrad.models.outcome import Target
from hybridrad.models.simplex import ConvexPool
from hybridrad.models.slope import SMALLEST_SLOPE
from hybridrad.models.survival.cox_path import ridge_cox_path
from hybridrad.models.survival.partial_likelihood import PartialLikelihood
from hybridrad.models.survival.targets import patients_with_event, read_targets

Array = NDArray[np.float64]

# A risk that ranks all events has no best slope; log relative hazards do not spread more than this.
LARGEST_SPREAD = 5.0
FEWEST_CENSORED = 5  # patients; a rarer stratum would cost inner folds and balance nothing


class CoxLoss:
    """The outcome of a survival model, see `Outcome`; predictions are risks, that is log relative hazards.

    The loss of cases left out is the log partial likelihood of the training cases minus that of all, both at the
    coefficients learned without them.

    References
    ----------
    Verweij & van Houwelingen 1993, Cross-validation in survival analysis, doi:10.1002/sim.4780122407.
    """

    name = "survival"
    penalties = tuple(float(p) for p in np.geomspace(1e5, 1.0 / 3.0, 12))
    balanced_penalties = tuple(float(p) for p in np.geomspace(1e3, 1.0 / 300.0, 12))

    def read(self, y: ArrayLike) -> Target:
        """Return events and times as a structured array."""
        return read_targets(y)

    def strata(self, y: Target, groups: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return whether the patient of a case has an event; where (nearly) all have one, early or late."""
        with_event = patients_with_event(y, groups)
        if with_event.sum() < 2:
            raise ValueError("a single patient has an event, so inner folds by patient are impossible.")
        if (~with_event).sum() >= FEWEST_CENSORED:
            return with_event.astype(np.intp)[groups]
        last = np.zeros(len(with_event))
        np.maximum.at(last, groups, y["time"])
        order = np.empty(len(last), dtype=np.intp)
        order[np.argsort(last, kind="stable")] = np.arange(len(last))
        return np.asarray(2 * order // len(last))[groups]

    def signal(self, y: Target) -> Array:
        """Return the martingale residuals of a model without columns: the score test of a Cox model of each column."""
        return likelihood_of(y).gradient(np.zeros(len(y)))

    def path(
        self, design: Array, y: Target, penalties: Sequence[float], *, offset: Array | None = None
    ) -> tuple[Array, Array]:
        """Return coefficients (n_penalties, n_columns) and intercepts (n_penalties,), which are zero."""
        coefs = ridge_cox_path(design, y["event"], y["time"], penalties=penalties, offset=offset)
        return coefs, np.zeros(len(penalties))

    def held_out_loss(self, predictions: Array, y: Target, train: NDArray[np.intp], test: NDArray[np.intp]) -> float:
        """Return what the cases left out take from the log partial likelihood."""
        return likelihood_of(y[train]).value(predictions[train]) - likelihood_of(y).value(predictions)

    def terms(self, y: Target) -> Array:
        """Return 1 for each event."""
        return np.asarray(y["event"], dtype=float)

    def n_terms(self, y: Target) -> int:
        """Return the number of events."""
        return int(y["event"].sum())

    def case_losses(self, predictions: Array, y: Target) -> Array:
        """Return minus what each case brings to the log partial likelihood, see `PartialLikelihood.by_case`."""
        return -likelihood_of(y).by_case(predictions)

    def loss(self, predictions: Array, y: Target) -> float:
        """Return minus the log partial likelihood per event."""
        return -likelihood_of(y).value(predictions) / self.n_terms(y)

    def null_loss(self, y: Target) -> float:
        """Return the loss of risks that are all the same."""
        return self.loss(np.zeros(len(y)), y)

    def shrink(self, predictions: Array, y: Target, *, own_scale: bool) -> tuple[float, float]:
        """Return the slope that maximises the partial likelihood, and the intercept that makes the mean risk 0."""
        centred, spread = predictions - predictions.mean(), float(np.std(predictions))
        if not spread > 0:
            return 1.0, -float(predictions.mean())
        most = LARGEST_SPREAD / spread if own_scale else 1.0
        smallest = SMALLEST_SLOPE / spread if own_scale else SMALLEST_SLOPE

        def loss(slope: float) -> float:
            return self.loss(slope * centred, y)  # convex in the slope

        found = minimize_scalar(loss, bounds=(smallest, most), method="bounded", options={"xatol": 1e-9 * most})
        slope = min((smallest, float(found.x), most), key=loss)
        return slope, -slope * float(predictions.mean())

    def pool(self, predictions: Array, y: Target, *, shrinkage: float, counts: NDArray[np.intp]) -> ConvexPool:
        """Return minus the log partial likelihood of the pooled risks per event, shrunk."""
        rows = np.repeat(np.arange(len(y)), counts)
        return _CoxPool(predictions[rows], y[rows], shrinkage)


class _CoxPool:
    def __init__(self, risks: Array, y: Target, shrinkage: float) -> None:
        self.n_members, self._shrinkage = risks.shape[1], shrinkage
        self._likelihood = likelihood_of(y)
        self._risks = risks - risks.mean(axis=0)  # a constant changes nothing and costs digits

    def value(self, w: Array) -> float:
        loss = -self._likelihood.value(self._risks @ w) / self._likelihood.n_events
        return loss + self._shrinkage * float(np.sum((w - 1.0 / self.n_members) ** 2))

    def derivatives(self, w: Array) -> tuple[Array, Array]:
        residual, curvature = self._likelihood.local(self._risks @ w)
        bent = np.column_stack([curvature.times(member) for member in self._risks.T])
        n_events = self._likelihood.n_events
        gradient = -self._risks.T @ residual / n_events + 2.0 * self._shrinkage * (w - 1.0 / self.n_members)
        return gradient, self._risks.T @ bent / n_events + 2.0 * self._shrinkage * np.eye(self.n_members)


def likelihood_of(y: Target) -> PartialLikelihood:
    """Return the partial likelihood of events and times, with Efron's ties."""
    return PartialLikelihood(y["event"], y["time"])
