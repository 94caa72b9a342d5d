"""Kaplan and Meier's estimate of survival, and of the chance not to be censored yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """A curve: survival just after each of the distinct times, who was at risk before it, and who had an event at it.

    Attributes
    ----------
    times, survival, at_risk, events : arrays of shape (n_distinct_times,)
    """

    times: Floats
    survival: Floats
    at_risk: NDArray[np.intp]
    events: NDArray[np.intp]

    def at(self, times: ArrayLike) -> Floats:
        """Return the chance to survive beyond each time; 1 before the first of them."""
        return self._step(times, side="right")

    def before(self, times: ArrayLike) -> Floats:
        """Return the chance to survive up to each time, what happens at it left out: the limit from the left."""
        return self._step(times, side="left")

    def interval(self, *, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return the limits just after each time: Greenwood's variance on the log-log scale, within 0 and 1.

        References
        ----------
        Kalbfleisch & Prentice, The Statistical Analysis of Failure Time Data, 2nd ed., 2002, section 1.4.
        """
        left = self.at_risk - self.events
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.cumsum(np.where(left > 0, self.events / (self.at_risk * left), np.inf))
            se = np.sqrt(variance) / np.abs(np.log(self.survival))
            z = stats.norm.ppf(0.5 + level / 2)
            low, high = self.survival ** np.exp(z * se), self.survival ** np.exp(-z * se)
        flat = (self.survival <= 0) | (self.survival >= 1)  # no event yet, or nobody left
        return np.where(flat, self.survival, low), np.where(flat, self.survival, high)

    def _step(self, times: ArrayLike, *, side: str) -> Floats:
        position = np.searchsorted(self.times, np.asarray(times, dtype=float), side=side)  # type: ignore[call-overload]
        return np.asarray(np.r_[1.0, self.survival][position], dtype=float)


def kaplan_meier(event: ArrayLike, time: ArrayLike) -> KaplanMeier:
    """Return the Kaplan-Meier estimate of survival.

    Parameters
    ----------
    event : bool array of shape (n_cases,)
        Whether the event was seen at ``time``; else the case was censored then.
    time : array of shape (n_cases,)
        Positive.

    References
    ----------
    Kaplan & Meier (1958), doi:10.1080/01621459.1958.10501452.

    Examples
    --------
    >>> curve = kaplan_meier([True, False, True], [1.0, 2.0, 3.0])
    >>> curve.at([0.5, 1.0, 2.5]).round(3).tolist()
    [1.0, 0.667, 0.667]
    """
    happened, when = check_survival(event, time)
    times, position, n = np.unique(when, return_inverse=True, return_counts=True)
    events = np.bincount(position, weights=happened, minlength=len(times)).astype(np.intp)
    at_risk = np.cumsum(n[::-1])[::-1].astype(np.intp)
    surviving: Floats = np.cumprod(1.0 - events / at_risk).astype(np.float64)
    return KaplanMeier(times, surviving, at_risk, events)


def censoring_curve(event: ArrayLike, time: ArrayLike) -> KaplanMeier:
    """Return the Kaplan-Meier estimate of the chance not to be censored yet.

    Where events and censoring share a time, the events come first: those cases are no longer at risk of censoring.

    Examples
    --------
    >>> censoring_curve([True, False, True, True], [1.0, 1.0, 2.0, 3.0]).at([0.5, 1.0]).round(3).tolist()
    [1.0, 0.667]
    """
    happened, when = check_survival(event, time)
    of_survival = kaplan_meier(happened, when)
    lost = np.bincount(np.searchsorted(of_survival.times, when), weights=~happened, minlength=len(of_survival.times))
    at_risk = of_survival.at_risk - of_survival.events
    share = np.divide(lost, at_risk, out=np.zeros(len(lost)), where=at_risk > 0)
    return KaplanMeier(of_survival.times, np.cumprod(1.0 - share), at_risk, lost.astype(np.intp))


def check_survival(event: ArrayLike, time: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    """Return event and time as arrays, or raise ``ValueError`` where they cannot be survival times."""
    happened, when = np.asarray(event), np.asarray(time, dtype=float)
    if happened.ndim != 1 or happened.shape != when.shape or not len(when):
        raise ValueError(f"event and time must be one value per case, got shapes {happened.shape} and {when.shape}.")
    if not np.isin(happened, [0, 1]).all():
        raise ValueError("event must hold 0 and 1 (or False and True) alone.")
    if not (np.isfinite(when) & (when > 0)).all():
        raise ValueError("time must be positive and finite for every case.")
    return happened.astype(bool), when
