from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native import resample
from hybridrad.features.radiomics.native.boxes import bounding_box
from hybridrad.features.radiomics.native.resample import resample_around, target_spacing

DIRECTION = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def image_and_mask(shape, box, spacing):
    values = np.random.default_rng(shape).integers(-500, 900, size=shape).astype(np.int16)
    inside = np.zeros(shape, np.uint8)
    inside[box] = 1
    pair = [sitk.GetImageFromArray(array) for array in (values, inside)]
    for each in pair:
        each.SetSpacing(spacing)
        each.SetOrigin((-20.0, 3.0, 7.0)[: len(shape)])
        if len(shape) == 3:
            each.SetDirection(DIRECTION)
    return pair


@st.composite
def cases(draw):
    shape = tuple(draw(st.lists(st.integers(5, 16), min_size=2, max_size=3)))
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(slice(a, draw(st.integers(a + 1, n))) for a, n in zip(starts, shape, strict=True))
    lengths = st.floats(0.4, 3.0)
    pair = image_and_mask(shape, box, [draw(lengths) for _ in shape])
    return pair, [draw(st.one_of(st.just(0.0), lengths)) for _ in shape]


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from(["sitkBSpline", "sitkLinear", "sitkNearestNeighbor"]), st.integers(0, 6))
def test_grid_and_bits_are_those_of_pyradiomics(case, interpolator, pad):
    operations = pytest.importorskip("radiomics.imageoperations")
    (image, mask), wanted = case
    box = bounding_box(sitk.GetArrayViewFromImage(mask))
    spacing = target_spacing(mask, box, wanted)
    if np.allclose(spacing, image.GetSpacing()):
        return  # nothing to resample: PyRadiomics crops
    expected = operations.resampleImage(
        image, mask, resampledPixelSpacing=wanted, interpolator=interpolator, padDistance=pad
    )
    found = resample_around(image, mask, box, spacing=spacing.tolist(), interpolator=interpolator, pad_distance=pad)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.GetSpacing() == theirs.GetSpacing()
        assert ours.GetOrigin() == theirs.GetOrigin()
        assert ours.GetDirection() == theirs.GetDirection()
        assert ours.GetPixelID() == theirs.GetPixelID()
        np.testing.assert_array_equal(*map(sitk.GetArrayFromImage, (ours, theirs)))


def test_a_ramp_stays_a_ramp():
    values = np.broadcast_to(np.arange(20.0) * 4, (12, 20)).copy()
    inside = np.zeros(values.shape, np.uint8)
    inside[4:8, 6:14] = 1
    image, mask = map(sitk.GetImageFromArray, (values, inside))
    around, region = resample_around(
        image, mask, (slice(4, 8), slice(6, 14)), spacing=(0.5, 0.5), interpolator="sitkLinear", pad_distance=2
    )
    x = around.GetOrigin()[0] + 0.5 * np.arange(around.GetSize()[0])
    np.testing.assert_allclose(sitk.GetArrayFromImage(around)[3], 4 * x)
    assert np.count_nonzero(sitk.GetArrayFromImage(region)) == 4 * 8 * 4


LARGE = (100, 110, 120)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.25), (0.5, 0.5, 0.5), (0.977, 0.977, 3.0)], ids=str)
@pytest.mark.parametrize("content", ["noise", "flat parts", "ramp", "two values"])
def test_a_small_region_of_a_large_volume_has_the_bits_of_pyradiomics(spacing, content, monkeypatch):
    operations = pytest.importorskip("radiomics.imageoperations")
    noise = np.random.default_rng(0).normal(0, 60, LARGE)
    values = {
        "noise": noise * 20,
        "flat parts": noise.clip(-20, 20).round(),
        "ramp": np.add.outer(np.add.outer(np.arange(100), np.arange(110)), np.arange(120)) / 3,
        "two values": (noise > 100) * 1000,
    }[content]
    inside = np.zeros(LARGE, np.uint8)
    inside[48:53, 50:58, 60:66] = 1
    image, mask = sitk.GetImageFromArray(values.astype(np.int16)), sitk.GetImageFromArray(inside)
    for each in (image, mask):
        each.SetSpacing(spacing)
        each.SetOrigin((-123.4, 77.7, -31.25))
    crops = []
    from_a_crop = resample._from_a_crop
    monkeypatch.setattr(resample, "_from_a_crop", lambda *given: crops.append(from_a_crop(*given)) or crops[-1])
    expected = operations.resampleImage(image, mask, resampledPixelSpacing=[1, 1, 1], interpolator="sitkBSpline")
    box = bounding_box(inside)
    found = resample_around(image, mask, box, spacing=[1, 1, 1], interpolator="sitkBSpline", pad_distance=5)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.GetPixelID() == theirs.GetPixelID() or ours.GetPixelID() == sitk.sitkUInt8
        assert ours.GetOrigin() == theirs.GetOrigin()
        np.testing.assert_array_equal(*map(sitk.GetArrayFromImage, (ours, theirs)))
    if (content, spacing[0]) == ("noise", 0.7):
        assert crops[0] is not None, "a crop is enough here"
    if spacing[0] == 0.5:
        assert crops[0] is None, "the crop would be most of the volume"


def test_a_crop_is_not_trusted_where_tissue_is_flat():
    image, mask = sitk.Image([120, 110, 100], sitk.sitkInt16) + 40, sitk.Image([120, 110, 100], sitk.sitkUInt8)
    box = (slice(48, 53), slice(50, 58), slice(60, 66))
    mask[60:66, 50:58, 48:53] = 1
    for content in (image, image + 1):
        around, _ = resample_around(
            content, mask, box, spacing=[1.3, 1.3, 1.3], interpolator="sitkBSpline", pad_distance=5
        )
        whole = sitk.ResampleImageFilter()
        whole.SetReferenceImage(around)
        whole.SetInterpolator(sitk.sitkBSpline)
        np.testing.assert_array_equal(*map(sitk.GetArrayFromImage, (around, whole.Execute(content))))
