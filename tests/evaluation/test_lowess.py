from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hybridrad.evaluation.lowess import lowess


def lowess_point_by_point(x, y, span):
    """Slow plain twin: weighted least squares by numpy at every point."""
    n_near = int(span * len(x) + 1e-7)
    fitted = []
    for point in x:
        distance = np.abs(x - point)
        weight = np.clip(1 - (distance / np.sort(distance)[n_near - 1]) ** 3, 0, None) ** 3
        slope, level = np.polyfit(x, y, 1, w=np.sqrt(weight))
        fitted.append(slope * point + level)
    return fitted


def test_it_equals_weighted_least_squares_point_by_point():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=40), rng.binomial(1, 0.4, 40)
    assert_allclose(lowess(x, y, span=0.5), lowess_point_by_point(x, y, 0.5), rtol=1e-9)


def test_a_straight_line_stays_a_straight_line():
    x = np.array([0.0, 0.1, 0.5, 0.55, 0.9, 1.0])
    assert_allclose(lowess(x, 2 * x - 1, at=[0.3, 0.7]), [-0.4, 0.4], atol=1e-12)


def test_the_order_of_the_points_does_not_matter():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(size=30), rng.binomial(1, 0.5, 30)
    order = rng.permutation(30)
    assert_allclose(lowess(x[order], y[order]), lowess(x, y)[order], rtol=1e-12)


def test_many_equal_predictions_give_their_mean():
    assert_allclose(lowess([0.5] * 8 + [0.9, 0.1], [0, 1] * 5, at=[0.5]), [0.5])


@pytest.mark.parametrize("span", [0.0, 1.5])
def test_a_span_out_of_range_is_refused(span):
    with pytest.raises(ValueError, match="span"):
        lowess([0, 1, 2], [0, 1, 2], span=span)
