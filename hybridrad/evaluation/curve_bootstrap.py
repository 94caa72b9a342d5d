"""Bootstrap of learning curves: over draws, and over the patients that were tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.evaluation.metrics import score_columns, score_of


def curve_replicates(
    predictions: pd.DataFrame,
    *,
    n_sizes: int,
    metric: str = "roc_auc",
    n_replicates: int = 500,
    random_state: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Return the mean score of every arm at every size, in the study and in bootstrap replicates.

    A replicate draws the draws anew, and patients with replacement: a patient drawn twice counts twice wherever it was
    tested. Nothing is fitted again, so the training patients vary only as far as the draws do. All arms share the
    replicates, so differences between arms can be taken row by row.

    Parameters
    ----------
    predictions : DataFrame
        ``repeat`` is the draw, ``fold`` the position of the size.
    n_sizes : int
    metric : {"roc_auc", "r2", "concordance"}, default "roc_auc"
    n_replicates : int, default 500
    random_state : int, default 0

    Returns
    -------
    dict of arm -> array of shape (1 + n_replicates, n_sizes)
        Row 0: the study itself. NaN where an arm has no prediction in some draw.

    Examples
    --------
    >>> keys = [("a", d, s, f"c{i}") for d in range(2) for s in range(2) for i in range(6)]
    >>> index = pd.MultiIndex.from_tuples(keys, names=["model", "repeat", "fold", "case_id"])
    >>> table = pd.DataFrame({"patient_id": index.get_level_values("case_id"), "y_true": [0, 1] * 12}, index=index)
    >>> table["y_score"] = table["y_true"] * 0.5 + 0.2
    >>> curve_replicates(table, n_sizes=2, n_replicates=3)["a"][0].tolist()
    [1.0, 1.0]
    """
    rng = np.random.default_rng(random_state)
    patients = np.unique(predictions["patient_id"].astype(str))
    draws = np.unique(predictions.index.get_level_values("repeat"))
    counts = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=n_replicates)
    # Row 0 weighs everything once: the study itself.
    patient_weight = np.vstack([np.ones(len(patients)), counts]).astype(float)
    drawn = rng.multinomial(len(draws), np.full(len(draws), 1 / len(draws)), size=n_replicates)
    draw_weight = np.vstack([np.ones(len(draws)), drawn]).astype(float)
    result = {}
    for model, of_model in predictions.groupby(level="model", sort=False):
        scores = np.full((n_replicates + 1, len(draws), n_sizes), np.nan)
        for key, part in of_model.groupby(level=["repeat", "fold"]):
            draw, size = (int(str(k)) for k in key)
            weight = patient_weight[:, np.searchsorted(patients, part["patient_id"].astype(str))]
            scores[:, np.searchsorted(draws, draw), size] = weighted_score(metric, part, weight)
        result[str(model)] = _mean_over_draws(scores, draw_weight)
    return result


