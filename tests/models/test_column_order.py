from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models.column_order import ColumnOrder


@pytest.mark.parametrize("n_rows", [1, 2, 5, 40])
@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_quantiles_are_those_of_numpy_with_gaps_and_without(n_rows, q):
    rng = np.random.default_rng(n_rows)
    X = rng.lognormal(size=(n_rows, 30))
    X[rng.random(X.shape) < 0.3] = np.nan
    X[0, :] = 1.0  # every column has a value
    X[:, :10] = rng.integers(0, 3, size=(n_rows, 10))
    np.testing.assert_allclose(ColumnOrder.of(X).quantile(q), np.nanquantile(X, q, axis=0), rtol=1e-14)


def test_the_ends_leave_missing_values_aside():
    order = ColumnOrder.of(np.array([[np.nan, 3.0], [2.0, -1.0], [5.0, 0.0]]))
    assert order.lowest.tolist() == [2.0, -1.0]
    assert order.highest.tolist() == [5.0, 3.0]
    assert order.n_seen.tolist() == [2, 3]


def test_a_column_without_values_has_no_quantile_and_hurts_no_other():
    order = ColumnOrder.of(np.array([[np.nan, 1.0], [np.nan, 3.0]]))
    np.testing.assert_array_equal(order.quantile(0.5), [np.nan, 2.0])


def test_the_columns_given_stay_as_they_were():
    X = np.array([[3.0], [1.0]])
    ColumnOrder.of(X)
    assert X[:, 0].tolist() == [3.0, 1.0]
