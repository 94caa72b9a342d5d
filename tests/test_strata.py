from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.errors import RunError
from hybridrad.splits import feasible_folds, inner_splits, make_splits
from hybridrad.strata import strata_of, task_of


def survival(event, time) -> np.ndarray:
    y = np.empty(len(event), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = event, time
    return y


def made_up(n_patients: int, *, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return survival targets of patients with one to three cases each, alike within the patient."""
    rng = np.random.default_rng(seed)
    per_patient = rng.integers(1, 4, n_patients)
    groups = np.repeat([f"p{i:03d}" for i in range(n_patients)], per_patient)
    event = np.arange(n_patients) < share * n_patients
    y = survival(event, rng.exponential(10, n_patients))[np.repeat(np.arange(n_patients), per_patient)]
    return y, groups, [f"c{i}" for i in range(len(y))]


def by_fold(splits, values, ids):
    tested = splits[splits["role"] == "test"]
    value_of = dict(zip(ids, values, strict=True))
    values = tested.index.get_level_values("case_id").map(value_of)
    return tested.assign(value=np.asarray(values)).groupby(level=["repeat", "fold"])["value"]


def test_the_type_of_the_targets_says_the_task():
    assert task_of(np.array([0, 1])) == "classification"
    assert task_of(np.array([0.0, 1.0])) == "regression"
    assert task_of(survival([True], [1.0])) == "survival"
    with pytest.raises(ValueError, match="event and time"):
        task_of(np.zeros(2, dtype=[("a", bool), ("b", float)]))


def test_events_are_spread_evenly_over_the_folds_and_early_ones_too():
    y, groups, ids = made_up(60, share=0.5)
    splits = make_splits(y, groups, n_folds=5, repeats=3, random_state=0, case_id=ids)
    of_patient = pd.DataFrame({"patient": groups, "event": y["event"], "time": y["time"]}, index=ids)
    tested = splits[splits["role"] == "test"].join(of_patient, on="case_id").reset_index()
    tested = tested.drop_duplicates(["repeat", "patient"])
    half = tested.loc[tested["event"], "time"].median()
    tested["early"] = tested["event"] & (tested["time"] <= half)
    assert tested.groupby(["repeat", "fold"])["event"].sum().eq(6).all()
    assert tested.groupby(["repeat", "fold"])["early"].sum().eq(3).all()


def test_a_cohort_in_which_everybody_has_an_event_can_be_split():
    y, groups, ids = made_up(30, share=1.0)
    splits = make_splits(y, groups, n_folds=5, repeats=1, random_state=0, case_id=ids)
    assert (by_fold(splits, y["event"], ids).sum() > 0).all()


def test_values_are_balanced_over_the_folds_by_quantiles_of_the_patients():
    rng = np.random.default_rng(0)
    value, ids = rng.exponential(1.0, 100), [f"c{i}" for i in range(100)]
    splits = make_splits(value, ids, n_folds=5, repeats=4, random_state=0, case_id=ids)
    means = by_fold(splits, value, ids).mean()
    plain = [value[rng.permutation(100)[:20]].mean() for _ in range(200)]
    assert means.std() < 0.6 * np.std(plain)
    assert by_fold(splits, value, ids).size().eq(20).all()


def test_all_cases_of_a_patient_share_the_bin_of_his_mean():
    value, groups = np.array([0.0, 10.0, 1.0, 2.0, 8.0, 9.0]), np.array(list("aabcde"))
    strata = strata_of(value, groups, n_folds=2)
    assert strata.codes[0] == strata.codes[1]
    assert strata.scarce == 5


def test_a_value_that_is_mostly_zero_still_gives_folds_and_bins_hold_enough_patients():
    value = np.r_[np.zeros(80), np.arange(1.0, 21.0)]
    strata = strata_of(value, np.arange(100), n_folds=5)
    assert np.bincount(strata.codes).min() >= 5
    assert len(set(strata.codes[:80])) == 1


@pytest.mark.parametrize(
    "make", [lambda n: np.linspace(0.0, 1.0, n), lambda n: survival(np.arange(n) % 2 == 0, 1.0 + np.arange(n))]
)
def test_inner_folds_of_values_and_events_are_by_patient_and_reproducible(make):
    y, groups = make(40), np.repeat(np.arange(20), 2)
    folds = inner_splits(y, groups, n_folds=4, random_state=3)
    assert len(folds) == 4
    for (train, test), (_, again) in zip(folds, inner_splits(y, groups, n_folds=4, random_state=3), strict=True):
        assert not set(groups[train]) & set(groups[test])
        assert np.array_equal(test, again)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(40))


def test_inner_folds_are_fewer_where_events_are_few_and_each_training_part_has_one():
    y = survival(np.arange(30) < 3, 1.0 + np.arange(30))
    folds = inner_splits(y, None, n_folds=5, random_state=0)
    assert len(folds) == 3
    assert all(y["event"][train].any() and y["event"][test].any() for train, test in folds)
    with pytest.raises(RunError, match="single patient has an event"):
        inner_splits(survival(np.arange(30) < 1, 1.0 + np.arange(30)), None, n_folds=3, random_state=0)


@pytest.mark.parametrize(("n", "folds"), [(50, 5), (49, 3), (12, 3)])
def test_regression_wants_ten_patients_a_fold(n, folds):
    assert feasible_folds(np.linspace(0.0, 1.0, n), np.arange(n), 5)[0] == folds
    with pytest.raises(RunError, match="11 patients; cross-validation needs at least 12"):
        feasible_folds(np.linspace(0.0, 1.0, 11), np.arange(11), 5)


@pytest.mark.parametrize(("events", "folds"), [(25, 5), (24, 3), (6, 3)])
def test_survival_wants_five_events_a_fold(events, folds):
    y = survival(np.arange(100) < events, 1.0 + np.arange(100))
    n_folds, reason = feasible_folds(y, np.arange(100), 5)
    assert n_folds == folds
    assert f"{events} patients with an event" in reason
    with pytest.raises(RunError, match="5 patients have an event"):
        feasible_folds(survival(np.arange(100) < 5, 1.0 + np.arange(100)), np.arange(100), 5)


def test_times_that_cannot_be_are_refused():
    with pytest.raises(RunError, match="not positive and finite"):
        strata_of(survival([True, False], [1.0, 0.0]), ["a", "b"], n_folds=2)
    with pytest.raises(RunError, match="no case has an event"):
        strata_of(survival([False, False], [1.0, 2.0]), ["a", "b"], n_folds=2)
