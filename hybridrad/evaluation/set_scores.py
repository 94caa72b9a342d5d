"""The scores table of a study with one held-out test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hybridrad._checks import SCORE_COLUMNS
from hybridrad.evaluation.metrics import metric_names
from hybridrad.evaluation.one_set import SetScore, clipped, set_score


def set_score_table(
    predictions: pd.DataFrame,
    *,
    models: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the scores of models on one test set, with intervals over its patients.

    Parameters
    ----------
    predictions : DataFrame
        Predictions of cases or patients, of one fold and repeat.
    models : sequence of str, optional
        Models to list, also those without predictions.
    metrics : sequence of str, optional
        Default: all that are defined for classes.
    level : float, default 0.95

    Returns
    -------
    DataFrame
        Index ``model, metric``; columns ``value, low, high, n_patients, n_cases, method``.

    References
    ----------
    DeLong et al. (1988), doi:10.2307/2531595. Obuchowski (1997), doi:10.2307/2533958.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvwxyz")], names=names)
    >>> table = pd.DataFrame({"patient_id": list("uvwxyz"), "y_true": [0, 1, 0, 1, 0, 1],
    ...                       "y_score": [0.3, 0.4, 0.6, 0.6, 0.2, 0.8]}, index=index)
    >>> set_score_table(table).loc[("a", "roc_auc"), "method"]
    "one test set; DeLong's interval"
    """
    rows = []
    for model in predictions.index.unique("model") if models is None else models:
        part = predictions[predictions.index.get_level_values("model") == model]
        n_cases = int(part["n_cases"].sum()) if "n_cases" in part else len(part)
        for metric in metric_names(predictions) if metrics is None else metrics:
            if len(part):
                score = clipped(set_score(part, metric, level=level), metric)
            else:
                score = SetScore(np.nan, np.nan, np.nan, np.nan, "not scored: no predictions")
            n_patients = int(part["patient_id"].nunique())
            method = f"one test set; {score.method}"
            rows.append((model, metric, score.value, score.low, score.high, n_patients, n_cases, method))
    return pd.DataFrame(rows, columns=["model", "metric", *SCORE_COLUMNS]).set_index(["model", "metric"])
