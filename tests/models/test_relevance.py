from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kruskal

from hybridrad.models.relevance import RelevanceFilter, column_ranks, rank_separation


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_separation_of_ranks_is_that_of_kruskal_and_wallis(n_classes):
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    X = np.round(rng.normal(size=(60, 5)) + 0.5 * y[:, None] * np.arange(5), 1)  # ties
    theirs = [kruskal(*(column[y == k] for k in range(n_classes))).statistic / 59 for column in X.T]
    np.testing.assert_allclose(rank_separation(X, y), theirs)


def test_the_best_columns_stay_whatever_their_scale():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.normal(size=(80, 20))
    X[:, [3, 7]] += 3.0 * y[:, None]
    X[:, 3] = np.exp(5 * X[:, 3])
    X[::9, 7] = np.nan
    kept = RelevanceFilter(n_columns=2).fit(X, np.array(["no", "yes"])[y])
    assert kept.get_support(indices=True).tolist() == [3, 7]
    assert kept.transform(X).shape == (80, 2)


def test_equal_columns_are_settled_by_position():
    x = np.arange(10.0)
    kept = RelevanceFilter(n_columns=1).fit(np.column_stack([0 * x, x, 3 * x]), x > 4)
    assert kept.get_support(indices=True).tolist() == [1]


def test_no_columns_are_refused():
    with pytest.raises(ValueError, match="n_columns"):
        RelevanceFilter(n_columns=0).fit(np.eye(4), [0, 1, 0, 1])


def test_ranks_are_those_of_pandas_with_ties_and_gaps():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 12))
    X[:, 3], X[:, 4], X[:, 5] = np.round(X[:, 3]), 1.0, np.nan
    X[2, 6] = X[7, 7] = np.nan
    np.testing.assert_array_equal(column_ranks(X), pd.DataFrame(X).rank().to_numpy())