def weighted_score(metric: str, part: pd.DataFrame, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a score of the predictions of one model on one test set, for each row of weights of its cases.

    Parameters
    ----------
    metric : {"roc_auc", "r2", "concordance"}
    part : DataFrame of n_cases rows
    weight : array of shape (n_rows, n_cases)

    Returns
    -------
    array of shape (n_rows,)
        NaN where the score is not defined.

    Examples
    --------
    >>> part = pd.DataFrame({"y_true": [1.0, 2.0, 3.0], "y_score": [1.0, 2.0, 4.0]})
    >>> weighted_score("r2", part, np.array([[1.0, 1, 1], [1, 1, 0]])).tolist()
    [0.5, 1.0]
    """
    if metric == "r2":
        return weighted_r2(part["y_true"].to_numpy(dtype=float), part["y_score"].to_numpy(dtype=float), weight)
    if metric == "concordance":
        return weighted_concordance(
            part["event"].to_numpy().astype(bool),
            part["time"].to_numpy(dtype=float),
            part["y_score"].to_numpy(dtype=float),
            weight,
        )
    score = part[score_columns(part)].to_numpy(dtype=float)
    return weighted_auc(part["y_true"].to_numpy(), score[:, 0] if score.shape[1] == 1 else score, weight)


def weighted_r2(
    y_true: NDArray[np.float64], y_score: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the explained variation of weighted cases for each row of weights; NaN where all values are the same.

    Examples
    --------
    >>> weighted_r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), np.array([[2.0, 0, 2]])).tolist()
    [0.5]
    """
    y = y_true - y_true.mean()
    total = weight.sum(axis=1)
    centre = np.divide(weight @ y, total, out=np.zeros(len(weight)), where=total > 0)
    around, missed = weight @ y**2 - total * centre**2, weight @ (y_true - y_score) ** 2
    varies = around > 1e-12 * (weight @ y_true**2)
    return 1.0 - np.divide(missed, around, out=np.full(len(weight), np.nan), where=varies)


def weighted_concordance(
    event: NDArray[np.bool_], time: NDArray[np.float64], risk: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Harrell's concordance of weighted cases for each row of weights; NaN where no pair can be ordered.

    Examples
    --------
    >>> event, time, risk = np.array([True, True, False]), np.array([1.0, 2.0, 3.0]), np.array([0.9, 0.5, 0.7])
    >>> weighted_concordance(event, time, risk, np.array([[1.0, 1, 1], [1, 0, 1]])).round(3).tolist()
    [0.667, 1.0]
    """
    later = (time > time[:, None]) | ((time == time[:, None]) & ~event)
    ordered = (event[:, None] & later).astype(float)
    won = ordered * ((risk < risk[:, None]) + 0.5 * (risk == risk[:, None]))
    pairs = ((weight @ ordered) * weight).sum(axis=1)
    return np.divide(((weight @ won) * weight).sum(axis=1), pairs, out=np.full(len(weight), np.nan), where=pairs > 0)


def weighted_auc(y_true: NDArray, y_score: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUC of weighted cases for each row of weights; macro one-against-rest with several score columns.

    Examples
    --------
    >>> y, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> weighted_auc(y, score, np.array([[1.0, 1, 1, 1], [1, 0, 1, 1]])).tolist()
    [0.75, 1.0]
    """
    if y_score.ndim == 1:
        return _binary(y_true == 1, y_score, weight)
    return np.mean([_binary(y_true == k, y_score[:, k], weight) for k in range(y_score.shape[1])], axis=0)


def _binary(
    positive: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    wins = (score[positive][:, None] > score[~positive]) + 0.5 * (score[positive][:, None] == score[~positive])
    of_positive, of_negative = weight[:, positive], weight[:, ~positive]
    pairs = of_positive.sum(axis=1) * of_negative.sum(axis=1)
    won = ((of_positive @ wins) * of_negative).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(weight), np.nan), where=pairs > 0)


def _mean_over_draws(scores: NDArray[np.float64], draw_weight: NDArray[np.float64]) -> NDArray[np.float64]:
    missing = np.isnan(scores[0]).any(axis=0)  # a size an arm failed at in some draw: no mean over the easier ones
    known = ~np.isnan(scores)
    weight = draw_weight[:, :, None] * known
    total = weight.sum(axis=1)
    summed = (np.where(known, scores, 0.0) * weight).sum(axis=1)
    mean = np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
    mean[:, missing] = np.nan
    return mean


def scores_of_draws(predictions: pd.DataFrame, *, metric: str = "roc_auc") -> pd.Series:
    """Return the score of every arm in every draw at every size: index ``model, repeat, fold``."""
    parts = predictions.groupby(level=["model", "repeat", "fold"], sort=False)
    values = {key: score_of(metric, part) for key, part in parts}
    return pd.Series(values, name=metric).rename_axis(["model", "repeat", "fold"])
