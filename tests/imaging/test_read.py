from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from hybridrad.errors import MaskError
from hybridrad.imaging import file_checks
from hybridrad.imaging.read import read_image, read_mask

VOLUME_NAMES = ["v.nii", "v.nii.gz", "v.nrrd", "v.nhdr", "v.mha", "v.mhd", "patient 7 ü.nii.gz", "a.b.c.nrrd"]


def cut(path: Path, *, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def codes(loaded) -> list[str]:
    return [finding.code for finding in loaded.findings]


@pytest.mark.parametrize("name", VOLUME_NAMES)
def test_a_volume_keeps_its_values_pixel_type_and_spacing(name, save, voxels):
    loaded = read_image(save(name, voxels, spacing=(0.5, 0.6, 2.0)), case_id="007")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(loaded.image), voxels)
    assert loaded.image.GetPixelID() == sitk.sitkInt16
    assert loaded.image.GetSpacing() == pytest.approx((0.5, 0.6, 2.0))
    assert loaded.has_spacing
    assert loaded.findings == ()


def test_a_path_may_be_text_or_a_path_object(save, voxels):
    path = save("v.nrrd", voxels)
    assert read_image(str(path), case_id="007").image.GetSize() == read_image(path, case_id="007").image.GetSize()


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz", "v.nrrd", "v.mha"])
@pytest.mark.parametrize("compress", [False, True])
def test_a_cut_volume_is_refused(name, keep, compress, save, code_of):
    voxels = np.random.default_rng(0).integers(0, 1000, size=(20, 30, 30)).astype(np.int16)
    path = cut(save(name, voxels, compress=compress), keep=keep)
    assert code_of(read_image, path) == "E_IMAGE_TRUNCATED"
    assert code_of(read_mask, path) == "E_IMAGE_TRUNCATED"


@pytest.mark.parametrize(("header", "data"), [("v.mhd", "v.raw"), ("v.nhdr", "v.raw")])
def test_a_cut_or_missing_data_file_beside_its_header_is_refused(header, data, save, voxels, code_of):
    path = save(header, voxels)
    cut(path.with_name(data), keep=0.5)
    assert code_of(read_image, path) == "E_IMAGE_TRUNCATED"
    path.with_name(data).unlink()
    assert code_of(read_image, path) == "E_FILE_MISSING"


@pytest.mark.parametrize("header", ["v.mhd", "v.nhdr"])
def test_a_header_that_reaches_outside_its_folder_is_refused(header, save, voxels, tmp_path, code_of):
    path = save(header, voxels)
    folder = tmp_path / "inner"
    folder.mkdir()
    moved = folder / header
    moved.write_text(path.read_text().replace("v.raw", "../v.raw"))
    assert code_of(read_image, moved) == "E_PATH_OUTSIDE_ROOT"


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.bmp", "p.tif"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_cut_picture_is_refused(name, keep, tmp_path, pixels, code_of):
    Image.fromarray(pixels).save(tmp_path / name)
    assert code_of(read_image, cut(tmp_path / name, keep=keep)) == "E_IMAGE_TRUNCATED"


@pytest.mark.parametrize("name", ["v.nii.gz", "v.nrrd", "v.mha", "p.png"])
def test_a_flipped_bit_in_compressed_data_is_noticed(name, save, code_of, pixels):
    noise = np.random.default_rng(0).integers(0, 1000, size=(8, 20, 20)).astype(np.int16)
    path = save(name, pixels if name == "p.png" else noise, compress=True)
    data = bytearray(path.read_bytes())
    data[int(len(data) * 0.7)] ^= 0x10
    path.write_bytes(data)
    assert code_of(read_image, path) == "E_FILE_UNREADABLE"


