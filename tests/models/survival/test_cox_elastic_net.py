from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from hybridrad.models.survival.cox_elastic_net import elastic_net_cox_path
from hybridrad.models.survival.cox_path import ridge_cox_path
from hybridrad.models.survival.partial_likelihood import PartialLikelihood
from tests.models.survival.test_cox_path import ORACLES, read

PENALTIES = (30.0, 10.0, 3.0, 1.0)


@pytest.mark.parametrize("data", ["cox_data", "cox_wide"])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.8, 1.0])
def test_the_conditions_of_optimality_hold(data, l1_ratio):
    X, event, time = read(data)
    likelihood = PartialLikelihood(event, time)
    path = elastic_net_cox_path(X, event, time, penalties=PENALTIES, l1_ratio=l1_ratio)
    for penalty, coef in zip(PENALTIES, path, strict=True):
        gradient = penalty * (1.0 - l1_ratio) * coef - X.T @ likelihood.gradient(X @ coef)
        held = penalty * l1_ratio
        np.testing.assert_allclose(gradient[coef != 0], -held * np.sign(coef[coef != 0]), rtol=1e-6)
        assert np.abs(gradient[coef == 0]).max(initial=0.0) <= held * (1 + 1e-6)
    assert (np.diff((path != 0).sum(axis=1)) >= 0).all()
    assert (path[-1] != 0).sum() > 0


@pytest.mark.parametrize("l1_ratio", ["0.2", "0.8", "1"])
@pytest.mark.parametrize(("data", "penalties"), [("", [20, 5, 1]), ("_wide", [8, 3])])
def test_coefficients_are_those_of_glmnet(data, penalties, l1_ratio):
    X, event, time = read(f"cox{data or '_data'}")
    theirs = pd.read_csv(ORACLES / f"elastic_net{data}_fits.csv")
    path = elastic_net_cox_path(X, event, time, penalties=penalties, l1_ratio=float(l1_ratio), ties="breslow")
    for penalty, coef in zip(penalties, path, strict=True):
        of_glmnet = theirs[f"cox_{l1_ratio}_{penalty}"].to_numpy()
        np.testing.assert_array_equal(coef != 0, of_glmnet != 0)
        np.testing.assert_allclose(coef, of_glmnet, atol=1e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_it_is_the_optimum_found_slowly(ties):
    X, event, time = read("cox_data")
    likelihood, n = PartialLikelihood(event, time, ties=ties), X.shape[1]

    def objective(parts: np.ndarray) -> float:
        """Split coefficients into what is above and what is below zero: then the absolute sum is smooth."""
        coef = parts[:n] - parts[n:]
        return 3.0 * (0.5 * parts.sum() + 0.25 * float(coef @ coef)) - likelihood.value(X @ coef)

    slow = minimize(objective, np.zeros(2 * n), bounds=[(0, None)] * 2 * n, options={"ftol": 1e-14, "gtol": 1e-9}).x
    fast = elastic_net_cox_path(X, event, time, penalties=[9.0, 3.0], l1_ratio=0.5, ties=ties)[1]
    np.testing.assert_allclose(fast, slow[:n] - slow[n:], atol=1e-5)


def test_with_hardly_any_absolute_penalty_it_is_the_ridge():
    X, event, time = read("cox_data")
    ours = elastic_net_cox_path(X, event, time, penalties=[5.0], l1_ratio=1e-5)
    np.testing.assert_allclose(ours, ridge_cox_path(X, event, time, penalties=[5.0]), atol=1e-5)


def test_a_path_ends_where_a_single_fit_ends():
    X, event, time = read("cox_wide")
    path = elastic_net_cox_path(X, event, time, penalties=PENALTIES, l1_ratio=0.5)
    alone = elastic_net_cox_path(X, event, time, penalties=PENALTIES[-1:], l1_ratio=0.5)
    np.testing.assert_allclose(path[-1], alone[0], atol=1e-6)


def test_without_an_event_nothing_is_learned():
    path = elastic_net_cox_path(np.eye(3), np.zeros(3, bool), np.arange(1.0, 4.0), penalties=[0.1], l1_ratio=0.5)
    assert not path.any()


def test_a_pure_ridge_is_refused():
    with pytest.raises(ValueError, match="fit a ridge"):
        elastic_net_cox_path(np.eye(2), np.ones(2, bool), np.arange(1.0, 3.0), penalties=[1.0], l1_ratio=0.0)
