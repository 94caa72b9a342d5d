from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hybridrad.errors import ImageError
from hybridrad.imaging.roi import Roi, read_roi
from hybridrad.imaging.views import MIN_SIDE_PX, Views, largest_slice_index
from tests.imaging.views.made_up import boxed, roi_of


@pytest.fixture
def flat() -> Roi:
    """A bright box of 20 x 10 pixels (rows 30..49, columns 40..49) of 0.5 mm in a noisy 2D image."""
    mask = boxed((100, 120), slice(30, 50), slice(40, 50))
    noise = np.random.default_rng(0).integers(0, 100, size=mask.shape)
    return roi_of((noise + 100 * mask).astype(np.uint8), mask, spacing=(0.5, 0.5))


@pytest.fixture
def solid() -> Roi:
    mask = boxed((9, 40, 40), slice(3, 6), slice(10, 20), slice(15, 25))
    values = -1000 + 1100 * mask.astype(np.int16) + np.arange(9, dtype=np.int16)[:, None, None]
    return roi_of(values.astype(np.int16), mask, spacing=(0.7, 0.7, 2.0))


@pytest.mark.parametrize(
    ("views", "side"),
    [
        (Views(), 40),
        (Views(relative_margin=0), 20),
        (Views(relative_margin=0.25), 30),
        (Views(margin_mm=10), 60),
        (Views(margin_mm=0), 20),
        (Views(field_mm=12), 24),
        (Views(field_mm=6), 12),
    ],
)
def test_the_side_of_a_crop_is_that_of_its_definition(flat, views, side):
    shown = views.render(flat)
    assert shown.shape == (1, 1, side, side)
    assert shown.dtype == np.float32
    assert 0.0 <= shown.min() <= shown.max() <= 1.0


def test_the_region_is_in_the_middle_of_its_crop(flat):
    shown = Views(relative_margin=0.5, percentiles=(0, 100)).render(flat)[0, 0]
    rows, columns = np.nonzero(shown > 100 / flat.image_zyx.max())
    assert (rows.min(), rows.max()) == (10, 29)
    assert (columns.min(), columns.max()) == (15, 24)


def test_a_crop_holds_the_stored_values_scaled_and_nothing_else(flat):
    shown = Views(margin_mm=2, percentiles=(0, 100)).render(flat)[0, 0]
    stored = flat.image_zyx[26:54, 31:59].astype(float)
    low, high = flat.image_zyx.min(), flat.image_zyx.max()
    np.testing.assert_allclose(shown, (stored - low) / (high - low), rtol=1e-6)


def test_a_field_smaller_than_the_region_shows_its_middle(flat):
    shown = Views(field_mm=5, percentiles=(0, 100)).render(flat)[0, 0]
    np.testing.assert_allclose(shown, (flat.image_zyx[35:45, 40:50]) / flat.image_zyx.max(), atol=1e-6)


@pytest.mark.parametrize("padding", ["edge", "constant"])
def test_a_crop_that_leaves_the_image_is_filled(padding):
    image = np.full((20, 20), 50, np.uint8)
    image[0, :] = 200
    shown = Views(field_mm=12, window=(100, 200), padding=padding).render(
        roi_of(image, boxed((20, 20), slice(0, 4), slice(8, 12)))
    )[0, 0]
    assert shown.shape == (12, 12)
    np.testing.assert_allclose(shown[:4], 1.0 if padding == "edge" else 0.0)
    np.testing.assert_allclose(shown[4], 1.0)
    np.testing.assert_allclose(shown[5:], 0.25)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 39), st.integers(0, 29), st.integers(1, 40), st.integers(1, 30), st.floats(0, 2), st.booleans())
def test_a_crop_is_square_and_holds_the_whole_region(top, left, height, width, margin, edge):
    mask = boxed((40, 30), slice(top, top + height), slice(left, left + width))
    image = np.where(mask, 255, 1).astype(np.uint8)
    image[0, 0] = max(image[0, 0], 1)
    roi = roi_of(image, mask)
    views = Views(relative_margin=margin, window=(127.5, 255), padding="edge" if edge else "constant")
    shown = views.render(roi)[0, 0]
    longer = max(np.ptp(np.nonzero(mask)[0]), np.ptp(np.nonzero(mask)[1])) + 1
    assert shown.shape[0] == shown.shape[1] == max(MIN_SIDE_PX, int(np.floor(longer * (1 + 2 * margin) + 0.5)))
    if not edge:
        assert np.count_nonzero(shown == 1.0) == np.count_nonzero(mask)


def test_one_pixel_is_seen_with_its_surroundings():
    image = np.random.default_rng(0).integers(0, 255, size=(30, 30)).astype(np.uint8)
    for views in (Views(), Views(relative_margin=0), Views(field_mm=1), Views(margin_mm=0)):
        assert views.render(roi_of(image, boxed((30, 30), 7, 9))).shape == (1, 1, MIN_SIDE_PX, MIN_SIDE_PX)


