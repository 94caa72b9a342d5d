from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from hybridrad.errors import RunError
from hybridrad.evaluation.fold_store import FILE_NAME, drop_folds
from hybridrad.evaluation.nested import NestedCV, evaluate
from tests.evaluation.arms import Failing, Noting, Plain, Warning_, what_was_seen

ROOT = Path(__file__).resolve().parents[2]


def compared(store, trace, *, seconds=0.0, seed=0, models=None, shift=0.0, repeats=2, **options):
    rng = np.random.default_rng(0)
    ids = pd.Index([f"c{i:02d}" for i in range(30)], name="case_id")
    X, y = pd.DataFrame({"size__ml": rng.normal(size=30) + shift}, index=ids), np.tile([0, 1], 15)
    splits = NestedCV(outer=3, repeats=repeats).splits(y, ids, ids, 0)
    arms = {"noting": Noting(trace=str(trace), seconds=seconds), **(models or {})}
    return evaluate(arms, X, y, ids.to_numpy(), splits, store=store, random_state=seed, threshold=None, **options)


def fits(trace):
    return len(trace.read_text().split()) if trace.exists() else 0


@pytest.fixture
def trace(tmp_path):
    return tmp_path / "trace.txt"


def assert_same(one, other):
    assert_frame_equal(one.predictions, other.predictions, check_exact=True)
    assert_frame_equal(one.failures, other.failures)
    assert_frame_equal(one.warnings, other.warnings)
    assert one.extras.keys() == other.extras.keys()
    for key, extra in one.extras.items():
        assert extra["test"] == other.extras[key]["test"]
        np.testing.assert_array_equal(extra["seen"], other.extras[key]["seen"])


def test_a_second_call_fits_nothing_and_returns_the_same(trace, tmp_path):
    models = {"warns": Warning_(), "fails": Failing(value=0.12573022)}
    first = compared(tmp_path, trace, models=models, after_fit=what_was_seen)
    counted = []
    again = compared(
        tmp_path,
        trace,
        models=models,
        after_fit=what_was_seen,
        progress=lambda done, total: counted.append((done, total)),
    )
    assert (fits(trace), counted) == (6, [(6, 6)])
    assert len(first.warnings) == 6
    assert_same(first, again)


def test_more_repeats_only_add_folds(trace, tmp_path):
    compared(tmp_path, trace, repeats=1)
    compared(tmp_path, trace, repeats=2)
    assert fits(trace) == 6


@pytest.mark.parametrize("change", [{"seed": 1}, {"shift": 1e-12}, {"models": {"other": Plain()}}, {"seconds": 0.001}])
def test_a_changed_call_takes_nothing_from_before(trace, tmp_path, change):
    compared(tmp_path, trace)
    changed = compared(tmp_path, trace, **change)
    assert fits(trace) == 12
    assert_frame_equal(changed.predictions, compared(None, trace, **change).predictions, check_exact=True)


def test_failed_arms_are_kept_but_not_where_memory_ran_out(trace, tmp_path, monkeypatch):
    monkeypatch.setattr(Plain, "predict_proba", lambda self, X: (_ for _ in ()).throw(MemoryError("full")))
    with pytest.raises(RunError, match="every arm failed"):
        compared(tmp_path, trace)
    monkeypatch.undo()
    assert len(compared(tmp_path, trace).predictions) == 60


def test_a_damaged_outcome_is_an_error_and_not_a_number(trace, tmp_path):
    compared(tmp_path, trace)
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("UPDATE folds SET outcome = substr(outcome, 1, 40)")
    db.close()
    with pytest.raises(RunError, match=r"damaged.*\n?.*Delete the file"):
        compared(tmp_path, trace)
    drop_folds(tmp_path)
    assert len(compared(tmp_path, trace).predictions) == 60


def test_what_cannot_be_kept_is_said_at_the_first_fold(trace, tmp_path):
    with pytest.raises(ValueError, match="after_fit has no content"):
        compared(tmp_path, trace, after_fit=lambda name, fitted, X: None)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_killed_in_the_middle_and_started_again_ends_with_the_same_tables(trace, tmp_path, n_jobs):
    undisturbed = compared(None, tmp_path / "other.txt", repeats=3)
    code = (
        "from pathlib import Path; from tests.evaluation.test_fold_store import compared\n"
        f"compared(Path({str(tmp_path)!r}), Path({str(trace)!r}), seconds=0.3, repeats=3, n_jobs={n_jobs})"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 60
    while fits(trace) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    before = fits(trace)
    assert 4 <= before < 9
    resumed = compared(tmp_path, trace, seconds=0.3, repeats=3)
    assert fits(trace) <= 9 + n_jobs  # at most the folds in flight were fitted twice
    assert_frame_equal(resumed.predictions, undisturbed.predictions, check_exact=True)
