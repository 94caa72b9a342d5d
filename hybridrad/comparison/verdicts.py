"""The words of a comparison, and what a cohort can resolve at all."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from hybridrad.evaluation.one_set import hanley_mcneil_variance

Verdict = Literal["better", "worse", "equivalent", "non-inferior", "inconclusive"]


def verdict(
    gain: float,
    *,
    p_value: float,
    low: float,
    low_90: float,
    high_90: float,
    margin: float | None = None,
    alpha: float = 0.05,
) -> Verdict:
    """Return the word for a comparison; the first rule that holds decides.

    1. ``better`` or ``worse``, by the sign of the gain: p below ``alpha``. This goes first, so that a loss that was
    shown is
       never called equivalent because it is small.
    2. ``equivalent``: the 90 % interval lies within -margin .. +margin (two one-sided tests at 5 %).
    3. ``non-inferior``: the lower 95 % limit lies above -margin.
    4. ``inconclusive``.

    Parameters
    ----------
    gain : float
        Model minus baseline, turned so that positive is better.
    p_value : float
        Adjusted for the family, or raw where the comparison is exploratory. NaN: there was no test, which is
        inconclusive.
    low : float
        Lower limit of the two-sided 95 % interval of the gain.
    low_90, high_90 : float
        Two-sided 90 % interval of the gain.
    margin : float, optional
        Declared before the run; None where no margin was declared for the metric, and rules 2 and 3 then do not apply.
    alpha : float

    Examples
    --------
    >>> verdict(0.01, p_value=0.6, low=-0.03, low_90=-0.02, high_90=0.04, margin=0.05)
    'equivalent'
    >>> verdict(0.03, p_value=0.2, low=-0.03, low_90=-0.02, high_90=0.08, margin=0.05)
    'non-inferior'
    """
    if not np.isfinite([gain, p_value, low, low_90, high_90]).all():
        return "inconclusive"
    if p_value < alpha and gain != 0:
        return "better" if gain > 0 else "worse"
    if margin is not None and -margin < low_90 and high_90 < margin:
        return "equivalent"
    if margin is not None and low > -margin:
        return "non-inferior"
    return "inconclusive"


def resolvable_difference(
    n_patients: int,
    n_folds: int = 5,
    repeats: int = 10,
    *,
    prevalence: float = 0.5,
    auc: float = 0.75,
    correlation: float = 0.65,
    level: float = 0.95,
) -> float:
    """Return the smallest AUC difference between two arms that a cohort of this size can be expected to resolve.

    It is the expected half width of the corrected interval of a paired difference,

    ``t(K - 1) sqrt(2 (1 - rho)) sd_fold sqrt(1 / (K R) + 1 / (K - 1))``,

    where ``sd_fold`` is Hanley and McNeil's standard deviation of one AUC on the n/K patients of a test fold and
    ``rho`` the correlation of the two arms' AUCs there. A true difference of this size is found in about half of all
    studies. What it rests on: one case per patient, both arms near ``auc``, folds that differ only by their test
    patients, and no adjustment for several comparisons. The defaults (0.75, 0.65) are typical of arms that see the same
    lesions and give 0.18 at 60 and 0.11 at 150 balanced patients.

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

    References
    ----------
    Hanley & McNeil (1982), Radiology 143:29; (1983), Radiology 148:839. Nadeau & Bengio (2003), Mach Learn 52:239.

    Examples
    --------
    >>> round(resolvable_difference(60), 2), round(resolvable_difference(150), 2)
    (0.18, 0.11)
    """
    if not (0 < prevalence < 1 and 0 < auc < 1 and -1 <= correlation <= 1 and 0 < level < 1):
        raise ValueError("prevalence, auc and level must lie in (0, 1), correlation in [-1, 1].")
    if n_folds < 2 or repeats < 1:
        raise ValueError("at least two folds and one repeat are needed.")
    positives = n_patients * prevalence / n_folds
    negatives = n_patients * (1.0 - prevalence) / n_folds
    if min(positives, negatives) < 1:
        raise ValueError(f"{n_patients} patients leave less than one of each class in a fold.")
    variance = hanley_mcneil_variance(auc, positives, negatives)
    se = np.sqrt(2.0 * (1.0 - correlation) * variance * (1.0 / (n_folds * repeats) + 1.0 / (n_folds - 1.0)))
    return float(stats.t.ppf(0.5 + level / 2.0, n_folds - 1) * se)


def resolvable_on_test_set(
    n_positive: int, n_negative: int, *, auc: float = 0.75, correlation: float = 0.65, level: float = 0.95
) -> float:
    """Return the smallest AUC difference between two fitted models that one test set can be expected to resolve.

    The expected half width of the paired interval, ``z sqrt(2 (1 - rho)) sd``, with Hanley and McNeil's standard
    deviation of one AUC; see `resolvable_difference` for what it rests on. The variance of training is left out: a
    fixed split compares two fitted models, not two procedures.

    Examples
    --------
    >>> round(resolvable_on_test_set(50, 50), 2)
    0.08
    """
    if min(n_positive, n_negative) < 1:
        raise ValueError(f"a test set needs patients of both classes, got {n_positive} and {n_negative}.")
    variance = hanley_mcneil_variance(auc, n_positive, n_negative)
    return float(stats.norm.ppf(0.5 + level / 2.0) * np.sqrt(2.0 * (1.0 - correlation) * variance))
