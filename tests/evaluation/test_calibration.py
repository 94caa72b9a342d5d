from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from hybridrad.evaluation.calibration import calibration, calibration_error, calibration_over_repeats, logit


def made_up(n=400, *, slope=1.0, intercept=0.0, seed=0):
    """Outcomes drawn from expit(intercept + slope * logit(p))."""
    rng = np.random.default_rng(seed)
    p = expit(rng.normal(size=n))
    return rng.binomial(1, expit(intercept + slope * logit(p))), p


def as_predictions(parts, *, patients=None):
    tables = []
    for repeat, (y, p) in enumerate(parts):
        ids = [f"c{i:04d}" for i in range(len(y))]
        index = pd.MultiIndex.from_product([["a"], [repeat], [0], ids], names=["model", "repeat", "fold", "case_id"])
        patient = ids if patients is None else patients
        tables.append(pd.DataFrame({"patient_id": patient, "y_true": y, "y_score": p}, index=index))
    return pd.concat(tables)


def test_slope_and_intercept_equal_an_unpenalised_logistic_regression():
    y, p = made_up(slope=0.6, intercept=0.3)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    result = calibration(y, p)
    assert_allclose([result.slope, result.intercept], [model.coef_[0, 0], model.intercept_[0]], atol=1e-5)


def test_calibration_in_the_large_makes_predicted_and_observed_rates_equal():
    y, p = made_up(intercept=0.8)
    assert expit(calibration(y, p).citl + logit(p)).mean() == pytest.approx(y.mean(), abs=1e-9)


def test_strongly_shrunk_predictions_still_have_a_slope():
    y, p = made_up(slope=1.0)
    shrunk = calibration(y, expit(logit(p) / 500))
    assert shrunk.slope == pytest.approx(500 * calibration(y, p).slope, rel=1e-6)


@pytest.mark.parametrize("p", [np.full(6, 0.3), np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])])
def test_constant_or_separating_predictions_have_no_slope(p):
    assert np.isnan(calibration([0, 0, 0, 1, 1, 1], p).slope)


def test_probabilities_of_zero_and_one_do_not_break_the_fit():
    assert np.isfinite(calibration([0, 1, 0, 1, 1, 0], [0.0, 1.0, 0.6, 0.4, 0.7, 0.2])).all()


def test_the_sandwich_interval_agrees_with_a_bootstrap_of_patients():
    y, p = made_up(n=300)
    table = calibration_over_repeats(as_predictions([(y, p)]))
    rng = np.random.default_rng(1)
    draws = [calibration(y[i], p[i]).slope for i in (rng.integers(300, size=300) for _ in range(200))]
    width = table.loc["slope", "high"] - table.loc["slope", "low"]
    assert width == pytest.approx(np.subtract(*np.quantile(draws, [0.975, 0.025])), rel=0.25)
    assert table.loc["slope", "low"] < 1 < table.loc["slope", "high"]


def test_repeats_of_the_same_predictions_do_not_narrow_the_interval():
    part = made_up(n=100)
    once, thrice = (calibration_over_repeats(as_predictions([part] * k)) for k in (1, 3))
    assert_allclose(thrice[["value", "low", "high"]], once[["value", "low", "high"]], rtol=1e-9)


def test_cases_of_one_patient_widen_the_interval():
    y, p = made_up(n=100)
    y2, p2, patients = np.tile(y, 2), np.tile(p, 2), np.tile(np.arange(100).astype(str), 2)
    width = {}
    for name, groups in (("cases", None), ("patients", patients)):
        row = calibration_over_repeats(as_predictions([(y2, p2)], patients=groups)).loc["slope"]
        width[name] = row["high"] - row["low"]
    assert width["patients"] == pytest.approx(np.sqrt(2) * width["cases"], rel=0.02)


def test_one_repeat_without_a_slope_leaves_no_average():
    good = ([0, 1, 0, 1, 0, 1], [0.3, 0.4, 0.6, 0.6, 0.2, 0.8])
    table = calibration_over_repeats(as_predictions([good, (good[0], [0.5] * 6)]))
    assert np.isnan(table.loc["slope", "value"])
    assert table.loc["slope", "n_undefined"] == 1
    assert np.isfinite(table.loc["citl", "value"])


def test_slope_intercept_and_calibration_in_the_large_agree_with_r(r_numbers):
    r = r_numbers["made_up"]
    result = calibration(r["y"], r["off"])
    assert_allclose(result, [r["intercept"], r["slope"], r["citl"]], rtol=1e-8)
    # rms stops its iterations earlier.
    assert_allclose([result.intercept, result.slope], [r["intercept_rms"], r["slope_rms"]], rtol=1e-6)


@pytest.mark.shared_data
def test_values_agree_with_r(oracles):
    table, r = pd.read_csv(oracles / "binary80.csv"), json.loads((oracles / "binary80_R.json").read_text())
    result = calibration(table["y"], table["p"])
    assert_allclose(result, [r["cal_int_joint"], r["cal_slope"], r["citl"]], rtol=1e-8, atol=1e-10)
    error = calibration_error(table["y"], table["p"])
    of_rms = r["valprob"]
    assert_allclose([error.ici, error.e90, error.emax], [of_rms["Eavg"], of_rms["E90"], of_rms["Emax"]], rtol=1e-9)


def test_median_and_tail_of_the_calibration_error_agree_with_r(r_numbers):
    table = r_numbers["made_up"]
    error = calibration_error(table["y"], table["p"])
    assert_allclose(error, [table[k] for k in ("ici", "e50", "e90", "emax")], rtol=1e-8)
