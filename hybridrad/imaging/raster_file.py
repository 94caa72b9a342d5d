"""Whether a PNG, JPEG, BMP or TIFF file is whole; ITK reads cut JPEG and BMP files and fills up the rest.

Faults are pairs of an error code and a phrase.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_PNG_GREY_ALPHA = 4

Fault = tuple[str, str]


def fault_of_raster(path: Path) -> Fault | None:
    """Return what is wrong with a raster file, or None if it is whole as far as its structure tells.

    Of a TIFF only its directory is looked for; missing strips are noticed by ITK.

    Parameters
    ----------
    path : Path
        File whose first bytes are those of its format.

    Returns
    -------
    (code, phrase) or None
        E_IMAGE_TRUNCATED or E_FILE_UNREADABLE.
    """
    suffix = path.suffix.lower()
    if suffix in (".jpg", ".jpeg"):
        return _fault_of_jpeg(path.read_bytes())
    if suffix == ".png":
        return _fault_of_png(path.read_bytes())
    if suffix == ".bmp":
        return _fault_of_bmp(path.read_bytes())
    return _fault_of_tiff(path)


def is_grey_with_alpha(path: Path) -> bool:
    """Whether a PNG holds grey and transparency, which SimpleITK cannot read."""
    if path.suffix.lower() != ".png":
        return False
    with path.open("rb") as file:
        head = file.read(26)
    return len(head) == 26 and head[25] == _PNG_GREY_ALPHA


def _fault_of_jpeg(data: bytes) -> Fault | None:
    at, in_scan = 2, False
    while at + 1 < len(data):
        if data[at] != 0xFF:
            # Entropy-coded data; in it a marker is the only 0xFF that is not followed by 0x00.
            at = data.find(b"\xff", at)
            if at < 0 or not in_scan:
                break
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            return None if in_scan else ("E_FILE_UNREADABLE", "has no scan in its JPEG data")
        if marker == 0xFF:
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            in_scan = in_scan or marker == 0xDA
            if at + 4 > len(data):
                break
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return "E_IMAGE_TRUNCATED", "has no end marker of its JPEG data"


def _fault_of_png(data: bytes) -> Fault | None:
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data):
            break
        (checksum,) = struct.unpack(">I", data[end - 4 : end])
        if zlib.crc32(data[at + 4 : end - 4]) != checksum:
            return "E_FILE_UNREADABLE", f"is damaged: the checksum of its {name!r} chunk is wrong"
        if name == b"IEND":
            return None
        at = end
    return "E_IMAGE_TRUNCATED", "has no end chunk of its PNG data"


def _fault_of_bmp(data: bytes) -> Fault | None:
    if len(data) < 54:
        return "E_IMAGE_TRUNCATED", "ends inside its header"
    (offset,) = struct.unpack("<I", data[10:14])
    width, height, _, bits, compression = struct.unpack("<iiHHI", data[18:34])
    if compression not in (0, 3):
        return None
    row_bytes = (abs(width) * bits + 31) // 32 * 4
    wanted = offset + row_bytes * abs(height)
    return None if len(data) >= wanted else ("E_IMAGE_TRUNCATED", f"has {len(data)} of {wanted} bytes")


def _fault_of_tiff(path: Path) -> Fault | None:
    with path.open("rb") as file:
        head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    if len(head) == 16:
        (directory,) = struct.unpack(f"{order}Q", head[8:16]) if big else struct.unpack(f"{order}I", head[4:8])
        if directory < path.stat().st_size:
            return None
    return "E_IMAGE_TRUNCATED", "ends before the directory of its TIFF data"
