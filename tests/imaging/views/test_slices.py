from __future__ import annotations

import numpy as np
import pytest

from hybridrad.imaging.views import Views
from hybridrad.imaging.views.slices import neighbouring_slices, region_slices
from tests.imaging.views.made_up import box_of, boxed, noisy, plain_crop, roi_of

WINDOW = (0.0, 1000.0)


@pytest.fixture
def cone():
    """A region that shrinks from slice 2 to slice 7, off centre."""
    mask = np.zeros((10, 30, 34), np.uint8)
    for z in range(2, 8):
        mask[z, 8 : 20 - z, 12 : 24 - z] = 1
    return roi_of(noisy(mask.shape), mask, spacing=(0.8, 0.8, 2.5))


def scaled(values):
    return np.clip((np.asarray(values, float) + 500) / 1000, 0, 1)


def test_every_slice_of_the_region_is_shown_in_one_frame(cone):
    shown = Views("slices", relative_margin=0.25, window=WINDOW).render(cone)
    box = box_of(cone.mask_zyx)[1:]
    assert shown.shape == (6, 1, 15, 15)
    for view, z in zip(shown, range(2, 8), strict=True):
        np.testing.assert_allclose(view[0], scaled(plain_crop(cone.image_zyx[z], box, (15, 15))), rtol=1e-6)


def test_so_many_slices_are_the_middles_of_equal_runs(cone):
    every = Views("slices", window=WINDOW).render(cone)
    some = Views("slices", n_slices=3, window=WINDOW).render(cone)
    np.testing.assert_array_equal(some, every[[1, 3, 5]])
    assert Views("slices", n_slices=9, window=WINDOW).render(cone).shape[0] == 9


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 8, 20])
def test_chosen_slices_are_spread_evenly(n, k):
    chosen = region_slices(np.ones((n, 2, 2), np.uint8), k)
    assert chosen == [int(np.floor((i + 0.5) * n / k + 1e-9)) for i in range(k)]
    counts = np.bincount(chosen, minlength=n)
    assert counts.max() - counts.min() <= 1
    assert region_slices(np.ones((n, 2, 2), np.uint8), n) == list(range(n))


def test_slices_without_the_region_are_left_out():
    mask = np.zeros((9, 12, 12), np.uint8)
    mask[[1, 2, 6], 3:9, 3:9] = 1
    assert region_slices(mask) == [1, 2, 6]
    assert region_slices(mask, 2) == [1, 6]
    assert Views("slices").render(roi_of(noisy(mask.shape), mask)).shape[0] == 3


def test_the_percentiles_of_slices_are_those_of_all_of_them(cone):
    shown = Views("slices", percentiles=(10, 90)).render(cone)
    low, high = np.percentile(cone.image_zyx[2:8], [10, 90])
    whole = np.clip((cone.image_zyx[2:8].astype(float) - low) / (high - low), 0, 1)
    expected = [plain_crop(z, box_of(cone.mask_zyx)[1:], shown.shape[-2:]) for z in whole]
    np.testing.assert_allclose(shown[:, 0], expected, rtol=1e-5)


def test_adjacent_slices_are_the_channels_of_one_view(cone):
    shown = Views("adjacent", margin_mm=4, window=WINDOW).render(cone)
    box = box_of(cone.mask_zyx[2])
    side = shown.shape[-1]
    assert shown.shape == (1, 3, side, side)
    for channel, z in zip(shown[0], (1, 2, 3), strict=True):
        np.testing.assert_allclose(channel, scaled(plain_crop(cone.image_zyx[z], box, (side, side))), rtol=1e-6)


def test_the_middle_one_of_adjacent_slices_is_the_largest_slice(cone):
    options = {"field_mm": 20, "window": WINDOW, "spacing_mm": 0.5}
    adjacent = Views("adjacent", **options).render_with_region(cone)
    alone = Views("largest_slice", **options).render_with_region(cone)
    np.testing.assert_array_equal(adjacent.pictures[:, 1:2], alone.pictures)
    np.testing.assert_array_equal(adjacent.regions, alone.regions)


@pytest.mark.parametrize(("at", "expected"), [(0, (0, 0, 1)), (3, (2, 3, 4)), (5, (4, 5, 5))])
def test_at_an_end_of_the_image_the_last_slice_is_repeated(at, expected):
    mask = boxed((6, 12, 12), at, slice(3, 9), slice(3, 9))
    assert neighbouring_slices(mask) == expected
    roi = roi_of(noisy(mask.shape), mask)
    shown = Views("adjacent", relative_margin=0, padding="constant", window=WINDOW).render(roi)[0]
    box = box_of(mask[at])
    for channel, z in zip(shown, expected, strict=True):
        np.testing.assert_allclose(channel, scaled(plain_crop(roi.image_zyx[z], box, (8, 8), fill=-500)), rtol=1e-6)


def test_an_image_of_one_slice_has_itself_as_neighbours():
    mask = boxed((1, 12, 12), 0, slice(3, 9), slice(3, 9))
    shown = Views("adjacent").render(roi_of(noisy(mask.shape), mask))
    np.testing.assert_array_equal(shown[0, 0], shown[0, 1])
    np.testing.assert_array_equal(shown[0, 2], shown[0, 1])


def test_a_neighbour_without_any_finite_value_is_dark():
    image = noisy((3, 20, 20), dtype=np.float32)
    image[0] = np.nan
    mask = boxed(image.shape, 1, slice(5, 15), slice(5, 15))
    shown = Views("adjacent", percentiles=(0, 100)).render(roi_of(image, mask))
    assert np.isfinite(shown).all()
    assert not shown[0, 0].any()
    assert shown[0, 1].any()
