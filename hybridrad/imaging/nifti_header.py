"""What a NIfTI header promises, and whether the file keeps it: bytes, geometry, scaling.

ITK reads a truncated ``.nii.gz`` without an error and takes the spacing from one of two geometries that may contradict
each other; so the header is read here as well, before the image is.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import ImageError
from hybridrad.imaging import deflate

SPACING_TOLERANCE = 1e-3
"""Largest relative difference of the spacing of qform and sform."""
POSE_TOLERANCE_VOXELS = 0.5
"""Largest distance between the places where qform and sform put a corner of the image, in voxels."""

_HEADER_BYTES = 348
_BYTES_PER_VOXEL = {
    2: 1, 4: 2, 8: 4, 16: 4, 32: 8, 64: 8, 128: 3, 256: 1, 512: 2, 768: 4,
    1024: 8, 1280: 8, 1536: 16, 1792: 16, 2048: 32, 2304: 4,
}  # fmt: skip
_COMPLEX = {32, 1792, 2048}


@dataclass(frozen=True)
class NiftiHeader:
    """The fields of a NIfTI-1 header that the checks need.

    ``shape_xyz`` holds all axes in file order (x first); ``affine_q`` and ``affine_s`` map voxel index to millimetres
    and are None where their code is 0.
    """

    byte_order: str
    shape_xyz: tuple[int, ...]
    datatype: int
    vox_offset: int
    pixdim: tuple[float, ...]
    slope: float
    inter: float
    affine_q: NDArray[np.float64] | None
    affine_s: NDArray[np.float64] | None

    @property
    def n_voxels(self) -> int:
        """Number of voxels over all axes."""
        n = 1
        for length in self.shape_xyz:
            n *= length
        return n

    @property
    def n_bytes(self) -> int:
        """Bytes the file (decompressed) must have at least."""
        return self.vox_offset + self.n_voxels * _BYTES_PER_VOXEL[self.datatype]

    @property
    def is_complex(self) -> bool:
        """Whether the voxels are complex numbers."""
        return self.datatype in _COMPLEX

    @property
    def has_spacing(self) -> bool:
        """Whether the spatial axes have a positive spacing."""
        return all(np.isfinite(p) and p > 0 for p in self.pixdim[: min(3, len(self.shape_xyz))])


def read_nifti_header(path: Path, *, case_id: str) -> NiftiHeader:
    """Read and check the header of a ``.nii`` or ``.nii.gz`` file.

    Raises
    ------
    ImageError
        E_FILE_UNREADABLE: not a single-file NIfTI image, or contents and suffix disagree; E_IMAGE_TRUNCATED: the file
        ends inside the header.
    """
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    if is_gzip != compressed:
        found, wanted = ("gzip data", ".nii.gz") if is_gzip else ("no gzip data", ".nii")
        raise _unreadable(path, case_id, f"holds {found}", f"Is it a {wanted} file under another name?")
    try:
        with _open(path) as stream:
            raw = stream.read(_HEADER_BYTES)
    except EOFError as err:
        raise _truncated(path, case_id, "the compressed data end inside the header") from err
    except (OSError, zlib.error) as err:
        raise _unreadable(path, case_id, f"cannot be decompressed ({err})", "") from err
    return _parse(raw, path, case_id)


def check_nifti_bytes(path: Path, header: NiftiHeader, *, case_id: str) -> None:
    """Check that the file holds every byte the header promises, by decoding it to the end where it is compressed.

    Raises
    ------
    ImageError
        E_IMAGE_TRUNCATED, or E_FILE_UNREADABLE when the checksum of the compressed data is wrong.
    """
    if path.name.lower().endswith(".gz"):
        with path.open("rb") as file:
            fault = deflate.fault_of_deflate(file, at_least=header.n_bytes, at_most=header.n_bytes)
        if fault is not None:
            raise _file_error(fault[0], path, case_id, fault[1], "Copy the file again from its source.")
        return
    on_disk = path.stat().st_size
    if on_disk < header.n_bytes:
        raise _truncated(path, case_id, f"{on_disk} of {header.n_bytes} bytes")


def check_nifti_geometry(path: Path, header: NiftiHeader, *, case_id: str) -> None:
    """Refuse a header whose two geometries, both declared valid, contradict each other.

    Readers choose differently between qform and sform, so the same file would have two spacings.

    Raises
    ------
    ImageError
        E_NIFTI_QS_CONFLICT.
    """
    q, s = header.affine_q, header.affine_s
    if q is None or s is None:
        return
    spacing_q, spacing_s = (np.linalg.norm(a[:3, :3], axis=0) for a in (q, s))
    shape = np.array([*header.shape_xyz[:3], 1, 1, 1][:3])
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * [*(shape - 1), 1]
    away_mm = float(np.linalg.norm((corners @ (q - s).T)[:, :3], axis=1).max())
    used = shape > 1
    smallest = float(spacing_q[used].min()) if used.any() else float(spacing_q.min())
    # A spacing along an axis of one voxel moves no corner but still changes every volume.
    n_axes = min(3, len(header.shape_xyz))
    spacing_differs = not np.allclose(spacing_q[:n_axes], spacing_s[:n_axes], rtol=SPACING_TOLERANCE, atol=0)
    if not spacing_differs and away_mm <= POSE_TOLERANCE_VOXELS * smallest:
        return
    raise ImageError(
        "E_NIFTI_QS_CONFLICT",
        case_id=case_id,
        stage="read",
        message=f"{path.name}: the qform has spacing {_three(spacing_q)} mm and origin {_three(q[:3, 3])}, the sform "
        f"{_three(spacing_s)} mm and {_three(s[:3, 3])}; corners differ by up to {away_mm:.4g} mm.",
        hint="Find out which one is right and write the file again with one geometry.",
        details={"spacing_qform_mm": spacing_q.tolist(), "spacing_sform_mm": spacing_s.tolist(), "max_mm": away_mm},
    )


def check_nifti_scaling(path: Path, header: NiftiHeader, *, case_id: str) -> None:
    """Refuse a scaling that readers understand differently: an intercept beside a slope of 0 or NaN.

    Raises
    ------
    ImageError
        E_FILE_UNREADABLE.
    """
    slope_counts = np.isfinite(header.slope) and header.slope != 0
    inter_counts = np.isfinite(header.inter) and header.inter != 0
    if inter_counts and not slope_counts:
        raise _unreadable(
            path,
            case_id,
            f"has scl_inter={header.inter:g} beside scl_slope={header.slope:g}",
            "By the standard a slope of 0 switches scaling off, yet readers add the intercept; write the file again.",
        )


def nonfinite_voxels(path: Path, header: NiftiHeader) -> NDArray[np.float32] | None:
    """Return the voxels that ITK hides: it reads NaN and infinity of a NIfTI file as 0.

    Returns
    -------
    float32 ndarray of shape (n_voxels,), first axis fastest, or None
        NaN and infinite where the file has them, 0 elsewhere; None where all voxels are finite.
    """
    kind = {16: "f4", 64: "f8"}.get(header.datatype)
    if kind is None:
        return None
    with _open(path) as stream:
        stream.seek(header.vox_offset)
        stored = np.frombuffer(stream.read(header.n_bytes - header.vox_offset), dtype=header.byte_order + kind)
    finite = np.isfinite(stored)
    if finite.all():
        return None
    return np.where(finite, 0.0, stored).astype(np.float32)


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")


def _parse(raw: bytes, path: Path, case_id: str) -> NiftiHeader:
    sizes = {order: struct.unpack(f"{order}i", raw[:4])[0] for order in "<>"} if len(raw) >= 4 else {}
    if 540 in sizes.values():
        raise _unreadable(path, case_id, "is a NIfTI-2 file, which is not read", "Convert it to NIfTI-1.")
    order = next((o for o, size in sizes.items() if size == _HEADER_BYTES), None)
    if order is None:
        raise _unreadable(path, case_id, "does not start with a NIfTI header", "")
    if len(raw) < _HEADER_BYTES:
        raise _truncated(path, case_id, "it ends inside the header")
    if raw[344:348] != b"n+1\0":
        hint = "Pairs of .hdr and .img and Analyze files are not read; convert it."
        raise _unreadable(path, case_id, f"has the magic {raw[344:348]!r} instead of n+1", hint)

    def take(code: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(order + code, raw, at)

    dim, pixdim, datatype = take("8h", 40), take("8f", 76), int(take("h", 70)[0])
    vox_offset, slope, inter = take("3f", 108)
    q_code, s_code = take("2h", 252)
    header = NiftiHeader(
        byte_order=order,
        shape_xyz=tuple(int(d) for d in dim[1 : 1 + max(0, min(7, dim[0]))]),
        datatype=datatype,
        vox_offset=int(vox_offset) if np.isfinite(vox_offset) else -1,
        pixdim=tuple(abs(p) for p in pixdim[1:]),
        slope=slope,
        inter=inter,
        affine_q=_quaternion_affine(take("6f", 256), pixdim) if q_code > 0 else None,
        affine_s=np.vstack([np.reshape(take("12f", 280), (3, 4)), [0, 0, 0, 1]]) if s_code > 0 else None,
    )
    if not header.shape_xyz or min(header.shape_xyz) < 1 or header.vox_offset < _HEADER_BYTES:
        raise _unreadable(path, case_id, f"has shape {header.shape_xyz} and data at byte {vox_offset:g}", "")
    if datatype not in _BYTES_PER_VOXEL:
        raise _unreadable(path, case_id, f"has the unknown datatype {datatype}", "")
    return header


def _quaternion_affine(quatern: tuple[float, ...], pixdim: tuple[float, ...]) -> NDArray[np.float64]:
    # Method 2 of nifti1.h: a unit quaternion (b, c, d given), the spacing, and the sign of the third axis in pixdim[0].
    b, c, d = (float(v) for v in quatern[:3])
    rest = 1.0 - (b * b + c * c + d * d)
    if rest < 1e-7:
        length = np.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / length, c / length, d / length
    else:
        a = float(np.sqrt(rest))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    handed = -1.0 if pixdim[0] < 0 else 1.0
    # Readers take a spacing that is zero or negative as its size, or 1.
    spacing = [abs(p) or 1.0 for p in pixdim[1:4]]
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.array([spacing[0], spacing[1], spacing[2] * handed])
    affine[:3, 3] = quatern[3:6]
    return affine


def _three(values: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{v:.6g}" for v in values) + ")"


def _truncated(path: Path, case_id: str, what: str) -> ImageError:
    phrase = f"is incomplete: {what}"
    return _file_error("E_IMAGE_TRUNCATED", path, case_id, phrase, "Copy the file again from its source.")


def _unreadable(path: Path, case_id: str, what: str, hint: str) -> ImageError:
    return _file_error("E_FILE_UNREADABLE", path, case_id, what, hint)


def _file_error(code: str, path: Path, case_id: str, phrase: str, hint: str) -> ImageError:
    return ImageError(code, case_id=case_id, stage="read", message=f"{path.name} {phrase}.", hint=hint)