def test_the_middle_one_of_equally_large_slices_is_shown(solid):
    assert largest_slice_index(solid.mask_zyx) == 4
    shown = Views(window=(0, 4000)).render(solid)[0, 0]
    np.testing.assert_allclose(shown[10, 10], (100 + 4 + 2000) / 4000, rtol=1e-5)


def test_the_slice_with_most_pixels_is_shown_wherever_it_is():
    mask = np.zeros((9, 30, 30), np.uint8)
    mask[2:8, 10:14, 10:14] = 1
    mask[7, 8:20, 8:20] = 1
    assert largest_slice_index(mask) == 7


def test_the_whole_image_is_filled_up_to_a_square(flat, solid):
    shown = Views("image", padding="constant", percentiles=(0, 100)).render(flat)[0, 0]
    assert shown.shape == (120, 120)
    np.testing.assert_allclose(shown[10:110], flat.image_zyx / flat.image_zyx.max(), atol=1e-6)
    assert not shown[:10].any()
    assert not shown[110:].any()
    assert Views("image", window="lung").render(solid).shape == (1, 1, 40, 40)


def test_pixels_that_are_not_square_become_square():
    # A disc of 10 mm radius, stored with pixels of 1 x 0.5 mm.
    y, x = np.indices((60, 120))
    disc = (((y + 0.5) - 30) ** 2 + ((x + 0.5) / 2 - 30) ** 2 <= 100).astype(np.uint8)
    roi = roi_of((disc * 200).astype(np.uint8), disc, spacing=(0.5, 1.0))
    shown = Views(field_mm=40, percentiles=(0, 100)).render(roi)[0, 0] > 0.5
    assert shown.shape == (80, 80)
    rows, columns = (np.flatnonzero(shown.any(axis=axis)) for axis in (1, 0))
    assert abs(len(rows) - 40) <= 1
    assert abs(len(columns) - 40) <= 1
    assert abs(rows.mean() - 39.5) <= 0.5
    assert abs(columns.mean() - 39.5) <= 0.5


@pytest.mark.parametrize("spacing_mm", [0.35, 0.7, 1.0, 1.4, 3.0])
def test_another_pixel_size_keeps_the_field(solid, spacing_mm):
    shown = Views(field_mm=21, spacing_mm=spacing_mm, window=(-446, 4000)).render(solid)[0, 0]
    side = max(MIN_SIDE_PX, round(21 / spacing_mm))
    assert shown.shape == (side, side)
    lit = np.count_nonzero(shown > 0.5) * spacing_mm**2
    assert lit == pytest.approx(49, rel=0.35 if spacing_mm > 1.2 else 0.15)


def test_a_small_region_survives_a_coarse_view():
    mask = boxed((64, 64), slice(31, 33), slice(40, 42))
    image = (100 * np.random.default_rng(0).random((64, 64))).astype(np.float32)
    shown = Views(spacing_mm=8.0, relative_margin=0).render(roi_of(image, mask))
    assert shown.shape == (1, 1, MIN_SIDE_PX, MIN_SIDE_PX)


def test_a_window_replaces_the_percentiles_and_percentiles_are_of_the_whole_slice(flat, solid):
    lung = Views(window="lung").render(solid)
    assert lung.max() == pytest.approx((104 + 600 + 750) / 1500)
    narrow = Views(relative_margin=0, percentiles=(0, 100)).render(flat)
    wide = Views(relative_margin=1, percentiles=(0, 100)).render(flat)
    np.testing.assert_allclose(wide[0, 0, 20:40, 20:40], narrow[0, 0], rtol=1e-6)


def test_colour_stays_colour():
    photo = np.random.default_rng(0).integers(0, 256, size=(30, 30, 3)).astype(np.uint8)
    roi = roi_of(photo, boxed((30, 30), slice(5, 15), slice(5, 15)), colour=True)
    shown = Views(relative_margin=0, percentiles=(0, 100)).render(roi)
    assert shown.shape == (1, 3, 10, 10)
    np.testing.assert_allclose(shown[0], np.moveaxis(photo[5:15, 5:15], -1, 0) / 255, atol=0.01)
    assert Views(relative_margin=0, spacing_mm=0.5).render(roi).shape == (1, 3, 20, 20)


def test_values_that_are_not_finite_become_the_smallest_finite_one():
    image = np.random.default_rng(0).random((30, 30)).astype(np.float32) + 5
    image[12, 18], image[13, 18] = np.nan, np.inf
    roi = roi_of(image, boxed((30, 30), slice(10, 18), slice(8, 16)))
    shown = Views(relative_margin=0.5, percentiles=(0, 100)).render(roi)[0, 0]
    assert np.isfinite(shown).all()
    assert shown[6, 14] == 0.0
    assert shown[7, 14] == 0.0


