"""Scores of survival predictions as tables: horizons, weights of censoring, the metrics of one test part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError
from hybridrad.evaluation.kaplan_meier import kaplan_meier
from hybridrad.evaluation.survival_metrics import brier_at, censoring_weights, concordance, over_horizons, uno_auc

SURVIVAL, WEIGHT = "survival_", "censoring_weight"
KAPLAN_MEIER = "(Kaplan-Meier)"
AT_HORIZON = ("uno_auc", "brier")
DEFAULT_QUANTILES = tuple(np.arange(1, 10) / 10)
DIGITS = 3


def horizon_text(horizon: float) -> str:
    """Return how a horizon is written in names of columns.

    Examples
    --------
    >>> horizon_text(12.0), horizon_text(2.5)
    ('12', '2.5')
    """
    return f"{horizon:.10g}"


def default_horizons(event: ArrayLike, time: ArrayLike) -> tuple[float, ...]:
    """Return the deciles of the times of the events, rounded to three digits; the last is inside the follow-up.

    They hang on the outcome alone and are the same for all models. The middle one, about the median time to the event
    of those who had it, is the horizon of the scores that need a single one.

    Examples
    --------
    >>> default_horizons([True] * 9 + [False], range(1, 11))
    (1.8, 2.6, 3.4, 4.2, 5.0, 5.8, 6.6, 7.4, 8.2)
    """
    happened, when = np.asarray(event).astype(bool), np.asarray(time, dtype=float)
    points = np.quantile(when[happened], DEFAULT_QUANTILES)
    rounded = sorted({float(f"{t:.{DIGITS}g}") for t in points})
    return tuple(t for t in rounded if 0 < t < when.max())


def check_horizons(horizons: Sequence[float], event: ArrayLike, time: ArrayLike) -> tuple[float, ...]:
    """Return the declared horizons, increasing, or say which of them the follow-up does not allow.

    Raises
    ------
    RunError
        A horizon is no positive number, stands twice, lies before the first event or not before the end of follow-up.

    Examples
    --------
    >>> check_horizons([4, 2], [True, False, False], [1.0, 3.0, 6.0])
    (2.0, 4.0)
    """
    points = sorted(float(t) for t in horizons)
    happened, when = np.asarray(event).astype(bool), np.asarray(time, dtype=float)
    if not points or not np.isfinite(points).all() or points[0] <= 0 or len(set(points)) < len(points):
        raise RunError(f"horizons must be different positive numbers, got {list(horizons)}.", code="E_CONFIG")
    first, last = float(when[happened].min()), float(when.max())
    outside = [t for t in points if t < first or t >= last]
    if outside:
        raise RunError(
            f"the horizon {horizon_text(outside[0])} cannot be judged: the first event is at {horizon_text(first)}, "
            f"the last case is observed until {horizon_text(last)}.",
            code="E_CONFIG",
            hint="Give horizons between the two, in the unit of the column time.",
        )
    return tuple(points)


def main_horizon(horizons: Sequence[float]) -> float:
    """Return the middle horizon (the earlier of two).

    Examples
    --------
    >>> main_horizon([1.0, 2.0, 5.0])
    2.0
    """
    return float(horizons[(len(horizons) - 1) // 2])


def horizons_of(predictions: pd.DataFrame) -> tuple[float, ...]:
    """Return the horizons that a predictions table has columns for."""
    names = [str(c) for c in predictions.columns]
    return tuple(float(name.removeprefix(SURVIVAL)) for name in names if name.startswith(SURVIVAL))


def with_censoring_weights(predictions: pd.DataFrame, outcome: pd.DataFrame) -> pd.DataFrame:
    """Return survival predictions with the weights that make up for censoring, ready to be scored.

    Censoring is estimated once, by Kaplan and Meier, from all cases of the study: it belongs to the cohort and not to
    a model, and the cases of one fold are too few for it. It is taken to be independent of what the models see.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``event, time, y_score`` and ``survival_<t>`` for each horizon.
    outcome : DataFrame of shape (n_cases, 2)
        Columns ``event, time`` of all cases of the study.

    Returns
    -------
    DataFrame
        With further columns ``censoring_weight`` (1/G(T-) for cases with an event, else 0) and
        ``censoring_weight_<t>`` (1/G(t)).

    Examples
    --------
    >>> table = pd.DataFrame({"event": [1, 0, 1], "time": [1.0, 2.0, 3.0], "y_score": 0.0, "survival_2.5": 0.5})
    >>> with_censoring_weights(table, table)["censoring_weight"].tolist()
    [1.0, 0.0, 2.0]
    """
    points = horizons_of(predictions)
    weights = censoring_weights(
        predictions["event"],
        predictions["time"],
        points,
        reference_event=outcome["event"],
        reference_time=outcome["time"],
    )
    constant = {f"{WEIGHT}_{horizon_text(t)}": g for t, g in zip(points, weights.at_horizon, strict=True)}
    return predictions.assign(**{WEIGHT: weights.of_event}, **constant)


def concordance_of(part: pd.DataFrame) -> float:
    """Return Harrell's concordance of the predictions of one model on one test part."""
    return concordance(part["event"], part["time"], part["y_score"])


