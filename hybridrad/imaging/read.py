"""Reading an image or a mask file as it was stored, or refusing it with a reason.

Formats: NIfTI (``.nii``, ``.nii.gz``), NRRD (``.nrrd``, ``.nhdr``), MetaImage (``.mha``, ``.mhd``), PNG, JPEG, TIFF
and BMP.

* The pixel type stays the stored one (a NIfTI with a scaling is read as the scaled float).
* Trailing axes of length 1 beyond the third are dropped; ``(x, y, 1)`` stays a 3D image of one slice.
* PNG, JPEG, TIFF and BMP have no millimetres: their spacing is 1, their origin 0, whatever a density tag says.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from hybridrad.errors import Finding, ImageError, MaskError
from hybridrad.imaging import channels, file_checks, nifti_header

DIRECTION_TOLERANCE = 1e-3
"""Largest deviation of the product of the direction matrix and its transpose from the identity."""

_COMPLEX_TYPES = (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)
# What the readers say when the data end before the header's count is reached.
_CUT_SHORT = re.compile(r"fread got only|but received|not read completely|Problem reading the row|premature", re.I)


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image or mask as stored in a file.

    Parameters
    ----------
    image : SimpleITK.Image
        2D or 3D, in the stored pixel type.
    has_spacing : bool
        Whether the file states the size of a pixel in millimetres; if not, ``image`` has spacing 1.
    findings : tuple of Finding
    """

    image: sitk.Image
    has_spacing: bool
    findings: tuple[Finding, ...] = ()


def read_image(path: str | PathLike[str], *, case_id: str) -> LoadedImage:
    """Read an image.

    Three 8-bit channels that are equal up to compression become one (a note); an opaque alpha channel is dropped; other
    three-channel 8 or 16 bit images stay colour, all other kinds of several channels are refused.

    Parameters
    ----------
    path : path-like
    case_id : str
        Named in errors and findings.

    Returns
    -------
    LoadedImage

    Raises
    ------
    ImageError
        E_FILE_MISSING, E_FILE_UNREADABLE, E_IMAGE_TRUNCATED, E_AMBIGUOUS_PAIR, E_NIFTI_QS_CONFLICT, E_IMAGE_DIM,
        E_IMAGE_TOO_LARGE, E_ORIENTATION or E_PATH_OUTSIDE_ROOT.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "ct.nii.gz"
    ...     sitk.WriteImage(sitk.Image([5, 4, 3], sitk.sitkInt16), str(path))
    ...     read_image(path, case_id="007").image.GetPixelIDTypeAsString()
    '16-bit signed integer'
    """
    path = Path(path)
    facts = file_checks.check_file(path, case_id=case_id)
    image = _read_with_itk(path, facts, case_id)
    image, findings = channels.single_channel_if_grey(image, what=path.name, case_id=case_id)
    if not facts.has_spacing:
        finding = Finding(
            case_id,
            "W_NO_SPACING",
            stage="read",
            message=f"{path.name} states no pixel spacing; sizes are in pixels.",
            hint="Give margins relative to the region, or convert the image to a format with spacing.",
        )
        findings = (*findings, finding)
    return LoadedImage(image, facts.has_spacing, findings)


def read_mask(path: str | PathLike[str], *, case_id: str) -> LoadedImage:
    """Read a mask; its values are not looked at yet, but for those of a JPEG.

    Three exactly equal channels of a PNG, TIFF or BMP file (or equal up to compression in a JPEG) are read as one.

    Raises
    ------
    ImageError
        As for ``read_image``.
    MaskError
        E_MASK_VECTOR: several channels; E_MASK_NOT_LABELS: a JPEG with more than one non-zero value.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mask.png"
    ...     sitk.WriteImage(sitk.Image([5, 4], sitk.sitkUInt8), str(path))
    ...     read_mask(path, case_id="007").has_spacing
    False
    """
    path = Path(path)
    facts = file_checks.check_file(path, case_id=case_id)
    mask = _read_with_itk(path, facts, case_id)
    n_channels = mask.GetNumberOfComponentsPerPixel()
    if n_channels > 1:
        single = channels.single_channel_if_equal(mask, exactly=not facts.is_jpeg) if facts.is_raster else None
        if single is None:
            raise MaskError(
                "E_MASK_VECTOR",
                case_id=case_id,
                stage="mask",
                message=f"{path.name} has {n_channels} channels that differ; a mask has one.",
                hint="Save the wanted segment as a mask of its own, a coloured or palette picture as grey labels.",
            )
        mask = single
    if facts.is_jpeg:
        _refuse_jpeg_noise(mask, path, case_id)
    return LoadedImage(mask, facts.has_spacing)


def check_plain_image(image: sitk.Image, *, what: str, case_id: str) -> None:
    """Refuse what is not one plain 2D or 3D image on orthonormal axes.

    Raises
    ------
    ImageError
        E_IMAGE_DIM or E_ORIENTATION.
    """
    if image.GetDimension() not in (2, 3) or 0 in image.GetSize():
        raise _dimension_error(what, image.GetSize(), case_id)
    if image.GetPixelID() in _COMPLEX_TYPES:
        raise ImageError(
            "E_IMAGE_DIM",
            case_id=case_id,
            stage="read",
            message=f"{what} holds complex numbers, shape {image.GetSize()}.",
            hint="Save its magnitude.",
        )
    n = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (n, n))
    off = float(np.abs(direction.T @ direction - np.eye(n)).max())
    if not off <= DIRECTION_TOLERANCE:
        raise _orientation_error(what, case_id, f"direction {np.round(direction, 5).tolist()}, off by {off:.3g}")