def test_a_missing_file_a_folder_an_empty_file_and_an_unknown_suffix_are_told_apart(tmp_path, code_of):
    (tmp_path / "series").mkdir()
    (tmp_path / "empty.nii.gz").touch()
    (tmp_path / "slice.dcm").write_bytes(b"DICM")
    assert code_of(read_image, tmp_path / "none.nii.gz") == "E_FILE_MISSING"
    assert code_of(read_image, tmp_path / "series") == "E_FILE_UNREADABLE"
    assert code_of(read_image, tmp_path / "empty.nii.gz") == "E_FILE_UNREADABLE"
    assert code_of(read_image, tmp_path / "slice.dcm") == "E_FILE_UNREADABLE"


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path, code_of):
    import os

    os.mkfifo(tmp_path / "pipe.nii")
    assert code_of(read_image, tmp_path / "pipe.nii") == "E_FILE_UNREADABLE"


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz", "v.nrrd", "v.mha", "v.mhd", "p.png", "p.jpg", "p.tif", "p.bmp"])
def test_contents_that_are_not_what_the_name_says_are_refused(name, tmp_path, code_of):
    (tmp_path / name).write_bytes(b"This is a text file, and a long one at that. " * 20)
    assert code_of(read_image, tmp_path / name) == "E_FILE_UNREADABLE"


def test_a_jpeg_called_png_is_refused_and_named(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "p.jpg")
    (tmp_path / "p.jpg").rename(tmp_path / "p.png")
    with pytest.raises(Exception, match="holds JP"):
        read_image(tmp_path / "p.png", case_id="007")


def test_a_nifti_beside_its_compressed_twin_is_refused(save, voxels, code_of):
    plain, packed = save("v.nii", voxels), save("v.nii.gz", voxels + 1)
    assert code_of(read_image, plain) == "E_AMBIGUOUS_PAIR"
    assert code_of(read_image, packed) == "E_AMBIGUOUS_PAIR"


def test_a_header_with_too_many_voxels_is_refused_before_they_are_allocated(save, voxels, code_of):
    path = save("v.nii", voxels)
    header = bytearray(path.read_bytes())
    struct.pack_into("<3h", header, 42, 2000, 2000, 2000)
    path.write_bytes(header)
    assert code_of(read_image, path) == "E_IMAGE_TOO_LARGE"


def test_a_raw_header_with_too_many_voxels_is_refused(tmp_path, code_of):
    (tmp_path / "v.nrrd").write_bytes(
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4000 4000 4000\nencoding: raw\n\n" + bytes(100)
    )
    assert code_of(read_image, tmp_path / "v.nrrd") == "E_IMAGE_TOO_LARGE"


def test_four_dimensions_are_refused_and_the_shape_is_told(tmp_path, voxels):
    series = sitk.JoinSeries([sitk.GetImageFromArray(voxels)] * 3)
    for name in ("v.nii.gz", "v.nrrd", "v.mha"):
        sitk.WriteImage(series, str(tmp_path / name))
        with pytest.raises(Exception, match=r"E_IMAGE_DIM.*\(8, 7, 6, 3\)"):
            read_image(tmp_path / name, case_id="007")


def test_a_fourth_axis_of_length_one_is_dropped(tmp_path, voxels):
    series = sitk.JoinSeries([sitk.GetImageFromArray(voxels)])
    for name in ("v.nii.gz", "v.nrrd", "v.mha"):
        sitk.WriteImage(series, str(tmp_path / name))
        image = read_image(tmp_path / name, case_id="007").image
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)


def test_a_volume_of_one_slice_stays_a_volume(save, voxels):
    assert read_image(save("v.nii.gz", voxels[:1]), case_id="007").image.GetSize() == (8, 7, 1)


def test_pages_of_a_tiff_are_refused(tmp_path, pixels, code_of):
    page = Image.fromarray(pixels)
    page.save(tmp_path / "p.tif", save_all=True, append_images=[page])
    assert code_of(read_image, tmp_path / "p.tif") == "E_IMAGE_DIM"


