"""Scores of one held-out set of patients: values, variances over patients, intervals, paired differences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from hybridrad.evaluation.calibration import calibration_over_repeats
from hybridrad.evaluation.delong import delong_covariance, delong_variance
from hybridrad.evaluation.metrics import METRICS, score_columns, score_of
from hybridrad.evaluation.regression_metrics import linear_calibration_over_repeats

RATES = ("sensitivity", "specificity")
# Cancellation leaves about 1e-17 where two curves agree: that is no variance.
NO_VARIANCE = 1e-14


class SetScore(NamedTuple):
    """A score of one test set; ``variance`` is over its patients and NaN or 0 where there is none to compute."""

    value: float
    variance: float
    low: float
    high: float
    method: str


class SetDifference(NamedTuple):
    """A paired difference on one test set: value, variance over patients, degrees of freedom (inf: normal)."""

    difference: float
    variance: float
    df: float
    method: str


def set_score(part: pd.DataFrame, metric: str, *, level: float = 0.95) -> SetScore:
    """Return a score of one model on one test set with its interval.

    The training part is taken as given: the interval is about the fitted model, over patients that could have been
    tested. Two-class AUC: DeLong's variance, clustered by patient where patients have several cases. Sensitivity and
    specificity: Wilson's interval with the number of cases that as many independent patients would be worth.
    Calibration: a sandwich over patients. All else: a jackknife over patients with a t interval.

    Parameters
    ----------
    part : DataFrame
        Predictions of one model on one test set, with index level ``repeat``.
    metric : str
    level : float

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvwxyz")], names=names)
    >>> table = pd.DataFrame({"patient_id": list("uvwxyz"), "y_true": [0, 1, 0, 1, 0, 1],
    ...                       "y_score": [0.3, 0.4, 0.6, 0.6, 0.2, 0.8]}, index=index)
    >>> score = set_score(table, "roc_auc")
    >>> round(score.value, 3), round(score.low, 3), round(score.high, 3), score.method
    (0.833, 0.456, 1.211, "DeLong's interval")
    """
    if METRICS[metric].per_repeat:
        return _coefficient(part, metric, level)
    value = score_of(metric, part)
    if np.isnan(value):
        return SetScore(np.nan, np.nan, np.nan, np.nan, "not scored: the metric is not defined here")
    if _by_delong(part, metric):
        _, variance = delong_variance(part["y_true"], part["y_score"], groups=_patients(part))
        if variance <= NO_VARIANCE:
            return SetScore(value, 0.0, np.nan, np.nan, "no interval, all pairs are ranked alike")
        half = float(stats.norm.ppf(0.5 + level / 2) * np.sqrt(variance))
        return SetScore(value, variance, value - half, value + half, f"DeLong's interval{_clustered(part)}")
    deviations = jackknife_deviations(part, metric)
    variance = float((deviations**2).sum())
    if metric in RATES:
        low, high = _wilson(value, variance, _of_class(part, metric), level)
        return SetScore(value, variance, low, high, f"Wilson's interval{_clustered(part)}")
    half = float(stats.t.ppf(0.5 + level / 2, len(deviations) - 1) * np.sqrt(variance))
    return SetScore(value, variance, value - half, value + half, "jackknife over patients")


def set_difference(part_a: pd.DataFrame, part_b: pd.DataFrame, metric: str) -> SetDifference:
    """Return score a minus score b on the same test set, paired by patient.

    Two-class AUC: DeLong, clustered by patient, normal. All else: a jackknife over patients, t.

    Raises
    ------
    ValueError
        The two were not tested on the same cases.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a"], [0], [0], list("uvwxyz")], names=["model", "repeat", "fold", "case"])
    >>> a = pd.DataFrame({"patient_id": list("uvwxyz"), "y_true": [0, 1, 0, 1, 0, 1]}, index=index)
    >>> b = a.assign(y_score=[0.3, 0.4, 0.6, 0.6, 0.2, 0.5])
    >>> a = a.assign(y_score=[0.3, 0.4, 0.6, 0.6, 0.2, 0.8])
    >>> round(set_difference(a, b, "roc_auc").difference, 3)
    0.111
    """
    b = part_b.droplevel("model")
    a = part_a.droplevel("model").reindex(b.index)
    if len(part_a) != len(b) or a["patient_id"].isna().any():
        raise ValueError("the two models were tested on different cases and cannot be compared.")
    if _by_delong(part_b, metric):
        auc, cov = delong_covariance(b["y_true"], np.stack([a["y_score"], b["y_score"]]), groups=_patients(b))
        variance = float(cov[0, 0] + cov[1, 1] - 2.0 * cov[0, 1])
        return SetDifference(float(auc[0] - auc[1]), max(variance, 0.0), np.inf, f"DeLong's test{_clustered(b)}")
    of_a, of_b = jackknife_deviations(a, metric), jackknife_deviations(b, metric)
    difference = score_of(metric, a) - score_of(metric, b)
    variance = float(((of_a - of_b) ** 2).sum())
    return SetDifference(difference, variance, len(of_a) - 1, "jackknife over patients")


def jackknife_deviations(part: pd.DataFrame, metric: str) -> NDArray[np.float64]:
    """Return one deviation for each patient (sorted), scaled so that their squares sum to the variance of the score.

    ``sqrt((n - 1) / n) * (score without the patient - mean of these scores)``. The products of the deviations of two
    models sum to their covariance.

    References
    ----------
    Efron & Stein (1981), doi:10.1214/aos/1176345462.

    Examples
    --------
    >>> table = pd.DataFrame({"patient_id": list("abcd"), "y_true": [0, 1, 0, 1], "y_score": [0.2, 0.6, 0.4, 0.7]})
    >>> variance_of_mean = np.var((table["y_score"] - table["y_true"]) ** 2, ddof=1) / 4
    >>> bool(np.isclose((jackknife_deviations(table, "brier") ** 2).sum(), variance_of_mean))
    True
    """
    _, patient = np.unique(part["patient_id"].astype(str), return_inverse=True)
    n = int(patient.max()) + 1
    without = np.array([score_of(metric, part[patient != p]) for p in range(n)])
    return np.sqrt((n - 1) / n) * (without - without.mean())


def hanley_mcneil_variance(auc: float, n_positive: float, n_negative: float) -> float:
    """Return the variance of an AUC from its value and the numbers of both classes.

    References
    ----------
    Hanley & McNeil (1982), doi:10.1148/radiology.143.1.7063747.

    Examples
    --------
    >>> round(hanley_mcneil_variance(0.8, 25, 25) ** 0.5, 4)
    0.0633
    """
    q1, q2 = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    spread = auc * (1.0 - auc) + (n_positive - 1.0) * (q1 - auc**2) + (n_negative - 1.0) * (q2 - auc**2)
    return float(spread / (n_positive * n_negative))


def patients_of_class(part: pd.DataFrame, label: int) -> int:
    """Return how many patients have a case of the class."""
    return int(part.loc[part["y_true"] == label, "patient_id"].nunique())


def _by_delong(part: pd.DataFrame, metric: str) -> bool:
    return metric == "roc_auc" and score_columns(part) == ["y_score"]


def _patients(part: pd.DataFrame) -> NDArray:
    return part["patient_id"].astype(str).to_numpy()


def _clustered(part: pd.DataFrame) -> str:
    return ", clustered by patient" if part["patient_id"].duplicated().any() else ""


def _of_class(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    return part[part["y_true"] == (1 if metric == "sensitivity" else 0)]


def _wilson(rate: float, variance: float, part: pd.DataFrame, level: float) -> tuple[float, float]:
    # Cases of one patient are worth fewer independent ones; at 0 or 1 no variance tells how many, so patients count.
    worth = rate * (1 - rate) / variance if variance > NO_VARIANCE else part["patient_id"].nunique()
    n, z = min(float(worth), float(len(part))), float(stats.norm.ppf(0.5 + level / 2))
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return float(centre - half), float(centre + half)


def _coefficient(part: pd.DataFrame, metric: str, level: float) -> SetScore:
    over_repeats = linear_calibration_over_repeats if metric.startswith("linear_") else calibration_over_repeats
    row = over_repeats(part, level=level).loc[metric.partition("_")[2]]
    value, low, high = (float(x) for x in row[["value", "low", "high"]].to_numpy(dtype=float))
    quantile = float(stats.t.ppf(0.5 + level / 2, part["patient_id"].nunique() - 1))
    return SetScore(value, ((high - low) / (2 * quantile)) ** 2, low, high, "sandwich over patients")


def clipped(score: SetScore, metric: str) -> SetScore:
    """Return the score with its limits inside the range of the metric.

    Examples
    --------
    >>> clipped(SetScore(0.9, 0.01, 0.7, 1.1, ""), "roc_auc").high
    1.0
    """
    known = METRICS[metric]
    return score._replace(low=float(np.maximum(score.low, known.low)), high=float(np.minimum(score.high, known.high)))


def as_columns(y_true: ArrayLike, y_score: ArrayLike, patient_id: ArrayLike) -> pd.DataFrame:
    """Return arrays as predictions of one model on one test set, for `set_score` and `set_difference`.

    Examples
    --------
    >>> as_columns([0, 1], [0.2, 0.7], ["a", "b"]).columns.tolist()
    ['patient_id', 'y_true', 'y_score']
    """
    y = np.asarray(y_true)
    index = pd.MultiIndex.from_product(
        [["model"], [0], [0], range(len(y))], names=["model", "repeat", "fold", "case_id"]
    )
    values = {
        "patient_id": np.asarray(patient_id).astype(str),
        "y_true": y,
        "y_score": np.asarray(y_score, dtype=float),
    }
    return pd.DataFrame(values, index=index)
