"""From risks to survival probabilities: Breslow's baseline hazard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad.models.survival.partial_likelihood import LOWEST, PartialLikelihood

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """The cumulative hazard of a case of risk 0, a step function; a value that does not change.

    ``times`` (n_times,) are the times with an event, ascending, ``cumulative_hazard`` the values from each on; ``last``
    is the longest time any case was followed.
    """

    times: Array
    cumulative_hazard: Array
    last: float

    def survival(self, risk: Array, times: ArrayLike) -> Array:
        """Return survival probabilities, shape (n_cases, n_times).

        Raises
        ------
        ValueError
            A time is negative, not finite, or after the last time that any training case was followed to.
        """
        wanted = np.atleast_1d(np.asarray(times, dtype=float))
        if wanted.ndim != 1 or not np.isfinite(wanted).all() or (wanted < 0).any():
            raise ValueError(f"times must be one-dimensional, finite and not negative, got {times!r}.")
        if (wanted > self.last).any():
            raise ValueError(
                f"time {wanted.max():g} lies after the last follow-up of the training cases ({self.last:g}); nothing "
                "is known there, ask for earlier times."
            )
        step = np.searchsorted(self.times, wanted, side="right")
        cumulative = np.concatenate([[0.0], self.cumulative_hazard])[step]
        # Beyond exp(700) a hazard is certain death within the first event time either way.
        return np.exp(-np.exp(np.minimum(risk, 700.0))[:, None] * cumulative[None, :])


def breslow_baseline(event: NDArray[np.bool_], time: Array, risk: Array) -> Baseline:
    """Return Breslow's estimate of the baseline cumulative hazard.

    Parameters
    ----------
    event : bool ndarray of shape (n_cases,)
    time : ndarray of shape (n_cases,)
    risk : ndarray of shape (n_cases,)
        Log relative hazards.

    References
    ----------
    Breslow 1972, discussion of Cox, doi:10.1111/j.2517-6161.1972.tb00900.x.

    Examples
    --------
    >>> baseline = breslow_baseline(np.array([True, True]), np.array([1.0, 2.0]), np.zeros(2))
    >>> baseline.cumulative_hazard  # 1/2, then 1/1 on top: Nelson and Aalen
    array([0.5, 1.5])
    """
    likelihood = PartialLikelihood(event, time, ties="breslow")
    if likelihood.n_events == 0:
        return Baseline(np.zeros(0), np.zeros(0), float(time.max()))
    highest = float(risk.max())
    hazard = np.exp(np.maximum(risk - highest, LOWEST))
    order = np.argsort(time, kind="stable")
    from_here = np.cumsum(hazard[order][::-1])[::-1]
    at_risk = from_here[np.searchsorted(time[order], likelihood.event_times, side="left")]
    steps = np.exp(np.log(likelihood.deaths) - np.log(at_risk) - highest)
    return Baseline(likelihood.event_times, np.cumsum(steps), float(time.max()))
