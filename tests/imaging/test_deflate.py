from __future__ import annotations

import gzip
import io
import zlib

import numpy as np
import pytest

from hybridrad.imaging.deflate import fault_of_deflate

DATA = np.random.default_rng(0).integers(0, 50, size=300_000).astype(np.uint8).tobytes()


def fault(packed: bytes, n_bytes: int = len(DATA)) -> str | None:
    found = fault_of_deflate(io.BytesIO(packed), at_least=n_bytes, at_most=n_bytes)
    return None if found is None else found[0]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_whole_data_have_no_fault_and_cut_data_have_one(pack):
    packed = pack(DATA)
    assert fault(packed) is None
    for keep in (1, 10, len(packed) // 2, len(packed) - 9, len(packed) - 4, len(packed) - 1):
        assert fault(packed[:keep]) == "E_IMAGE_TRUNCATED"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("place", [0.2, 0.5, 0.99999])
def test_a_flipped_bit_is_noticed(pack, place):
    packed = bytearray(pack(DATA))
    packed[int(place * len(packed))] ^= 1
    assert fault(bytes(packed)) is not None


def test_too_few_bytes_are_a_cut_file_even_if_the_stream_is_whole():
    assert fault(gzip.compress(DATA), n_bytes=len(DATA) + 1) == "E_IMAGE_TRUNCATED"


def test_members_one_after_the_other_count_together():
    assert fault(gzip.compress(DATA[:1000]) + gzip.compress(DATA[1000:])) is None


def test_zeros_after_the_data_are_padding_and_anything_else_is_damage():
    assert fault(gzip.compress(DATA) + bytes(5000)) is None
    assert fault(gzip.compress(DATA) + b"something else") == "E_FILE_UNREADABLE"


def test_a_bomb_stops_soon_after_the_promised_bytes():
    assert fault(gzip.compress(bytes(60 * 2**20)), n_bytes=1000) == "E_FILE_UNREADABLE"


def test_a_promise_beyond_what_deflate_can_do_is_refused_unread():
    assert fault(gzip.compress(DATA), n_bytes=10**12) == "E_IMAGE_TRUNCATED"


def test_the_stream_may_begin_inside_a_file():
    file = io.BytesIO(b"header\n" + zlib.compress(DATA))
    file.seek(7)
    assert fault_of_deflate(file, at_least=len(DATA), at_most=len(DATA)) is None
