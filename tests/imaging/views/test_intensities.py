from __future__ import annotations

import numpy as np
import pytest

from hybridrad.imaging.views import DIMMED, KINDS, Views
from tests.imaging.views.made_up import ALL_KINDS, VOLUMES_ONLY, boxed, noisy, roi_of


@pytest.fixture
def solid():
    mask = np.zeros((9, 24, 24), np.uint8)
    mask[3:6, 8:16, 6:14] = 1
    mask[4, 7:18, 5:16] = 1
    return roi_of(noisy(mask.shape), mask, spacing=(0.7, 0.7, 2.0))


@pytest.fixture
def flat():
    """A region that touches two borders of a 2D image."""
    mask = boxed((20, 26), slice(0, 9), slice(17, 26))
    return roi_of(noisy(mask.shape), mask)


def spread(inside, pictures):
    """Return regions in the shape of pictures."""
    return np.broadcast_to(inside[:, None], pictures.shape)


def test_every_kind_is_tested():
    assert set(ALL_KINDS) == set(KINDS)


@pytest.mark.parametrize("kind", ["largest_slice", "image", "slices", "orthogonal", "volume"])
@pytest.mark.parametrize(("background", "factor"), [("masked", 0.0), ("dimmed", DIMMED)])
def test_the_background_is_taken_away_and_the_region_left_as_it_is(solid, kind, background, factor):
    options = {"spacing_mm": 1.0} if kind == "volume" else {}
    kept, inside = Views(kind, **options).render_with_region(solid)
    changed = Views(kind, background=background, **options).render(solid)
    inside = spread(inside, kept)
    np.testing.assert_array_equal(changed[inside], kept[inside])
    np.testing.assert_allclose(changed[~inside], factor * kept[~inside], rtol=1e-6)
    assert kept[~inside].any()
    assert 0 < inside.mean() < 1


def test_adjacent_slices_are_each_masked_by_their_own_region(solid):
    kept = Views("adjacent", relative_margin=0).render(solid)[0]
    masked = Views("adjacent", relative_margin=0, background="masked").render(solid)[0]
    inside = solid.mask_zyx[3:6, 7:18, 5:16].astype(bool)
    np.testing.assert_array_equal(masked, np.where(inside, kept, 0))
    assert not np.array_equal(inside[0], inside[1])


@pytest.mark.parametrize("padding", ["edge", "constant"])
def test_a_region_at_the_border_does_not_go_on_beyond_it(flat, padding):
    pictures, regions = Views(relative_margin=1, padding=padding, background="masked").render_with_region(flat)
    assert regions.sum() == flat.n_voxels
    assert not pictures[0, 0][~regions[0]].any()
    assert pictures[0, 0][regions[0]].any()


@pytest.mark.parametrize("kind", ["largest_slice", "image", "slices", "orthogonal", "mip", "volume"])
def test_the_mask_channel_is_the_third_of_three(solid, kind):
    plain, inside = Views(kind).render_with_region(solid)
    views = Views(kind, mask_channel=True)
    shown = views.render(solid)
    assert shown.shape == (plain.shape[0], 3, *plain.shape[2:])
    assert views.n_channels_hint == 3
    assert Views(kind).n_channels_hint == 1
    np.testing.assert_array_equal(shown[:, 0:1], plain)
    np.testing.assert_array_equal(shown[:, 1:2], plain)
    np.testing.assert_array_equal(shown[:, 2], inside.astype(np.float32))


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_region_comes_in_the_shape_of_the_pictures(solid, kind):
    views = Views(kind)
    pictures, regions = views.render_with_region(solid)
    assert pictures.dtype == np.float32
    assert regions.dtype == bool
    assert regions.shape == (pictures.shape[0], *pictures.shape[2:])
    assert pictures.ndim == 2 + views.dimension
    assert regions.any()
    assert 0 <= pictures.min() < pictures.max() <= 1
    assert pictures.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("options", [{}, {"spacing_mm": 0.9}, {"background": "dimmed", "padding": "constant"}])
def test_the_same_case_gives_the_same_pictures_with_and_without_its_region(solid, kind, options):
    views = Views(kind, **options)
    np.testing.assert_array_equal(views.render(solid), views.render_with_region(solid).pictures)
    np.testing.assert_array_equal(views.render(solid), views.render(solid))


def test_a_region_that_a_coarse_view_would_lose_stays_marked():
    roi = roi_of(noisy((64, 64)), boxed((64, 64), slice(31, 33), slice(40, 42)))
    for spacing_mm in (3.0, 5.0, 8.0):
        for mask_channel in (True, False):
            views = Views(spacing_mm=spacing_mm, relative_margin=0, mask_channel=mask_channel)
            assert views.render_with_region(roi).regions.any()


@pytest.mark.parametrize("kind", VOLUMES_ONLY)
def test_one_voxel_is_shown_by_every_kind(kind):
    for place in [(4, 10, 10), (0, 0, 0), (8, 19, 19)]:
        pictures, regions = Views(kind, relative_margin=0.5).render_with_region(
            roi_of(noisy((9, 20, 20)), boxed((9, 20, 20), *place), spacing=(1.0, 1.0, 3.0))
        )
        assert np.isfinite(pictures).all()
        assert regions.any()
        assert min(pictures.shape[-2:]) >= 8
