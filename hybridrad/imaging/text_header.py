"""What the text header of an NRRD or MetaImage file says about spacing and about the file that holds its voxels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from hybridrad.errors import ImageError
from hybridrad.imaging import deflate

_METAIMAGE_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 4,
    "MET_ULONG": 4, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip

# A header longer than this is not one; it also bounds what is read of a damaged file.
_MAX_HEADER_BYTES = 2**20


def read_nrrd_fields(path: Path) -> dict[str, str]:
    """Return the fields of an NRRD header (``.nrrd`` or ``.nhdr``), names in lower case.

    Lines of the form ``key:=value`` are not fields and are left out; a list of data files is joined by line breaks.
    """
    fields: dict[str, str] = {}
    lines = _header_lines(path)
    for line in lines:
        if not line.strip():
            break
        if line.startswith("#") or ":=" in line or ": " not in line:
            continue
        name, value = line.split(": ", 1)
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() in ("data file", "datafile") and value.strip().upper().startswith("LIST"):
            # Everything after LIST is a file name, one per line.
            fields[name.strip().lower()] = "\n".join(ln.strip() for ln in lines if ln.strip())
            break
    return fields


def read_metaimage_fields(path: Path) -> dict[str, str]:
    """Return the ``name = value`` fields of a MetaImage header (``.mha`` or ``.mhd``), names in lower case."""
    fields: dict[str, str] = {}
    lines = _header_lines(path)
    for line in lines:
        name, separator, value = line.partition("=")
        if not separator:
            break
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == "elementdatafile":
            if value.strip().upper().startswith("LIST"):
                fields["elementdatafile"] = "\n".join(ln.strip() for ln in lines if ln.strip())
            break
    return fields


def nrrd_has_spacing(fields: dict[str, str]) -> bool:
    """Whether the header states a spacing; ITK takes 1 mm where it does not."""
    spacings = fields.get("spacings", "")
    return "space directions" in fields or any(s.lower() != "nan" for s in spacings.split())


def metaimage_has_spacing(fields: dict[str, str]) -> bool:
    """Whether the header states a spacing; ITK takes 1 mm where it does not."""
    return "elementspacing" in fields or "elementsize" in fields


def check_data_files(path: Path, fields: dict[str, str], *, case_id: str) -> None:
    """Check that the voxel files a detached header names exist and lie in the header's folder or below it.

    Raises
    ------
    ImageError
        E_FILE_MISSING or E_PATH_OUTSIDE_ROOT.
    """
    named = fields.get("data file") or fields.get("datafile") or fields.get("elementdatafile") or ""
    folder = path.parent.resolve()
    for name in named.splitlines():
        # A printf pattern ("slice%03d.raw 1 20 1") is left to ITK, but for its folder.
        plain = name.split("%")[0] if "%" in name else name
        if not plain or plain.upper() == "LOCAL":
            continue
        target = (path.parent / plain).resolve()
        if not target.is_relative_to(folder):
            raise ImageError(
                "E_PATH_OUTSIDE_ROOT",
                case_id=case_id,
                stage="read",
                message=f"{path.name} takes its voxels from a file outside its own folder.",
                hint="Put header and data into one folder.",
            )
        if "%" not in name and not target.is_file():
            raise ImageError(
                "E_FILE_MISSING",
                case_id=case_id,
                stage="read",
                message=f"{path.name} takes its voxels from {target.name}, which does not exist.",
                hint="Copy the data file next to the header.",
            )


def check_metaimage_bytes(path: Path, fields: dict[str, str], *, case_id: str) -> None:
    """Check that the voxels of a MetaImage are all there and, where they are compressed, undamaged.

    ITK's own message on a cut file misleads, and it does not look at the checksum. Data in several files or as text are
    left to ITK.

    Raises
    ------
    ImageError
        E_IMAGE_TRUNCATED or E_FILE_UNREADABLE.
    """
    name = fields.get("elementdatafile", "")
    element = _METAIMAGE_BYTES.get(fields.get("elementtype", "").upper())
    lengths = _whole_numbers(fields["dimsize"], fields.get("elementnumberofchannels", "1"))
    is_text = fields.get("binarydata", "True").lower() == "false"
    if not name or is_text or "\n" in name or "%" in name or element is None or lengths is None:
        return
    wanted = element * math.prod(lengths)
    local = name.upper() == "LOCAL"
    data, begin = (path, _header_bytes(path, b"elementdatafile")) if local else (path.parent / name, 0)
    if fields.get("compresseddata", "False").lower() == "true":
        _check_deflate(path, data, begin, at_least=wanted, at_most=wanted, case_id=case_id)
        return
    there = data.stat().st_size - begin
    if there < wanted:
        raise _file_error("E_IMAGE_TRUNCATED", path, f"is incomplete: {there} of {wanted} bytes of voxels", case_id)


def check_nrrd_bytes(path: Path, fields: dict[str, str], *, case_id: str) -> None:
    """Check that gzip-compressed voxels of an NRRD file are whole and undamaged; ITK does not look at the checksum.

    Other encodings are counted by ITK. Data in several files, or after skipped bytes, are left to it too.

    Raises
    ------
    ImageError
        E_IMAGE_TRUNCATED or E_FILE_UNREADABLE.
    """
    name = fields.get("data file") or fields.get("datafile") or ""
    lengths = _whole_numbers(fields.get("sizes", ""))
    skips = {"line skip", "lineskip", "byte skip", "byteskip"} & set(fields)
    if fields.get("encoding", "").lower() not in ("gzip", "gz") or skips or "\n" in name or "%" in name or not lengths:
        return
    n_values = math.prod(lengths)
    data, begin = (path.parent / name, 0) if name else (path, _header_bytes(path, b""))
    # A value has one to eight bytes; the exact count is ITK's.
    _check_deflate(path, data, begin, at_least=n_values, at_most=8 * n_values, case_id=case_id)


def _check_deflate(path: Path, data: Path, begin: int, *, at_least: int, at_most: int, case_id: str) -> None:
    with data.open("rb") as file:
        file.seek(begin)
        fault = deflate.fault_of_deflate(file, at_least=at_least, at_most=at_most)
    if fault is not None:
        raise _file_error(fault[0], path, fault[1], case_id)


def _file_error(code: str, path: Path, phrase: str, case_id: str) -> ImageError:
    return ImageError(
        code,
        case_id=case_id,
        stage="read",
        message=f"{path.name} {phrase}.",
        hint="Copy the file again from its source.",
    )


def _whole_numbers(*texts: str) -> list[int] | None:
    # A header that does not parse is left to ITK, whose message is the better one.
    words = " ".join(texts).split()
    return [int(word) for word in words] if all(word.isdecimal() for word in words) else None


def _header_bytes(path: Path, last_line: bytes) -> int:
    """Return where the voxels begin: after the line that starts with ``last_line``, or after the first empty line."""
    n_bytes = 0
    with path.open("rb") as file:
        while n_bytes < _MAX_HEADER_BYTES and (line := file.readline(_MAX_HEADER_BYTES)):
            n_bytes += len(line)
            if (line.lower().startswith(last_line)) if last_line else not line.strip():
                break
    return n_bytes


def _header_lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        left = _MAX_HEADER_BYTES
        while left > 0 and (line := file.readline(left)):
            left -= len(line)
            yield line.decode("latin-1").rstrip("\r\n")
