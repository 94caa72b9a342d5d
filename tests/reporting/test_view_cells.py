from __future__ import annotations

import numpy as np
import pytest

from hybridrad.imaging.views import Rendered, Views
from hybridrad.reporting.view_cells import MOST_PIXELS, cells_of


def rendered(n_views=1, channels=1, *sides, seed=0) -> Rendered:
    rng = np.random.default_rng(seed)
    regions = np.zeros((n_views, *sides), bool)
    regions[(slice(None), *(slice(n // 4, n // 2) for n in sides))] = True
    return Rendered(rng.random((n_views, channels, *sides)).astype(np.float32), regions)


def test_a_picture_and_its_region_are_shown_as_they_are():
    given = rendered(1, 1, 12, 12)
    (cell,) = cells_of(Views(), given)
    np.testing.assert_array_equal(cell.picture, np.rint(given.pictures[0, 0] * 255).astype(np.uint8))
    np.testing.assert_array_equal(cell.region, given.regions[0])


def test_of_many_slices_eight_are_shown_evenly_and_say_which():
    given = rendered(20, 1, 8, 8)
    cells = cells_of(Views("slices"), given)
    assert [c.caption for c in cells] == [f"{i} of 20" for i in (2, 4, 7, 9, 12, 14, 17, 19)]
    np.testing.assert_array_equal(cells[2].picture, np.rint(given.pictures[6, 0] * 255))


def test_adjacent_slices_are_a_cell_each_and_the_middle_one_has_the_outline():
    given = Rendered(rendered(1, 3, 8, 8).pictures, rendered(1, 1, 8, 8).regions)
    cells = cells_of(Views("adjacent"), given)
    assert [c.region is not None for c in cells] == [False, True, False]
    np.testing.assert_array_equal(cells[2].picture, np.rint(given.pictures[0, 2] * 255))


def test_a_mask_channel_is_a_cell_of_its_own():
    given = rendered(1, 3, 8, 8)
    first, second = cells_of(Views(mask_channel=True), given)
    assert first.picture.shape == second.picture.shape == (8, 8)
    np.testing.assert_array_equal(second.picture, np.rint(given.pictures[0, 2] * 255))


def test_a_volume_is_shown_head_up_through_a_voxel_of_its_region():
    given = rendered(1, 1, 6, 8, 10)
    regions = np.zeros_like(given.regions)
    # Two pieces: the middle of their box, at y = 4, holds nothing.
    regions[0, 2, 1, 3] = regions[0, 2, 2, 3] = regions[0, 2, 7, 3] = True
    axial, coronal, sagittal = cells_of(Views("volume"), Rendered(given.pictures, regions))
    values = np.rint(given.pictures[0, 0] * 255)
    np.testing.assert_array_equal(axial.picture, values[2])
    np.testing.assert_array_equal(coronal.picture, values[::-1, 2])
    np.testing.assert_array_equal(sagittal.picture, values[::-1, :, 3])
    assert all(cell.region.any() for cell in (axial, coronal, sagittal))


def test_a_volume_whose_crop_misses_the_region_is_shown_through_its_middle():
    given = rendered(1, 1, 6, 8, 10)
    cells = cells_of(Views("volume"), Rendered(given.pictures, np.zeros_like(given.regions)))
    np.testing.assert_array_equal(cells[0].picture, np.rint(given.pictures[0, 0, 3] * 255))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_picture_is_averaged_down(channels):
    given = rendered(1, channels, 2 * MOST_PIXELS, 2 * MOST_PIXELS)
    (cell,) = cells_of(Views(), given)
    assert cell.picture.shape[:2] == cell.region.shape == (MOST_PIXELS, MOST_PIXELS)
    block = given.pictures[0, :, 4:6, 8:10].mean(axis=(1, 2)) * 255
    np.testing.assert_allclose(np.atleast_1d(cell.picture[2, 4]), block, atol=1)


def test_a_small_region_in_a_large_picture_is_outlined():
    given = rendered(1, 1, 4 * MOST_PIXELS, 4 * MOST_PIXELS)
    regions = np.zeros_like(given.regions)
    regions[0, 801, 1002] = True
    (cell,) = cells_of(Views(), Rendered(given.pictures, regions))
    assert np.argwhere(cell.region).tolist() == [[200, 250]]


def test_a_thin_volume_is_averaged_along_its_long_axes_only():
    cells = cells_of(Views("volume"), rendered(1, 1, 3, 8, 2 * MOST_PIXELS))
    assert [cell.picture.shape for cell in cells] == [(8, MOST_PIXELS), (3, MOST_PIXELS), (3, 8)]
