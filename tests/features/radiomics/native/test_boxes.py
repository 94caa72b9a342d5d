from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hybridrad.features.radiomics.native.boxes import bounding_box, grown, sizes, within


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=3, max_side=7), elements=st.booleans()))
def test_the_bounding_box_is_that_of_the_coordinates(inside):
    inside[tuple(n // 2 for n in inside.shape)] = True
    where = np.argwhere(inside)
    plain = [(int(low), int(high) + 1) for low, high in zip(where.min(axis=0), where.max(axis=0), strict=True)]
    assert [(one.start, one.stop) for one in bounding_box(inside)] == plain


def test_a_box_grows_up_to_the_border_and_finds_its_place_in_the_grown_one():
    values = np.arange(10 * 12).reshape(10, 12)
    box = (slice(1, 3), slice(8, 11))
    outer = grown(box, (4, 3), values.shape)
    assert outer == (slice(0, 7), slice(5, 12))
    assert sizes(outer) == (7, 7)
    np.testing.assert_array_equal(values[outer][within(box, outer)], values[box])
