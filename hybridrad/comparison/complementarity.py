"""Do two arms err on the same cases? Error overlap, double fault and correlation of logits, from predictions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_table
from hybridrad.evaluation.calibration import logit
from hybridrad.evaluation.metrics import PREDICTION_INDEX, score_columns

COLUMNS = [
    "n_cases",
    "error",
    "error_other",
    "double_fault",
    "double_fault_by_chance",
    "error_overlap",
    "logit_correlation",
    "logit_correlation_within_class",
]


def complementarity_table(predictions: pd.DataFrame, *, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Return how alike the errors and the scores of each pair of arms are.

    A call is the score against the threshold from inner folds where there is one, else 0.5; with more classes the most
    probable class. Shares of errors are taken per repeat over all its folds and averaged over repeats. Correlations are
    taken inside a fold, where each arm is one fitted model, and averaged over folds. The table describes; arms that err
    on other cases can, but need not, be better together.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table, of cases or patients.
    models : sequence of str, optional
        Default: all arms, in order.

    Returns
    -------
    DataFrame
        Index ``model, other``. ``n_cases`` that both predicted; ``error, error_other``: shares of wrong calls;
        ``double_fault``: both wrong; ``double_fault_by_chance``: what it would be if, within a class, the two erred
        independently; ``error_overlap``: both wrong of those where either is (1: the same errors; NaN: no errors);
        ``logit_correlation`` over all cases, and ``logit_correlation_within_class``, without what both know of the
        class. With more classes the correlation is of the log odds of each class, averaged.

    Raises
    ------
    ValueError
        Fewer than two arms, or one without predictions.

    References
    ----------
    Giacinto & Roli (2001), doi:10.1016/S0262-8856(01)00045-2. Kuncheva & Whitaker (2003), doi:10.1023/A:1022859003006.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], [0], [0], list("wxyz")], names=PREDICTION_INDEX)
    >>> table = pd.DataFrame({"patient_id": list("wxyz") * 2, "y_true": [0, 0, 1, 1] * 2}, index=index)
    >>> table["y_score"] = [0.2, 0.6, 0.3, 0.9, 0.1, 0.7, 0.8, 0.4]
    >>> complementarity_table(table).loc[("a", "b"), ["double_fault", "error_overlap"]].round(3).tolist()
    [0.25, 0.333]
    """
    check_table(predictions, index=PREDICTION_INDEX, columns=["y_true"], name="predictions")
    there = list(predictions.index.unique("model"))
    names = there if models is None else list(models)
    absent = [name for name in names if name not in there]
    if len(names) < 2 or absent:
        raise ValueError(f"two arms with predictions are needed; wanted {names}, without predictions {absent}.")
    judged = {name: _judged(predictions[predictions.index.get_level_values("model") == name]) for name in names}
    rows = {(a, b): _pair(judged[a], judged[b]) for a, b in combinations(names, 2)}
    return pd.DataFrame(rows, index=COLUMNS).T.rename_axis(["model", "other"]).astype({"n_cases": int})


def _judged(part: pd.DataFrame) -> pd.DataFrame:
    """Return class, wrong call and log odds of each row of one arm: index ``repeat, fold, case_id``."""
    columns = score_columns(part)
    y = part["y_true"].to_numpy()
    score = part[columns].to_numpy(dtype=float)
    table = pd.DataFrame({"y": y}, index=part.droplevel("model").index)
    if len(columns) == 1:
        threshold = part["threshold"].fillna(0.5).to_numpy(dtype=float) if "threshold" in part else 0.5
        table["wrong"] = (score[:, 0] >= threshold) != (y == 1)
    else:
        table["wrong"] = score.argmax(axis=1) != y
    for k in range(score.shape[1]):
        table[f"logit_{k}"] = logit(score[:, k])
    return table


def _pair(a: pd.DataFrame, b: pd.DataFrame) -> list[float]:
    common = a.index.intersection(b.index)
    a, b = a.loc[common], b.loc[common]
    per_repeat = []
    for _, rows in a.groupby(level="repeat"):
        wrong_a, wrong_b = rows["wrong"].to_numpy(), b.loc[rows.index, "wrong"].to_numpy()
        both, either = (wrong_a & wrong_b).mean(), (wrong_a | wrong_b).mean()
        y = rows["y"].to_numpy()
        by_chance = sum((y == k).mean() * wrong_a[y == k].mean() * wrong_b[y == k].mean() for k in np.unique(y))
        overlap = both / either if either > 0 else np.nan
        per_repeat.append((wrong_a.mean(), wrong_b.mean(), both, by_chance, overlap))
    errors = [float(x) for x in _means(np.array(per_repeat))]
    correlations = []
    logits = [c for c in a.columns if c.startswith("logit_")]
    for _, rows in a.groupby(level=["repeat", "fold"]):
        of_a, of_b = rows[logits].to_numpy(), b.loc[rows.index, logits].to_numpy()
        y = rows["y"].to_numpy()
        within = [_correlation(of_a[y == k], of_b[y == k]) for k in np.unique(y)]
        correlations.append((_correlation(of_a, of_b), float(_means(np.array(within)[:, None])[0])))
    n_cases = common.get_level_values("case_id").nunique()
    return [n_cases, *errors, *(float(x) for x in _means(np.array(correlations)))]


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return Pearson's correlation, averaged over columns; NaN where one does not vary."""
    values = []
    for x, z in zip(a.T, b.T, strict=True):
        x, z = x - x.mean(), z - z.mean()
        scale = np.sqrt((x**2).sum() * (z**2).sum())
        values.append((x * z).sum() / scale if scale > 1e-12 else np.nan)
    return float(_means(np.array(values)[:, None])[0])


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return column means over the rows that are defined; NaN where none is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    n = known.sum(axis=0)
    return np.divide(total, n, out=np.full(values.shape[1], np.nan), where=n > 0)
