from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.errors import RunError
from hybridrad.splits import feasible_folds, inner_splits, make_splits, splits_hash


def cohort(n_patients: int, *, seed: int = 0, positive: float = 0.3, mixed: float = 0.0) -> tuple:
    """Return y, groups, case_id of patients with one to five cases each."""
    rng = np.random.default_rng(seed)
    per_patient = rng.integers(1, 6, n_patients)
    groups = np.repeat([f"p{i:03d}" for i in range(n_patients)], per_patient)
    y = np.repeat((np.arange(n_patients) < positive * n_patients).astype(int), per_patient)
    flip = rng.random(len(y)) < mixed
    return np.where(flip, 1 - y, y), groups, [f"c{i:04d}" for i in range(len(y))]


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 80), st.integers(0, 1000), st.sampled_from([0.0, 0.2]))
def test_no_patient_is_in_both_parts_and_each_case_is_tested_once_per_repeat(n_patients, seed, mixed):
    y, groups, ids = cohort(n_patients, seed=seed, mixed=mixed)
    splits = make_splits(y, groups, n_folds=3, repeats=2, random_state=seed, case_id=ids)
    patient = dict(zip(ids, groups, strict=True))
    for _, part in splits.groupby(level=["repeat", "fold"]):
        of = part["role"].groupby(part.index.get_level_values("case_id").map(patient)).nunique()
        assert (of == 1).all()
    tested = splits[splits.role == "test"].groupby(level=["repeat", "case_id"]).size()
    assert (tested == 1).all()
    assert len(tested) == 2 * len(ids)


def test_folds_are_balanced_in_patients_and_in_class_proportions():
    y, groups, ids = cohort(100)
    splits = make_splits(y, groups, n_folds=5, repeats=4, random_state=0, case_id=ids)
    table = pd.DataFrame({"y": y, "patient": groups}, index=pd.Index(ids, name="case_id"))
    tested = splits[splits.role == "test"].reset_index().merge(table, on="case_id")
    per_fold = tested.groupby(["repeat", "fold"])
    assert per_fold["patient"].nunique().eq(20).all()
    assert per_fold["y"].mean().sub(y.mean()).abs().max() < 0.03
    assert per_fold.size().max() - per_fold.size().min() <= 6


def test_patients_with_mixed_labels_are_spread_over_the_folds():
    y, groups = np.tile([0, 1], 20), np.repeat(np.arange(20), 2)
    splits = make_splits(y, groups, n_folds=4, repeats=1, random_state=0, case_id=np.arange(40).astype(str))
    assert (splits.query("role == 'test'").groupby(level="fold").size() == 10).all()


def test_equal_seeds_give_equal_splits_whatever_the_order_of_the_rows():
    y, groups, ids = cohort(40, mixed=0.2)
    settings = {"n_folds": 5, "repeats": 2}
    one = make_splits(y, groups, random_state=1, case_id=ids, **settings)
    order = np.random.default_rng(0).permutation(len(y))
    again = make_splits(y[order], groups[order], random_state=1, case_id=np.array(ids)[order], **settings)
    other = make_splits(y, groups, random_state=2, case_id=ids, **settings)
    assert splits_hash(one) == splits_hash(again)
    assert splits_hash(one) != splits_hash(other)
    pd.testing.assert_frame_equal(one, again.sort_index().reindex(one.index))


def test_repeats_differ():
    y, groups, ids = cohort(40)
    splits = make_splits(y, groups, n_folds=5, repeats=2, random_state=0, case_id=ids)
    assert (splits.loc[0, "role"] != splits.loc[1, "role"]).any()


def test_every_test_fold_holds_every_class_or_the_error_says_why_not():
    y = np.array([0] * 20 + [1] * 4)
    ids = [str(i) for i in range(24)]
    with pytest.raises(RunError, match=r"patients per class: \[20, 4\]") as caught:
        make_splits(y, ids, n_folds=5, repeats=1, random_state=0, case_id=ids)
    assert caught.value.code == "E_FEW_PATIENTS"
    splits = make_splits(y, ids, n_folds=4, repeats=5, random_state=0, case_id=ids)
    positive = splits[splits.index.get_level_values("case_id").astype(int) >= 20]
    assert (positive.query("role == 'test'").groupby(level=["repeat", "fold"]).size() == 1).all()


