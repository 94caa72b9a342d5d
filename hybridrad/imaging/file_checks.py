"""Checks of a file before ITK sees it: is it there, is it what its name says, is it whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hybridrad.errors import ImageError
from hybridrad.imaging import nifti_header, raster_file, text_header

RASTER_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
JPEG_SUFFIXES = (".jpg", ".jpeg")
MAX_VOXELS = 10**9
"""Most voxels an image may have; more is taken for a damaged header or a decompression bomb."""

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", *RASTER_SUFFIXES)

_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".nrrd": (b"NRRD0",),
    ".nhdr": (b"NRRD0",),
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".tif": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    ".bmp": (b"BM",),
}


@dataclass(frozen=True)
class FileFacts:
    """What the checks learned: the suffix that names the format and whether the file states a spacing."""

    suffix: str
    has_spacing: bool

    @property
    def is_raster(self) -> bool:
        """Whether the format is that of photographs, without millimetres."""
        return self.suffix in RASTER_SUFFIXES

    @property
    def is_jpeg(self) -> bool:
        """Whether the format changes pixel values when it is written."""
        return self.suffix in JPEG_SUFFIXES


def check_file(path: Path, *, case_id: str) -> FileFacts:
    """Check one image or mask file and return its facts.

    Raises
    ------
    ImageError
        E_FILE_MISSING, E_FILE_UNREADABLE, E_IMAGE_TRUNCATED, E_AMBIGUOUS_PAIR, E_NIFTI_QS_CONFLICT, E_IMAGE_DIM,
        E_PATH_OUTSIDE_ROOT.
    """
    try:
        return _check(path, case_id)
    except OSError as err:
        raise _unreadable(path, case_id, f"cannot be opened ({err.strerror})", "") from err


def _check(path: Path, case_id: str) -> FileFacts:
    _check_readable(path, case_id)
    suffix = format_suffix(path)
    if suffix is None:
        raise _unreadable(
            path, case_id, "has a name that tells no known format", f"Known are {', '.join(SUFFIXES)}; convert it."
        )
    if suffix in (".nii", ".nii.gz"):
        return FileFacts(suffix, _check_nifti(path, case_id))
    _check_magic(path, suffix, case_id)
    if suffix in RASTER_SUFFIXES:
        _check_raster(path, case_id)
        return FileFacts(suffix, has_spacing=False)
    if suffix in (".nrrd", ".nhdr"):
        fields = text_header.read_nrrd_fields(path)
        has_spacing = text_header.nrrd_has_spacing(fields)
    else:
        fields = text_header.read_metaimage_fields(path)
        if "dimsize" not in fields:
            raise _unreadable(path, case_id, "does not start with a MetaImage header", "")
        has_spacing = text_header.metaimage_has_spacing(fields)
    text_header.check_data_files(path, fields, case_id=case_id)
    if suffix in (".mha", ".mhd"):
        text_header.check_metaimage_bytes(path, fields, case_id=case_id)
    else:
        text_header.check_nrrd_bytes(path, fields, case_id=case_id)
    return FileFacts(suffix, has_spacing)


def format_suffix(path: Path) -> str | None:
    """Return the suffix that names the format, in lower case, or None.

    Examples
    --------
    >>> format_suffix(Path("a.b/007.T2.NII.GZ")), format_suffix(Path("slice.dcm"))
    ('.nii.gz', None)
    """
    name = path.name.lower()
    return next((s for s in (".nii.gz", *SUFFIXES) if name.endswith(s)), None)


def _check_readable(path: Path, case_id: str) -> None:
    if not path.exists():
        raise ImageError(
            "E_FILE_MISSING",
            case_id=case_id,
            stage="read",
            message=f"{path.name} does not exist.",
            hint="Check the path in the cohort table; paths are relative to the table.",
        )
    if path.is_dir():
        raise _unreadable(path, case_id, "is a folder", "Convert a DICOM series to NIfTI first.")
    if not path.is_file():
        # Opening a pipe would wait forever.
        raise _unreadable(path, case_id, "is no plain file", "")
    if path.stat().st_size == 0:
        raise _unreadable(path, case_id, "is empty (0 bytes)", "Copy the file again from its source.")


def _check_nifti(path: Path, case_id: str) -> bool:
    twin = path.with_name(path.name[:-3] if path.name.lower().endswith(".gz") else path.name + ".gz")
    if twin.exists():
        raise ImageError(
            "E_AMBIGUOUS_PAIR",
            case_id=case_id,
            stage="read",
            message=f"{path.name} and {twin.name} lie side by side, and readers take the one for the other.",
            hint="Remove or rename one of them.",
        )
    header = nifti_header.read_nifti_header(path, case_id=case_id)
    if header.is_complex:
        raise ImageError(
            "E_IMAGE_DIM",
            case_id=case_id,
            stage="read",
            message=f"{path.name} holds complex numbers, shape {header.shape_xyz}.",
            hint="Save its magnitude.",
        )
    nifti_header.check_nifti_scaling(path, header, case_id=case_id)
    nifti_header.check_nifti_geometry(path, header, case_id=case_id)
    check_n_voxels(path, header.shape_xyz, case_id=case_id)
    nifti_header.check_nifti_bytes(path, header, case_id=case_id)
    return header.has_spacing


def check_n_voxels(path: Path, shape_xyz: tuple[int, ...], *, case_id: str) -> None:
    """Refuse a header that promises more voxels than ``MAX_VOXELS``, before anything of that size is allocated.

    Raises
    ------
    ImageError
        E_IMAGE_TOO_LARGE.
    """
    n_voxels = 1
    for length in shape_xyz:
        n_voxels *= length
    if n_voxels > MAX_VOXELS:
        raise ImageError(
            "E_IMAGE_TOO_LARGE",
            case_id=case_id,
            stage="read",
            message=f"{path.name} promises {n_voxels} voxels (x, y, z: {shape_xyz}); the limit is {MAX_VOXELS}.",
            hint="Crop the image around the region, or check the header.",
        )


def _check_magic(path: Path, suffix: str, case_id: str) -> None:
    with path.open("rb") as file:
        head = file.read(16)
    wanted = _MAGIC.get(suffix)
    if wanted is None or head.startswith(wanted):
        return
    real = sorted({s for s, magics in _MAGIC.items() if head.startswith(magics)})
    found = (
        f"holds {real[0][1:].upper()} data" if real else f"starts with {head[:8]!r}, which is not {suffix[1:].upper()}"
    )
    raise _unreadable(path, case_id, found, "Rename or convert it." if real else "Copy the file again from its source.")


def _check_raster(path: Path, case_id: str) -> None:
    if raster_file.is_grey_with_alpha(path):
        raise ImageError(
            "E_IMAGE_DIM",
            case_id=case_id,
            stage="read",
            message=f"{path.name} holds grey and transparency, which cannot be read.",
            hint="Save it without its alpha channel.",
        )
    fault = raster_file.fault_of_raster(path)
    if fault is not None:
        code, phrase = fault
        raise ImageError(
            code,
            case_id=case_id,
            stage="read",
            message=f"{path.name} {phrase}.",
            hint="Copy the file again from its source.",
        )


def _unreadable(path: Path, case_id: str, what: str, hint: str) -> ImageError:
    return ImageError("E_FILE_UNREADABLE", case_id=case_id, stage="read", message=f"{path.name} {what}.", hint=hint)
