from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import false_discovery_control

from hybridrad.comparison.multiplicity import benjamini_hochberg, holm

PUBLISHED = [0.01, 0.04, 0.03, 0.005, 0.2]
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def holm_one_by_one(p):
    """Slow plain twin: reject in order while p <= alpha / (tests left), for the smallest alpha that does so."""
    order, adjusted, worst = sorted(range(len(p)), key=lambda i: p[i]), [0.0] * len(p), 0.0
    for step, i in enumerate(order):
        worst = max(worst, p[i] * (len(p) - step))
        adjusted[i] = min(worst, 1.0)
    return adjusted


def test_published_values():
    assert_allclose(holm(PUBLISHED), [0.04, 0.09, 0.09, 0.025, 0.2], rtol=1e-12)
    assert_allclose(benjamini_hochberg(PUBLISHED), [0.025, 0.05, 0.05, 0.025, 0.2], rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(p=p_lists)
def test_both_agree_with_plain_twins(p):
    assert_allclose(holm(p), holm_one_by_one(p), rtol=1e-12)
    assert_allclose(benjamini_hochberg(p), false_discovery_control(p), rtol=1e-9, atol=1e-300)


@settings(max_examples=50, deadline=None)
@given(p=p_lists)
def test_adjusting_never_makes_a_p_value_smaller(p):
    assert (holm(p) >= np.array(p) - 1e-15).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()


def test_a_test_that_could_not_be_made_still_counts():
    assert_allclose(holm([0.01, np.nan]), [0.02, np.nan])


def test_no_tests_are_no_problem():
    assert holm([]).tolist() == []


def test_numbers_that_are_no_p_values_are_refused():
    with pytest.raises(ValueError, match=r"0 \.\. 1"):
        holm([1.2])
