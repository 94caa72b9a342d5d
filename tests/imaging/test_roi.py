from __future__ import annotations

import gc
import pickle

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from hybridrad.errors import CaseError, Finding, ImageError
from hybridrad.imaging.roi import read_roi


def volume(shape=(12, 16, 16), *, value=100, dtype=np.int16, spacing=(1.0, 1.0, 2.0)) -> sitk.Image:
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray((value + rng.integers(-20, 20, size=shape)).astype(dtype))
    image.SetSpacing(spacing[: len(shape)])
    return image


def region(image: sitk.Image, *boxes: tuple[slice, ...], label: int = 1) -> sitk.Image:
    array = np.zeros(image.GetSize()[::-1], np.uint8)
    for box in boxes or ((slice(3, 8),) * image.GetDimension(),):
        array[box] = label
    mask = sitk.GetImageFromArray(array)
    mask.CopyInformation(image)
    return mask


def codes(roi) -> list[str]:
    return [finding.code for finding in roi.findings]


def test_an_ordinary_region_has_no_findings_and_the_stored_voxels():
    image = volume()
    roi = read_roi(image, region(image), case_id="007")
    assert roi.findings == ()
    assert (roi.n_voxels, roi.dimension, roi.is_colour, roi.has_spacing, roi.label) == (125, 3, False, True, 1)
    assert roi.image is image
    assert roi.mask.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(roi.image_zyx, sitk.GetArrayFromImage(image))


def test_files_and_images_in_memory_give_the_same_region(tmp_path):
    image = volume()
    mask = region(image, label=255)
    sitk.WriteImage(image, str(tmp_path / "i.nii.gz"))
    sitk.WriteImage(mask, str(tmp_path / "m.nii.gz"))
    stored = read_roi(tmp_path / "i.nii.gz", str(tmp_path / "m.nii.gz"), case_id="007")
    memory = read_roi(image, mask, case_id="007")
    np.testing.assert_array_equal(stored.image_zyx, memory.image_zyx)
    np.testing.assert_array_equal(stored.mask_zyx, memory.mask_zyx)
    assert stored.findings == memory.findings
    assert stored.label == 255


def test_sizes_are_in_millilitres_square_millimetres_or_pixels(tmp_path):
    image = volume(spacing=(0.5, 0.5, 2.0))
    assert read_roi(image, region(image)).size_features() == {"size__volume_ml": pytest.approx(125 * 0.5 / 1000)}
    flat = volume((16, 16), spacing=(0.5, 0.25))
    assert read_roi(flat, region(flat)).size_features() == {"size__area_mm2": pytest.approx(25 * 0.125)}
    for name, array in (("i.png", sitk.GetArrayFromImage(flat)), ("m.png", sitk.GetArrayFromImage(region(flat)))):
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / name)
    assert read_roi(tmp_path / "i.png", tmp_path / "m.png").size_features() == {"size__area_px": 25.0}


def test_millimetres_are_refused_without_spacing_and_dimensions_are_not_mixed_up(tmp_path):
    Image.fromarray(np.full((20, 20), 9, np.uint8)).save(tmp_path / "i.png")
    Image.fromarray(np.pad(np.full((9, 9), 255, np.uint8), (5, 6))).save(tmp_path / "m.png")
    flat = read_roi(tmp_path / "i.png", tmp_path / "m.png", case_id="007")
    image = volume()
    solid = read_roi(image, region(image))
    for roi, name, code in [
        (flat, "area_mm2", "E_NO_SPACING"),
        (flat, "volume_ml", "E_IMAGE_DIM"),
        (solid, "area_mm2", "E_IMAGE_DIM"),
        (solid, "area_px", "E_IMAGE_DIM"),
    ]:
        with pytest.raises(ImageError) as caught:
            getattr(roi, name)
        assert caught.value.code == code
    assert codes(flat).count("W_NO_SPACING") == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_in_the_region_are_refused_and_counted(bad):
    array = sitk.GetArrayFromImage(volume()).astype(np.float32)
    array[4, 4, 4:6] = bad
    image = sitk.GetImageFromArray(array)
    with pytest.raises(ImageError, match="E_NONFINITE_IN_ROI: 2 of 125"):
        read_roi(image, region(image), case_id="007")


