from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hybridrad.evaluation.metrics import sensitivity, specificity
from hybridrad.evaluation.thresholds import threshold_at_sensitivity, youden_threshold

scores = arrays(float, 15, elements=st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.8]))
labels = arrays(int, 15, elements=st.integers(0, 1)).filter(lambda y: 0 < y.sum() < 15)


@settings(max_examples=60, deadline=None)
@given(y=labels, s=scores, wanted=st.sampled_from([0.5, 0.7, 0.9, 1.0]))
def test_it_is_the_largest_threshold_that_reaches_the_sensitivity(y, s, wanted):
    threshold = threshold_at_sensitivity(y, s, sensitivity=wanted)
    assert sensitivity(y, s, threshold) >= wanted
    higher = s[s > threshold]
    assert all(sensitivity(y, s, t) < wanted for t in higher)


@settings(max_examples=60, deadline=None)
@given(y=labels, s=scores)
def test_youden_finds_the_best_of_all_thresholds(y, s):
    index = {t: sensitivity(y, s, t) + specificity(y, s, t) for t in np.unique(s)}
    best = max(index.values())
    assert youden_threshold(y, s) == min(t for t, value in index.items() if value > best - 1e-9)


def test_ninety_percent_of_ten_are_nine_not_ten():
    s = np.arange(10) / 10
    assert threshold_at_sensitivity(np.ones(10), s, sensitivity=0.9) == 0.1


def test_without_positives_there_is_no_threshold():
    with pytest.raises(ValueError, match="at least one 1"):
        threshold_at_sensitivity([0, 0], [0.1, 0.2])
    with pytest.raises(ValueError, match="both classes"):
        youden_threshold([1, 1], [0.1, 0.2])
