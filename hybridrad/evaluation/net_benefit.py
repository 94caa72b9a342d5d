"""Net benefit of acting on a prediction (decision curves)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def net_benefit(y_true: ArrayLike, probability: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return TP/n - FP/n * pt/(1 - pt) at each threshold probability.

    Parameters
    ----------
    y_true : array of shape (n_cases,)
        0 and 1.
    probability : array of shape (n_cases,)
        Predicted probability of 1; a case is treated where it reaches the threshold (>=).
    thresholds : array of shape (n_thresholds,)
        Threshold probabilities, above 0 and below 1.

    Raises
    ------
    ValueError
        A threshold outside (0, 1), or labels other than 0 and 1.

    References
    ----------
    Vickers & Elkin (2006), Med Decis Making 26:565.

    Examples
    --------
    >>> net_benefit([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], [0.5]).tolist()
    [0.0]
    """
    y, p, pt = (
        np.asarray(y_true),
        np.asarray(probability, dtype=float),
        np.atleast_1d(np.asarray(thresholds, dtype=float)),
    )
    if not np.isin(y, [0, 1]).all():
        raise ValueError("y_true must hold 0 and 1 only.")
    if ((pt <= 0) | (pt >= 1)).any():
        raise ValueError("thresholds must lie between 0 and 1, both excluded.")
    treated = p[None, :] >= pt[:, None]
    true_positive = (treated & (y == 1)).mean(axis=1)
    false_positive = (treated & (y == 0)).mean(axis=1)
    return true_positive - false_positive * pt / (1.0 - pt)


def net_benefit_treat_all(y_true: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return the net benefit of treating everybody at each threshold probability.

    Examples
    --------
    >>> net_benefit_treat_all([0, 0, 1, 1], [0.5]).tolist()
    [0.0]
    """
    return net_benefit(y_true, np.ones(len(np.asarray(y_true))), thresholds)


def net_benefit_table(predictions: pd.DataFrame, thresholds: ArrayLike | None = None) -> pd.DataFrame:
    """Return decision curves of binary predictions: drawn per repeat, then averaged over repeats.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table of a two-class study.
    thresholds : array, optional
        Threshold probabilities; default 0.05 to 0.95 in steps of 0.05.

    Returns
    -------
    DataFrame
        Index ``model, threshold``; columns ``net_benefit`` (mean over repeats) and ``treat_all``.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("a", 0, 0, "x"), ("a", 0, 0, "y")], names=["model", "repeat", "fold", "case_id"])
    >>> table = pd.DataFrame({"y_true": [0, 1], "y_score": [0.2, 0.8]}, index=index)
    >>> float(net_benefit_table(table, [0.5]).loc[("a", 0.5), "net_benefit"])
    0.5
    """
    grid = (
        np.linspace(0.05, 0.95, 19).round(2)
        if thresholds is None
        else np.atleast_1d(np.asarray(thresholds, dtype=float))
    )
    parts = []
    for model, of_model in predictions.groupby(level="model", sort=False):
        repeats = [part for _, part in of_model.groupby(level="repeat")]
        curves = np.mean([net_benefit(part["y_true"], part["y_score"], grid) for part in repeats], axis=0)
        everybody = np.mean([net_benefit_treat_all(part["y_true"], grid) for part in repeats], axis=0)
        index = pd.MultiIndex.from_product([[model], grid], names=["model", "threshold"])
        parts.append(pd.DataFrame({"net_benefit": curves, "treat_all": everybody}, index=index))
    return pd.concat(parts)
