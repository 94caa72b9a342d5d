from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pandas.testing import assert_frame_equal

from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.features.runner import extract_features
from tests.features.stand_ins import BatchedSum, MeanInRoi

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trace(tmp_path):
    return str(tmp_path / "trace.txt")


def calls(trace):
    return Path(trace).read_text().split() if Path(trace).exists() else []


def run(cohort, extractors, store, **options):
    return extract_features(cohort, extractors, store=store, progress=False, **options)


def test_every_case_becomes_one_row_with_all_blocks_and_the_size(small_cohort, trace, tmp_path):
    result = run(small_cohort(), [MeanInRoi(trace), BatchedSum()], tmp_path / "run", n_jobs=2)
    assert list(result.features.index) == ["c0", "c1", "c2", "c3", "c4"]
    assert list(result.features.columns) == ["radiomics__mean_3d", "radiomics__sd", "deep__sum", "size__volume_ml"]
    expected = np.random.default_rng(3).integers(0, 100, (6, 7, 8))
    assert result.features.loc["c3", "deep__sum"] == expected.sum()
    assert result.features.loc["c3", "radiomics__mean_3d"] == expected[1:5, 1:6, 1:7].mean()
    assert result.features.loc["c3", "size__volume_ml"] == pytest.approx(4 * 5 * 6 / 1000)
    assert result.failures.empty


def test_failures_become_rows_and_the_others_go_on(small_cohort, trace, tmp_path):
    extractor = MeanInRoi(trace, fails=("c1",), breaks=("c2",))
    result = run(small_cohort(6, empty=("c4",)), [extractor], tmp_path / "run", n_jobs=2)
    assert list(result.features.index) == ["c0", "c3", "c5"]
    assert result.failures["code"].to_dict() == {
        ("c1", "radiomics"): "E_RADIOMICS",
        ("c2", "radiomics"): "E_UNEXPECTED",
        ("c4", "mask"): "E_MASK_EMPTY",
    }
    assert "ZeroDivisionError" in result.failures.loc[("c2", "radiomics"), "message"]


def test_a_worker_that_dies_costs_one_case_only(small_cohort, trace, tmp_path):
    result = run(small_cohort(), [MeanInRoi(trace, dies=("c1",))], tmp_path / "run", n_jobs=2)
    assert list(result.features.index) == ["c0", "c2", "c3", "c4"]
    failure = result.failures.loc[("c1", "run")]
    assert failure["code"] == "E_CRASH"
    assert "signal 9" in failure["message"]


def test_a_case_that_hangs_is_stopped(small_cohort, trace, tmp_path):
    result = run(small_cohort(3), [MeanInRoi(trace, hangs=("c0",))], tmp_path / "run", timeout_s=8)
    assert result.failures["code"].to_dict() == {("c0", "run"): "E_TIMEOUT"}
    assert list(result.features.index) == ["c1", "c2"]


def test_running_again_extracts_nothing_twice(small_cohort, trace, tmp_path):
    cohort = small_cohort()
    first = run(cohort, [MeanInRoi(trace, fails=("c2",)), BatchedSum()], tmp_path / "run")
    again = run(cohort, [MeanInRoi(trace, fails=("c2",)), BatchedSum()], tmp_path / "run")
    assert len(calls(trace)) == 5
    assert_frame_equal(first.features, again.features)
    assert_frame_equal(first.failures, again.failures)


def test_failed_cases_are_tried_again_on_request_only(small_cohort, trace, tmp_path):
    cohort = small_cohort()
    run(cohort, [MeanInRoi(trace, fails=("c2",))], tmp_path / "run")
    still = run(cohort, [MeanInRoi(trace)], tmp_path / "run")
    assert len(still.features) == 4
    retried = run(cohort, [MeanInRoi(trace)], tmp_path / "run", retry_failed=True)
    assert len(retried.features) == 5
    assert calls(trace) == ["c0", "c1", "c2", "c3", "c4", "c2"]


def test_only_a_case_whose_files_changed_is_extracted_again(small_cohort, trace, tmp_path):
    cohort = small_cohort()
    run(cohort, [MeanInRoi(trace)], tmp_path / "run")
    masks = {c.case_id: c.paths["mask"] for c in cohort.cases()}
    smaller = sitk.ReadImage(str(masks["c1"]))
    smaller[:, :, 1:3] = 0
    sitk.WriteImage(smaller, str(masks["c1"]))
    masks["c2"].touch()  # newer, but the same contents
    after = run(cohort, [MeanInRoi(trace)], tmp_path / "run")
    assert calls(trace)[5:] == ["c1"]
    assert after.features.loc["c1", "size__volume_ml"] == pytest.approx(2 * 5 * 6 / 1000)


def test_other_settings_are_refused_in_the_same_folder(small_cohort, trace, tmp_path):
    run(small_cohort(2), [MeanInRoi(trace)], tmp_path / "run")
    with pytest.raises(RunError, match="version: 1 there, 2 now"):
        run(small_cohort(2), [MeanInRoi(trace, version=2)], tmp_path / "run")


def test_the_table_does_not_depend_on_the_number_of_workers_or_on_bad_neighbours(small_cohort, trace, tmp_path):
    clean = run(small_cohort(4), [MeanInRoi(trace), BatchedSum()], tmp_path / "one")
    poisoned = small_cohort(8, empty=("c4", "c5", "c6", "c7"), folder="poisoned")
    with_poison = run(poisoned, [MeanInRoi(trace), BatchedSum()], tmp_path / "two", n_jobs=2)
    assert_frame_equal(clean.features, with_poison.features, check_exact=True)
    assert len(with_poison.failures) == 4


