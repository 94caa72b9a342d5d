"""What the text header of an NRRD or MetaImage file says about spacing and about the file that holds its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hybridrad.errors import ImageError

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


def _header_lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        left = _MAX_HEADER_BYTES
        while left > 0 and (line := file.readline(left)):
            left -= len(line)
            yield line.decode("latin-1").rstrip("\r\n")
