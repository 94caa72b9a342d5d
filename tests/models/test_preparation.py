from __future__ import annotations

import numpy as np

from hybridrad.models.preparation import ColumnPreparation


def prepare(X, *, categorical=False, log=False, unskew=True) -> ColumnPreparation:
    X = np.asarray(X, dtype=float)
    flags = {"categorical": np.full(X.shape[1], categorical), "log": np.full(X.shape[1], log)}
    return ColumnPreparation(**flags, unskew=unskew).fit(X)


def test_columns_are_scaled_and_constant_or_empty_ones_dropped():
    X = np.random.default_rng(0).normal(3, 5, size=(30, 4))
    X[:, 1], X[:, 2] = 7.1, np.nan
    prepared = prepare(X)
    out = prepared.scaled(X)
    assert prepared.sources_.tolist() == [0, 3]
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(out.std(axis=0), 1)


def test_missing_numbers_become_the_training_median():
    prepared = prepare([[1.0], [2.0], [9.0], [np.nan]], unskew=False)
    assert prepared.scaled(np.array([[np.nan]])) == prepared.scaled(np.array([[2.0]]))


def test_volumes_enter_by_their_logarithm_and_a_zero_is_held():
    prepared = prepare(np.exp([[0.0], [1.0], [2.0]]), log=True)
    steps = np.diff(prepared.scaled(np.exp([[0.0], [1.0], [2.0]])).ravel())
    assert np.isclose(steps[0], steps[1])
    assert np.isfinite(prepared.scaled(np.array([[0.0]]))).all()


def test_levels_unknown_in_training_are_zero_everywhere():
    prepared = prepare([[0.0], [0.0], [1.0]], categorical=True)
    raw = prepared.scaled(np.array([[-1.0], [0.0], [1.0]])) * prepared.sd_ + prepared.mean_
    np.testing.assert_allclose(raw, [[0, 0], [1, 0], [0, 1]], atol=1e-12)
    assert prepared.sources_.tolist() == [0, 0]


def test_a_missing_category_is_a_level_if_training_had_it_else_the_most_frequent():
    with_missing = prepare([[0.0], [1.0], [np.nan]], categorical=True)
    assert len(with_missing.sources_) == 3
    without = prepare([[0.0], [1.0], [1.0]], categorical=True)
    assert (without.scaled(np.array([[np.nan]])) == without.scaled(np.array([[1.0]]))).all()


def test_a_value_far_outside_training_cannot_overflow():
    assert np.isfinite(prepare([[0.0], [1.0]]).scaled(np.array([[1e300]]))).all()
