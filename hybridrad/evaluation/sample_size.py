"""How many patients a prediction model needs: to be developed, and to be validated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit

from hybridrad.evaluation.explained_variation import largest_cox_snell
from hybridrad.evaluation.one_set import hanley_mcneil_variance

Z = 1.96  # as published, so that the numbers are those of the published examples


class DevelopmentSize(NamedTuple):
    """Patients by each of Riley's criteria, the largest of them, and events per candidate parameter at that size."""

    shrinkage: int
    optimism: int
    intercept: int
    n: int
    events_per_parameter: float


class ValidationSize(NamedTuple):
    """Patients for the wanted standard errors of O/E, calibration slope and AUC, and the largest of them."""

    observed_expected: int
    calibration_slope: int
    auc: int
    n: int


def development_sample_size(
    n_parameters: int, *, prevalence: float, cox_snell: float | None = None, auc: float | None = None
) -> DevelopmentSize:
    """Return the least number of patients to develop a model for a yes-or-no outcome.

    The criteria: an expected shrinkage of at most 10 %; apparent and adjusted Nagelkerke R2 at most 0.05 apart; the
    prevalence known to 0.05 either way.

    Parameters
    ----------
    n_parameters : int
        Candidate parameters: all columns that the procedure may use, not those it kept. Penalised models on hundreds of
        columns will not meet these criteria in any small cohort; that is what the number says.
    prevalence : float
    cox_snell : float, optional
        Expected R2 of Cox and Snell.
    auc : float, optional
        Instead: the expected AUC; see `cox_snell_from_auc`.

    Raises
    ------
    ValueError
        Not exactly one of ``cox_snell`` and ``auc``, or a value out of range.

    References
    ----------
    Riley et al. (2019), doi:10.1002/sim.7992; Riley et al. (2020), doi:10.1136/bmj.m441.

    Examples
    --------
    >>> development_sample_size(24, prevalence=0.174, cox_snell=0.288)[:4]
    (623, 662, 221, 662)
    """
    if n_parameters < 1:
        raise ValueError(f"n_parameters must be at least 1, got {n_parameters}.")
    if (cox_snell is None) == (auc is None):
        raise ValueError("give cox_snell or auc, one of them.")
    largest = largest_cox_snell(prevalence)
    r2 = cox_snell if cox_snell is not None else cox_snell_from_auc(float(auc or 0), prevalence)
    if not 0 < r2 < largest:
        raise ValueError(f"cox_snell must lie between 0 and {largest:.3f}, the largest at this prevalence; got {r2}.")

    def size(shrinkage: float) -> int:
        return _up(n_parameters / ((shrinkage - 1) * np.log(1 - r2 / shrinkage)))

    criteria = (size(0.9), size(r2 / (r2 + 0.05 * largest)), _up((Z / 0.05) ** 2 * prevalence * (1 - prevalence)))
    n = max(criteria)
    return DevelopmentSize(*criteria, n=n, events_per_parameter=n * prevalence / n_parameters)


def validation_sample_size(
    *, prevalence: float, auc: float, se_log_oe: float = 0.102, se_slope: float = 0.102, se_auc: float = 0.0255
) -> ValidationSize:
    """Return the least number of patients to validate a model for a yes-or-no outcome.

    The linear predictor is taken as normal over all patients and calibrated, with the prevalence and AUC given. The
    criteria: standard errors of log(observed/expected), the calibration slope and the AUC. Each is a quarter of the
    width of the 95 % interval (times 1/0.98): the defaults are widths of about 0.4, 0.4 and 0.1.

    Parameters
    ----------
    prevalence, auc : float
        Expected in the validation patients.
    se_log_oe, se_slope, se_auc : float

    References
    ----------
    Riley et al. (2021), doi:10.1002/sim.9025; Pavlou et al. (2021), doi:10.1177/09622802211007522; Newcombe (2006),
    doi:10.1002/sim.2324.

    Examples
    --------
    >>> validation_sample_size(prevalence=0.1, auc=0.75, se_slope=0.1, se_auc=0.025)
    ValidationSize(observed_expected=866, calibration_slope=1515, auc=1049, n=1515)
    """
    if min(se_log_oe, se_slope, se_auc) <= 0:
        raise ValueError("standard errors must be positive.")
    lp, weight = _linear_predictor(prevalence, auc)
    p = expit(lp)
    information = weight * p * (1 - p)
    i00, i01, i11 = (float((information * lp**power).sum()) for power in (0, 1, 2))
    oe = (1 - prevalence) / (prevalence * se_log_oe**2)
    slope = i00 / (se_slope**2 * (i00 * i11 - i01**2))
    area = optimize.brentq(lambda n: _newcombe(auc, prevalence, n) - se_auc**2, 4.0, 1e9)
    criteria = (_up(oe), _up(slope), _up(float(area)))
    return ValidationSize(*criteria, n=max(criteria))


def cox_snell_from_auc(auc: float, prevalence: float) -> float:
    """Return the R2 of Cox and Snell of a calibrated model with this AUC.

    The linear predictor is normal in each class with the same variance, ``2 qnorm(auc)^2``, as in the reference, which
    draws it; here the likelihood is integrated.

    References
    ----------
    Riley, Van Calster & Collins (2021), doi:10.1002/sim.8806.

    Examples
    --------
    >>> round(cox_snell_from_auc(0.75, 0.3), 3)
    0.16
    """
    _check(prevalence, auc)
    sd = np.sqrt(2.0) * stats.norm.ppf(auc)
    # With equal variances the log odds are linear in the score with slope sd; the intercept holds the prevalence.
    nodes, weight = _normal_grid()
    log_odds = np.log(prevalence / (1 - prevalence))
    positive = log_odds + sd * (nodes + sd) - sd**2 / 2
    negative = log_odds + sd * nodes - sd**2 / 2
    model = prevalence * (weight * np.log(expit(positive))).sum()
    model += (1 - prevalence) * (weight * np.log(expit(-negative))).sum()
    null = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1.0 - np.exp(-2.0 * (model - null)))


def _linear_predictor(prevalence: float, auc: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of the normal linear predictor that is calibrated and has this prevalence and AUC."""
    _check(prevalence, auc)
    nodes, weight = _normal_grid()

    def mean_for(sd: float) -> float:
        return float(optimize.brentq(lambda mu: (weight * expit(mu + sd * nodes)).sum() - prevalence, -500, 500))

    def area(sd: float) -> float:
        p = expit(mean_for(sd) + sd * nodes)
        positive, negative = weight * p, weight * (1 - p)
        below = np.cumsum(negative) - negative / 2
        return float((positive * below).sum() / (positive.sum() * negative.sum()))

    sd = float(optimize.brentq(lambda s: area(s) - auc, 1e-4, 60.0))
    return mean_for(sd) + sd * nodes, weight


def _normal_grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes = np.linspace(-8.5, 8.5, 6001)
    density = stats.norm.pdf(nodes)
    return nodes, density / density.sum()


def _newcombe(auc: float, prevalence: float, n: float) -> float:
    # Hanley and McNeil's variance with half of the patients in place of the size of either class.
    half = n / 2.0
    return hanley_mcneil_variance(auc, half, half) * (half * half) / (n**2 * prevalence * (1 - prevalence))


def _check(prevalence: float, auc: float) -> None:
    if not 0 < prevalence < 1 or not 0.5 < auc < 1:
        raise ValueError(f"prevalence must lie in (0, 1) and auc in (0.5, 1); got {prevalence} and {auc}.")


def _up(n: float) -> int:
    return int(np.ceil(n - 1e-9))
