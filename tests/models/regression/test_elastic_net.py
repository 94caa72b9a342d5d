from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import ElasticNet

from hybridrad.models.regression.elastic_net import elastic_net_value_path
from tests.models.survival.test_cox_path import ORACLES, read


@pytest.mark.parametrize("n_columns", [12, 120])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.8, 1.0])
def test_coefficients_are_those_of_scikit_learn(n_columns, l1_ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)) @ rng.normal(size=(8, n_columns)) + rng.normal(size=(60, n_columns))
    y = 3.0 + X[:, :3].sum(axis=1) + rng.normal(size=60)
    penalties = [100.0, 20.0, 4.0]
    coefs, intercepts = elastic_net_value_path(X, y, penalties=penalties, l1_ratio=l1_ratio)
    for penalty, coef, intercept in zip(penalties, coefs, intercepts, strict=True):
        plain = ElasticNet(alpha=penalty / 60, l1_ratio=l1_ratio, tol=1e-12, max_iter=1_000_000).fit(X, y)
        np.testing.assert_allclose(coef, plain.coef_, atol=1e-5)
        assert intercept == pytest.approx(plain.intercept_, abs=1e-5)


@pytest.mark.parametrize("l1_ratio", ["0.2", "0.8", "1"])
@pytest.mark.parametrize(("data", "penalties"), [("", [20, 5, 1]), ("_wide", [8, 3])])
def test_coefficients_are_those_of_glmnet(data, penalties, l1_ratio):
    X, _, time = read(f"cox{data or '_data'}")
    theirs = pd.read_csv(ORACLES / f"elastic_net{data}_fits.csv")
    y = np.log(time)
    coefs, _ = elastic_net_value_path(X, (y - y.mean()) / y.std(), penalties=penalties, l1_ratio=float(l1_ratio))
    for penalty, coef in zip(penalties, coefs, strict=True):
        np.testing.assert_allclose(coef, theirs[f"value_{l1_ratio}_{penalty}"], atol=1e-6)


def test_more_columns_than_cases_and_equal_columns_are_no_trouble():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20, 30))
    coefs, _ = elastic_net_value_path(np.hstack([X, X]), X[:, 0], penalties=[1.0, 1e-2], l1_ratio=1.0)
    assert np.isfinite(coefs).all()


def test_a_pure_ridge_is_refused():
    with pytest.raises(ValueError, match="fit a ridge"):
        elastic_net_value_path(np.eye(2), np.ones(2), penalties=[1.0], l1_ratio=0.0)
