"""DeLong's variance of the AUC and of differences, also for patients who have several cases (Obuchowski)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


class DeLongTest(NamedTuple):
    """Result of `delong_test`: the difference of two AUCs on the same cases."""

    auc_a: float
    auc_b: float
    difference: float
    low: float
    high: float
    z: float
    p_value: float


def delong_covariance(
    y_true: ArrayLike, scores: ArrayLike, *, groups: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUCs of several scores of the same cases and their covariance matrix.

    Parameters
    ----------
    y_true : array of shape (n_cases,)
        0 and 1.
    scores : array of shape (n_scores, n_cases)
        Higher means more likely 1.
    groups : array of shape (n_cases,), optional
        Patient of each case. With it the covariance is Obuchowski's for clustered data: cases of one patient are not
        independent, and the variance counts patients. With one case per patient it is DeLong's, to the last digit.

    Returns
    -------
    auc : array of shape (n_scores,)
    covariance : array of shape (n_scores, n_scores)

    Raises
    ------
    ValueError
        Labels other than 0 and 1, one class only, fewer than two cases (patients) of a class, or scores not finite.

    References
    ----------
    DeLong et al. (1988), Biometrics 44:837. Obuchowski (1997), Biometrics 53:567.

    Examples
    --------
    >>> auc, cov = delong_covariance([0, 0, 0, 1, 1, 1], [[1, 2, 4, 3, 5, 6]])
    >>> round(float(auc[0]), 4), round(float(cov[0, 0]), 6)
    (0.8889, 0.024691)
    """
    y = np.asarray(y_true)
    s = np.atleast_2d(np.asarray(scores, dtype=float))
    if y.ndim != 1 or s.ndim != 2 or s.shape[1] != len(y):
        raise ValueError(f"scores have shape {s.shape}, wanted (n_scores, {len(y)}).")
    if not np.isin(y, [0, 1]).all():
        raise ValueError("y_true must hold 0 and 1 only.")
    if not np.isfinite(s).all():
        raise ValueError("scores must be finite.")
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise ValueError(f"at least two cases of each class are needed, got {m} positive and {n} negative ones.")

    # Placements from midranks: v10 of a positive is the share of negatives below it (ties count half), v01 likewise.
    v10, v01 = np.empty((len(s), m)), np.empty((len(s), n))
    for row, score in enumerate(s):
        overall = stats.rankdata(score)
        v10[row] = (overall[positive] - stats.rankdata(score[positive])) / n
        v01[row] = 1.0 - (overall[~positive] - stats.rankdata(score[~positive])) / m
    auc = v10.mean(axis=1)
    if groups is None:
        return auc, np.cov(v10).reshape(len(s), -1) / m + np.cov(v01).reshape(len(s), -1) / n
    return auc, _clustered_covariance(v10 - auc[:, None], v01 - auc[:, None], np.asarray(groups), positive)


def _clustered_covariance(
    d10: NDArray[np.float64], d01: NDArray[np.float64], groups: NDArray, positive: NDArray[np.bool_]
) -> NDArray[np.float64]:
    if len(groups) != len(positive):
        raise ValueError(f"groups hold {len(groups)} entries for {len(positive)} cases.")
    _, patient = np.unique(groups.astype(str), return_inverse=True)
    n_patients = int(patient.max()) + 1
    m, n = d10.shape[1], d01.shape[1]
    sums10 = np.stack([np.bincount(patient[positive], weights=d, minlength=n_patients) for d in d10])
    sums01 = np.stack([np.bincount(patient[~positive], weights=d, minlength=n_patients) for d in d01])
    with_positive = len(np.unique(patient[positive]))
    with_negative = len(np.unique(patient[~positive]))
    if min(with_positive, with_negative) < 2:
        raise ValueError("at least two patients with a positive and two with a negative case are needed.")
    s10 = sums10 @ sums10.T * with_positive / ((with_positive - 1) * m)
    s01 = sums01 @ sums01.T * with_negative / ((with_negative - 1) * n)
    s11 = sums10 @ sums01.T * n_patients / (n_patients - 1)
    return s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def delong_variance(y_true: ArrayLike, y_score: ArrayLike, *, groups: ArrayLike | None = None) -> tuple[float, float]:
    """Return the AUC of one score and its variance; see `delong_covariance`.

    Examples
    --------
    >>> auc, variance = delong_variance([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> auc, variance
    (0.75, 0.125)
    """
    auc, covariance = delong_covariance(y_true, np.asarray(y_score, dtype=float)[None, :], groups=groups)
    return float(auc[0]), float(covariance[0, 0])


def delong_test(
    y_true: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    level: float = 0.95,
) -> DeLongTest:
    """Compare the AUCs of two scores of the same, held-out cases.

    For an external or held-out test set. On pooled cross-validation predictions it ignores the variance of training
    and is descriptive at best; there use the corrected paired test of the fold differences.

    Parameters
    ----------
    y_true, score_a, score_b : arrays of shape (n_cases,)
    groups : array of shape (n_cases,), optional
        Patient of each case; see `delong_covariance`.
    level : float
        Coverage of the interval of the difference.

    Returns
    -------
    DeLongTest
        ``difference`` is a - b. Two scores that rank all pairs alike give z = 0 and p = 1.

    Examples
    --------
    >>> result = delong_test([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], [1, 2, 4, 3, 5, 6])
    >>> result.z, result.p_value
    (0.0, 1.0)
    """
    auc, cov = delong_covariance(
        y_true, np.stack([np.asarray(score_a, float), np.asarray(score_b, float)]), groups=groups
    )
    difference = float(auc[0] - auc[1])
    # Cancellation leaves about 1e-17 where the two curves agree: that is no variance.
    variance = float(cov[0, 0] + cov[1, 1] - 2.0 * cov[0, 1])
    variance = variance if variance > 1e-14 else 0.0
    if variance == 0.0:
        z = 0.0 if abs(difference) < 1e-12 else float(np.sign(difference) * np.inf)
    else:
        z = difference / float(np.sqrt(variance))
    half = float(stats.norm.ppf(0.5 + level / 2.0) * np.sqrt(variance))
    p_value = float(2.0 * stats.norm.sf(abs(z)))
    return DeLongTest(float(auc[0]), float(auc[1]), difference, difference - half, difference + half, z, p_value)