@pytest.mark.parametrize("name", ["v.nii.gz", "v.mha"])
def test_complex_numbers_are_refused(name, tmp_path, voxels, code_of):
    sitk.WriteImage(sitk.Cast(sitk.GetImageFromArray(voxels), sitk.sitkComplexFloat32), str(tmp_path / name))
    assert code_of(read_image, tmp_path / name) in {"E_IMAGE_DIM", "E_FILE_UNREADABLE"}


@pytest.mark.parametrize("name", ["v.mha", "v.nrrd"])
def test_sheared_axes_are_refused(name, tmp_path, voxels, code_of):
    image = sitk.GetImageFromArray(voxels)
    image.SetDirection((1, 0.3, 0, 0, 1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / name))
    assert code_of(read_image, tmp_path / name) == "E_ORIENTATION"


def test_flipped_and_oblique_axes_are_fine(save, voxels, tmp_path):
    image = sitk.GetImageFromArray(voxels)
    c, s = np.cos(0.3), np.sin(0.3)
    image.SetDirection((-c, s, 0, s, c, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "v.nii.gz"))
    assert read_image(tmp_path / "v.nii.gz", case_id="007").image.GetDirection() == pytest.approx(image.GetDirection())


@pytest.mark.parametrize("name", ["p.jpg", "p.tif", "p.png", "p.bmp"])
def test_a_density_tag_of_a_picture_is_no_spacing(name, tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / name, dpi=(300, 300))
    loaded = read_image(tmp_path / name, case_id="007")
    assert not loaded.has_spacing
    assert (loaded.image.GetSpacing(), loaded.image.GetOrigin()) == ((1.0, 1.0), (0.0, 0.0))
    assert "W_NO_SPACING" in codes(loaded)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("v.nrrd", b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\n\n"),
        (
            "v.mha",
            b"ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
        ),
    ],
)
def test_a_header_without_spacing_is_noticed(name, text, tmp_path):
    (tmp_path / name).write_bytes(text + bytes([1, 2, 3, 4]))
    loaded = read_image(tmp_path / name, case_id="007")
    assert not loaded.has_spacing
    assert codes(loaded) == ["W_NO_SPACING"]


@pytest.mark.parametrize("kind", ["1", "L", "P", "I;16"])
def test_a_png_of_any_grey_kind_becomes_one_channel(kind, tmp_path, pixels):
    grey = {
        "1": Image.fromarray(pixels > 100),
        "L": Image.fromarray(pixels),
        "P": Image.fromarray(pixels).convert("P"),
        "I;16": Image.fromarray(pixels.astype(np.uint16) * 200),
    }[kind]
    grey.save(tmp_path / "p.png")
    image = read_image(tmp_path / "p.png", case_id="007").image
    wanted = {"1": (pixels > 100) * 255, "I;16": pixels.astype(np.uint16) * 200}.get(kind, pixels)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), wanted)
    assert image.GetPixelID() == (sitk.sitkUInt16 if kind == "I;16" else sitk.sitkUInt8)


def test_an_opaque_alpha_channel_is_dropped_and_a_transparent_one_refused(tmp_path, pixels, code_of):
    opaque = np.dstack([pixels, pixels, 255 - pixels, np.full_like(pixels, 255)])
    Image.fromarray(opaque).save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png", case_id="007").image.GetNumberOfComponentsPerPixel() == 3
    opaque[3, 3, 3] = 100
    Image.fromarray(opaque).save(tmp_path / "p.png")
    assert code_of(read_image, tmp_path / "p.png") == "E_IMAGE_DIM"


def test_grey_with_alpha_is_refused(tmp_path, pixels, code_of):
    Image.fromarray(pixels).convert("LA").save(tmp_path / "p.png")
    assert code_of(read_image, tmp_path / "p.png") == "E_IMAGE_DIM"