def test_values_that_are_not_finite_outside_the_region_are_a_warning():
    array = sitk.GetArrayFromImage(volume()).astype(np.float32)
    array[0, 0, 0] = np.nan
    image = sitk.GetImageFromArray(array)
    assert codes(read_roi(image, region(image))) == ["W_NONFINITE_OUTSIDE"]


def test_absurd_values_in_the_region_are_refused_with_their_extremes():
    array = sitk.GetArrayFromImage(volume()).astype(np.float32)
    array[4, 4, 4] = 1e30
    image = sitk.GetImageFromArray(array)
    with pytest.raises(ImageError, match=r"E_INTENSITY_RANGE.*80.*1e\+30"):
        read_roi(image, region(image), case_id="007")


def test_a_region_below_64_voxels_is_a_warning():
    image = volume()
    boxes = (slice(3, 7), slice(3, 7), slice(3, 7))
    exact = region(image, boxes)
    assert codes(read_roi(image, exact)) == []
    exact[3, 3, 3] = 0
    assert codes(read_roi(image, exact)) == ["W_ROI_SMALL"]
    assert "63 voxels (extent 4 x 4 x 4" in read_roi(image, exact).findings[0].message


def test_one_voxel_is_read_with_warnings():
    image = volume()
    assert set(codes(read_roi(image, region(image, (5, 5, 5))))) == {"W_ROI_SMALL", "N_SINGLE_SLICE"}


def test_a_mask_that_fills_the_image_is_read():
    image = volume((8, 8, 8))
    roi = read_roi(image, region(image, (slice(None),) * 3))
    assert roi.n_voxels == 512
    assert codes(roi) == ["W_ROI_AT_BORDER"]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_region_at_the_border_names_the_axis(axis):
    image = volume()
    box = [slice(3, 9)] * 3
    box[axis] = slice(0, 6)
    (finding,) = read_roi(image, region(image, tuple(box))).findings
    assert finding.code == "W_ROI_AT_BORDER"
    assert f"along {'zyx'[axis]};" in finding.message


def test_components_are_counted_with_diagonal_neighbours_as_one():
    image = volume()
    apart = region(image, (slice(2, 6),) * 3, (slice(8, 11),) * 3)
    touching = region(image, (slice(2, 6),) * 3, (slice(6, 9),) * 3)
    (finding,) = read_roi(image, apart).findings
    assert finding.code == "W_MULTI_COMPONENT"
    assert "2 components" in finding.message
    assert codes(read_roi(image, touching)) == []


def test_thin_axes_and_single_slices_are_told():
    image = volume((3, 16, 16))
    roi = read_roi(image, region(image, (slice(1, 2), slice(2, 12), slice(2, 12))))
    assert codes(roi) == ["W_THIN_AXIS", "N_SINGLE_SLICE"]
    assert "z (3)" in roi.findings[0].message


def test_a_given_label_picks_its_region():
    image = volume()
    mask = region(image, (slice(2, 6),) * 3)
    mask[8:12, 8:12, 7:11] = 2
    roi = read_roi(image, mask, mask_label=2)
    assert (roi.label, roi.n_voxels) == (2, 64)
    assert set(np.unique(roi.mask_zyx)) == {0, 1}


def test_a_mask_off_by_rounding_lands_on_the_images_grid():
    image = volume()
    mask = region(image)
    mask.SetOrigin((1e-5, 0, 0))
    roi = read_roi(image, mask)
    assert codes(roi) == ["N_GEOMETRY_SNAPPED"]
    assert roi.mask.GetOrigin() == image.GetOrigin()


def test_several_channels_in_a_mask_in_memory_are_refused(code_of):
    mask = sitk.Compose([sitk.Image([4, 4], sitk.sitkUInt8)] * 2)
    assert code_of(read_roi, sitk.Image([4, 4], sitk.sitkUInt8), mask) == "E_MASK_VECTOR"


