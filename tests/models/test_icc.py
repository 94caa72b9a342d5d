from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models.icc import KINDS, icc_interval, intraclass_correlation

# Table 2 and the results of Shrout & Fleiss 1979: six targets, four judges.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
PUBLISHED = dict(zip(KINDS, [0.16574, 0.28976, 0.71484, 0.44280, 0.62005, 0.90932], strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_correlations_are_those_of_shrout_and_fleiss(kind):
    assert intraclass_correlation(RATINGS, kind=kind) == pytest.approx(PUBLISHED[kind], abs=5e-6)


@pytest.mark.parametrize(("kind", "limits"), [("2,1", (0.01879, 0.76108)), ("3,1", (0.34246, 0.94586))])
def test_intervals_are_those_of_shrout_and_fleiss(kind, limits):
    assert [float(v) for v in icc_interval(RATINGS, kind=kind)] == pytest.approx(limits, abs=1e-5)


def test_features_are_judged_one_by_one():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(20, 1, 5)) + 0.5 * rng.normal(size=(20, 3, 5))
    for kind in ("2,1", "3,1"):
        alone = [float(intraclass_correlation(cube[:, :, j], kind=kind)) for j in range(5)]
        np.testing.assert_allclose(intraclass_correlation(cube, kind=kind), alone)
        np.testing.assert_allclose(icc_interval(cube, kind=kind)[0][2], icc_interval(cube[:, :, 2], kind=kind)[0])


def test_it_estimates_the_share_of_the_variance_between_cases():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(4000, 1)) * 3.0 + rng.normal(size=(4000, 2))
    assert intraclass_correlation(cube, kind="2,1") == pytest.approx(0.9, abs=0.01)
    low, high = icc_interval(cube, kind="2,1")
    assert low < 0.9 < high


def test_a_constant_difference_is_forgiven_by_consistency_alone():
    x = np.arange(8.0)
    shifted = np.column_stack([x, x + 5.0])
    assert intraclass_correlation(shifted, kind="3,1") == 1.0
    assert intraclass_correlation(shifted, kind="2,1") < 0.5


def test_where_nothing_varies_there_is_none():
    assert np.isnan(intraclass_correlation(np.full((5, 2), 0.1)))
    exact = np.repeat(np.arange(5.0)[:, None] * 0.1, 2, axis=1)
    assert intraclass_correlation(exact) == 1.0
    assert [float(v) for v in icc_interval(exact)] == [1.0, 1.0]


@pytest.mark.parametrize("ratings", [np.ones((1, 3)), np.ones((3, 1)), [[1.0, np.nan], [2.0, 3.0]]])
def test_tables_that_say_nothing_are_refused(ratings):
    with pytest.raises(ValueError, match=r"at least two|missing"):
        intraclass_correlation(ratings)