def test_a_field_of_vectors_is_no_colour_image(tmp_path, code_of):
    field = np.zeros((4, 5, 6, 3), np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(field, isVector=True), str(tmp_path / "v.nrrd"))
    assert code_of(read_image, tmp_path / "v.nrrd") == "E_IMAGE_DIM"


def test_a_mask_saved_as_three_equal_channels_is_one(tmp_path, pixels):
    labels = (pixels > 128).astype(np.uint8) * 255
    Image.fromarray(np.dstack([labels] * 3)).save(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png", case_id="007").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mask), labels)


def test_a_mask_with_channels_that_differ_is_refused(tmp_path, pixels, code_of, voxels):
    labels = (pixels > 128).astype(np.uint8)
    Image.fromarray(np.dstack([labels, labels, 1 - labels])).save(tmp_path / "m.png")
    segments = np.zeros((*voxels.shape, 2), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(segments, isVector=True), str(tmp_path / "m.seg.nrrd"))
    assert code_of(read_mask, tmp_path / "m.png") == "E_MASK_VECTOR"
    assert code_of(read_mask, tmp_path / "m.seg.nrrd") == "E_MASK_VECTOR"


def test_a_jpeg_mask_is_accepted_only_without_compression_noise(tmp_path):
    labels = np.zeros((32, 32), np.uint8)
    labels[8:24, 8:24] = 255
    Image.fromarray(labels).save(tmp_path / "clean.jpg", quality=100)
    labels[8:24, 20] = 0
    labels[13, 8:24] = 0
    Image.fromarray(labels).save(tmp_path / "noisy.jpg", quality=50)
    values = np.unique(sitk.GetArrayFromImage(read_mask(tmp_path / "clean.jpg", case_id="007").image))
    assert values.tolist() == [0, 255]
    with pytest.raises(MaskError, match=r"E_MASK_NOT_LABELS.*PNG"):
        read_mask(tmp_path / "noisy.jpg", case_id="007")


def test_reading_is_silent_and_leaves_itk_as_it_was(save, voxels, capfd):
    path = save("v.nii", voxels)
    header = bytearray(path.read_bytes())
    struct.pack_into("<3f", header, 80, 0, 0, 0)
    path.write_bytes(header)
    tolerances = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    loaded = read_image(path, case_id="007")
    assert capfd.readouterr() == ("", "")
    assert sitk.ProcessObject.GetGlobalWarningDisplay() == shown
    assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == tolerances
    assert not loaded.has_spacing


def test_the_limit_of_voxels_is_that_of_the_documentation():
    assert file_checks.MAX_VOXELS == 10**9


@pytest.mark.shared_data
def test_radiographs_saved_as_jpeg_are_read_as_grey(shared_data):
    for path in sorted((shared_data / "fracture_dev" / "images").glob("*.jpg"))[:20]:
        loaded = read_image(path, case_id="007")
        assert loaded.image.GetPixelID() == sitk.sitkUInt8
        assert codes(loaded) == ["N_GREY_FROM_COLOUR", "W_NO_SPACING"]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nan_and_infinity_in_a_nifti_file_are_not_hidden(tmp_path, suffix, kind):
    marks = {12345.0: np.nan, 54321.0: np.inf}
    array = np.arange(60, dtype=kind).reshape(3, 4, 5)
    array[1, 2, 3], array[2, 0, 4] = marks
    plain = tmp_path / "plain.nii"
    sitk.WriteImage(sitk.GetImageFromArray(array), str(plain))
    raw = plain.read_bytes()
    for mark, value in marks.items():
        raw = raw.replace(kind(mark).tobytes(), kind(value).tobytes())
    path = tmp_path / f"image{suffix}"
    path.write_bytes(gzip.compress(raw) if suffix == ".nii.gz" else raw)
    read = sitk.GetArrayFromImage(read_image(path, case_id="007").image)
    assert np.isnan(read[1, 2, 3])
    assert np.isposinf(read[2, 0, 4])
    assert np.isfinite(read).sum() == 58
    assert read.dtype == kind