def test_colour_reaches_radiomics_only_by_name():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, size=(20, 20, 3)).astype(np.uint8)
    image = sitk.GetImageFromArray(photo, isVector=True)
    roi = read_roi(image, region(sitk.VectorIndexSelectionCast(image, 0)))
    assert roi.is_colour
    with pytest.raises(ImageError, match="E_IMAGE_COLOUR"):
        roi.grey()
    green = roi.grey(channel=1)
    assert green.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_array_equal(sitk.GetArrayFromImage(green), photo[..., 1])
    luminance = sitk.GetArrayFromImage(roi.grey(channel="luminance"))
    np.testing.assert_allclose(luminance, photo @ [0.299, 0.587, 0.114], rtol=1e-6)


def test_a_grey_image_is_given_as_stored_whatever_channel_is_asked():
    image = volume()
    roi = read_roi(image, region(image))
    assert roi.grey() is image
    assert roi.grey(channel="luminance") is image
    with pytest.raises(ValueError, match="channel=3"):
        roi.grey(channel=3)


def test_arrays_cannot_be_written_and_outlive_the_region():
    image = volume()
    array = read_roi(image, region(image)).image_zyx
    wanted = sitk.GetArrayFromImage(image)
    del image
    gc.collect()
    np.testing.assert_array_equal(array, wanted)
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0, 0] = 1


def test_a_region_and_a_failure_survive_the_way_to_another_process():
    image = volume()
    roi = read_roi(image, region(image, label=9), case_id="007")
    assert roi.image_zyx.shape == (12, 16, 16)
    back = pickle.loads(pickle.dumps(roi))  # noqa: S301 - own bytes
    np.testing.assert_array_equal(back.mask_zyx, roi.mask_zyx)
    assert back.findings == roi.findings
    with pytest.raises(CaseError) as caught:
        read_roi(image, region(image), case_id="007", mask_label=5)
    assert pickle.loads(pickle.dumps(caught.value)).details == {"labels": {1: 125}}  # noqa: S301 - own bytes


def test_reading_in_another_order_changes_nothing():
    images = [volume(value=v) for v in (10, 20)]
    masks = [region(image) for image in images]
    masks[0].SetOrigin((1e-5, 0, 0))
    forward = [read_roi(i, m) for i, m in zip(images, masks, strict=True)]
    backward = [read_roi(i, m) for i, m in zip(images[::-1], masks[::-1], strict=True)][::-1]
    for a, b in zip(forward, backward, strict=True):
        assert a.findings == b.findings
        np.testing.assert_array_equal(a.image_zyx, b.image_zyx)


def test_every_code_is_found_at_most_once_per_case(tmp_path):
    grey = np.dstack([np.random.default_rng(0).integers(0, 255, size=(20, 20)).astype(np.uint8)] * 3)
    Image.fromarray(grey).save(tmp_path / "i.bmp")
    Image.fromarray(np.dstack([np.pad(np.ones((5, 5), np.uint8), ((0, 15), (0, 15)))] * 3)).save(tmp_path / "m.png")
    roi = read_roi(tmp_path / "i.bmp", tmp_path / "m.png", case_id="007")
    assert sorted(codes(roi)) == sorted(set(codes(roi)))
    assert all(isinstance(f, Finding) and f.case_id == "007" for f in roi.findings)


@pytest.mark.shared_data
def test_the_thin_and_small_nodules_are_those_of_the_table(shared_data):
    import pandas as pd

    folder = shared_data / "lidc_dev"
    table = pd.read_csv(folder / "cohort.csv").iloc[::25]
    for row in table.itertuples():
        roi = read_roi(folder / row.image, folder / row.mask, case_id=row.case_id)
        assert roi.n_voxels == row.mask_voxels
        assert roi.volume_ml * 1000 == pytest.approx(row.mask_volume_mm3, abs=0.1)
        assert ("W_THIN_AXIS" in codes(roi)) == (row.size_z < 4)
