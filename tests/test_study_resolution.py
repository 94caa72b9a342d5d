"""What is said before the first fit of what a cohort can resolve: always a sentence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.evaluation.design_splits import splits_of
from hybridrad.study_cases import announcement
from hybridrad.study_resolution import resolution_of

N = 120


def cohort(n=N, *, classes=2, sites=6):
    rng = np.random.default_rng(0)
    ids = [f"c{i:03d}" for i in range(n)]
    table = pd.DataFrame({"case_id": ids, "label": np.arange(n) % classes})
    table["site"] = [f"s{i}" for i in np.arange(n) // classes % sites]
    table["split"] = np.where(np.arange(n) < n // 2, "train", "test")
    return cohort_from_frame(table, images=False), cohort_from_frame(
        table.drop(columns="label").assign(time=rng.exponential(size=n) + 0.1, event=np.arange(n) % 2), images=False
    )


def resolved(cv, *, task="classification", **options):
    used = cohort(**options)[task == "survival"]
    splits = splits_of(cv, used, 0, task=task)
    found = resolution_of(used, splits, task=task)
    assert found.sentence in announcement(used, splits, found)
    return found


@pytest.mark.parametrize("task", ["classification", "regression", "survival"])
@pytest.mark.parametrize("cv", [hr.NestedCV(5, 2), hr.LeaveOneSiteOut(), hr.FixedSplit()])
def test_every_task_and_design_gets_a_number_with_its_assumptions(task, cv):
    found = resolved(cv, task=task)
    assert 0.03 < found.value < 0.45
    assert "Assumed before the run" in found.basis
    assert f"about {found.value:.2f}" in found.sentence
    assert ("best case" in found.basis) == isinstance(cv, hr.LeaveOneSiteOut)


def test_two_classes_are_as_they_were():
    from hybridrad.comparison.resolution import resolvable_difference

    assert resolved(hr.NestedCV(5, 10)).value == pytest.approx(resolvable_difference(N, 5, 10))


def test_more_classes_are_said_to_be_the_macro_mean():
    found = resolved(hr.NestedCV(5, 2), classes=4)
    assert found.metric == "macro AUC"
    assert "classes whose AUCs correlate" in found.basis


def test_two_sites_are_too_few_to_say_anything_and_the_reason_is_given():
    found = resolved(hr.LeaveOneSiteOut(), sites=2, n=24)
    assert found.value is None
    assert "cannot be said before the run, because" in found.sentence
    assert "2 sites are too few" in found.sentence


def test_sites_of_five_patients_have_no_spread_of_r2():
    found = resolved(hr.LeaveOneSiteOut(), task="regression", classes=1, sites=4, n=20)
    assert "cannot be said before the run, because it holds too few patients" in found.sentence
