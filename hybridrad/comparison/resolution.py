"""What a cohort can resolve at all: half widths of intervals of a difference, from assumptions made before the run.

The variance of a paired difference on one test set comes from the size of the set and from what is assumed of the two
models; the design makes a half width of it. A true difference of that size is found in about half of all studies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from hybridrad.evaluation.one_set import hanley_mcneil_variance

# Typical of arms that see the same lesions; said wherever a number that rests on them is printed.
AUC, CONCORDANCE, R2 = 0.75, 0.70, 0.30
CORRELATION = 0.65
CLASS_CORRELATION = 0.3


def auc_variance(n_positive: float, n_negative: float, *, auc: float = AUC, correlation: float = CORRELATION) -> float:
    """Return the variance of the difference of two AUCs on one test set: ``2 (1 - rho)`` times Hanley and McNeil's.

    Parameters
    ----------
    n_positive, n_negative : float
        Patients of both classes in the test set.
    auc, correlation : float
        Assumed AUC of both models, and correlation of their AUCs.

    Raises
    ------
    ValueError
        Less than one patient of a class, or an assumption out of range.

    References
    ----------
    Hanley & McNeil (1982), Radiology 143:29; (1983), Radiology 148:839.

    Examples
    --------
    >>> round(auc_variance(50, 50) ** 0.5, 3)
    0.041
    """
    if not (0 < auc < 1 and -1 <= correlation <= 1):
        raise ValueError("auc must lie in (0, 1), correlation in [-1, 1].")
    if min(n_positive, n_negative) < 1:
        raise ValueError(f"a test set needs patients of both classes, got {n_positive} and {n_negative}.")
    return 2.0 * (1.0 - correlation) * hanley_mcneil_variance(auc, n_positive, n_negative)


def macro_auc_variance(counts: Sequence[float], *, auc: float = AUC, correlation: float = CORRELATION) -> float:
    """Return the variance of the difference of two macro one-against-rest AUCs on one test set.

    That of a mean of the classes' AUCs, whose errors correlate by 0.3: what simulated models of three to five classes
    show. With more classes they hang together less, and the result is too large rather than too small.

    Parameters
    ----------
    counts : sequence of float
        Patients of each class in the test set.

    Examples
    --------
    >>> round(macro_auc_variance([10, 10, 10]) / auc_variance(10, 20), 2)
    0.53
    """
    total = sum(counts)
    sd = np.sqrt([auc_variance(n, total - n, auc=auc, correlation=correlation) for n in counts])
    shared = CLASS_CORRELATION * float(sd.sum()) ** 2
    return float(shared + (1.0 - CLASS_CORRELATION) * float((sd**2).sum())) / len(sd) ** 2


def concordance_variance(
    n_events: float, n_patients: float, *, concordance: float = CONCORDANCE, correlation: float = CORRELATION
) -> float:
    """Return the variance of the difference of two concordances on one test set.

    As of AUCs of patients with the event against those they can be compared with, on average all but half of the
    events. In simulations it is right to within a fifth, and up to twice too large where hardly anybody is censored.

    Examples
    --------
    >>> round(concordance_variance(20, 60) ** 0.5, 2)
    0.06
    """
    others = n_patients - n_events / 2.0
    return auc_variance(n_events, max(others, 1.0), auc=concordance, correlation=correlation)


def r2_variance(n_patients: float, *, r2: float = R2, correlation: float = CORRELATION) -> float:
    """Return the variance of the difference of two R2 on one test set, for normal values and predictions.

    ``4 (1 - R2)^2 (1 - rho_e^2) / (n - 5)``. The errors correlate by ``rho_e = (1 - 2 R2 + rho R2) / (1 - R2)`` where
    the predictions correlate by ``rho``: most of an error is what neither model knows. The 5 is for the spread of the
    values in the test set, which R2 is divided by.

    Raises
    ------
    ValueError
        Fewer than six patients.

    Examples
    --------
    >>> round(r2_variance(30) ** 0.5, 2)
    0.15
    """
    if n_patients < 6:
        raise ValueError(f"the spread of R2 needs a test set of six patients, got {n_patients:g}.")
    errors = (1.0 - 2.0 * r2 + correlation * r2) / (1.0 - r2)
    return 4.0 * (1.0 - r2) ** 2 * (1.0 - errors**2) / (n_patients - 5.0)


def half_width_over_folds(variance: float, n_folds: int, repeats: int, *, level: float = 0.95) -> float:
    """Return the expected half width of the corrected interval over K x R folds.

    ``t(K - 1) sd sqrt(1 / (K R) + 1 / (K - 1))`` with ``variance`` on one test fold. It takes folds to differ only by
    their test patients.

    References
    ----------
    Nadeau & Bengio (2003), Mach Learn 52:239.

    Examples
    --------
    >>> round(half_width_over_folds(auc_variance(6, 6), 5, 10), 2)
    0.18
    """
    if n_folds < 2 or repeats < 1:
        raise ValueError("at least two folds and one repeat are needed.")
    se = np.sqrt(variance * (1.0 / (n_folds * repeats) + 1.0 / (n_folds - 1.0)))
    return float(stats.t.ppf(0.5 + level / 2.0, n_folds - 1) * se)


def half_width_on_test_set(variance: float, *, level: float = 0.95) -> float:
    """Return the half width of the interval on one test set; the variance of training is left out.

    Examples
    --------
    >>> round(half_width_on_test_set(auc_variance(50, 50)), 2)
    0.08
    """
    return float(stats.norm.ppf(0.5 + level / 2.0) * np.sqrt(variance))


def half_width_over_sites(variances: Sequence[float], *, level: float = 0.95) -> float:
    """Return the least half width of a mean over sites: that of sites which do not differ in the difference at all.

    ``t(k - 1) / sqrt(sum of 1 / variance)``, Hartung and Knapp's interval without variance between sites.

    Examples
    --------
    >>> round(half_width_over_sites([auc_variance(20, 20)] * 5), 2)
    0.08
    """
    if len(variances) < 2:
        raise ValueError("a mean over sites needs two of them.")
    se = 1.0 / np.sqrt(sum(1.0 / v for v in variances))
    return float(stats.t.ppf(0.5 + level / 2.0, len(variances) - 1) * se)


def resolvable_difference(
    n_patients: int,
    n_folds: int = 5,
    repeats: int = 10,
    *,
    prevalence: float = 0.5,
    auc: float = AUC,
    correlation: float = CORRELATION,
    level: float = 0.95,
) -> float:
    """Return the smallest AUC difference between two arms that a cohort of this size can be expected to resolve.

    It is the expected half width of the corrected interval of a paired difference; see `auc_variance` and
    `half_width_over_folds`. What it rests on: one case per patient, both arms near ``auc``, folds that differ only by
    their test patients, and no adjustment for several comparisons. The defaults give 0.18 at 60 and 0.11 at 150
    balanced patients.

    Parameters
    ----------
    n_patients, n_folds, repeats : int
    prevalence : float
        Share of patients of the positive class.
    auc, correlation : float
        Assumed before anything is known.
    level : float
        Coverage of the interval.

    Raises
    ------
    ValueError
        A share, AUC or correlation out of range, or less than one patient of each class in a fold.

    Examples
    --------
    >>> round(resolvable_difference(60), 2), round(resolvable_difference(150), 2)
    (0.18, 0.11)
    """
    if not (0 < prevalence < 1 and 0 < level < 1):
        raise ValueError("prevalence and level must lie in (0, 1).")
    if n_folds < 2:
        raise ValueError("at least two folds and one repeat are needed.")
    in_fold = n_patients / n_folds
    variance = auc_variance(in_fold * prevalence, in_fold * (1.0 - prevalence), auc=auc, correlation=correlation)
    return half_width_over_folds(variance, n_folds, repeats, level=level)
