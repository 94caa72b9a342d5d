from __future__ import annotations

import numpy as np
import pytest

from hybridrad.evaluation.audit_controls import control_check, control_verdict, size_only_check
from hybridrad.evaluation.audit_run import OutOfFold

SPREAD = np.array([0.02, -0.03, 0.01, 0.04, -0.04])


def judged(score, control, code="A_SIZE_ONLY"):
    fold_noise = np.array([0.01, 0.0, -0.01, 0.005, -0.005])
    return control_check(code, score + SPREAD, control + SPREAD + fold_noise, n_train=80, n_test=20, n_folds=5)


@pytest.mark.parametrize("code", ["A_SIZE_ONLY", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY"])
@pytest.mark.parametrize(
    ("score", "control", "verdict"),
    [
        (0.85, 0.60, "pass"),
        (0.85, 0.50, "pass"),
        (0.85, 0.85, "fail"),
        (0.80, 0.85, "fail"),
        (0.51, 0.51, "cannot be judged"),
    ],
)
def test_a_score_is_held_against_what_the_control_reaches(score, control, verdict, code):
    check = judged(score, control, code)
    assert check.verdict == verdict
    assert check.statistic == pytest.approx(score - control)


def test_a_difference_that_folds_do_not_agree_on_is_no_pass():
    score = np.array([0.95, 0.6, 0.9, 0.65, 0.9])
    control = np.array([0.7, 0.72, 0.69, 0.71, 0.7])
    assert control_check("A_SIZE_ONLY", score, control, n_train=80, n_test=20, n_folds=5).verdict == "fail"


def test_a_fold_without_an_auc_cannot_be_judged():
    check = control_check("A_SIZE_ONLY", [0.7, np.nan], [0.6, 0.6], n_train=8, n_test=2, n_folds=2)
    assert check.verdict == "cannot be judged"


def test_where_nothing_varies_the_values_speak_for_themselves():
    nothing = (float("nan"), float("nan"))
    same = control_verdict("A_SIZE_ONLY", 1.0, (1.0, *nothing), (0.0, *nothing), method="all pairs ranked alike")
    assert same.verdict == "fail"
    lost = control_verdict("A_SIZE_ONLY", 0.8, (np.nan, *nothing), (np.nan, *nothing), method="not compared: x failed")
    assert (lost.verdict, "not compared: x failed" in lost.message) == ("cannot be judged", True)


def test_size_counts_in_whichever_direction_it_goes():
    rng, y = np.random.default_rng(0), np.arange(100) % 2
    size = -y + 0.4 * rng.normal(size=100)
    out = OutOfFold(-size + 0.01 * rng.normal(size=100), np.arange(100) // 2 % 5)
    check = size_only_check(y, np.arange(100), out, size)
    assert check.verdict == "fail"
    assert "with size alone 0.9" in check.message


@pytest.mark.parametrize(
    ("size", "fold", "classes"), [(None, True, 2), (np.zeros(40), False, 2), (np.arange(40.0), True, 4)]
)
def test_without_size_folds_or_two_classes_it_cannot_be_judged(size, fold, classes):
    out = OutOfFold(np.zeros(40), np.arange(40) % 5 if fold else None)
    assert size_only_check(np.arange(40) % classes, np.arange(40), out, size).verdict == "cannot be judged"
