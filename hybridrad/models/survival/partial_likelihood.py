"""Cox's partial likelihood of log relative hazards, its gradient and curvature, with Efron's or Breslow's ties.

Everything is written in the log relative hazards of the cases, not in coefficients: the same few cumulative sums then
serve the penalised Cox model, the weights of a hedge, the slope of a member, and the baseline hazard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybridrad._checks import check_choice

Array = NDArray[np.float64]

# Relative hazards this far below the highest are held there, so that no risk set becomes empty by underflow.
LOWEST = -600.0


class PartialLikelihood:
    """The partial likelihood of a set of cases; a function of their log relative hazards (risks).

    Parameters
    ----------
    event : bool ndarray of shape (n_cases,)
    time : ndarray of shape (n_cases,)
        A case is at risk up to and including its time.
    ties : {"efron", "breslow"}

    Attributes
    ----------
    event_times : ndarray of shape (n_times,)
        The distinct times with an event, ascending.
    deaths : ndarray of shape (n_times,)
        Events at each.

    References
    ----------
    Efron 1977, doi:10.1080/01621459.1977.10480613; Breslow 1974, doi:10.2307/2529620.

    Examples
    --------
    >>> likelihood = PartialLikelihood(np.array([True, True, False]), np.array([1.0, 2.0, 3.0]))
    >>> round(likelihood.value(np.zeros(3)), 4)  # log(1/3) + log(1/2)
    -1.7918
    """

    def __init__(self, event: NDArray[np.bool_], time: Array, *, ties: str = "efron") -> None:
        check_choice(ties, ["efron", "breslow"], name="ties")
        self.event = np.asarray(event, dtype=bool)
        self.event_times, self._death_at = np.unique(time[self.event], return_inverse=True)
        self.deaths = np.bincount(self._death_at, minlength=len(self.event_times))
        # How many event times a case is at risk at: all up to its own.
        self._times_at_risk = np.searchsorted(self.event_times, time, side="right")
        # One denominator per event; Efron takes the part of the tied events that went before out of the risk set.
        self._slot_at = np.repeat(np.arange(len(self.event_times)), self.deaths)
        rank = np.arange(len(self._slot_at)) - np.repeat(np.cumsum(self.deaths) - self.deaths, self.deaths)
        self._gone = rank / self.deaths[self._slot_at] if ties == "efron" else np.zeros(len(rank))

    @property
    def n_events(self) -> int:
        """Number of cases with an event."""
        return len(self._slot_at)

    def value(self, risk: Array) -> float:
        """Return the log partial likelihood."""
        if self.n_events == 0:
            return 0.0
        held, _, denominators = self._denominators(risk)
        return float(held[self.event].sum() - np.log(denominators).sum())

    def by_case(self, risk: Array) -> Array:
        """Return the log partial likelihood as a sum over cases, shape (n_cases,), that are as good as independent.

        A case brings the logarithm of its share of the risk set if it has an event, and its martingale residual: with
        Breslow's ties that is what the likelihood would change by if the case had a little more weight, plus 1 for each
        event, which no difference between models sees. Residuals sum to zero. The variance of a difference between two
        models follows from the differences of their cases.

        References
        ----------
        Fine 2002, Comparing nonnested Cox models, doi:10.1093/biomet/89.3.635.
        """
        if self.n_events == 0:
            return np.zeros(len(risk))
        held, _, denominators = self._denominators(risk)
        # Tied events share their denominators, so that their order does not matter.
        of_time = np.bincount(self._slot_at, weights=np.log(denominators)) / self.deaths
        out = self.gradient(risk)
        out[self.event] += held[self.event] - of_time[self._death_at]
        return out

    def gradient(self, risk: Array) -> Array:
        """Return the derivative by each case's risk: its martingale residual."""
        return self.local(risk)[0]

    def local(self, risk: Array) -> tuple[Array, Curvature]:
        """Return the gradient and the curvature at the given risks."""
        if self.n_events == 0:
            nothing = np.zeros(len(risk))
            return nothing, Curvature(self, nothing, nothing, np.zeros(0))
        _, hazard, denominators = self._denominators(risk)
        expected = hazard * self._back_to_cases(1.0 / denominators)
        return self.event - expected, Curvature(self, hazard, expected, denominators)

    def _denominators(self, risk: Array) -> tuple[Array, Array, Array]:
        held = np.maximum(risk - risk.max(), LOWEST)
        hazard = np.exp(held)
        return held, hazard, self._to_slots(hazard)

    def _to_slots(self, of_cases: Array) -> Array:
        """Return, for each event, the sum over its risk set of (n_cases,) values, tied events by Efron's share."""
        n_times = len(self.event_times)
        last = np.bincount(self._times_at_risk, weights=of_cases, minlength=n_times + 1)
        at_risk = np.cumsum(last[:0:-1])[::-1]
        of_deaths = np.bincount(self._death_at, weights=of_cases[self.event], minlength=n_times)
        return np.asarray(at_risk[self._slot_at] - self._gone * of_deaths[self._slot_at])

    def _back_to_cases(self, of_slots: Array) -> Array:
        """Return, for each case, the sum over the events it is at risk at: the transpose of ``_to_slots``."""
        n_times = len(self.event_times)
        by_time = np.bincount(self._slot_at, weights=of_slots, minlength=n_times)
        gone = np.bincount(self._slot_at, weights=self._gone * of_slots, minlength=n_times)
        out = np.concatenate([[0.0], np.cumsum(by_time)])[self._times_at_risk]
        out[self.event] -= gone[self._death_at]
        return np.asarray(out)


class Curvature:
    """Minus the second derivative of the log partial likelihood by the risks, as a product with vectors."""

    def __init__(self, likelihood: PartialLikelihood, hazard: Array, expected: Array, denominators: Array) -> None:
        self._likelihood, self._hazard = likelihood, hazard
        self._expected, self._denominators = expected, denominators

    @property
    def mean_diagonal(self) -> float:
        """Mean over cases of an upper bound of the diagonal: the expected number of events."""
        return float(self._expected.mean())

    def times(self, direction: Array) -> Array:
        """Return the product with a vector of shape (n_cases,)."""
        if len(self._denominators) == 0:
            return np.zeros(len(direction))
        likelihood = self._likelihood
        # Divided twice: the square of a denominator that is just above zero would be zero.
        means = likelihood._to_slots(self._hazard * direction) / self._denominators / self._denominators
        return np.asarray(self._expected * direction - self._hazard * likelihood._back_to_cases(means))
