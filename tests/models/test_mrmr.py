from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f_oneway, rankdata, spearmanr

from hybridrad.models.mrmr import MRMRFilter, f_statistics


def slowly(X: np.ndarray, y: np.ndarray, n_columns: int) -> list[int]:
    """The published rule, word for word: F-test over mean absolute correlation, one column at a time."""
    relevance = [f_oneway(*(rankdata(c)[y == k] for k in np.unique(y))).statistic for c in X.T]
    chosen = [int(np.argmax(relevance))]
    while len(chosen) < n_columns:
        scores = {}
        for j in range(X.shape[1]):
            if j not in chosen:
                scores[j] = relevance[j] / np.mean([abs(spearmanr(X[:, j], X[:, c]).statistic) for c in chosen])
        chosen.append(max(scores, key=scores.get))
    return chosen


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_the_slow_plain_rule(n_classes):
    rng = np.random.default_rng(n_classes)
    y = np.arange(70) % n_classes
    X = rng.normal(size=(70, 4)) @ rng.normal(size=(4, 15)) + rng.normal(size=(70, 15))
    X[:, :5] += 0.6 * y[:, None]
    X[:, 2] = np.exp(X[:, 2])
    assert MRMRFilter(n_columns=8).fit(X, y).order_.tolist() == slowly(X, y, 8)


def test_f_statistics_are_those_of_scipy_also_with_gaps():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 3
    X[::7, 1] = np.nan
    seen = [~np.isnan(c) for c in X.T]
    theirs = [
        f_oneway(*(rankdata(c[s])[y[s] == k] for k in range(3))).statistic for c, s in zip(X.T, seen, strict=True)
    ]
    np.testing.assert_allclose(f_statistics(X, y), theirs)


def test_a_twin_is_not_taken_while_another_column_says_something_new():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    strong, other = y + rng.normal(size=120), 0.6 * y + rng.normal(size=120)
    X = np.column_stack([strong, strong, other, rng.normal(size=120)])
    assert MRMRFilter(n_columns=2).fit(X, y).order_.tolist() == [0, 2]


def test_constant_columns_and_perfect_ones_do_no_harm():
    y = np.arange(20) % 2
    X = np.column_stack([np.zeros(20), y, np.arange(20.0)])
    assert MRMRFilter(n_columns=3).fit(X, y).order_.tolist()[0] == 1
    assert MRMRFilter(n_columns=99).fit(X, y).get_support().all()
