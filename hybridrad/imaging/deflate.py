"""Whether gzip or zlib data are whole and undamaged, without keeping what they decompress to."""

from __future__ import annotations

import zlib
from typing import BinaryIO

Fault = tuple[str, str]
"""An error code and a phrase."""

_CHUNK_BYTES = 2**20
# Bytes after the voxels (some writers pad) that are still decoded to reach the checksum.
_MAX_SURPLUS_BYTES = 16 * 2**20
# A deflate stream cannot expand by more than 1032 to 1; a header that promises more is a bomb or a cut file.
_MAX_RATIO = 1100
_ZLIB_OR_GZIP = zlib.MAX_WBITS + 32


def fault_of_deflate(file: BinaryIO, *, at_least: int, at_most: int) -> Fault | None:
    """Decode a stream to its end, checksum included, and count the bytes.

    Parameters
    ----------
    file : binary file
        Open where the compressed data begin. Zeros after the data are padding.
    at_least, at_most : int
        Bytes the data must decompress to; decoding stops shortly after ``at_most``.

    Returns
    -------
    (code, phrase) or None
        E_IMAGE_TRUNCATED: too few bytes; E_FILE_UNREADABLE: damaged, or too many bytes.

    Examples
    --------
    >>> import io
    >>> whole = zlib.compress(bytes(1000))
    >>> fault_of_deflate(io.BytesIO(whole), at_least=1000, at_most=1000)
    >>> fault_of_deflate(io.BytesIO(whole[:-3]), at_least=1000, at_most=1000)[0]
    'E_IMAGE_TRUNCATED'
    """
    start = file.tell()
    there = file.seek(0, 2) - start
    file.seek(start)
    if at_least > there * _MAX_RATIO:
        return "E_IMAGE_TRUNCATED", f"is incomplete: {there} compressed bytes cannot hold {at_least}"
    n_bytes, decoder = 0, zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        while chunk := file.read(_CHUNK_BYTES):
            while True:
                out = decoder.decompress(chunk, _CHUNK_BYTES)
                n_bytes += len(out)
                if n_bytes > at_most + _MAX_SURPLUS_BYTES:
                    return "E_FILE_UNREADABLE", f"decompresses to more than the {at_most} bytes of its header"
                chunk = decoder.unconsumed_tail
                if decoder.eof:
                    # A gzip file may have several members; what follows the last one may be padding.
                    chunk = (decoder.unused_data or file.read(_CHUNK_BYTES)).lstrip(b"\0")
                    if not chunk:
                        break
                    decoder = zlib.decompressobj(_ZLIB_OR_GZIP)
                elif not chunk and len(out) < _CHUNK_BYTES:
                    break
    except zlib.error as err:
        return "E_FILE_UNREADABLE", f"is damaged ({str(err).split(': ')[-1]})"
    if not decoder.eof:
        return "E_IMAGE_TRUNCATED", f"is incomplete: the compressed data end after {n_bytes} of {at_least} bytes"
    if n_bytes < at_least:
        return "E_IMAGE_TRUNCATED", f"is incomplete: {n_bytes} of {at_least} bytes"
    return None
