from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import VarianceThreshold
from sklearn.preprocessing import MinMaxScaler

from hybridrad.models.variance import VarianceFilter

N = 85


def columns() -> np.ndarray:
    """Return a plain column, one with a long tail, one with a single other value, a constant one and an empty one."""
    rng = np.random.default_rng(0)
    tail = rng.standard_t(2, size=N)
    tail[0] = 60.0
    single = np.where(np.arange(N) == 9, 6.0, 5.0)
    return np.column_stack([rng.normal(size=N), tail, single, np.full(N, 0.1) * 3, np.full(N, np.nan)])


def test_what_varies_stays_and_what_one_case_tells_apart_goes():
    assert VarianceFilter().fit(columns()).get_support().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("unit", [1e-12, 1e-3, 1e9])
def test_units_do_not_matter(unit):
    assert VarianceFilter().fit(unit * columns()).get_support().tolist() == [True, True, False, False, False]


def test_a_threshold_on_scaled_columns_cannot_tell_these_apart():
    variance = VarianceThreshold().fit(MinMaxScaler().fit_transform(columns()[:, :3])).variances_
    assert variance[1] < variance[2]  # why the filter is not that


def test_gaps_are_ignored_and_rows_of_another_kind_do_not_matter_to_transform():
    X = columns()
    X[::3, 0] = np.nan
    model = VarianceFilter().fit(X)
    assert model.get_support()[0]
    assert model.transform(X[:4]).shape == (4, 2)


def test_a_larger_threshold_asks_for_more():
    X = 100.0 + np.column_stack([np.linspace(0, 1, N), np.linspace(0, 50, N)])
    assert VarianceFilter().fit(X).get_support().tolist() == [True, True]
    assert VarianceFilter(threshold=0.05).fit(X).get_support().tolist() == [False, True]


def test_a_column_that_is_mostly_zero_stays_if_enough_cases_are_not():
    rare, common = (np.arange(100) < share for share in (3, 10))
    kept = VarianceFilter().fit(np.column_stack([rare, common]).astype(float))
    assert kept.get_support().tolist() == [False, True]


def test_a_negative_threshold_is_refused():
    with pytest.raises(ValueError, match="threshold must be 0 or more"):
        VarianceFilter(threshold=-1.0).fit(np.eye(4))
