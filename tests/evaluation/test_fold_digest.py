from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation import fold_digest
from hybridrad.evaluation.fold import FoldPlan
from hybridrad.evaluation.fold_digest import plan_digest
from tests.evaluation.arms import Plain, what_was_seen

ROOT = Path(__file__).resolve().parents[2]


def plan(**changes):
    X = pd.DataFrame(
        {"size__ml": [1.0, 2.0, np.nan], "clinical__sex": ["f", None, "m"], "deep__0": [1, 2, 3]},
        index=pd.Index(["a", "b", "c"], name="case_id"),
    )
    usual = {
        "models": {"plain": Plain()},
        "X": X,
        "y": np.array([0, 1, 1]),
        "groups": np.array(["p", "q", "q"]),
        "inner": 3,
        "random_state": 0,
        "threshold": None,
        "target_sensitivity": 0.9,
        "patient_rule": None,
        "size": None,
        "fold_context": None,
        "after_fit": what_was_seen,
    }
    return FoldPlan(**usual | changes)


def cell(row, column, value):
    X = plan().X.copy()
    X.iloc[row, column] = value
    return X


CHANGES = {
    "a number": {"X": cell(0, 0, np.nextafter(1.0, 2.0))},
    "a missing value": {"X": cell(2, 0, 0.0)},
    "a text": {"X": cell(0, 1, "m")},
    "a missing text": {"X": cell(1, 1, "None")},
    "a case": {"X": plan().X.rename(index={"a": "d"})},
    "a column": {"X": plan().X.rename(columns={"deep__0": "deep__1"})},
    "labels": {"y": np.array([0, 1, 0])},
    "patients": {"groups": np.array(["p", "p", "q"])},
    "a parameter": {"models": {"plain": Plain(random_state=1)}},
    "an arm's name": {"models": {"other": Plain()}},
    "a further arm": {"models": {"plain": Plain(), "other": Plain()}},
    "the seed": {"random_state": 1},
    "inner folds": {"inner": 4},
    "the rule of the threshold": {"threshold": "youden"},
    "the sensitivity": {"target_sensitivity": 0.8},
    "the rule for patients": {"patient_rule": "max"},
    "sizes": {"size": np.array([1.0, 2.0, 3.0])},
    "what is read off": {"after_fit": None},
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_can_change_a_number_changes_the_digest(what):
    assert plan_digest(plan(**CHANGES[what])) != plan_digest(plan())


def test_the_layout_of_the_table_in_memory_does_not():
    X = plan().X
    columns = [X[[c]].copy() for c in X.columns]
    assert plan_digest(plan(X=pd.concat(columns, axis=1))) == plan_digest(plan())


def test_another_process_finds_the_same_digest():
    code = "from tests.evaluation.test_fold_digest import plan, plan_digest; print(plan_digest(plan()))"
    there = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == plan_digest(plan())


def test_other_versions_and_other_sources_change_it(monkeypatch):
    before = plan_digest(plan())
    monkeypatch.setattr(fold_digest, "_environment", lambda: "numpy 99")
    assert plan_digest(plan()) != before


def test_the_file_of_a_class_is_part_of_it(monkeypatch):
    before = plan_digest(plan())
    monkeypatch.setattr(fold_digest, "_of_file", lambda path: f"another {path.name}")
    assert "another arms.py" in fold_digest._of_object(Plain(), "model")
    assert plan_digest(plan()) != before


def test_an_arm_without_content_is_refused_by_name():
    with pytest.raises(ValueError, match="'odd'"):
        plan_digest(dataclasses.replace(plan(), models={"odd": Plain(inner=lambda: 3)}))
