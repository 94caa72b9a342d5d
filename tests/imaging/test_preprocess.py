from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from hybridrad.imaging.preprocess import (
    WINDOWS,
    pad_thin_axes,
    percentile_scale,
    resample,
    scale_between,
    window,
)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_maps_its_edges_to_0_and_1_and_its_level_to_one_half(name):
    level, width = WINDOWS[name]
    shown = window([level - width / 2, level, level + width / 2, -1e6, 1e6], name)
    np.testing.assert_allclose(shown, [0, 0.5, 1, 0, 1])
    assert shown.dtype == np.float32
    np.testing.assert_array_equal(window([level + 3], (level, width)), window([level + 3], name))


@pytest.mark.parametrize("bad", ["lungs", (40, 0), (40, -1), (40,), "", None, (np.nan, 400), 40])
def test_an_unknown_or_empty_window_is_refused(bad):
    with pytest.raises(ValueError, match="window"):
        window([0.0], bad)


def test_a_mistyped_window_is_answered_with_the_right_name():
    with pytest.raises(ValueError, match="mediastinum"):
        window([0.0], "mediastinm")


def test_percentiles_are_those_of_the_finite_values():
    values = np.arange(101.0)
    values[7] = np.nan
    shown = percentile_scale(values, 10, 90)
    low, high = np.nanpercentile(values, [10, 90])
    np.testing.assert_allclose(shown[50], (50 - low) / (high - low), rtol=1e-6)
    assert np.nanmin(shown) == 0.0
    assert np.nanmax(shown) == 1.0


def test_an_array_of_one_value_becomes_zero_and_one_without_values_is_refused():
    assert not percentile_scale(np.full((3, 3), 7.0), 1, 99).any()
    with pytest.raises(ValueError, match="finite"):
        percentile_scale([np.nan], 1, 99)
    with pytest.raises(ValueError, match="percentiles"):
        percentile_scale([1.0, 2.0], 99, 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e3, 1e3), st.floats(1e-3, 1e4))
def test_scaling_stays_between_0_and_1_and_keeps_the_order(values, lowest, width):
    shown = scale_between(sorted(values), lowest, lowest + width)
    assert 0.0 <= shown.min() <= shown.max() <= 1.0
    assert (np.diff(shown) >= 0).all()


def ramp(shape=(4, 10, 10), spacing=(0.5, 0.5, 2.0)) -> sitk.Image:
    z, y, x = np.indices(shape)
    image = sitk.GetImageFromArray((100 * z + 10 * y + x).astype(np.int16))
    image.SetSpacing(spacing)
    image.SetOrigin((3.0, -4.0, 5.0))
    c, s = np.cos(0.3), np.sin(0.3)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    return image


def first_face(image: sitk.Image) -> tuple[float, ...]:
    return image.TransformContinuousIndexToPhysicalPoint([-0.5] * image.GetDimension())


@pytest.mark.parametrize("order", ["nearest", "linear", "bspline"])
def test_resampling_keeps_the_first_face_and_the_extent(order):
    image = ramp()
    finer = resample(image, spacing_mm=(0.25, 1.0, 1.0), order=order)
    assert finer.GetSize() == (20, 5, 8)
    assert finer.GetSpacing() == (0.25, 1.0, 1.0)
    assert first_face(finer) == pytest.approx(first_face(image))
    assert finer.GetDirection() == image.GetDirection()
    assert finer.GetPixelID() == (sitk.sitkInt16 if order == "nearest" else sitk.sitkFloat32)


def test_a_ramp_is_interpolated_exactly_where_it_is_known():
    image = ramp()
    finer = sitk.GetArrayFromImage(resample(image, spacing_mm=(0.25, 0.5, 2.0)))
    x = (np.arange(20) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(finer[2, 3], 230 + np.clip(x, 0, 9), rtol=1e-6)


def test_zero_keeps_an_axis_and_the_own_spacing_changes_nothing():
    image = ramp()
    same = resample(image, spacing_mm=(0, 0, 0))
    np.testing.assert_allclose(sitk.GetArrayFromImage(same), sitk.GetArrayFromImage(image), atol=1e-4)
    assert resample(image, spacing_mm=(1.0, 1.0, 0)).GetSize() == (5, 5, 4)


def test_an_axis_never_vanishes():
    assert resample(ramp(), spacing_mm=(100.0, 100.0, 100.0)).GetSize() == (1, 1, 1)


def test_a_spline_along_a_thin_axis_gives_the_same_image_every_time_and_stays_in_range():
    image = ramp((2, 10, 10))
    first = sitk.GetArrayFromImage(resample(image, spacing_mm=(0.4, 0.4, 1.0), order="bspline"))
    assert first.shape[0] == 4
    assert np.isfinite(first).all()
    assert -60 < first.min() < first.max() < 260
    for _ in range(20):
        again = sitk.GetArrayFromImage(resample(image, spacing_mm=(0.4, 0.4, 1.0), order="bspline"))
        np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize(
    ("spacing", "order"), [((1, 1), "linear"), ((1, 1, -1), "linear"), ((1, 1, np.nan), "linear"), ((1, 1, 1), "cubic")]
)
def test_bad_spacings_and_orders_are_refused(spacing, order):
    with pytest.raises(ValueError, match=r"spacing_mm|order"):
        resample(ramp(), spacing_mm=spacing, order=order)


def test_colours_are_resampled_together_but_not_by_splines():
    image = sitk.Compose([sitk.Image([8, 8], sitk.sitkUInt8)] * 3)
    assert resample(image, spacing_mm=(2, 2)).GetNumberOfComponentsPerPixel() == 3
    with pytest.raises(ValueError, match="one channel"):
        resample(image, spacing_mm=(2, 2), order="bspline")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_thin_axis_is_padded_at_its_end_by_its_last_value(depth):
    image = ramp((depth, 10, 10))
    mask = sitk.Cast(image > 0, sitk.sitkUInt8)
    padded, padded_mask, axes = pad_thin_axes(image, mask)
    array, labels = sitk.GetArrayFromImage(padded), sitk.GetArrayFromImage(padded_mask)
    assert axes == (2,)
    assert array.shape == (4, 10, 10)
    np.testing.assert_array_equal(array[:depth], sitk.GetArrayFromImage(image))
    for z in range(depth, 4):
        np.testing.assert_array_equal(array[z], array[depth - 1])
    np.testing.assert_array_equal(labels[:depth], sitk.GetArrayFromImage(mask))
    assert not labels[depth:].any()
    for one in (padded, padded_mask):
        assert one.GetOrigin() == image.GetOrigin()
        assert one.GetSpacing() == image.GetSpacing()
        assert one.GetDirection() == image.GetDirection()
    assert (padded.GetPixelID(), padded_mask.GetPixelID()) == (sitk.sitkInt16, sitk.sitkUInt8)


def test_thick_axes_are_left_alone():
    image = ramp((4, 10, 10))
    mask = sitk.Cast(image > 0, sitk.sitkUInt8)
    assert pad_thin_axes(image, mask) == (image, mask, ())


def test_several_thin_axes_of_a_flat_image_are_padded():
    image = sitk.GetImageFromArray(np.array([[1.0, 2.0]], np.float32))
    padded, _, axes = pad_thin_axes(image, sitk.Cast(image > 0, sitk.sitkUInt8))
    assert axes == (0, 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(padded), [[1, 2, 2, 2]] * 4)
