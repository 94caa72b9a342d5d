"""ROC and calibration curves of the stored predictions: one curve per repeat, and their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GRID = np.linspace(0.0, 1.0, 201)
SMALL_CLASS = 100  # under so many events or non-events a calibration curve is not to be relied on


def roc_points(y_true: NDArray[np.int_], y_score: Floats) -> tuple[Floats, Floats]:
    """Return false and true positive fractions of every threshold, from (0, 0) to (1, 1).

    Parameters
    ----------
    y_true : int ndarray of shape (n_cases,)
        0 and 1.
    y_score : float ndarray of shape (n_cases,)

    Examples
    --------
    >>> roc_points(np.array([0, 1, 1]), np.array([0.2, 0.2, 0.9]))
    (array([0., 0., 1.]), array([0. , 0.5, 1. ]))
    """
    order = np.argsort(-y_score, kind="stable")
    # Cases with the same score enter together, which makes the slope of ties a diagonal.
    last_of_tie = np.flatnonzero(np.diff(y_score[order], append=-np.inf) != 0)
    true = np.cumsum(y_true[order] == 1)[last_of_tie]
    false = np.cumsum(y_true[order] != 1)[last_of_tie]
    return (
        np.concatenate([[0.0], false / max(false[-1], 1)]),
        np.concatenate([[0.0], true / max(true[-1], 1)]),
    )


def per_repeat(predictions: pd.DataFrame, model: str) -> Iterator[pd.DataFrame]:
    """Yield the predictions of a model repeat by repeat; nothing when it has none."""
    of_model = predictions[predictions.index.get_level_values("model") == model]
    for _, rows in of_model.groupby(level="repeat", sort=True):
        yield rows


def roc_curves(predictions: pd.DataFrame, model: str, *, class_index: int | None = None) -> list[tuple[Floats, Floats]]:
    """Return the ROC curve of each repeat.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table.
    model : str
    class_index : int, optional
        This class against all others (tables with ``y_score_<k>``); None for two classes.
    """
    wanted, column = (1, "y_score") if class_index is None else (class_index, f"y_score_{class_index}")
    curves = []
    for rows in per_repeat(predictions, model):
        usable = rows[[column, "y_true"]].dropna()
        hit = (usable["y_true"].to_numpy() == wanted).astype(int)
        if 0 < hit.sum() < len(hit):
            curves.append(roc_points(hit, usable[column].to_numpy(dtype=float)))
    return curves


def mean_roc(curves: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return the mean of ROC curves over repeats, averaged at fixed false positive fractions.

    Examples
    --------
    >>> fpr, tpr = mean_roc([(np.array([0.0, 1.0]), np.array([0.0, 1.0]))])
    >>> bool(np.allclose(fpr, tpr))
    True
    """
    heights = np.mean([np.interp(GRID, fpr, tpr) for fpr, tpr in curves], axis=0)
    return np.concatenate([[0.0], GRID]), np.concatenate([[0.0], heights])


def calibration_bins(y_true: NDArray[np.int_], y_score: Floats, *, n_bins: int) -> tuple[Floats, Floats]:
    """Return mean predicted probability and observed fraction in bins that hold the same number of cases.

    Examples
    --------
    >>> calibration_bins(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.6, 0.8]), n_bins=2)
    (array([0.2, 0.7]), array([0., 1.]))
    """
    parts = np.array_split(np.argsort(y_score, kind="stable"), max(1, min(n_bins, len(y_score))))
    predicted = np.array([y_score[p].mean() for p in parts])
    observed = np.array([(y_true[p] == 1).mean() for p in parts])
    return predicted, observed


def calibration_curves(predictions: pd.DataFrame, model: str) -> list[tuple[Floats, Floats]]:
    """Return the grouped calibration curve of each repeat: fifths of the cases, tenths from 100 per class on."""
    curves = []
    for rows in per_repeat(predictions, model):
        usable = rows[["y_score", "y_true"]].dropna()
        y_true = usable["y_true"].to_numpy(dtype=int)
        if len(y_true):
            n_bins = 10 if smaller_class(y_true) >= SMALL_CLASS else 5
            curves.append(calibration_bins(y_true, usable["y_score"].to_numpy(dtype=float), n_bins=n_bins))
    return curves


def smaller_class(y_true: NDArray[np.int_]) -> int:
    """Return the number of cases of the smallest class that is there.

    Examples
    --------
    >>> smaller_class(np.array([0, 0, 1]))
    1
    """
    return int(np.unique(y_true, return_counts=True)[1].min()) if len(y_true) else 0
