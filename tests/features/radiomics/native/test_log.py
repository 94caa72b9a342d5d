"""The recursive filter against plain loops over each line, and the whole filter against SimpleITK's."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.log import laplacian_of_gaussian, second_derivative, smoothing

pytest.importorskip("hybridrad.features.radiomics._kernels")


def filtered_line(line, table):
    """Filter one line forwards and backwards, its ends going on for ever."""
    ahead, behind, feedback, border_ahead, border_behind = table

    def run(values, taps, lag, border):
        found = []
        for i in range(len(values)):
            fed = [values[max(0, i - lag - k)] * taps[k] for k in range(4)]
            back = [found[i - 1 - k] * feedback[k] if i > k else values[0] * border[k] for k in range(4)]
            found.append(fed[0] + fed[1] + fed[2] + fed[3] - (back[0] + back[1] + back[2] + back[3]))
        return found

    there = run(line, ahead, 0, border_ahead)
    and_back = run(line[::-1], behind, 1, border_behind)[::-1]
    return np.array([np.float32(a + b) for a, b in zip(there, and_back, strict=True)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_line_is_filtered_as_by_plain_loops(axis, dtype):
    values = np.random.default_rng(0).integers(0, 120, size=(9, 8, 21)).astype(dtype)
    table = second_derivative(1.3, 0.7)
    expected = np.apply_along_axis(lambda line: filtered_line(line.astype(float), table), axis, values)
    start, stop = 2, values.shape[axis] - 1
    found = load_kernels().recursive_filter(values, axis, start, stop, table)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.take(range(start, stop), axis=axis))


def test_any_layout_in_memory_is_read():
    values = np.random.default_rng(0).normal(size=(20, 9, 40))
    values.setflags(write=False)
    filtered, table = load_kernels().recursive_filter, smoothing(1.0, 1.0)
    for view in (values[::2, :, ::3], values.transpose(2, 0, 1), values[:, ::-1]):
        expected = filtered(np.ascontiguousarray(view), 1, 0, view.shape[1], table)
        np.testing.assert_array_equal(filtered(view, 1, 0, view.shape[1], table), expected)


def test_what_cannot_be_filtered_is_refused_beforehand():
    filtered, table, values = load_kernels().recursive_filter, smoothing(1.0, 1.0), np.zeros((4, 5, 6))
    for axis, start, stop in ((3, 0, 1), (-1, 0, 1), (0, 0, 5), (1, 3, 3)):
        with pytest.raises(ValueError, match="must"):
            filtered(values, axis, start, stop, table)
    with pytest.raises(ValueError, match="integers or floats"):
        filtered(values.astype(complex), 0, 0, 1, table)
    with pytest.raises(TypeError):
        filtered(values, 0, 0, 1, table[:4])


def test_smoothing_keeps_a_constant_and_the_second_derivative_removes_it():
    filtered, flat = load_kernels().recursive_filter, np.full((12, 12, 12), 7.0)
    np.testing.assert_allclose(filtered(flat, 0, 0, 12, smoothing(2.0, 0.8)), 7.0, rtol=1e-6)
    np.testing.assert_allclose(filtered(flat, 0, 0, 12, second_derivative(2.0, 0.8)), 0.0, atol=1e-12)


@st.composite
def images(draw):
    n_axes = draw(st.integers(2, 3))
    shape = tuple(draw(st.integers(4, 40)) for _ in range(n_axes))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.float32, np.float64]))
    image = sitk.GetImageFromArray(np.random.default_rng(shape).uniform(0, 250, size=shape).astype(dtype))
    image.SetSpacing([draw(st.floats(0.4, 3.0) | st.sampled_from([0.4, 0.7, 0.8, 1.25])) for _ in shape])
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(slice(a, draw(st.integers(a + 1, n))) for a, n in zip(starts, shape, strict=True))
    return image, box


@settings(max_examples=60, deadline=None)
@given(images(), st.floats(0.5, 4.0))
def test_a_box_has_the_bits_of_simpleitk_on_the_whole_image(image_and_box, sigma):
    image, box = image_and_box
    whole = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, sigma, True))
    values, spacing = sitk.GetArrayViewFromImage(image), image.GetSpacing()[::-1]
    np.testing.assert_array_equal(laplacian_of_gaussian(values, box, spacing=spacing, sigma=sigma), whole[box])


def test_a_small_box_far_from_the_border_has_the_bits_of_the_whole_image():
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(-900, 1500, (70, 110, 120)).astype(np.int16))
    image.SetSpacing((1.0, 1.0, 2.0))
    box = (slice(30, 34), slice(50, 57), slice(52, 60))
    whole = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, 1.5, True))
    values = sitk.GetArrayViewFromImage(image)
    found = laplacian_of_gaussian(values, box, spacing=(2.0, 1.0, 1.0), sigma=1.5)
    np.testing.assert_array_equal(found, whole[box])
