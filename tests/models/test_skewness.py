from __future__ import annotations

import numpy as np
from scipy.stats import skew

from hybridrad.models.skewness import SkewnessTransform, skewed_columns


def test_only_skewed_columns_change_and_they_become_less_skewed():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), np.exp(2 * rng.normal(size=200)), -np.exp(2 * rng.normal(size=200))])
    transform = SkewnessTransform().fit(X)
    out = transform.transform(X)
    assert transform.skewed_.tolist() == [False, True, True]
    assert (out[:, 0] == X[:, 0]).all()
    assert (np.abs(skew(out[:, 1:])) < np.abs(skew(X[:, 1:])) / 2).all()


def test_the_skewness_is_that_of_scipy():
    X = np.random.default_rng(1).gamma(4.0, size=(60, 30))
    assert (skewed_columns(X)[0] == (np.abs(skew(X)) > 1)).all()


def test_a_column_without_interquartile_range_uses_its_deviation():
    X = np.zeros((40, 1))
    X[:2] = 5.0
    transform = SkewnessTransform().fit(X)
    assert transform.spread_[0] == X.std()
    assert np.isfinite(transform.transform(X)).all()


def test_constant_missing_and_huge_columns_pass():
    X = np.column_stack([np.full(30, 0.1), np.full(30, np.nan), np.r_[np.zeros(29), 1e200]])
    transform = SkewnessTransform().fit(X)
    assert transform.skewed_.tolist() == [False, False, True]
    assert np.isfinite(transform.transform(X)[:, [0, 2]]).all()
