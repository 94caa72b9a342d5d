from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from hybridrad.comparison.resolution import (
    auc_variance,
    concordance_variance,
    half_width_over_folds,
    half_width_over_sites,
    macro_auc_variance,
    r2_variance,
    resolvable_difference,
)
from hybridrad.evaluation.metrics import roc_auc
from hybridrad.evaluation.survival_metrics import concordance


def test_what_a_cohort_can_resolve_is_as_documented():
    assert resolvable_difference(60) == pytest.approx(0.18, abs=0.01)
    assert resolvable_difference(150) == pytest.approx(0.10, abs=0.01)


def test_more_patients_resolve_more_and_imbalance_resolves_less():
    assert resolvable_difference(300) < resolvable_difference(150) < resolvable_difference(60)
    assert resolvable_difference(150, prevalence=0.2) > resolvable_difference(150)


def test_three_folds_resolve_less_than_five():
    assert resolvable_difference(60, n_folds=3) > resolvable_difference(60, n_folds=5)


def test_the_formula_is_the_half_width_seen_in_a_simulation():
    # Two scores with AUC 0.75 on folds of 12 patients; a correlation of 0.7 between the scores makes one of about 0.65
    # between their AUCs.
    rng, y = np.random.default_rng(0), np.tile([0, 1], 6)
    shift = norm.ppf(0.75) * np.sqrt(2)
    differences = []
    for _ in range(1500):
        a = rng.normal(size=12)
        b = 0.7 * a + np.sqrt(1 - 0.7**2) * rng.normal(size=12)
        differences.append(roc_auc(y, a + shift * y) - roc_auc(y, b + shift * y))
    half = 2.776445 * np.std(differences) * np.sqrt(1 / 50 + 1 / 4)
    assert resolvable_difference(60) == pytest.approx(half, rel=0.15)


@pytest.mark.parametrize(
    "wrong", [{"n_patients": 5}, {"n_patients": 60, "prevalence": 0.0}, {"n_patients": 60, "n_folds": 1}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"needs patients|must lie|at least two"):
        resolvable_difference(**wrong)


def test_the_macro_auc_is_about_as_uncertain_as_in_a_simulation_of_three_classes():
    rng, y = np.random.default_rng(0), np.repeat([0, 1, 2], 8)
    shift, differences, values = norm.ppf(0.72) * np.sqrt(2), [], []
    for _ in range(500):
        common = rng.normal(size=(24, 3))
        pair = [0.8 * common + 0.6 * rng.normal(size=(24, 3)) + shift * np.eye(3)[y] for _ in range(2)]
        a, b = (roc_auc(y, np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)) for s in pair)
        differences.append(a - b)
        values.append((a, b))
    correlation = np.corrcoef(np.transpose(values))[0, 1]
    expected = macro_auc_variance([8, 8, 8], auc=float(np.mean(values)), correlation=correlation) ** 0.5
    assert expected == pytest.approx(np.std(differences), rel=0.15)


def test_r2_is_about_as_uncertain_as_in_a_simulation_of_normal_values():
    rng = np.random.default_rng(0)
    cov = np.array([[1.0, 0.3, 0.3], [0.3, 0.3, 0.65 * 0.3], [0.3, 0.65 * 0.3, 0.3]])
    y, a, b = rng.multivariate_normal(np.zeros(3), cov, size=(4000, 20)).transpose(2, 0, 1)
    spread = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    difference = (((y - b) ** 2).sum(axis=1) - ((y - a) ** 2).sum(axis=1)) / spread
    assert r2_variance(20) ** 0.5 == pytest.approx(difference.std(), rel=0.06)


def test_a_concordance_is_about_as_uncertain_as_in_a_simulation_with_half_censored():
    rng, values, events = np.random.default_rng(0), [], []
    for _ in range(300):
        risk = rng.normal(size=40)
        event_time, end = rng.exponential(np.exp(-risk)), rng.exponential(1.2, size=40)
        values.append(concordance(event_time <= end, np.minimum(event_time, end), risk + rng.normal(size=40)))
        events.append((event_time <= end).sum())
    variance = concordance_variance(float(np.mean(events)), 40, concordance=float(np.mean(values)), correlation=0.5)
    assert variance**0.5 == pytest.approx(np.std(values), rel=0.2)  # a correlation of 0.5 leaves that of one model


def test_more_sites_resolve_more_and_two_hardly_anything():
    site = auc_variance(20, 20)
    assert half_width_over_sites([site] * 10) < half_width_over_sites([site] * 3) < half_width_over_sites([site] * 2)
    assert half_width_over_sites([site] * 2) > 0.5
    assert half_width_over_sites([site, 4 * site, 4 * site]) < half_width_over_sites([4 * site] * 3)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda: auc_variance(0.5, 20),
        lambda: auc_variance(20, 20, auc=1.0),
        lambda: macro_auc_variance([10, 0, 10]),
        lambda: r2_variance(5),
        lambda: half_width_over_sites([0.1]),
        lambda: half_width_over_folds(0.1, 1, 1),
    ],
)
def test_too_few_patients_or_sites_are_refused(impossible):
    with pytest.raises(ValueError, match=r"needs|must lie|at least two"):
        impossible()
