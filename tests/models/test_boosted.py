from __future__ import annotations

import numpy as np

from hybridrad.models.boosted import BoostedTrees, best_columns


def test_selection_prefers_columns_that_separate_and_ignores_missing_and_constant_ones():
    rng = np.random.default_rng(0)
    y = np.tile([0, 1, 2], 30)
    X = rng.normal(size=(90, 20))
    X[:, 7] += 3 * y
    X[:, 3] = np.exp(5 * (y == 1) + rng.normal(size=90))
    X[rng.random((90, 20)) < 0.1] = np.nan
    X[:, 0], X[:, 1] = 1.0, np.nan
    assert best_columns(X, y, n_columns=2).tolist() == [3, 7]


def test_the_same_seed_grows_the_same_trees(table):
    X, y, _ = table
    names = np.array(["no", "yes"])[y]
    one, again, other = (BoostedTrees(random_state=s, n_estimators=30).fit(X, names) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.decision_function(X), again.decision_function(X))
    assert (one.decision_function(X) != other.decision_function(X)).any()
    assert set(one.predict(X)) == {"no", "yes"}
