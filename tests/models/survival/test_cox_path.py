from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from hybridrad.models.survival.cox_path import ridge_cox_path
from hybridrad.models.survival.partial_likelihood import PartialLikelihood

ORACLES = Path(__file__).parents[1] / "oracles"


def read(name: str) -> tuple:
    data = pd.read_csv(ORACLES / f"{name}.csv")
    return data.filter(like="X").to_numpy(), data["event"].to_numpy() == 1, data["time"].to_numpy()


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_coefficients_are_those_of_coxph_with_a_ridge(ties):
    X, event, time = read("cox_data")
    theirs = pd.read_csv(ORACLES / "cox_fits.csv")
    path = ridge_cox_path(X, event, time, penalties=[50.0, 5.0, 0.5], ties=ties)
    for coef, theta in zip(path, ["50", "5", "0.5"], strict=True):
        np.testing.assert_allclose(coef, theirs[f"{ties}_{theta}"], atol=1e-7)


def test_with_more_columns_than_cases_coefficients_are_those_of_glmnet():
    X, event, time = read("cox_wide")
    theirs = pd.read_csv(ORACLES / "cox_wide_fits.csv").to_numpy().T
    np.testing.assert_allclose(ridge_cox_path(X, event, time, penalties=[60.0, 6.0], ties="breslow"), theirs, atol=1e-6)


def test_the_gradient_vanishes_and_the_path_does_not_depend_on_where_it_starts():
    X, event, time = read("cox_wide")
    likelihood = PartialLikelihood(event, time)
    path = ridge_cox_path(X, event, time, penalties=np.geomspace(1e5, 1e-2, 12))
    for coef, penalty in zip(path, np.geomspace(1e5, 1e-2, 12), strict=True):
        np.testing.assert_allclose(X.T @ likelihood.gradient(X @ coef), penalty * coef, atol=1e-6)
    alone = ridge_cox_path(X, event, time, penalties=[1e-2])
    np.testing.assert_allclose(alone[0], path[-1], atol=1e-7)


def test_one_column_that_ranks_all_events_still_has_a_finite_coefficient():
    time = np.arange(1.0, 21.0)
    coef = ridge_cox_path(-time[:, None], np.ones(20, bool), time, penalties=[1.0, 1e-3])
    assert np.isfinite(coef).all()
    assert coef[1, 0] > coef[0, 0] > 0


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_with_an_offset_coefficients_are_those_of_coxph(ties):
    X, event, time = read("cox_data")
    known, theirs = (
        pd.read_csv(ORACLES / "cox_offset.csv")["known"].to_numpy(),
        pd.read_csv(ORACLES / "cox_offset_fits.csv"),
    )
    path = ridge_cox_path(X, event, time, penalties=[50.0, 5.0, 0.5], ties=ties, offset=known)
    for coef, theta in zip(path, ["50", "5", "0.5"], strict=True):
        np.testing.assert_allclose(coef, theirs[f"{ties}_{theta}"], atol=1e-7)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_with_an_offset_it_is_the_optimum_found_slowly(ties):
    X, event, time = read("cox_data")
    offset = np.random.default_rng(0).normal(size=len(X))
    likelihood = PartialLikelihood(event, time, ties=ties)

    def objective(coef: np.ndarray) -> float:
        return 0.5 * 2.0 * float(coef @ coef) - likelihood.value(X @ coef + offset)

    slow = minimize(objective, np.zeros(X.shape[1]), options={"gtol": 1e-7}).x
    fast = ridge_cox_path(X, event, time, penalties=[20.0, 2.0], ties=ties, offset=offset)[1]
    np.testing.assert_allclose(fast, slow, atol=1e-6)
