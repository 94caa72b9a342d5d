from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from hybridrad.evaluation.random_effects import random_effects


@pytest.mark.parametrize("table", ["bcg", "alike"])
@pytest.mark.parametrize("method", ["DL", "REML"])
def test_values_agree_with_metafor(r_numbers, table, method):
    given, wanted = r_numbers[table], r_numbers[table][method]
    plain = random_effects(given["yi"], given["vi"], method=method, narrower_allowed=True)
    wide = random_effects(given["yi"], given["vi"], method=method)
    assert_allclose(
        [plain.estimate, plain.tau2, plain.se, plain.low, plain.high, plain.q, plain.q_p_value],
        [wanted[k] for k in ("estimate", "tau2", "se", "low", "high", "q", "q_p")],
        rtol=2e-5,  # metafor stops its REML steps at 1e-5
        atol=1e-12,
    )
    # The larger of the two errors is that of metafor's "adhoc" test, which takes it with t; here the normal one goes
    # with the normal quantile.
    half = max(stats.t.ppf(0.975, plain.df) * wanted["se"], stats.norm.ppf(0.975) * wanted["se_adhoc"])
    assert_allclose(
        [max(wide.se, wide.se_normal), wide.low, wide.high, wide.predict_low, wide.predict_high],
        [
            wanted["se_adhoc"],
            wanted["estimate"] - half,
            wanted["estimate"] + half,
            wanted["predict_low"],
            wanted["predict_high"],
        ],
        rtol=2e-5,
    )


def test_the_moment_estimate_agrees_with_metafor_to_the_last_digits(r_numbers):
    given, wanted = r_numbers["bcg"], r_numbers["bcg"]["DL"]
    result = random_effects(given["yi"], given["vi"], method="DL", narrower_allowed=True)
    assert_allclose([result.tau2, result.se, result.low], [wanted["tau2"], wanted["se"], wanted["low"]], rtol=1e-12)


def test_equal_variances_give_the_t_interval_of_the_mean():
    y = np.array([0.6, 0.7, 0.8, 0.95])
    result = random_effects(y, np.full(4, 1e-6))
    assert result.estimate == pytest.approx(y.mean())
    assert result.se == pytest.approx(y.std(ddof=1) / 2)
    assert result.tau2 == pytest.approx(y.var(ddof=1), rel=1e-4)


def test_sites_that_agree_by_chance_do_not_narrow_the_interval(r_numbers):
    given = r_numbers["alike"]
    narrow = random_effects(given["yi"], given["vi"], narrower_allowed=True)
    wide = random_effects(given["yi"], given["vi"])
    assert wide.se_normal == pytest.approx(np.sqrt(1 / np.sum(1 / np.array(given["vi"]))))
    assert wide.high - wide.low == pytest.approx(2 * 1.959964 * wide.se_normal)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_the_prediction_interval_is_the_wider_one_and_needs_three_sites(r_numbers):
    given = r_numbers["bcg"]
    result = random_effects(given["yi"], given["vi"])
    assert result.predict_low < result.low < result.high < result.predict_high
    assert np.isnan(random_effects([0.7, 0.8], [0.01, 0.02]).predict_low)


def test_the_interval_covers_the_mean_of_few_sites():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        v = rng.uniform(0.001, 0.006, 4)
        y = 0.8 + rng.normal(0, 0.05, 4) + rng.normal(0, np.sqrt(v))
        result = random_effects(y, v)
        covered += result.low <= 0.8 <= result.high
    assert 0.92 <= covered / 400 <= 0.995


@pytest.mark.parametrize(("y", "v"), [([0.7], [0.1]), ([0.7, 0.8], [0.0, 0.1]), ([0.7, np.nan], [0.1, 0.1])])
def test_sites_without_a_variance_are_refused(y, v):
    with pytest.raises(ValueError, match=r"sites|finite"):
        random_effects(y, v)