def test_a_payload_that_spoils_its_batch_fails_alone(small_cohort, tmp_path):
    bad = float(np.random.default_rng(1).integers(0, 100, (6, 7, 8)).sum())
    result = run(small_cohort(), [BatchedSum(refuses=bad)], tmp_path / "run")
    assert list(result.features.index) == ["c0", "c2", "c3", "c4"]
    assert result.failures["code"].to_dict() == {("c1", "embedding"): "E_EMBEDDING"}


def test_a_missing_package_stops_the_run_at_once_and_keeps_what_is_done(small_cohort, trace, tmp_path):
    cohort = small_cohort(4)
    with pytest.raises(RunError, match="Get it"):
        run(cohort, [MeanInRoi(trace, lacks_package=True)], tmp_path / "run")
    assert len(run(cohort, [MeanInRoi(trace)], tmp_path / "run").features) == 4


def test_two_extractors_of_one_name_are_refused(small_cohort, trace, tmp_path):
    with pytest.raises(ValueError, match="two extractors are called 'radiomics'"):
        run(small_cohort(1), [MeanInRoi(trace), MeanInRoi(trace)], tmp_path / "run")


def test_a_second_writer_is_refused(small_cohort, trace, tmp_path):
    from hybridrad.features.store import ExtractionStore

    with ExtractionStore(tmp_path / "run"), pytest.raises(RunError, match="Another run is writing there"):
        run(small_cohort(1), [MeanInRoi(trace)], tmp_path / "run")


def test_a_script_without_a_main_guard_runs_once(small_cohort, tmp_path, trace):
    cohort = small_cohort(3)
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        print("script starts")
        import hybridrad as hr
        from tests.features.stand_ins import MeanInRoi
        cohort = hr.read_cohort({str(cohort.source)!r})
        run = hr.extract_features(cohort, [MeanInRoi({trace!r})], store={str(tmp_path / "run")!r}, n_jobs=2)
        print(run)
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert done.stdout.count("script starts") == 1
    assert "3 cases: 3 ok, 0 failed" in done.stdout
    assert "Extraction: 3 of 3 (100 %)" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_killed_in_the_middle_and_started_again_ends_with_the_same_table(small_cohort, tmp_path, trace):
    cohort = small_cohort(8)
    undisturbed = run(cohort, [MeanInRoi(trace, fails=("c6",)), BatchedSum()], tmp_path / "undisturbed")
    code = (
        "import sys; import hybridrad as hr; from tests.features.stand_ins import BatchedSum, MeanInRoi\n"
        f"hr.extract_features(hr.read_cohort({str(cohort.source)!r}), [MeanInRoi({trace + '2'!r}, fails=('c6',), "
        f"seconds=0.4), BatchedSum()], store={str(tmp_path / 'killed')!r}, progress=False)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    deadline = time.monotonic() + 60
    while len(calls(trace + "2")) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert 3 <= len(calls(trace + "2")) < 8
    resumed = run(cohort, [MeanInRoi(trace + "2", fails=("c6",)), BatchedSum()], tmp_path / "killed")
    assert len(calls(trace + "2")) <= 9  # at most the case in flight was done twice
    assert_frame_equal(resumed.features, undisturbed.features, check_exact=True)
    assert_frame_equal(resumed.failures.drop(columns="seconds"), undisturbed.failures.drop(columns="seconds"))
    kept = (tmp_path / "killed" / "features.parquet").read_bytes()
    assert kept == (tmp_path / "undisturbed" / "features.parquet").read_bytes()


def regions_of_one_image(small_cohort, n=4):
    """Return a cohort whose cases are regions of the image of c0."""
    table = small_cohort(n).table.reset_index()
    table["image"] = "c0.nii.gz"
    return cohort_from_frame(table, root=small_cohort(n).root)


def test_regions_of_one_image_share_its_reading_and_keep_their_values(small_cohort, trace, tmp_path, monkeypatch):
    cohort = regions_of_one_image(small_cohort)
    together = run(cohort, [MeanInRoi(trace), BatchedSum()], tmp_path / "together")
    monkeypatch.setattr("hybridrad.features.runner._REGIONS_TOGETHER", 1)
    alone = run(cohort, [MeanInRoi(trace), BatchedSum()], tmp_path / "alone", n_jobs=2)
    assert_frame_equal(together.features, alone.features, check_exact=True)
    assert len(set(together.features["deep__sum"])) == 1


def test_a_region_that_kills_its_worker_costs_no_other_region_of_the_image(small_cohort, trace, tmp_path):
    cohort = regions_of_one_image(small_cohort)
    result = run(cohort, [MeanInRoi(trace, dies=("c2",))], tmp_path / "run")
    assert list(result.features.index) == ["c0", "c1", "c3"]
    assert result.failures["code"].to_dict() == {("c2", "run"): "E_CRASH"}


def test_an_image_is_read_once_for_its_regions(small_cohort, monkeypatch):
    from hybridrad.features import worker
    from hybridrad.imaging import read

    reads = []
    original = read.read_image
    monkeypatch.setattr(
        read, "read_image", lambda path, *, case_id: reads.append(case_id) or original(path, case_id=case_id)
    )
    monkeypatch.setattr(worker, "_extractors", [BatchedSum()])
    monkeypatch.setattr(worker, "_last_read", {})
    cases = regions_of_one_image(small_cohort).cases()
    outcomes = worker.work_together(tuple((case, frozenset({"deep", "size"})) for case in cases))
    assert reads == ["c0"]
    assert [o.case_id for o in outcomes] == ["c0", "c1", "c2", "c3"]
