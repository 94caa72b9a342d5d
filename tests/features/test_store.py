from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from hybridrad.errors import Finding, RunError
from hybridrad.features.store import ExtractionStore, Failure, FileDigest, Result, digest_file


def ok(case_id="a", block="radiomics", values=(1.0, float("nan"), 1e-300)):
    columns = tuple(f"{block}__{i}" for i in range(len(values)))
    finding = Finding(case_id, "W_ROI_SMALL", stage="mask", message="12 voxels.")
    return Result(case_id, block, "print", columns, np.array(values), None, (finding,), 0.5)


def test_a_row_comes_back_to_the_last_bit(tmp_path):
    with ExtractionStore(tmp_path) as store:
        store.write([ok()], {}, case_id="a")
    with ExtractionStore(tmp_path) as store:
        (back,) = store.results("a")
    assert back.values.tobytes() == ok().values.tobytes()
    assert back.columns == ok().columns
    assert back.findings == ok().findings


def test_a_failure_comes_back_without_values(tmp_path):
    failure = Failure("mask", "E_MASK_EMPTY", "zero everywhere.", "Draw it.")
    with ExtractionStore(tmp_path) as store:
        store.write([Result("a", "deep", "print", None, None, failure, (), 0.1)], {}, case_id="a")
        (back,) = store.results("a")
        assert store.fingerprints("a") == {"deep": ("print", True)}
    assert back.failure == failure
    assert back.values is None


def test_a_write_that_fails_leaves_the_state_before(tmp_path):
    with ExtractionStore(tmp_path) as store:
        store.write([ok("a")], {}, case_id="a")
        broken = Result("b", None, "print", None, None, None, (), 0.1)  # type: ignore[arg-type]  no block: refused by SQLite
        with pytest.raises(sqlite3.IntegrityError):
            store.write([ok("b"), broken], {"image": FileDigest(1, 2, "x")}, case_id="b")
        assert store.results("b") == []
        assert store.file_digests("b") == {}
        assert len(store.results("a")) == 1


def test_another_description_of_a_block_is_refused_and_the_difference_named(tmp_path):
    with ExtractionStore(tmp_path) as store:
        store.register_block("deep", {"weights": {"sha256": "aa"}, "size": 224})
        store.register_block("deep", {"size": 224, "weights": {"sha256": "aa"}})
        with pytest.raises(RunError, match=r"weights\.sha256: 'aa' there, 'bb' now"):
            store.register_block("deep", {"weights": {"sha256": "bb"}, "size": 224})


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="cannot be written"):
        ExtractionStore(tmp_path / "file")


def test_the_digest_of_a_file_follows_its_contents(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_file(tmp_path / "a").sha256.startswith("ba7816bf")
    assert digest_file(tmp_path / "a").size == 3
