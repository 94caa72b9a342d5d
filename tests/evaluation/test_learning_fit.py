from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from hybridrad.evaluation.learning_fit import crossing, fit_curve, flat_from

N = np.array([20, 40, 80, 160, 320])


def law(n, a, b, c):
    return a - b * n ** (-c)


def test_the_fit_is_as_good_as_that_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(10):
        y = law(N, 0.85, rng.uniform(0.5, 2), rng.uniform(0.4, 1.2)) + rng.normal(0, 0.004, 5)
        ours = fit_curve(N, y)
        bounds = ([0, 0, 0.05], [1, 20, 2])
        theirs, _ = curve_fit(law, N.astype(float), y, p0=[0.85, 1.0, 0.7], bounds=bounds)
        assert np.sum((y - ours.at(N)) ** 2) <= np.sum((y - law(N, *theirs)) ** 2) + 1e-6
        assert ours.at(N) == pytest.approx(law(N, *theirs), abs=0.002)


def test_no_curve_rises_above_one_or_falls():
    steep = fit_curve(N, [0.5, 0.8, 0.95, 1.0, 1.0])
    assert steep.a <= 1.0
    falling = fit_curve(N, [0.8, 0.79, 0.77, 0.74, 0.7])
    assert falling.b == 0
    assert not falling.accepted


def test_a_flat_or_ragged_curve_is_not_accepted_and_three_sizes_are_too_few():
    assert not fit_curve(N, [0.7] * 5).accepted
    assert not fit_curve(N, [0.7, 0.6, 0.72, 0.61, 0.7]).accepted
    assert np.isnan(fit_curve(N[:3], [0.6, 0.7, 0.75]).a)


def test_flat_means_that_fifty_more_bring_under_half_a_hundredth():
    (n,) = flat_from(N, [law(N, 0.9, 1.5, 0.8)])
    assert law(n + 50, 0.9, 1.5, 0.8) - law(n, 0.9, 1.5, 0.8) == pytest.approx(0.005, abs=2e-4)
    assert np.isnan(flat_from(N, [law(N, 1.0, 1.0, 0.2)])).all()


def replicates(y, *, sd, seed, n=300):
    rng = np.random.default_rng(seed)
    return np.vstack([y, y + rng.normal(0, sd, (n, len(y)))])


def test_a_clear_crossing_is_found_with_its_interval():
    a, b = law(N, 0.78, 0.4, 0.8), law(N, 0.9, 2.5, 0.8)
    truth = ((2.5 - 0.4) / (0.9 - 0.78)) ** (1 / 0.8)
    result = crossing(N, replicates(a, sd=0.003, seed=0), replicates(b, sd=0.003, seed=1))
    assert result.n_patients == pytest.approx(truth, rel=0.02)
    assert result.low < truth < result.high
    assert result.text == "the second overtakes the first"
    assert result.share >= 0.95


@pytest.mark.parametrize(
    ("b", "sd", "why"),
    [
        ((0.9, 2.5, 0.8), 0.06, "bootstrap replicates"),
        ((0.70, 0.4, 0.8), 0.003, "do not cross once"),
        ((0.75, 0.0, 0.8), 0.003, "does not fit"),
    ],
)
def test_what_is_not_identified_says_why(b, sd, why):
    first = replicates(law(N, 0.78, 0.4, 0.8), sd=sd, seed=0)
    result = crossing(N, first, replicates(law(N, *b), sd=sd, seed=1))
    assert np.isnan(result.n_patients)
    assert result.text.startswith("not identified")
    assert why in result.text


def test_equal_curves_do_not_cross():
    y = replicates(law(N, 0.8, 1.0, 0.7), sd=0.01, seed=0)
    assert crossing(N, y, y).text.startswith("not identified")


def test_the_interval_covers_the_crossing_of_noisy_curves():
    a, b = law(N, 0.78, 0.4, 0.8), law(N, 0.9, 2.5, 0.8)
    truth, covered, found = ((2.5 - 0.4) / 0.12) ** (1 / 0.8), 0, 0
    rng = np.random.default_rng(3)
    for _ in range(100):
        ya, yb = a + rng.normal(0, 0.006, 5), b + rng.normal(0, 0.006, 5)
        noise = rng.normal(0, 0.006, (2, 100, 5))
        result = crossing(N, np.vstack([ya, ya + noise[0]]), np.vstack([yb, yb + noise[1]]))
        if np.isfinite(result.n_patients):
            found += 1
            covered += result.low <= truth <= result.high
    assert found > 80
    assert covered / found >= 0.88
