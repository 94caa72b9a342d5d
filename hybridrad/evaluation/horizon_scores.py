"""Scores over time: AUC and Brier score of every model at every horizon, beside the Kaplan-Meier curve's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hybridrad.evaluation.intervals import NO_SPREAD, corrected_interval
from hybridrad.evaluation.metrics import fold_sizes
from hybridrad.evaluation.survival_scores import (
    KAPLAN_MEIER,
    brier_of,
    horizon_text,
    horizons_of,
    kaplan_meier_predictions,
    uno_auc_of,
)

HORIZON_COLUMNS = ["value", "low", "high", "method"]
LEAST_FOLDS = 0.5  # share of the folds that must have a value


def horizon_table(
    predictions: pd.DataFrame,
    splits: pd.DataFrame,
    outcome: pd.DataFrame,
    *,
    models: Sequence[str],
    patient_id: pd.Series | None = None,
    level: float = 0.95,
    intervals: bool = True,
) -> pd.DataFrame:
    """Return AUC and Brier score of every model at every horizon.

    A value is the mean over folds. The AUC of a fold in which nobody had an event until the horizon, or nobody was
    observed beyond it, does not exist, for any model; the mean is over the others then, and ``method`` says over how
    many. Less than half of them are none.

    Parameters
    ----------
    predictions : DataFrame
        From `hybridrad.evaluation.survival_scores.with_censoring_weights`.
    splits : DataFrame
    outcome : DataFrame
        Index ``case_id`` (patients where these are scored), columns ``event, time``.
    models : sequence of str
        Also those without predictions.
    patient_id : Series, optional
        Index ``case_id``: patient of each case.
    level : float
    intervals : bool
        False where folds are sites, which a corrected t is not made for.

    Returns
    -------
    DataFrame
        Index ``model, metric, horizon`` (text); columns ``value, low, high, method``. The model ``(Kaplan-Meier)``
        gives every test case the survival of its training part: what is known without any feature.

    Examples
    --------
    >>> from hybridrad.evaluation.survival_scores import with_censoring_weights
    >>> ids = [f"c{i}" for i in range(8)]
    >>> outcome = pd.DataFrame({"event": [1, 1, 0, 1] * 2, "time": range(1, 9)}, pd.Index(ids, name="case_id"))
    >>> names = ["repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_tuples([(0, f, c) for f in (0, 1) for c in ids], names=names)
    >>> role = ["test" if (i < 4) == (f == 0) else "train" for f in (0, 1) for i in range(8)]
    >>> splits = pd.DataFrame({"role": role}, index)
    >>> test = pd.concat({"a": splits[splits["role"] == "test"]}, names=["model"]).join(outcome)
    >>> test = test.assign(patient_id=test.index.get_level_values("case_id"), y_score=-test["time"])
    >>> test = with_censoring_weights(test.assign(**{"survival_3": 0.5, "survival_6": 0.3}), outcome)
    >>> horizon_table(test, splits, outcome, models=["a"])["value"].round(3).to_dict()[("a", "brier", "3")]
    0.25
    """
    points = horizons_of(predictions)
    if not points or predictions.empty:
        return no_horizons()
    sizes = fold_sizes(predictions, splits, patient_id=patient_id)
    name = predictions.index.get_level_values("model")
    whole = next((part for m in models if len(part := predictions[name == m]) and _complete(part, sizes)), None)
    tables = {model: predictions[name == model] for model in models}
    if whole is not None:
        tables[KAPLAN_MEIER] = kaplan_meier_predictions(outcome, splits, whole)
    rows = []
    for model, table in tables.items():
        folds = dict(iter(table.groupby(level=["repeat", "fold"])))
        for metric, score in (("uno_auc", uno_auc_of), ("brier", brier_of)):
            if model == KAPLAN_MEIER and metric == "uno_auc":
                continue  # the same survival for everybody ranks nobody
            for t in points:
                values = np.array([score(folds[k], t) if k in folds else np.nan for k in sizes.index])
                lost = sum(k not in folds for k in sizes.index)
                rows.append(
                    (model, metric, horizon_text(t), *_mean(values, lost, sizes, metric, level if intervals else None))
                )
    table = pd.DataFrame(rows, columns=["model", "metric", "horizon", *HORIZON_COLUMNS])
    return table.set_index(["model", "metric", "horizon"])


def no_horizons() -> pd.DataFrame:
    """Return the empty table of a study without horizons."""
    index = pd.MultiIndex.from_arrays([[], [], []], names=["model", "metric", "horizon"])
    return pd.DataFrame(columns=HORIZON_COLUMNS, index=index)


def _complete(part: pd.DataFrame, sizes: pd.DataFrame) -> bool:
    return part.groupby(level=["repeat", "fold"]).ngroups == len(sizes)


def _mean(
    values: np.ndarray, lost: int, sizes: pd.DataFrame, metric: str, level: float | None
) -> tuple[float, float, float, str]:
    known = np.isfinite(values)
    n, nan = int(known.sum()), float("nan")
    if lost:
        return nan, nan, nan, f"not scored: no predictions in {lost} of {len(values)} folds"
    if n < max(1, LEAST_FOLDS * len(values)) or (metric == "brier" and n < len(values)):
        return nan, nan, nan, f"not scored: no value in {len(values) - n} of {len(values)} folds"
    n_folds = sizes.index.get_level_values("fold").nunique()
    where = f"{n} of {len(values)} folds" if n < len(values) else f"{n} folds"
    mean = float(values[known].mean())
    if level is None or n_folds < 2 or n < 2 or values[known].std() < NO_SPREAD:
        return mean, nan, nan, f"mean of {where}; no interval"
    of = corrected_interval(
        values[known], n_train=sizes["n_train"][known], n_test=sizes["n_test"][known], n_folds=n_folds, level=level
    )
    low, high = max(of.low, 0.0), (min(of.high, 1.0) if metric == "uno_auc" else of.high)
    return mean, low, high, f"mean of {where}; corrected t interval, {of.df} df"
