"""Events and times of the cases: one structured array, and what is wrong with others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.models.outcome import Target

SURVIVAL = np.dtype([("event", np.bool_), ("time", np.float64)])


def survival_targets(event: ArrayLike, time: ArrayLike) -> Target:
    """Return events and times as the array that survival models take as y.

    Parameters
    ----------
    event : array-like of shape (n_cases,)
        Truth values, or 0 and 1.
    time : array-like of shape (n_cases,)
        To the event, or to the end of follow-up; positive.

    Raises
    ------
    ValueError
        A value is missing or of another kind.

    Examples
    --------
    >>> survival_targets([1, 0], [2.5, 4.0]).tolist()
    [(True, 2.5), (False, 4.0)]
    """
    events, times = np.asarray(event), np.asarray(time, dtype=np.float64)
    if events.ndim != 1 or events.shape != times.shape:
        raise ValueError(f"event and time must be one value per case, got shapes {events.shape} and {times.shape}.")
    if pd.isna(events).any() or not np.isin(events, [0, 1]).all():
        raise ValueError("event must be true or false (1 or 0) for every case; others or missing ones were found.")
    if not (np.isfinite(times) & (times > 0)).all():
        position = int(np.flatnonzero(~(np.isfinite(times) & (times > 0)))[0])
        raise ValueError(f"time must be positive and finite; row {position} has {times[position]}.")
    out = np.empty(len(times), dtype=SURVIVAL)
    out["event"], out["time"] = events.astype(bool), times
    return out


def read_targets(y: ArrayLike) -> Target:
    """Return checked targets of a structured array with the fields event and time.

    Raises
    ------
    ValueError
        Anything else was given, or no case has an event.
    """
    given = np.asarray(y)
    if given.dtype.names is None or set(given.dtype.names) != {"event", "time"}:
        raise ValueError(
            "y must be a structured array with the fields event (bool) and time (float), got "
            f"{given.dtype}; make it with hybridrad.models.survival.targets.survival_targets(event, time)."
        )
    checked = survival_targets(given["event"], given["time"])
    if not checked["event"].any():
        raise ValueError("no case has an event, so there is nothing to learn.")
    return checked


def patients_with_event(y: Target, groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for patients 0 to n_patients - 1 whether one of their cases has an event."""
    return np.asarray(np.bincount(groups, weights=y["event"]) > 0)
