from __future__ import annotations

import hashlib

import pytest

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.features.file_digests import read_file_digests
from hybridrad.features.runner import extract_features
from hybridrad.features.store import FILE_NAME, ExtractionStore
from tests.features.stand_ins import BatchedSum


@pytest.fixture
def run(tmp_path):
    cohort = hr.make_cohort(tmp_path / "cohort", n_patients=2, random_state=0)
    extract_features(cohort, [BatchedSum()], store=tmp_path / "run", progress=False)
    return cohort, tmp_path / "run"


def test_the_hashes_are_those_of_the_files(run):
    cohort, folder = run
    digests = read_file_digests(folder)
    for case in cohort.cases():
        for column in ("image", "mask"):
            assert digests[case.case_id][column] == hashlib.sha256(case.paths[column].read_bytes()).hexdigest()


def test_reading_leaves_the_store_as_it_was(run):
    before = (run[1] / FILE_NAME).read_bytes()
    read_file_digests(run[1])
    assert (run[1] / FILE_NAME).read_bytes() == before


def test_a_store_that_is_being_written_is_an_error_and_no_wait(run):
    with ExtractionStore(run[1]), pytest.raises(RunError, match="cannot be read"):
        read_file_digests(run[1])


def test_a_damaged_store_is_an_error(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match="cannot be read"):
        read_file_digests(tmp_path)