def uno_auc_of(part: pd.DataFrame, horizon: float | None = None) -> float:
    """Return Uno's AUC at a horizon, by default the middle one; NaN where it is not defined."""
    points = horizons_of(part)
    if not points:
        return np.nan
    at = main_horizon(points) if horizon is None else horizon
    return uno_auc(part["event"], part["time"], part["y_score"], horizon=at, of_event=part[WEIGHT])


def brier_of(part: pd.DataFrame, horizon: float) -> float:
    """Return the Brier score at a horizon; NaN where the model gave no survival."""
    survival = part[f"{SURVIVAL}{horizon_text(horizon)}"]
    if survival.isna().any():
        return np.nan
    return brier_at(
        part["event"],
        part["time"],
        survival,
        horizon=horizon,
        of_event=part[WEIGHT],
        at_horizon=float(part[f"{WEIGHT}_{horizon_text(horizon)}"].iloc[0]),
    )


def integrated_brier_of(part: pd.DataFrame) -> float:
    """Return the mean Brier score over the horizons; NaN where the model gave no survival."""
    points = horizons_of(part)
    return over_horizons(points, [brier_of(part, t) for t in points]) if points else np.nan


SURVIVAL_SCORES: Mapping[str, Callable[[pd.DataFrame], float]] = {
    "concordance": concordance_of,
    "uno_auc": uno_auc_of,
    "integrated_brier": integrated_brier_of,
}


def kaplan_meier_predictions(outcome: pd.DataFrame, splits: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions of the Kaplan-Meier curve of each training part: the same survival for all test cases.

    What a model without any feature would say, for Brier scores to be read against.

    Parameters
    ----------
    outcome : DataFrame
        Index ``case_id``, columns ``event, time``.
    splits : DataFrame
        Index ``repeat, fold, case_id``, column ``role``.
    like : DataFrame
        Predictions of a model, with weights: the test cases and the columns.
    """
    points, parts = horizons_of(like), []
    of_fold = dict(iter(like.groupby(level=["repeat", "fold"])))
    for key, part in splits.groupby(level=["repeat", "fold"]):
        if key not in of_fold:
            continue
        trained = outcome.loc[part.index.get_level_values("case_id")[part["role"] == "train"]]
        survival = kaplan_meier(trained["event"], trained["time"]).at(points)
        said = {f"{SURVIVAL}{horizon_text(t)}": s for t, s in zip(points, survival, strict=True)}
        parts.append(of_fold[key].assign(y_score=0.0, **said))
    table = pd.concat(parts)
    return table.rename(index=lambda _: KAPLAN_MEIER, level="model")


def risk_groups(risk: ArrayLike, *, n_groups: int = 3) -> NDArray[np.intp]:
    """Return groups of about equal numbers by risk, 0 the lowest; equal risks share a group.

    Examples
    --------
    >>> risk_groups([0.3, 0.1, 0.2, 0.2, 0.9, 0.8]).tolist()
    [1, 0, 0, 0, 2, 2]
    """
    values = np.asarray(risk, dtype=float)
    edges = np.quantile(values, np.arange(1, n_groups) / n_groups, method="inverted_cdf")
    return np.searchsorted(edges, values, side="left").astype(np.intp)
