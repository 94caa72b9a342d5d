"""Calibration of predicted probabilities: slope, intercept, calibration-in-the-large, ICI."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from hybridrad.evaluation.lowess import lowess

# Probabilities of exactly 0 or 1 have no logit; this far out one case cannot turn the fit.
CLIP = 1e-6
# Per standard deviation of logit(p). Beyond this the score separates the classes (nearly) perfectly: no estimate
# exists.
MAX_COEFFICIENT = 50.0


class Calibration(NamedTuple):
    """Coefficients of logit(y) ~ intercept + slope * logit(p), and the intercept at slope 1."""

    intercept: float
    slope: float
    citl: float


class CalibrationError(NamedTuple):
    """Absolute distance of predicted from smoothed observed risk (lowess, span 2/3): mean, median, 90 %, largest."""

    ici: float
    e50: float
    e90: float
    emax: float


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), with p kept at least 1e-6 away from 0 and 1.

    Examples
    --------
    >>> logit([0.5]).tolist()
    [0.0]
    """
    p = np.clip(np.asarray(probability, dtype=float), CLIP, 1.0 - CLIP)
    return np.log(p / (1.0 - p))


def calibration(y_true: ArrayLike, probability: ArrayLike) -> Calibration:
    """Return calibration intercept and slope (fitted together) and calibration-in-the-large.

    Parameters
    ----------
    y_true : array of shape (n_cases,)
        0 and 1.
    probability : array of shape (n_cases,)
        Predicted probability of 1.

    Returns
    -------
    Calibration
        ``slope`` below 1: predictions too extreme. ``citl`` above 0: predictions too low on the whole. NaN where the
        estimate does not exist: one class only, a constant prediction, or perfectly separated classes.

    References
    ----------
    Cox (1958), Biometrika 45:562; Van Calster et al. (2019), BMC Med 17:230.

    Examples
    --------
    >>> result = calibration([0, 1, 0, 1, 0, 1], [0.3, 0.4, 0.6, 0.6, 0.2, 0.8])
    >>> round(result.slope, 3), round(result.citl, 3)
    (1.714, 0.08)
    """
    y, x = np.asarray(y_true, dtype=float), logit(probability)
    at_large = float(_logistic(np.ones((len(x), 1)), y, x)[0])
    centre, spread = float(x.mean()), float(x.std())
    if spread < 1e-10:
        return Calibration(np.nan, np.nan, at_large)
    # Fitted per standard deviation, so that a strongly shrunk model (all p near 0.5) is no special case.
    level, rise = _logistic(np.column_stack([np.ones_like(x), (x - centre) / spread]), y, np.zeros_like(x))
    return Calibration(float(level - rise * centre / spread), float(rise / spread), at_large)


def calibration_error(y_true: ArrayLike, probability: ArrayLike) -> CalibrationError:
    """Return the integrated calibration index and its quantiles, with a lowess smoother (span 2/3).

    The value depends on the smoother, and a perfectly calibrated model shows about 0.07, 0.04 and 0.03 at 60, 150 and
    300 cases: compare models with it, do not read it as an absolute error.

    References
    ----------
    Austin & Steyerberg (2019), Stat Med 38:4051.

    Examples
    --------
    >>> p = np.linspace(0.05, 0.95, 19)
    >>> round(calibration_error((p > 0.5).astype(int), p).ici, 2)
    0.17
    """
    p = np.asarray(probability, dtype=float)
    error = np.abs(p - lowess(p, y_true))
    return CalibrationError(
        float(error.mean()), float(np.median(error)), float(np.quantile(error, 0.9)), float(error.max())
    )


def calibration_over_repeats(predictions: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return slope, intercept and calibration-in-the-large of one model, averaged over repeats, with intervals.

    Each repeat predicts every case once; the coefficients are fitted on the pooled predictions of a repeat (a single
    fold is too small for them) and averaged. The interval is a sandwich over patients of the averaged influence of each
    case: it holds the variance of the cases at hand, not of training again on others.

    Parameters
    ----------
    predictions : DataFrame
        Rows of one model of a two-class predictions table.

    Returns
    -------
    DataFrame
        Index ``slope, intercept, citl``; columns ``value, low, high, n_undefined``: the repeats without an estimate.
        With any of those the value is NaN, for an average over the others would mislead.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvwxyz")], names=names)
    >>> table = pd.DataFrame({"patient_id": list("uvwxyz"), "y_true": [0, 1, 0, 1, 0, 1],
    ...                       "y_score": [0.3, 0.4, 0.6, 0.6, 0.2, 0.8]}, index=index)
    >>> round(float(calibration_over_repeats(table).loc["slope", "value"]), 3)
    1.714
    """
    repeats = [part for _, part in predictions.groupby(level="repeat")]
    estimates = np.array([calibration(part["y_true"], part["y_score"]) for part in repeats])
    patients = np.unique(predictions["patient_id"].astype(str))
    n = len(patients)
    influence = np.zeros((n, 3))
    for part, estimate in zip(repeats, estimates, strict=True):
        row = np.searchsorted(patients, part["patient_id"].astype(str))
        np.add.at(influence, row, _influence(part, Calibration(*estimate)) / len(repeats))
    value = estimates.mean(axis=0)
    half = np.full(3, np.nan)
    if n > 2:
        half = stats.t.ppf(0.5 + level / 2.0, n - 1) * np.sqrt((influence**2).sum(axis=0) * n / (n - 1))
    columns = {
        "value": value,
        "low": value - half,
        "high": value + half,
        "n_undefined": np.isnan(estimates).sum(axis=0),
    }
    table = pd.DataFrame(columns, index=pd.Index(["intercept", "slope", "citl"], name="coefficient"))
    return table.loc[["slope", "intercept", "citl"]]


def _influence(part: pd.DataFrame, estimate: Calibration) -> NDArray[np.float64]:
    """Return (n_cases, 3): how far each case moves intercept, slope and CITL; NaN where there is no estimate."""
    y, x = part["y_true"].to_numpy(float), logit(part["y_score"])
    influence = np.full((len(x), 3), np.nan)
    if np.isfinite(estimate.slope):
        design = np.column_stack([np.ones_like(x), x])
        fitted = expit(estimate.intercept + estimate.slope * x)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        influence[:, :2] = np.linalg.solve(information, (design * (y - fitted)[:, None]).T).T
    if np.isfinite(estimate.citl):
        shifted = expit(estimate.citl + x)
        influence[:, 2] = (y - shifted) / (shifted * (1 - shifted)).sum()
    return influence


def _logistic(design: NDArray[np.float64], y: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return maximum-likelihood coefficients by Newton steps with halving, or NaN where they do not exist."""
    nothing = np.full(design.shape[1], np.nan)
    if len(np.unique(y)) < 2:
        return nothing
    beta = np.zeros(design.shape[1])

    def loss(coefficients: NDArray[np.float64]) -> float:
        eta = design @ coefficients + offset
        return float(np.logaddexp(0.0, eta).sum() - y @ eta)

    now = loss(beta)
    for _ in range(100):
        fitted = expit(design @ beta + offset)
        gradient = design.T @ (y - fitted)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e14:
            return nothing
        step = np.linalg.solve(information, gradient)
        size = 1.0
        while loss(beta + size * step) > now + 1e-12 and size > 1e-6:
            size /= 2.0
        beta = beta + size * step
        now = loss(beta)
        # The intercept alone always exists; only a slope can run away.
        if len(beta) > 1 and np.abs(beta[1]) > MAX_COEFFICIENT:
            return nothing
        if np.abs(step).max() < 1e-10:
            return beta
    return nothing
