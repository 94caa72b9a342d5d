from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hybridrad.evaluation.metrics import roc_auc
from hybridrad.evaluation.patient_bootstrap import bca_limits, bootstrap_interval, patient_draws


def test_a_drawn_patient_brings_all_cases():
    groups = np.array(list("aabbbcd"))
    for rows in patient_draws(groups, n_draws=20, random_state=0):
        counts = {p: (groups[rows] == p).sum() for p in "abcd"}
        assert counts["a"] % 2 == 0
        assert counts["b"] % 3 == 0
        assert counts["a"] // 2 + counts["b"] // 3 + counts["c"] + counts["d"] == 4


def test_limits_agree_with_r(r_numbers):
    x, given = np.array(r_numbers["bootstrap"]["x"]), r_numbers["bootstrap"]
    without = (x.sum() - x) / (len(x) - 1)
    limits = bca_limits(x.mean(), given["replicates"], without)
    # R interpolates between replicates on the normal scale; in the thin upper tail they lie 0.02 apart.
    assert limits[0] == pytest.approx(given["bca"][0], abs=1e-4)
    assert limits[1] == pytest.approx(given["bca"][1], abs=0.015)


def test_limits_agree_with_scipy_to_the_last_digit():
    x = np.random.default_rng(0).exponential(size=30)
    theirs = stats.bootstrap((x,), np.mean, n_resamples=999, method="BCa", rng=1, vectorized=True)
    without = (x.sum() - x) / 29
    ours = bca_limits(x.mean(), theirs.bootstrap_distribution, without)
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=1e-10)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_the_interval_covers_the_true_mean_of_clustered_cases(method):
    rng = np.random.default_rng(0)
    patient, covered = np.repeat(np.arange(40), 2), 0
    for seed in range(200):
        x = rng.normal(0, 1, 40)[patient] + rng.normal(0, 0.7, 80)
        result = bootstrap_interval(lambda r, x=x: x[r].mean(), patient, method=method, n_draws=200, random_state=seed)
        covered += result.low <= 0 <= result.high
    assert 0.89 <= covered / 200 <= 0.98


def test_draws_with_one_class_are_left_out_and_counted():
    y = np.array([0, 0, 0, 0, 0, 1, 1])
    score = np.array([0.1, 0.3, 0.2, 0.6, 0.4, 0.5, 0.9])
    result = bootstrap_interval(lambda r: roc_auc(y[r], score[r]), np.arange(7), method="percentile", n_draws=400)
    assert result.n_skipped == pytest.approx(400 * (5 / 7) ** 7, abs=25)
    assert f"{result.n_skipped} left out" in result.method


def test_clusters_widen_the_interval():
    x = np.repeat(np.random.default_rng(0).normal(size=30), 4)
    clustered = bootstrap_interval(lambda r: x[r].mean(), np.repeat(np.arange(30), 4), n_draws=400)
    apart = bootstrap_interval(lambda r: x[r].mean(), np.arange(120), n_draws=400)
    assert clustered.se == pytest.approx(2 * apart.se, rel=0.2)


def test_a_statistic_that_is_mostly_undefined_is_refused():
    with pytest.raises(ValueError, match="not defined"):
        bootstrap_interval(lambda r: np.nan if len(set(r)) < 9 else 1.0, np.arange(9), n_draws=50)


def test_replicates_that_are_all_alike_give_no_limits():
    assert np.isnan(bca_limits(1.0, np.ones(50), np.ones(9))).all()