def _refuse_jpeg_noise(mask: sitk.Image, path: Path, case_id: str) -> None:
    values = np.unique(sitk.GetArrayViewFromImage(mask))
    if np.count_nonzero(values) > 1:
        raise MaskError(
            "E_MASK_NOT_LABELS",
            case_id=case_id,
            stage="mask",
            message=f"{path.name} holds {len(values)} values ({values.min()} to {values.max()}): JPEG compression "
            "changes the labels of a mask.",
            hint="Save the mask as PNG or NIfTI from its source.",
        )


def _read_with_itk(path: Path, facts: file_checks.FileFacts, case_id: str) -> sitk.Image:
    # SimpleITK refuses pathlib objects; and it must not learn the size of an image only by allocating it.
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with _QUIET_ITK:
            reader.ReadImageInformation()
            size = tuple(int(n) for n in reader.GetSize())
            file_checks.check_n_voxels(path, size, case_id=case_id)
            if sum(n > 1 for n in size[3:]) or (facts.is_raster and len(size) > 2):
                raise _dimension_error(path.name, size, case_id)
            image = reader.Execute()
    except RuntimeError as err:
        raise _error_from_itk(err, path, case_id) from err
    while image.GetDimension() > 3:
        image = sitk.Extract(image, [*image.GetSize()[:-1], 0])
    if facts.is_raster:
        image.SetSpacing([1.0] * image.GetDimension())
        image.SetOrigin([0.0] * image.GetDimension())
        image.SetDirection(np.eye(image.GetDimension()).ravel().tolist())
    check_plain_image(image, what=path.name, case_id=case_id)
    return _with_nonfinite(image, path, case_id) if facts.suffix in (".nii", ".nii.gz") else image


def _with_nonfinite(image: sitk.Image, path: Path, case_id: str) -> sitk.Image:
    """Put NaN and infinity back, which ITK's NIfTI reader turns into 0: a wrong number that looks right."""
    header = nifti_header.read_nifti_header(path, case_id=case_id)
    hidden = nifti_header.nonfinite_voxels(path, header)
    if hidden is None or image.GetNumberOfComponentsPerPixel() > 1:
        return image
    array = sitk.GetArrayFromImage(image)
    hidden = hidden.reshape(array.shape)
    lost = ~np.isfinite(hidden)
    array[lost] = hidden[lost]
    restored = sitk.GetImageFromArray(array)
    restored.CopyInformation(image)
    return restored


class _QuietItk:
    """What ITK warns about is checked here, in words that name the case; so its warnings are off while it reads.

    The switch belongs to the process: the first reader in switches, the last one out puts it back as it was.
    """

    def __init__(self) -> None:
        self._lock, self._n_readers, self._shown = threading.Lock(), 0, True

    def __enter__(self) -> None:
        with self._lock:
            if self._n_readers == 0:
                self._shown = sitk.ProcessObject.GetGlobalWarningDisplay()
                sitk.ProcessObject.SetGlobalWarningDisplay(False)
            self._n_readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_readers -= 1
            if self._n_readers == 0:
                sitk.ProcessObject.SetGlobalWarningDisplay(self._shown)


_QUIET_ITK = _QuietItk()


def _error_from_itk(err: RuntimeError, path: Path, case_id: str) -> ImageError:
    text = str(err)
    if "orthonormal" in text:
        return _orientation_error(path.name, case_id, "no orthonormal axes in its header")
    # The last line of ITK's text is the reason; what stands before are places in its sources.
    reason = text.strip().splitlines()[-1].strip().replace(str(path), path.name)
    if _CUT_SHORT.search(text):
        return ImageError(
            "E_IMAGE_TRUNCATED",
            case_id=case_id,
            stage="read",
            message=f"{path.name} is incomplete: {reason.rstrip('.')}.",
            hint="Copy the file again from its source.",
        )
    return ImageError(
        "E_FILE_UNREADABLE",
        case_id=case_id,
        stage="read",
        message=f"{path.name} cannot be read: {reason.rstrip('.')}.",
        hint="Open it in the program that wrote it and save it again.",
    )


def _dimension_error(what: str, size_xyz: tuple[int, ...], case_id: str) -> ImageError:
    return ImageError(
        "E_IMAGE_DIM",
        case_id=case_id,
        stage="read",
        message=f"{what} has the shape {tuple(size_xyz)} (x first); wanted is one 2D or 3D image.",
        hint="Save the wanted time point, page or channel as an image of its own.",
        details={"shape_xyz": list(size_xyz)},
    )


def _orientation_error(what: str, case_id: str, found: str) -> ImageError:
    return ImageError(
        "E_ORIENTATION",
        case_id=case_id,
        stage="read",
        message=f"{what}: the axes are sheared ({found}).",
        hint="Resample the image to orthogonal axes (gantry tilt is a usual cause).",
    )
