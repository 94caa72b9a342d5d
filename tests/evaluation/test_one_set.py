from __future__ import annotations

import numpy as np
import pytest

from hybridrad.evaluation.delong import delong_test, delong_variance
from hybridrad.evaluation.metrics import brier
from hybridrad.evaluation.one_set import as_columns, jackknife_deviations, set_difference, set_score


def made_up(n=60, *, cases=1, seed=0):
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), cases)
    y = patient % 2
    shared = rng.normal(0, 0.12, n)[patient]
    a, b = (np.clip(0.5 + 0.12 * (2 * y - 1) + shared + rng.normal(0, 0.1, len(y)), 0.01, 0.99) for _ in "ab")
    return y, a, b, patient


def part(y, score, patient, threshold=0.5):
    return as_columns(y, score, patient).assign(threshold=threshold)


@pytest.mark.parametrize("cases", [1, 3])
def test_the_area_has_delongs_interval_by_patient(cases):
    y, a, _, patient = made_up(cases=cases)
    auc, variance = delong_variance(y, a, groups=patient)
    score = set_score(part(y, a, patient), "roc_auc")
    assert (score.value, score.variance) == pytest.approx((auc, variance))
    assert score.high - score.low == pytest.approx(2 * 1.959964 * variance**0.5)
    assert ("clustered" in score.method) == (cases > 1)


def test_a_difference_of_areas_is_delongs():
    y, a, b, patient = made_up(cases=2)
    wanted = delong_test(y, a, b, groups=patient)
    found = set_difference(part(y, a, patient), part(y, b, patient), "roc_auc")
    assert found.difference == pytest.approx(wanted.difference)
    assert found.difference / found.variance**0.5 == pytest.approx(wanted.z)


def test_the_jackknife_of_an_area_is_close_to_delong():
    y, a, _, patient = made_up(150)
    table = part(y, a, patient)
    assert (jackknife_deviations(table, "roc_auc") ** 2).sum() == pytest.approx(delong_variance(y, a)[1], rel=0.03)


@pytest.mark.parametrize("metric", ["brier", "average_precision", "log_loss"])
def test_the_jackknife_agrees_with_a_bootstrap_of_patients(metric):
    y, a, _, patient = made_up(120, cases=2)
    rng, values = np.random.default_rng(1), []
    for _ in range(300):
        drawn = rng.integers(0, 120, 120)
        rows = (2 * drawn[:, None] + np.arange(2)).ravel()
        values.append(set_score_value(y[rows], a[rows], metric))
    score = set_score(part(y, a, patient), metric)
    assert np.sqrt(score.variance) == pytest.approx(np.std(values), rel=0.15)


def set_score_value(y, score, metric):
    from hybridrad.evaluation.metrics import score_of

    return score_of(metric, as_columns(y, score, np.arange(len(y))))


def test_several_cases_of_a_patient_widen_the_interval_of_a_mean():
    y, a, _, patient = made_up(60, cases=3)
    clustered = set_score(part(y, a, patient), "brier")
    as_if_apart = set_score(part(y, a, np.arange(len(y))), "brier")
    assert clustered.value == pytest.approx(brier(y, a))
    assert clustered.variance > 1.2 * as_if_apart.variance


def test_a_rate_has_wilsons_interval_and_stays_inside_zero_and_one():
    y, a, _, patient = made_up(80)
    score = set_score(part(y, a, patient), "sensitivity")
    # Wilson by hand for 40 independent patients; the jackknife counts a little less than all of them.
    p, n, z = score.value, 40, 1.959964
    centre, half = (p + z**2 / 2 / n) / (1 + z**2 / n), z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    assert (score.low, score.high) == pytest.approx((centre - half, centre + half), abs=0.01)
    perfect = set_score(part(y, y * 0.9 + 0.05, patient), "sensitivity")
    assert (perfect.value, perfect.low) == pytest.approx((1.0, n / (n + z**2)))


def test_a_perfect_ranking_has_no_interval_and_says_so():
    y, _, _, patient = made_up(20)
    score = set_score(part(y, y * 0.9 + 0.05, patient), "roc_auc")
    assert score.value == 1.0
    assert np.isnan(score.low)
    assert "no interval" in score.method


def test_models_tested_on_other_cases_are_not_compared():
    y, a, b, patient = made_up(20)
    with pytest.raises(ValueError, match="different cases"):
        set_difference(part(y, a, patient), part(y[:-1], b[:-1], patient[:-1]), "brier")