def test_a_class_carried_by_pure_and_mixed_patients_reaches_every_fold():
    # three patients of class 1 alone, two with both classes: only together do they fill five folds
    y = np.array([0] * 20 + [1] * 3 + [0, 1, 0, 1])
    groups = np.array([*range(23), 23, 23, 24, 24])
    splits = make_splits(y, groups, n_folds=5, repeats=5, random_state=0, case_id=[str(i) for i in range(27)])
    tested = splits.query("role == 'test'").reset_index()
    tested["y"] = y[tested["case_id"].astype(int)]
    assert tested.groupby(["repeat", "fold"])["y"].max().eq(1).all()


def test_ids_stay_strings():
    splits = make_splits(
        [0, 0, 1, 1], ["007", "008", "7", "8"], n_folds=2, repeats=1, random_state=0, case_id=list("abcd")
    )
    assert set(splits.index.get_level_values("case_id")) == set("abcd")
    inner = inner_splits(["no", "no", "yes", "yes"], ["007", "7", "007b", "8"], n_folds=2, random_state=0)
    assert all(len(test) == 2 for _, test in inner)


def test_inner_folds_keep_patients_whole_and_shrink_to_the_smallest_class():
    y, groups, _ = cohort(30)
    for train, test in inner_splits(y, groups, n_folds=4, random_state=0):
        assert not set(groups[train]) & set(groups[test])
        assert set(y[test]) == {0, 1}
    rare = np.array([0] * 10 + [1] * 2)
    folds = inner_splits(rare, None, n_folds=4, random_state=0)
    assert len(folds) == 2
    assert all(set(rare[train]) == {0, 1} for train, _ in folds)


def test_inner_folds_refuse_a_class_with_one_patient():
    with pytest.raises(RunError, match="single patient"):
        inner_splits([0, 0, 0, 1, 1], ["a", "b", "c", "d", "d"], n_folds=3, random_state=0)


@pytest.mark.parametrize(("n_small", "folds"), [(25, 5), (24, 3), (15, 3), (6, 3)])
def test_folds_follow_the_patients_of_the_smaller_class(n_small, folds):
    y = np.repeat([0, 1], [60, n_small])
    assert feasible_folds(y, np.arange(len(y)), 5)[0] == folds


def test_fewer_than_six_patients_of_a_class_are_refused_however_many_cases_they_have():
    y = np.repeat([0, 1], [40, 50])
    groups = np.concatenate([np.arange(40), 40 + np.arange(50) % 5])
    with pytest.raises(RunError, match="has 5 patients"):
        feasible_folds(y, groups, 5)


def test_values_taken_for_classes_are_refused_with_the_way_to_predict_them():
    with pytest.raises(RunError, match=r"has 1 patient; .*--task regression"):
        feasible_folds([f"{k / 10}" for k in range(30)], np.arange(30), 5)


def test_a_patient_with_both_classes_counts_for_both():
    y, groups = np.tile([0, 1], 25), np.repeat(np.arange(25), 2)
    assert feasible_folds(y, groups, 5)[0] == 5


@pytest.mark.parametrize(
    ("y", "groups", "code"),
    [
        ([1, 1], ["a", "b"], "E_ONE_CLASS"),
        ([0, 1], ["a", None], "E_PATIENT_MISSING"),
        ([0, None], ["a", "b"], "E_LABEL_MISSING"),
    ],
)
def test_what_cannot_be_split_is_refused_with_a_code(y, groups, code):
    with pytest.raises(RunError) as caught:
        make_splits(y, groups, n_folds=2, repeats=1, random_state=0, case_id=["x", "y"])
    assert caught.value.code == code
