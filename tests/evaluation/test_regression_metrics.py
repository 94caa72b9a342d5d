from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from hybridrad.evaluation.regression_metrics import (
    linear_calibration,
    linear_calibration_over_repeats,
    mae,
    r2,
    rmse,
    spearman,
)

RNG = np.random.default_rng(0)
Y = RNG.normal(50, 10, 60)
P = (50 + 0.8 * (Y - 50) + RNG.normal(0, 6, 60)).round(0)  # rounded, so that ranks tie


def test_scores_are_those_of_scikit_learn_and_scipy():
    assert r2(Y, P) == pytest.approx(r2_score(Y, P))
    assert mae(Y, P) == pytest.approx(mean_absolute_error(Y, P))
    assert rmse(Y, P) == pytest.approx(root_mean_squared_error(Y, P))
    assert spearman(Y, P) == pytest.approx(stats.spearmanr(Y, P).statistic)


def test_the_line_is_that_of_least_squares():
    line = LinearRegression().fit(P[:, None], Y)
    assert linear_calibration(Y, P).slope == pytest.approx(line.coef_[0])
    assert linear_calibration(Y, P).intercept == pytest.approx(line.intercept_)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_scores_without_a_unit_do_not_depend_on_it(unit):
    assert r2(Y * unit, P * unit) == pytest.approx(r2(Y, P))
    assert spearman(Y * unit, P * unit) == pytest.approx(spearman(Y, P))
    assert linear_calibration(Y * unit, P * unit).slope == pytest.approx(linear_calibration(Y, P).slope)


def test_constant_values_have_no_score_and_constant_predictions_rank_nothing():
    assert np.isnan(r2([2.0, 2.0], [1.0, 3.0]))
    assert np.isnan(spearman([2.0, 2.0], [1.0, 3.0]))
    assert spearman(Y, np.full(60, 0.1 + 0.2)) == 0.0
    assert np.isnan(linear_calibration(Y, np.full(60, 50.0)).slope)
    assert r2(Y, np.full(60, Y.mean())) == pytest.approx(0.0)


def table(repeats: int = 1) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [["a"], range(repeats), [0], range(60)], names=["model", "repeat", "fold", "case_id"]
    )
    patients = np.tile(np.arange(60), repeats)
    return pd.DataFrame({"patient_id": patients, "y_true": np.tile(Y, repeats), "y_score": np.tile(P, repeats)}, index)


def test_the_interval_of_the_slope_is_the_robust_one_and_repeats_do_not_narrow_it():
    found = linear_calibration_over_repeats(table()).loc["slope"]
    design = np.column_stack([np.ones(60), P])
    bread = np.linalg.inv(design.T @ design)
    residual = Y - design @ bread @ design.T @ Y
    robust = bread @ (design.T * residual**2) @ design @ bread * 60 / 59
    half = stats.t.ppf(0.975, 59) * np.sqrt(robust[1, 1])
    assert found["value"] - found["low"] == pytest.approx(half)
    again = linear_calibration_over_repeats(table(repeats=4)).loc["slope"]
    assert (again["low"], again["high"]) == pytest.approx((found["low"], found["high"]))


def test_cases_of_one_patient_count_together():
    doubled = pd.concat([table(), table()])
    alone, twice = linear_calibration_over_repeats(table()), linear_calibration_over_repeats(doubled)
    assert twice.loc["slope", "low"] == pytest.approx(alone.loc["slope", "low"])
