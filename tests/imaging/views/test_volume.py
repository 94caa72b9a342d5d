from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from hybridrad.imaging import preprocess
from hybridrad.imaging.views import Views
from tests.imaging.views.made_up import box_of, boxed, ellipsoid, extent, noisy, plain_crop, roi_of

WINDOW = (0.0, 1000.0)


def scaled(values):
    return np.clip((np.asarray(values, float) + 500) / 1000, 0, 1)


@pytest.fixture
def thick():
    """A region in slices of 2.5 mm that touches the first slice and the right border."""
    mask = boxed((7, 20, 22), slice(0, 3), slice(6, 13), slice(15, 22))
    return roi_of(noisy(mask.shape), mask, spacing=(0.8, 0.8, 2.5))


@pytest.mark.parametrize("padding", ["edge", "constant"])
def test_a_stored_volume_is_a_cube_in_millimetres_of_the_stored_voxels(thick, padding):
    pictures, regions = Views("volume", field_mm=12, padding=padding, window=WINDOW).render_with_region(thick)
    sides = (5, 15, 15)
    assert pictures.shape == (1, 1, *sides)
    box = box_of(thick.mask_zyx)
    expected = scaled(plain_crop(thick.image_zyx, box, sides, fill=-500 if padding == "constant" else None))
    np.testing.assert_allclose(pictures[0, 0], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(regions[0], plain_crop(thick.mask_zyx, box, sides, fill=0))


@pytest.mark.parametrize("spacing_mm", [0.5, 0.8, 1.1, 3.0])
@pytest.mark.parametrize("options", [{"margin_mm": 3}, {"field_mm": 5}, {"relative_margin": 0.4}])
def test_an_isotropic_volume_is_a_crop_of_the_whole_volume_resampled(thick, spacing_mm, options):
    pictures, regions = Views(
        "volume", spacing_mm=spacing_mm, window=WINDOW, padding="constant", **options
    ).render_with_region(thick)
    side = pictures.shape[-1]
    assert pictures.shape == (1, 1, side, side, side)
    whole = preprocess.resample(thick.image, spacing_mm=(spacing_mm,) * 3)
    size = whole.GetSize()[::-1]
    # The box goes over by its faces.
    box = []
    for (first, last), mm, n in zip(box_of(thick.mask_zyx), (2.5, 0.8, 0.8), size, strict=True):
        lower = min(int(first * mm / spacing_mm + 1e-6), n - 1)
        upper = min(int(np.ceil((last + 1) * mm / spacing_mm - 1e-6)) - 1, n - 1)
        box.append((lower, upper))
    from SimpleITK import GetArrayFromImage

    values = plain_crop(GetArrayFromImage(whole), box, (side,) * 3, fill=-500)
    np.testing.assert_allclose(pictures[0, 0], scaled(values), atol=2e-6)
    nearest = GetArrayFromImage(preprocess.resample(thick.mask, spacing_mm=(spacing_mm,) * 3, order="nearest"))
    np.testing.assert_array_equal(regions[0], plain_crop(nearest, box, (side,) * 3, fill=0).astype(bool))


def test_an_ellipsoid_keeps_its_shape_in_an_isotropic_volume():
    roi = ellipsoid(radii_mm=(6, 9, 15), spacing_xyz=(0.5, 0.75, 2.5))
    pictures, regions = Views("volume", margin_mm=3, spacing_mm=1.0, window=(50, 100)).render_with_region(roi)
    assert extent(regions[0]) == pytest.approx((30, 18, 12), abs=3)
    assert regions.sum() == pytest.approx(4 / 3 * np.pi * 6 * 9 * 15, rel=0.04)
    assert ((pictures[0, 0] > 0.5) == regions[0]).mean() > 0.99


def test_one_voxel_is_seen_with_its_surroundings_in_a_volume():
    roi = roi_of(noisy((9, 20, 20)), boxed((9, 20, 20), 4, 10, 10), spacing=(1.0, 1.0, 2.0))
    assert Views("volume").render(roi).shape == (1, 1, 4, 8, 8)
    assert Views("volume", spacing_mm=1.0).render(roi).shape == (1, 1, 8, 8, 8)
    for spacing_mm in (0.3, 1.0, 9.0):
        assert Views("volume", spacing_mm=spacing_mm).render_with_region(roi).regions.any()


def test_a_volume_without_spacing_is_a_cube_of_voxels():
    mask = boxed((9, 20, 20), slice(3, 6), slice(5, 15), slice(5, 15))
    roi = roi_of(noisy(mask.shape), mask, has_spacing=False)
    assert Views("volume", relative_margin=0.5).render(roi).shape == (1, 1, 20, 20, 20)


def test_the_percentiles_of_a_volume_are_those_of_the_planes_that_the_region_crosses(thick):
    shown = Views("volume", percentiles=(10, 90), relative_margin=0).render(thick)
    low, high = np.percentile(thick.image_zyx[:3], [10, 90])
    inside = np.clip((thick.image_zyx[:3, 6:13, 15:22] - low) / (high - low), 0, 1)
    depth, height = (shown.shape[2] - 3) // 2, (shown.shape[3] - 7) // 2
    found = shown[0, 0, depth : depth + 3, height : height + 7, height : height + 7]
    np.testing.assert_allclose(found, inside, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("spacing_mm", [None, 0.7])
def test_values_that_are_not_finite_do_not_spread_in_a_volume(spacing_mm):
    image = noisy((7, 16, 16), dtype=np.float32)
    image[2, 3, 3], image[0], image[6, 5, 5] = np.nan, np.inf, -np.inf
    mask = boxed(image.shape, slice(2, 5), slice(5, 11), slice(5, 11))
    shown = Views("volume", spacing_mm=spacing_mm, relative_margin=1, percentiles=(0, 100)).render(roi_of(image, mask))
    assert np.isfinite(shown).all()
    assert 0.2 < shown.mean() < 0.7


def test_a_volume_in_colour_has_three_channels():
    colours = np.random.default_rng(0).integers(0, 256, size=(6, 14, 14, 3)).astype(np.uint8)
    mask = boxed((6, 14, 14), slice(2, 4), slice(4, 10), slice(4, 10))
    roi = roi_of(colours, mask, colour=True)
    stored = Views("volume", relative_margin=0, percentiles=(0, 100)).render(roi)
    assert stored.shape == (1, 3, 8, 8, 8)
    np.testing.assert_allclose(
        stored[0, :, 3:5, 1:7, 1:7], np.moveaxis(colours[2:4, 4:10, 4:10], -1, 0) / 255, atol=0.01
    )
    assert Views("volume", relative_margin=0, spacing_mm=0.5).render(roi).shape == (1, 3, 12, 12, 12)


def test_a_volume_needs_the_memory_of_its_crop_not_of_the_image():
    mask = boxed((40, 400, 400), slice(15, 25), slice(100, 120), slice(100, 120))
    roi = roi_of(noisy(mask.shape), mask)
    roi.image_zyx, roi.mask_zyx  # noqa: B018 - read beforehand
    views = Views("volume", margin_mm=10, spacing_mm=1.25, window="lung")
    views.render(roi)
    tracemalloc.start()
    shown = views.render_with_region(roi).pictures
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The stored voxels are 6.4 million; the mask is looked through axis by axis.
    assert shown.nbytes < 200_000
    assert peak < 1_500_000
