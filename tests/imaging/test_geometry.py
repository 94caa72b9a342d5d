from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import GeometryError
from hybridrad.imaging.geometry import SNAP_TOLERANCE_VOXELS, corner_difference, match_geometry


@pytest.fixture
def image(make_image) -> sitk.Image:
    return make_image(np.zeros((6, 20, 20), np.int16), spacing=(0.7, 0.7, 2.5), origin=(-30.0, 40.0, 5.0))


@pytest.fixture
def mask(image) -> sitk.Image:
    mask = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(image)
    mask[5:10, 5:10, 2:4] = 1
    return mask


def test_equal_grids_pass_without_a_word(image, mask):
    matched, findings = match_geometry(image, mask, case_id="007")
    assert matched is mask
    assert findings == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.SetSpacing((0.7 + 1e-6, 0.7, 2.5)),
        lambda m: m.SetOrigin((-30.0 + 1e-4, 40.0, 5.0)),
        lambda m: m.SetDirection((1, 1e-6, 0, -1e-6, 1, 0, 0, 0, 1)),
    ],
)
def test_rounding_is_snapped_to_the_images_grid_exactly(image, mask, change):
    change(mask)
    before = mask.GetSpacing(), mask.GetOrigin(), mask.GetDirection()
    matched, findings = match_geometry(image, mask, case_id="007")
    assert [f.code for f in findings] == ["N_GEOMETRY_SNAPPED"]
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(matched, get)() == getattr(image, get)()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(matched), sitk.GetArrayFromImage(mask))
    assert (mask.GetSpacing(), mask.GetOrigin(), mask.GetDirection()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.SetSpacing((0.701, 0.7, 2.5)),
        lambda m: m.SetOrigin((-30.0 + 0.0015 * 0.7, 40.0, 5.0)),
        lambda m: m.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1)),
        lambda m: m.SetDirection((0, 1, 0, 1, 0, 0, 0, 0, 1)),
    ],
)
def test_more_than_rounding_is_refused(image, mask, change, code_of):
    change(mask)
    assert code_of(match_geometry, image, mask) in {"E_GEOMETRY", "E_ROI_OUTSIDE"}


def test_a_difference_along_an_axis_of_one_voxel_is_seen(make_image, code_of):
    image = make_image(np.zeros((1, 8, 8), np.int16), spacing=(1, 1, 5))
    mask = make_image(np.ones((1, 8, 8), np.uint8), spacing=(1, 1, 3))
    assert code_of(match_geometry, image, mask) == "E_GEOMETRY"


def test_the_message_prints_both_grids_and_the_distance(image, mask):
    mask.SetOrigin((-29.3, 40.0, 5.0))
    with pytest.raises(GeometryError) as caught:
        match_geometry(image, mask, case_id="007")
    text = str(caught.value)
    for part in ("(-30, 40, 5)", "(-29.3, 40, 5)", "(0.7, 0.7, 2.5)", "(20, 20, 6)", "0.7 mm", "1 voxels", "Resample"):
        assert part in text
    assert caught.value.details["max_mm"] == pytest.approx(0.7)
    assert caught.value.details["max_voxels"] == pytest.approx(1.0)


def test_the_distance_is_that_of_the_slow_way(image, mask):
    mask.SetOrigin((-30.2, 40.1, 5.0))
    mask.SetSpacing((0.75, 0.7, 2.5))
    edges = [(-0.5, n - 0.5) for n in image.GetSize()]
    slow = max(
        np.linalg.norm(
            np.subtract(
                image.TransformContinuousIndexToPhysicalPoint((x, y, z)),
                mask.TransformContinuousIndexToPhysicalPoint((x, y, z)),
            )
        )
        for x in edges[0]
        for y in edges[1]
        for z in edges[2]
    )
    assert corner_difference(image, mask)[0] == pytest.approx(slow)


def test_another_size_is_refused(image, code_of, make_image):
    mask = make_image(np.ones((6, 20, 19), np.uint8), spacing=(0.7, 0.7, 2.5), origin=(-30.0, 40.0, 5.0))
    assert code_of(match_geometry, image, mask) == "E_GEOMETRY"


def test_a_mask_far_away_lies_outside(image, mask, code_of):
    mask.SetOrigin((500.0, 500.0, 500.0))
    assert code_of(match_geometry, image, mask) == "E_ROI_OUTSIDE"


def test_the_part_of_the_region_outside_the_image_is_told(image, mask):
    # The region spans x 5..9; moved by 12.7 voxels, its voxels from x = 7 on leave the image of 20.
    mask.SetOrigin((-30.0 + 12.7 * 0.7, 40.0, 5.0))
    with pytest.raises(GeometryError, match="60 % of the region lies outside") as caught:
        match_geometry(image, mask, case_id="007")
    assert caught.value.code == "E_GEOMETRY"


def test_a_flat_image_and_a_volume_are_refused_with_both_shapes(make_image):
    image, mask = make_image(np.zeros((8, 9), np.int16)), make_image(np.ones((1, 8, 9), np.uint8))
    with pytest.raises(GeometryError, match=r"E_IMAGE_DIM.*\(9, 8\).*\(9, 8, 1\)"):
        match_geometry(image, mask, case_id="007")


def test_the_global_tolerance_of_itk_plays_no_part(image, mask, code_of):
    before = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    mask.SetOrigin((-29.0, 40.0, 5.0))
    try:
        sitk.ProcessObject.SetGlobalDefaultCoordinateTolerance(1000.0)
        assert code_of(match_geometry, image, mask) == "E_GEOMETRY"
        assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == 1000.0
    finally:
        sitk.ProcessObject.SetGlobalDefaultCoordinateTolerance(before)
    assert SNAP_TOLERANCE_VOXELS <= 1e-3
