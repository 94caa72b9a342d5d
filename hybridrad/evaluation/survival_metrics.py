"""Scores of predicted risks and survival: concordance, time-dependent AUC and Brier score, weighted for censoring."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import trapezoid

from hybridrad.evaluation.kaplan_meier import censoring_curve, check_survival

Floats = NDArray[np.float64]


class CensoringWeights(NamedTuple):
    """What makes up for censored cases: 1/G(T-) for cases with an event (else 0), and 1/G(t) for each horizon."""

    of_event: Floats
    at_horizon: Floats


def concordance(event: ArrayLike, time: ArrayLike, risk: ArrayLike) -> float:
    """Return Harrell's concordance: how often, of two cases, the one with the higher risk has its event first.

    A pair counts if it is known who came first: the earlier time is an event, or both times are equal and one of them
    alone is an event (the censored case lived longer). Equal risks count one half.

    Parameters
    ----------
    event : bool array of shape (n_cases,)
    time : array of shape (n_cases,)
    risk : array of shape (n_cases,)
        Higher is an earlier event.

    Returns
    -------
    float
        NaN where no pair can be ordered.

    References
    ----------
    Harrell et al. (1982), doi:10.1001/jama.1982.03320430047030.

    Examples
    --------
    >>> concordance([True, True, False], [1.0, 2.0, 3.0], [0.9, 0.5, 0.7])
    0.6666666666666666
    """
    happened, when, score = _survival_and_risk(event, time, risk)
    won = pairs = 0.0
    for i in np.flatnonzero(happened):
        later = (when > when[i]) | ((when == when[i]) & ~happened)
        pairs += int(later.sum())
        won += float((score[later] < score[i]).sum() + 0.5 * (score[later] == score[i]).sum())
    return won / pairs if pairs else np.nan


def censoring_weights(
    event: ArrayLike,
    time: ArrayLike,
    horizons: ArrayLike,
    *,
    reference_event: ArrayLike | None = None,
    reference_time: ArrayLike | None = None,
) -> CensoringWeights:
    """Return the inverse probability of censoring weights of test cases.

    Parameters
    ----------
    event, time : arrays of shape (n_cases,)
        Of the test cases.
    horizons : array of shape (n_horizons,)
    reference_event, reference_time : arrays, optional
        The cases that censoring is estimated from, by Kaplan and Meier; default the test cases themselves. They must
        have been followed up beyond the last horizon.

    Raises
    ------
    ValueError
        Nobody of the reference is under observation at a horizon, so that no weight exists there.

    Examples
    --------
    >>> weights = censoring_weights([True, False, True], [1.0, 2.0, 3.0], [2.5])
    >>> weights.of_event.tolist(), weights.at_horizon.tolist()
    ([1.0, 0.0, 2.0], [2.0])
    """
    happened, when = check_survival(event, time)
    if (reference_event is None) != (reference_time is None):
        raise ValueError("give both reference_event and reference_time, or none of them.")
    source = (
        (happened, when) if reference_event is None or reference_time is None else (reference_event, reference_time)
    )
    curve = censoring_curve(*source)
    points = np.asarray(horizons, dtype=float)
    at_horizon = curve.at(points)
    if (at_horizon <= 0).any() or (points >= curve.times[-1]).any():
        raise ValueError(
            f"the horizons {points.tolist()} reach beyond the follow-up: the last case is observed until "
            f"{curve.times[-1]:g}."
        )
    before = curve.before(when)
    # An event after everybody of the reference was gone has no weight of its own; no horizon reaches that far.
    of_event = np.divide(1.0, before, out=np.zeros(len(when)), where=happened & (before > 0))
    return CensoringWeights(of_event, 1.0 / at_horizon)


def uno_auc(event: ArrayLike, time: ArrayLike, risk: ArrayLike, *, horizon: float, of_event: ArrayLike) -> float:
    """Return the cumulative/dynamic AUC at a horizon: cases with an event until then against those still without.

    Pairs of a case with an event until the horizon and a case observed beyond it; each is weighted by 1/G(T-) of the
    former, for those who were censored before they could be such a case. Equal risks count one half.

    Parameters
    ----------
    event, time, risk : arrays of shape (n_cases,)
    horizon : float
    of_event : array of shape (n_cases,)
        From `censoring_weights`.

    Returns
    -------
    float
        NaN where no case had an event until the horizon, or none was observed beyond it.

    References
    ----------
    Uno et al. (2007), doi:10.1198/016214507000000149; Hung & Chiang (2010), doi:10.1002/cjs.10046.

    Examples
    --------
    >>> uno_auc([True, False, True, False], [1.0, 4.0, 2.0, 5.0], [3.0, 2.0, 1.0, 0.0], horizon=3.0, of_event=[1.0] * 4)
    0.75
    """
    happened, when, score = _survival_and_risk(event, time, risk)
    weight = np.asarray(of_event, dtype=float)
    hit, free = happened & (when <= horizon), when > horizon
    if not hit.any() or not free.any() or weight[hit].sum() <= 0:
        return np.nan
    difference = score[hit][:, None] - score[free][None, :]
    won = ((difference > 0) + 0.5 * (difference == 0)).mean(axis=1)
    return float((weight[hit] * won).sum() / weight[hit].sum())


def brier_at(
    event: ArrayLike,
    time: ArrayLike,
    survival: ArrayLike,
    *,
    horizon: float,
    of_event: ArrayLike,
    at_horizon: float,
) -> float:
    """Return the Brier score at a horizon: squared error of the predicted survival, weighted for censoring.

    Cases with an event until the horizon should have survival 0 and weigh 1/G(T-); cases observed beyond it should have
    1 and weigh 1/G(horizon); cases censored before weigh nothing.

    Parameters
    ----------
    event, time : arrays of shape (n_cases,)
    survival : array of shape (n_cases,)
        Predicted probability to survive beyond the horizon.
    horizon : float
    of_event : array of shape (n_cases,)
    at_horizon : float
        Both from `censoring_weights`.

    References
    ----------
    Graf et al. (1999), doi:10.1002/(sici)1097-0258(19990915/30)18:17/18<2529::aid-sim274>3.0.co;2-5.

    Examples
    --------
    >>> brier_at([True, False], [1.0, 3.0], [0.5, 0.5], horizon=2.0, of_event=[1.0, 0.0], at_horizon=1.0)
    0.25
    """
    happened, when, predicted = _survival_and_risk(event, time, survival)
    weight = np.asarray(of_event, dtype=float)
    hit, free = happened & (when <= horizon), when > horizon
    loss = np.where(hit, weight * predicted**2, 0.0) + np.where(free, at_horizon * (1.0 - predicted) ** 2, 0.0)
    return float(loss.mean())


def over_horizons(horizons: ArrayLike, values: ArrayLike) -> float:
    """Return the mean of a curve over its horizons: trapezoids, divided by the span; with one horizon its value.

    Examples
    --------
    >>> over_horizons([1.0, 2.0, 4.0], [0.1, 0.2, 0.2])
    0.18333333333333335
    """
    t, v = np.asarray(horizons, dtype=float), np.asarray(values, dtype=float)
    if t.shape != v.shape or t.ndim != 1 or not len(t) or (np.diff(t) <= 0).any():
        raise ValueError(f"horizons must increase and have a value each, got {t.tolist()} and {v.tolist()}.")
    return float(v[0]) if len(t) == 1 else float(trapezoid(v, t) / (t[-1] - t[0]))


def _survival_and_risk(event: ArrayLike, time: ArrayLike, risk: ArrayLike) -> tuple[NDArray[np.bool_], Floats, Floats]:
    happened, when = check_survival(event, time)
    score = np.asarray(risk, dtype=float)
    if score.shape != when.shape or np.isnan(score).any():
        raise ValueError(f"one prediction per case is wanted, got shape {score.shape} for {len(when)} cases, or NaN.")
    return happened, when, score
