from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import ImageError
from hybridrad.imaging.controls import CONTROLS, background_only, shuffled_voxels
from hybridrad.imaging.roi import read_roi


def made_roi(shape=(10, 20, 20), *, dtype=np.int16, box=None, case_id="007", channels=0):
    """A bright region in a dark image, with a gradient in both."""
    box = box or tuple(slice(n // 4, 3 * n // 4) for n in shape)
    mask = np.zeros(shape, np.uint8)
    mask[box] = 1
    values = np.arange(mask.size).reshape(shape) % 97 + 100 * mask
    if channels:
        values = np.stack([values, 255 - values, values // 2], axis=-1)
    image = sitk.GetImageFromArray(values.astype(dtype), isVector=bool(channels))
    image.SetSpacing([0.5, 0.5, 2.0][: len(shape)])
    drawn = sitk.GetImageFromArray(mask)
    drawn.CopyInformation(image)
    return read_roi(image, drawn, case_id=case_id)


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
@pytest.mark.parametrize("options", [{}, {"shape": (40, 30)}, {"dtype": np.float32}], ids=["3D", "2D", "float"])
def test_grid_type_mask_and_surroundings_stay(control, options):
    roi = made_roi(**options)
    before = roi.image_zyx.copy()
    changed = control(roi)
    inside = roi.mask_zyx == 1
    assert changed.image.GetPixelID() == roi.image.GetPixelID()
    assert changed.image.GetSpacing() == roi.image.GetSpacing()
    assert changed.size_features() == roi.size_features()
    assert np.array_equal(changed.mask_zyx, roi.mask_zyx)
    assert np.array_equal(changed.image_zyx[~inside], before[~inside])
    assert (changed.image_zyx[inside] != before[inside]).mean() > 0.9
    assert np.array_equal(roi.image_zyx, before)


def test_shuffled_voxels_are_the_same_voxels_in_another_order():
    roi = made_roi()
    inside = roi.mask_zyx == 1
    assert np.array_equal(np.sort(shuffled_voxels(roi).image_zyx[inside]), np.sort(roi.image_zyx[inside]))


def test_nothing_of_the_region_is_left_in_the_background():
    roi = made_roi()
    inside = roi.mask_zyx == 1
    filled = background_only(roi).image_zyx[inside]
    assert set(filled.tolist()) <= set(roi.image_zyx[~inside].tolist())
    assert filled.max() < 100 <= roi.image_zyx[inside].min()


def test_the_background_is_that_near_the_region():
    roi = made_roi((60, 60), box=(slice(4, 12), slice(4, 12)))
    far = roi.image_zyx.copy()
    far[16:, :] = far[:, 16:] = 5000
    image = sitk.GetImageFromArray(far)
    image.CopyInformation(roi.image)
    assert background_only(read_roi(image, roi.mask)).image_zyx[4:12, 4:12].max() < 5000


def test_colours_of_a_pixel_stay_together():
    roi = made_roi((40, 30), dtype=np.uint8, channels=3)
    for control in CONTROLS.values():
        red, green, blue = np.moveaxis(control(roi).image_zyx.astype(int), -1, 0)
        assert ((green == 255 - red) & (blue == red // 2)).all()


def test_a_control_depends_on_seed_and_case_alone():
    one, again, other = made_roi(), made_roi(), made_roi(case_id="008")
    assert np.array_equal(shuffled_voxels(one).image_zyx, shuffled_voxels(again).image_zyx)
    assert not np.array_equal(shuffled_voxels(one).image_zyx, shuffled_voxels(other).image_zyx)
    assert not np.array_equal(shuffled_voxels(one).image_zyx, shuffled_voxels(one, random_state=1).image_zyx)


def test_a_region_without_surroundings_has_no_background():
    roi = made_roi((20, 20), box=(slice(0, 20), slice(0, 20)))
    with pytest.raises(ImageError, match=r"007: E_ROI_OUTSIDE: 0 voxels surround"):
        background_only(roi)