def test_a_constant_image_gives_a_constant_view():
    shown = Views().render(roi_of(np.full((30, 30), 9, np.uint8), boxed((30, 30), slice(5, 15), slice(5, 15))))
    assert not shown.any()


@pytest.mark.parametrize("views", [Views(margin_mm=5), Views(field_mm=30), Views(spacing_mm=1.0)])
def test_millimetres_without_spacing_are_refused(flat, views):
    roi = replace(flat, has_spacing=False)
    with pytest.raises(ImageError, match="E_NO_SPACING"):
        views.render(roi)
    assert Views().render(roi).shape == (1, 1, 40, 40)


@pytest.mark.parametrize("views", [Views(margin_mm=1e6), Views(field_mm=1e9), Views(spacing_mm=1e-4)])
def test_a_view_of_absurd_size_is_refused_before_it_is_made(flat, views):
    with pytest.raises(ImageError, match="E_CONFIG"):
        views.render(flat)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "biggest_slice"},
        {"margin_mm": 5, "field_mm": 30},
        {"margin_mm": 5, "relative_margin": 0.5},
        {"kind": "image", "margin_mm": 5},
        {"margin_mm": -1},
        {"margin_mm": float("nan")},
        {"relative_margin": True},
        {"field_mm": 0},
        {"field_mm": float("inf")},
        {"spacing_mm": "1"},
        {"window": "lungs"},
        {"window": (40, -400)},
        {"percentiles": (99, 1)},
        {"percentiles": 5},
        {"padding": "mirror"},
        {"background": "black"},
        {"mask_channel": 1},
        {"kind": "adjacent", "mask_channel": True},
        {"kind": "slices", "n_slices": 0},
        {"kind": "slices", "n_slices": 2.5},
        {"kind": "slices", "n_slices": True},
        {"kind": "largest_slice", "n_slices": 3},
        {"kind": "mip", "mip_axis": "axial"},
        {"kind": "volume", "mip_axis": "x"},
        {"kind": "mip", "slab_margin_mm": -1},
        {"kind": "orthogonal", "slab_margin_mm": 5},
    ],
)
def test_arguments_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r"."):
        Views(**options)


@pytest.mark.parametrize(
    ("views", "keeps"),
    [
        (Views(), False),
        (Views(relative_margin=0.2), False),
        (Views(margin_mm=5), True),
        (Views(field_mm=50), True),
        (Views("image"), True),
        (Views("orthogonal"), False),
        (Views("volume", margin_mm=5), True),
        (Views("mip", slab_margin_mm=5), False),
        (Views("slices", n_slices=3), False),
        (Views("slices"), True),
    ],
)
def test_views_say_whether_the_size_of_a_region_can_be_seen(views, keeps):
    assert views.keeps_size is keeps
    assert views.describe()["keeps_size"] is keeps


def test_views_are_values(flat):
    views = Views(field_mm=40, window=[40, 400])
    assert views == Views(field_mm=40, window=(40.0, 400.0))
    assert hash(views) == hash(Views(field_mm=40, window=(40.0, 400.0)))
    back = pickle.loads(pickle.dumps(views))  # noqa: S301 - own bytes
    np.testing.assert_array_equal(back.render(flat), views.render(flat))


def test_a_description_is_plain_complete_and_equal_for_equal_pictures():
    views = Views(field_mm=40, window="bone", percentiles=(5, 95))
    described = json.loads(json.dumps(views.describe()))
    assert described["window_level_width_hu"] == [400.0, 1800.0]
    assert described["percentiles"] is None
    assert Views().describe() == Views(relative_margin=0.5).describe()
    changed = [
        Views(),
        Views(spacing_mm=1),
        Views(padding="constant"),
        Views(percentiles=(2, 98)),
        Views("image"),
        Views("slices"),
        Views("slices", n_slices=3),
        Views("adjacent"),
        Views("orthogonal"),
        Views("mip"),
        Views("mip", mip_axis="x"),
        Views("mip", slab_margin_mm=5),
        Views("volume"),
        Views(background="masked"),
        Views(background="dimmed"),
        Views(mask_channel=True),
        views,
    ]
    texts = {json.dumps(v.describe(), sort_keys=True) for v in changed}
    assert len(texts) == len(changed)


def test_a_picture_without_spacing_is_rendered_from_its_file(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, size=(50, 60)).astype(np.uint8)).save(tmp_path / "i.png")
    Image.fromarray(boxed((50, 60), slice(20, 30), slice(20, 40)) * 255).save(tmp_path / "m.png")
    assert Views().render(read_roi(tmp_path / "i.png", tmp_path / "m.png")).shape == (1, 1, 40, 40)
