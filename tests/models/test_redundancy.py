from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from hybridrad.models.redundancy import RedundancyFilter, distinct_columns


def correlated(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6))
    X = np.column_stack([X, np.exp(X[:, 0]), X[:, 1] + 0.05 * rng.normal(size=n), np.full(n, 3.0)])
    return pd.DataFrame(X, columns=[f"radiomics__r{i}" for i in range(9)])


def test_no_two_columns_kept_are_closely_correlated_and_none_dropped_is_alone():
    X = correlated()
    step = RedundancyFilter().fit(X)
    kept = step.get_support(indices=True)
    rho = np.abs(spearmanr(X.iloc[:, :8]).statistic)
    assert 8 not in kept  # constant
    assert np.max(rho[np.ix_(kept, kept)] - np.eye(len(kept))) <= 0.9
    dropped = np.setdiff1d(np.arange(8), kept)
    assert len(dropped) == 2
    assert (rho[np.ix_(dropped, kept)].max(axis=1) > 0.9).all()


def test_the_order_of_columns_does_not_decide_which_values_stay():
    X = correlated()
    turned = X[X.columns[::-1]]
    one, other = (set(RedundancyFilter().fit(t).get_feature_names_out()) for t in (X, turned))
    # r0 and exp(r0) have the same ranks: which of them stays is all the same.
    assert {c.replace("r6", "r0") for c in one} == {c.replace("r6", "r0") for c in other}


def test_blocks_are_judged_apart_and_others_are_kept():
    X = correlated()
    both = pd.concat([X, X.add_prefix("deep__"), pd.DataFrame({"size__ml": np.ones(len(X))})], axis=1)
    step = RedundancyFilter(blocks=["radiomics", "deep"]).fit(both)
    kept = step.get_feature_names_out()
    assert list(step.effective_rank_) == ["radiomics", "deep"]
    assert "size__ml" in kept
    assert len(kept) == 2 * 6 + 1
    assert step.set_output(transform="pandas").transform(both).columns.tolist() == list(kept)


def test_the_effective_rank_counts_independent_columns():
    rng = np.random.default_rng(0)
    independent = rng.normal(size=(4000, 3))
    assert RedundancyFilter().fit(independent).effective_rank_["all"] == pytest.approx(3, abs=0.01)
    twice = np.column_stack([independent, independent])
    assert RedundancyFilter().fit(twice).effective_rank_["all"] == pytest.approx(3, abs=0.01)
    assert RedundancyFilter(blocks={"a": [0]}).fit(np.ones((5, 2))).effective_rank_["a"] == 0


def test_gaps_are_passed_through():
    X = correlated()
    X.iloc[::5, 3] = np.nan
    step = RedundancyFilter().fit(X)
    kept = step.get_support()
    assert kept[3]
    np.testing.assert_array_equal(step.transform(X), X.to_numpy()[:, kept])


def test_redundant_columns_leave_whatever_their_order():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6))
    X = np.column_stack([X, X[:, 0] + 0.1 * rng.normal(size=80), X[:, 1]])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    order = rng.permutation(8)
    kept, kept_turned = distinct_columns(X), distinct_columns(X[:, order])
    assert len(kept) == 6
    assert np.abs(np.corrcoef(X[:, kept].T) - np.eye(6)).max() <= 0.9
    np.testing.assert_allclose(np.sort(X[0, kept]), np.sort(X[0, order[kept_turned]]))
