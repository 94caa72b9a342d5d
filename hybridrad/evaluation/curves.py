"""Points of ROC and calibration curves: drawn per repeat, on one grid, so that they can be averaged and shaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.evaluation.lowess import lowess

DEFAULT_GRID = np.linspace(0.0, 1.0, 101).round(2)


def roc_points(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false and true positive rates, from (0, 0) to (1, 1), one point per distinct score.

    Examples
    --------
    >>> fpr, tpr = roc_points([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """
    y, s = np.asarray(y_true), np.asarray(y_score, dtype=float)
    order = np.argsort(-s, kind="stable")
    # Cases with equal scores are called together: a point only where the score changes.
    last = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)
    true_positive = np.append(0, np.cumsum(y[order] == 1)[last])
    false_positive = np.append(0, np.cumsum(y[order] != 1)[last])
    return false_positive / max(false_positive[-1], 1), true_positive / max(true_positive[-1], 1)


def roc_curves(predictions: pd.DataFrame, *, grid: ArrayLike | None = None) -> pd.DataFrame:
    """Return ROC curves of two-class predictions, one per repeat from its pooled test folds.

    The area under such a curve is not the score in the scores table: that one is made per fold, since pooling the
    scores of different models biases the area downwards.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table of a two-class study.
    grid : array, optional
        False positive rates; default 0, 0.01 .. 1.

    Returns
    -------
    DataFrame
        Index ``model, repeat, fpr``; column ``tpr``.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_tuples([("a", 0, 0, "x"), ("a", 0, 0, "y")], names=names)
    >>> table = pd.DataFrame({"y_true": [0, 1], "y_score": [0.2, 0.8]}, index=index)
    >>> roc_curves(table, grid=[0.0, 1.0])["tpr"].tolist()
    [1.0, 1.0]
    """

    def tpr(part: pd.DataFrame, at: NDArray[np.float64]) -> NDArray[np.float64]:
        fpr, rate = roc_points(part["y_true"], part["y_score"])
        # At a vertical step the upper end counts: keep the largest rate of each false positive rate.
        upper = np.append(np.flatnonzero(np.diff(fpr)), len(fpr) - 1)
        return np.interp(at, fpr[upper], rate[upper])

    return _per_repeat(predictions, tpr, grid, x="fpr", y="tpr")


def calibration_curves(predictions: pd.DataFrame, *, grid: ArrayLike | None = None) -> pd.DataFrame:
    """Return smoothed observed risk (lowess, span 2/3) against predicted risk, one curve per repeat.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table of a two-class study.
    grid : array, optional
        Predicted risks; default 0, 0.01 .. 1.

    Returns
    -------
    DataFrame
        Index ``model, repeat, predicted``; column ``observed``, in 0 .. 1; NaN outside the predictions of the repeat.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvwxyz")], names=names)
    >>> table = pd.DataFrame({"y_true": [0, 0, 0, 1, 1, 1], "y_score": [0.1, 0.2, 0.4, 0.5, 0.7, 0.9]}, index=index)
    >>> calibration_curves(table, grid=[0.05, 0.9])["observed"].round(2).tolist()
    [nan, 1.0]
    """

    def observed(part: pd.DataFrame, at: NDArray[np.float64]) -> NDArray[np.float64]:
        p = part["y_score"].to_numpy(float)
        curve = np.full(len(at), np.nan)
        inside = (at >= p.min()) & (at <= p.max())
        if len(p) >= 3 and inside.any():
            curve[inside] = np.clip(lowess(p, part["y_true"], at[inside]), 0.0, 1.0)
        return curve

    return _per_repeat(predictions, observed, grid, x="predicted", y="observed")


def mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of per-repeat curves and their range over repeats.

    The range shows how much the split matters; it is no confidence interval, for all repeats hold the same patients.

    Parameters
    ----------
    curves : DataFrame
        From `roc_curves` or `calibration_curves`.

    Returns
    -------
    DataFrame
        Index ``model`` and the x of the curve; columns ``mean, low, high`` (smallest and largest), NaN where fewer than
        half of the repeats reach.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a"], [0, 1], [0.5]], names=["model", "repeat", "fpr"])
    >>> mean_curve(pd.DataFrame({"tpr": [0.6, 0.8]}, index=index)).round(2).iloc[0].tolist()
    [0.7, 0.6, 0.8]
    """
    x, column = str(curves.index.names[2]), str(curves.columns[0])
    groups = curves[column].groupby(level=["model", x], sort=False)
    table = pd.DataFrame({"mean": groups.mean(), "low": groups.min(), "high": groups.max()})
    return table.where(groups.count() * 2 >= groups.size())


def _per_repeat(
    predictions: pd.DataFrame,
    curve: Callable[[pd.DataFrame, NDArray[np.float64]], NDArray[np.float64]],
    grid: ArrayLike | None,
    *,
    x: str,
    y: str,
) -> pd.DataFrame:
    at = DEFAULT_GRID if grid is None else np.asarray(grid, dtype=float)
    parts = []
    for key, part in predictions.groupby(level=["model", "repeat"], sort=False):
        index = pd.MultiIndex.from_product([[key[0]], [key[1]], at], names=["model", "repeat", x])
        parts.append(pd.DataFrame({y: curve(part, at)}, index=index))
    return pd.concat(parts)
