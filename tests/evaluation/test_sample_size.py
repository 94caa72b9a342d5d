from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from hybridrad.evaluation.explained_variation import cox_snell
from hybridrad.evaluation.metrics import roc_auc
from hybridrad.evaluation.sample_size import (
    _linear_predictor,
    cox_snell_from_auc,
    development_sample_size,
    validation_sample_size,
)


def test_the_published_example_of_development():
    result = development_sample_size(24, prevalence=0.174, cox_snell=0.288)
    assert result[:4] == (623, 662, 221, 662)
    assert result.events_per_parameter == pytest.approx(662 * 0.174 / 24)


def test_an_expected_auc_stands_for_its_r2():
    by_auc = development_sample_size(10, prevalence=0.3, auc=0.8)
    assert by_auc == development_sample_size(10, prevalence=0.3, cox_snell=cox_snell_from_auc(0.8, 0.3))


@pytest.mark.parametrize(("auc", "prevalence"), [(0.7, 0.5), (0.85, 0.2)])
def test_r2_from_an_auc_is_that_of_a_large_made_up_cohort(auc, prevalence):
    rng = np.random.default_rng(0)
    y = rng.random(200_000) < prevalence
    sd = np.sqrt(2) * stats.norm.ppf(auc)
    x = rng.normal(size=len(y)) + sd * y
    log_odds = np.log(prevalence / (1 - prevalence)) + sd * x - sd**2 / 2
    assert roc_auc(y.astype(int), x) == pytest.approx(auc, abs=0.005)
    assert cox_snell_from_auc(auc, prevalence) == pytest.approx(cox_snell(y.astype(int), expit(log_odds)), abs=0.004)


def test_the_linear_predictor_has_the_prevalence_and_the_auc():
    lp, weight = _linear_predictor(0.1, 0.75)
    rng = np.random.default_rng(0)
    drawn = rng.choice(lp, size=300_000, p=weight)
    y = (rng.random(len(drawn)) < expit(drawn)).astype(int)
    assert y.mean() == pytest.approx(0.1, abs=0.002)
    assert roc_auc(y, drawn) == pytest.approx(0.75, abs=0.004)


def test_validation_sizes_are_close_to_the_published_example():
    # The package of Pavlou et al. says 1536, with an approximate linear predictor; here it is integrated.
    result = validation_sample_size(prevalence=0.1, auc=0.75, se_slope=0.1, se_auc=0.025, se_log_oe=0.102)
    assert result.n == pytest.approx(1536, rel=0.02)
    assert result.n == result.calibration_slope


def test_validation_formulas_in_plain_words():
    result = validation_sample_size(prevalence=0.1, auc=0.7, se_log_oe=0.051)
    assert result.observed_expected == int(np.ceil(0.9 / (0.1 * 0.051**2)))
    n, c = result.auc, 0.7
    variance = c * (1 - c) * (1 + (n / 2 - 1) * ((1 - c) / (2 - c) + c / (1 + c))) / (n**2 * 0.1 * 0.9)
    assert variance <= 0.0255**2 < variance * n / (n - 2)


def test_the_slope_of_that_many_made_up_patients_has_the_wanted_error():
    from hybridrad.evaluation.calibration import calibration

    n = validation_sample_size(prevalence=0.3, auc=0.8, se_slope=0.15, se_auc=0.05, se_log_oe=0.2).calibration_slope
    lp, weight = _linear_predictor(0.3, 0.8)
    rng, slopes = np.random.default_rng(1), []
    for _ in range(300):
        drawn = rng.choice(lp, size=n, p=weight)
        slopes.append(calibration((rng.random(n) < expit(drawn)).astype(int), expit(drawn)).slope)
    assert np.std(slopes) == pytest.approx(0.15, rel=0.12)


@pytest.mark.parametrize("wrong", [{"cox_snell": 0.9}, {}, {"cox_snell": 0.2, "auc": 0.8}, {"auc": 0.5}])
def test_impossible_expectations_are_refused(wrong):
    with pytest.raises(ValueError, match=r"cox_snell|auc"):
        development_sample_size(10, prevalence=0.2, **wrong)
