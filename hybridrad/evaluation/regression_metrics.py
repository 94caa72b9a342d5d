"""Scores of predicted values: explained variation, errors in the unit of the value, rank correlation, calibration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

# Below this range, as a share of the values themselves, they are constant: nothing can be explained or ranked.
NO_RANGE = 1e-12


class LinearCalibration(NamedTuple):
    """Least-squares line of the observed on the predicted values: 1 and 0 are perfect."""

    slope: float
    intercept: float


def r2(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the share of the variation of the test cases that the predictions explain; below 0 is worse than a mean.

    The reference is the mean of the test cases themselves, which no model knew: a model that predicts the mean of the
    training cases lies slightly below 0, by about 1/n_test.

    Returns
    -------
    float
        NaN with fewer than two cases, or where all have the same value.

    Examples
    --------
    >>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    y, p = _pair(y_true, y_score)
    return np.nan if _constant(y) else float(1.0 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def mae(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the mean absolute error, in the unit of the value.

    Examples
    --------
    >>> mae([1.0, 2.0], [2.0, 2.0])
    0.5
    """
    y, p = _pair(y_true, y_score)
    return float(np.abs(y - p).mean())


def rmse(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the root of the mean squared error, in the unit of the value.

    Examples
    --------
    >>> rmse([1.0, 2.0], [2.0, 3.0])
    1.0
    """
    y, p = _pair(y_true, y_score)
    return float(np.sqrt(((y - p) ** 2).mean()))


def spearman(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return Spearman's rank correlation; 0 where all predictions are equal, for then they rank nothing.

    Returns
    -------
    float
        NaN where all observed values are equal: there is nothing to rank.

    Examples
    --------
    >>> round(spearman([1.0, 2.0, 3.0], [1.0, 8.0, 27.0]), 6), spearman([1.0, 2.0], [5.0, 5.0])
    (1.0, 0.0)
    """
    y, p = _pair(y_true, y_score)
    if _constant(y):
        return np.nan
    if _constant(p):
        return 0.0
    return float(np.corrcoef(stats.rankdata(y), stats.rankdata(p))[0, 1])


def linear_calibration(y_true: ArrayLike, y_score: ArrayLike) -> LinearCalibration:
    """Return the least-squares line of the observed on the predicted values.

    Returns
    -------
    LinearCalibration
        A slope below 1: predictions too extreme. NaN where all predictions are equal.

    Examples
    --------
    >>> linear_calibration([1.0, 2.0, 3.0], [0.0, 2.0, 4.0])
    LinearCalibration(slope=0.5, intercept=1.0)
    """
    y, p = _pair(y_true, y_score)
    if _constant(p):
        return LinearCalibration(np.nan, np.nan)
    slope = float(((p - p.mean()) * (y - y.mean())).sum() / ((p - p.mean()) ** 2).sum())
    return LinearCalibration(slope, float(y.mean() - slope * p.mean()))


def linear_calibration_over_repeats(predictions: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return slope and intercept of one model, averaged over repeats, with a sandwich interval over patients.

    As `hybridrad.evaluation.calibration.calibration_over_repeats`: a line through the pooled predictions of each
    repeat, and an interval that holds the variance of the cases at hand, not of training again.

    Parameters
    ----------
    predictions : DataFrame
        Rows of one model; index level ``repeat``, columns ``patient_id, y_true, y_score``.

    Returns
    -------
    DataFrame
        Index ``slope, intercept``; columns ``value, low, high``.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvw")], names=["model", "repeat", "fold", "case_id"])
    >>> table = pd.DataFrame({"patient_id": list("uvw"), "y_true": [1.0, 2.0, 3.5], "y_score": [0.0, 2.0, 4.0]}, index)
    >>> float(linear_calibration_over_repeats(table).loc["slope", "value"])
    0.625
    """
    repeats = [part for _, part in predictions.groupby(level="repeat")]
    lines = np.array([linear_calibration(part["y_true"], part["y_score"]) for part in repeats])
    patients = np.unique(predictions["patient_id"].astype(str))
    n = len(patients)
    influence = np.zeros((n, 2))
    for part, (slope, intercept) in zip(repeats, lines, strict=True):
        row = np.searchsorted(patients, part["patient_id"].astype(str))
        np.add.at(influence, row, _influence(part, float(slope), float(intercept)) / len(repeats))
    value, half = lines.mean(axis=0), np.full(2, np.nan)
    if n > 2:
        half = stats.t.ppf(0.5 + level / 2.0, n - 1) * np.sqrt((influence**2).sum(axis=0) * n / (n - 1))
    return pd.DataFrame(
        {"value": value, "low": value - half, "high": value + half},
        index=pd.Index(["slope", "intercept"], name="coefficient"),
    )


def _influence(part: pd.DataFrame, slope: float, intercept: float) -> NDArray[np.float64]:
    """Return (n_cases, 2): how far each case moves slope and intercept; NaN where there is no line."""
    if not np.isfinite(slope):
        return np.full((len(part), 2), np.nan)
    y, p = part["y_true"].to_numpy(float), part["y_score"].to_numpy(float)
    design = np.column_stack([p, np.ones_like(p)])
    residual = y - slope * p - intercept
    return np.linalg.solve(design.T @ design, (design * residual[:, None]).T).T


def _constant(values: NDArray[np.float64]) -> bool:
    return len(values) < 2 or float(np.ptp(values)) <= NO_RANGE * float(np.abs(values).max())


def _pair(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, p = np.asarray(y_true, dtype=float), np.asarray(y_score, dtype=float)
    if y.ndim != 1 or y.shape != p.shape:
        raise ValueError(f"observed and predicted values must be one per case, got shapes {y.shape} and {p.shape}.")
    return y, p
