from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import ImageError
from hybridrad.imaging.nifti_header import read_nifti_header
from hybridrad.imaging.read import read_image


@pytest.fixture
def nifti(save, voxels) -> Path:
    return save("v.nii", voxels, spacing=(1.0, 1.0, 2.0))


def patch(path: Path, code: str, at: int, *values: float) -> Path:
    data = bytearray(path.read_bytes())
    struct.pack_into("<" + code, data, at, *values)
    path.write_bytes(data)
    return path


def test_both_geometries_of_a_fresh_file_equal_that_of_itk(tmp_path, voxels):
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((10.0, -20.0, 30.0))
    c, s = np.cos(0.4), np.sin(0.4)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, -1))
    sitk.WriteImage(image, str(tmp_path / "v.nii.gz"))
    header = read_nifti_header(tmp_path / "v.nii.gz", case_id="007")
    axes = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    flip = np.diag([-1, -1, 1])
    for affine in (header.affine_q, header.affine_s):
        np.testing.assert_allclose(affine[:3, :3], flip @ axes, atol=1e-5)
        np.testing.assert_allclose(affine[:3, 3], flip @ image.GetOrigin(), atol=1e-5)


def test_geometries_with_different_spacing_are_refused_with_both_numbers(nifti):
    patch(nifti, "12f", 280, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0)
    with pytest.raises(ImageError, match=r"E_NIFTI_QS_CONFLICT.*\(1, 1, 2\).*\(1, 1, 1\)"):
        read_image(nifti, case_id="007")


def test_geometries_at_different_places_are_refused(nifti, code_of):
    patch(nifti, "12f", 280, -1, 0, 0, 5, 0, -1, 0, 0, 0, 0, 2, 0)
    assert code_of(read_image, nifti) == "E_NIFTI_QS_CONFLICT"


def test_geometries_that_differ_by_rounding_are_fine(nifti):
    patch(nifti, "12f", 280, -1.00001, 0, 0, 0.001, 0, -1, 0, 0, 0, 0, 2, 0)
    assert read_image(nifti, case_id="007").has_spacing


@pytest.mark.parametrize("at", [252, 254])
def test_a_geometry_without_a_code_is_not_compared(nifti, at):
    spacing = (1, 1, 2) if at == 252 else (3, 3, 3)
    rows = np.hstack([np.diag([-1, -1, 1]) * spacing, np.zeros((3, 1))]).ravel()
    patch(nifti, "12f", 280, *rows)
    patch(nifti, "h", at, 0)
    assert read_image(nifti, case_id="007").image.GetSpacing() == pytest.approx((1, 1, 2))


def test_a_sheared_sform_is_refused(nifti, code_of):
    patch(nifti, "2h", 252, 0, 1)
    patch(nifti, "12f", 280, 1, 0.3, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0)
    assert code_of(read_image, nifti) == "E_ORIENTATION"


def test_a_scaled_file_gives_the_scaled_values(nifti, voxels):
    patch(nifti, "2f", 112, 2.0, -5.0)
    image = read_image(nifti, case_id="007").image
    np.testing.assert_allclose(sitk.GetArrayFromImage(image), voxels * 2.0 - 5.0)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_an_intercept_without_a_slope_is_refused(nifti, slope, code_of):
    patch(nifti, "2f", 112, slope, -5.0)
    assert code_of(read_image, nifti) == "E_FILE_UNREADABLE"


@pytest.mark.parametrize("values", [(0.0, 0.0), (float("nan"), float("nan")), (1.0, 0.0)])
def test_a_scaling_that_is_switched_off_keeps_the_stored_type(nifti, values):
    patch(nifti, "2f", 112, *values)
    assert read_image(nifti, case_id="007").image.GetPixelID() == sitk.sitkInt16


def test_gzip_data_called_nii_and_plain_data_called_gz_are_refused(nifti, voxels, tmp_path, code_of):
    data = nifti.read_bytes()
    nifti.unlink()
    (tmp_path / "a.nii").write_bytes(gzip.compress(data))
    (tmp_path / "b.nii.gz").write_bytes(data)
    assert code_of(read_image, tmp_path / "a.nii") == "E_FILE_UNREADABLE"
    assert code_of(read_image, tmp_path / "b.nii.gz") == "E_FILE_UNREADABLE"


@pytest.mark.parametrize("length", [2, 100, 347])
def test_a_file_that_ends_inside_the_header_is_refused(nifti, length, code_of):
    nifti.write_bytes(nifti.read_bytes()[:length])
    assert code_of(read_image, nifti) in {"E_IMAGE_TRUNCATED", "E_FILE_UNREADABLE"}


def test_a_header_that_promises_more_than_its_compressed_bytes_can_hold_is_refused_unread(nifti, tmp_path, code_of):
    patch(nifti, "3h", 42, 900, 1000, 1000)
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(nifti.read_bytes()))
    assert code_of(read_image, tmp_path / "bomb.nii.gz") == "E_IMAGE_TRUNCATED"


def test_a_stream_that_goes_on_far_beyond_the_header_is_refused(nifti, tmp_path, code_of):
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(nifti.read_bytes() + bytes(40 * 2**20)))
    assert code_of(read_image, tmp_path / "bomb.nii.gz") == "E_FILE_UNREADABLE"


def test_padding_after_the_voxels_is_fine(nifti, voxels, tmp_path):
    (tmp_path / "padded.nii.gz").write_bytes(gzip.compress(nifti.read_bytes() + bytes(1000)) + bytes(64))
    image = read_image(tmp_path / "padded.nii.gz", case_id="007").image
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), voxels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_second_version_is_refused_by_name(order, tmp_path):
    raw = struct.pack(order + "i", 540) + b"n+2\0\r\n\x1a\n" + bytes(800)
    (tmp_path / "v.nii").write_bytes(raw)
    with pytest.raises(ImageError, match="NIfTI-2"):
        read_image(tmp_path / "v.nii", case_id="007")


def test_a_big_endian_file_is_read(tmp_path, nifti, voxels):
    swapped = bytearray(nifti.read_bytes())
    for code, at in [("i", 0), ("8h", 40), ("4h", 68), ("8f", 76), ("3f", 108), ("2h", 252), ("6f", 256), ("12f", 280)]:
        struct.pack_into(">" + code, swapped, at, *struct.unpack_from("<" + code, swapped, at))
    swapped[352:] = voxels.astype(">i2").tobytes()
    nifti.write_bytes(swapped)
    loaded = read_image(nifti, case_id="007")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(loaded.image), voxels)
    assert loaded.image.GetSpacing() == (1.0, 1.0, 2.0)


def test_a_pair_of_header_and_image_is_refused(nifti, code_of):
    patch(nifti, "4s", 344, b"ni1\0")
    assert code_of(read_image, nifti) == "E_FILE_UNREADABLE"
