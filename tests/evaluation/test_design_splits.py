from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.evaluation.design_splits import splits_of
from hybridrad.evaluation.designs import FixedSplit, LeaveOneSiteOut, OwnFolds
from hybridrad.evaluation.nested import NestedCV


def cohort(**columns):
    """48 cases of 24 patients, both classes everywhere."""
    patient = np.repeat([f"p{i:02d}" for i in range(24)], 2)
    table = {"case_id": [f"c{i:02d}" for i in range(48)], "patient_id": patient, "label": np.repeat([0, 1] * 12, 2)}
    return cohort_from_frame(pd.DataFrame(table | columns), images=False)


SITE = np.repeat(["north", "south", "west"], 16)
PART = np.repeat(["train", "external"], [32, 16])


def cases_in_test(splits):
    return splits[splits["role"] == "test"].index.get_level_values("case_id").tolist()


def test_every_site_is_tested_once_and_trained_on_otherwise():
    splits = splits_of(LeaveOneSiteOut(), cohort(site=SITE), 0)
    assert sorted(cases_in_test(splits)) == [f"c{i:02d}" for i in range(48)]
    assert splits.attrs["names"] == {0: "north", 1: "south", 2: "west"}
    assert splits.loc[(0, 0), "role"].tolist() == ["test"] * 16 + ["train"] * 32
    assert (splits.attrs["kind"], splits.attrs["repeats"]) == ("site", 1)


def test_a_site_that_cannot_be_scored_is_trained_on_and_named():
    site = SITE.copy()
    site[-2:] = "tiny"
    splits = splits_of(LeaveOneSiteOut(), cohort(site=site), 0)
    assert "tiny" in splits.attrs["reason"]
    assert set(cases_in_test(splits)).isdisjoint({"c46", "c47"})
    assert (splits.xs("c47", level="case_id")["role"] == "train").all()


def test_a_patient_seen_at_two_sites_is_refused():
    site = SITE.copy()
    site[1] = "west"
    with pytest.raises(RunError, match="1 patients have cases on both sides by site"):
        splits_of(LeaveOneSiteOut(), cohort(site=site), 0)


@pytest.mark.parametrize(("column", "match"), [("sites", "Did you mean site"), ("gap", "have no gap")])
def test_a_column_that_is_missing_or_has_gaps_is_refused(column, match):
    gap = [None, *SITE[1:]]
    with pytest.raises(RunError, match=match):
        splits_of(LeaveOneSiteOut(column), cohort(site=SITE, gap=gap), 0)


def test_one_site_with_both_classes_is_not_enough():
    with pytest.raises(RunError, match="1 of 1 sites"):
        splits_of(LeaveOneSiteOut(), cohort(site=["one"] * 48), 0)


def test_the_split_column_gives_one_training_and_one_test_part():
    splits = splits_of(FixedSplit(), cohort(split=PART), 0)
    assert cases_in_test(splits) == [f"c{i}" for i in range(32, 48)]
    assert splits.attrs["kind"] == "split"
    assert splits.attrs["reason"] == "Trained once on split = train, tested once on external."


@pytest.mark.parametrize(
    ("design", "n_test"),
    [
        (FixedSplit(test="external"), None),
        (FixedSplit(train=("train", "val"), test="external"), 16),
        (FixedSplit(), None),
    ],
)
def test_every_value_of_the_split_column_must_be_named_when_there_are_more_than_two(design, n_test):
    part = PART.astype(object)
    part[:4] = "val"
    if n_test is None:
        with pytest.raises(RunError, match="not one training and one test part"):
            splits_of(design, cohort(split=part), 0)
    else:
        assert len(cases_in_test(splits_of(design, cohort(split=part), 0))) == n_test


def test_a_misspelt_part_is_refused_with_a_guess():
    with pytest.raises(RunError, match="Did you mean external"):
        splits_of(FixedSplit(test="extrenal"), cohort(split=PART), 0)


def test_a_patient_on_both_sides_of_a_split_is_refused():
    part = PART.copy()
    part[0] = "external"
    with pytest.raises(RunError, match="both sides by split"):
        splits_of(FixedSplit(), cohort(split=part), 0)


def test_a_test_part_with_one_class_is_refused():
    with pytest.raises(RunError, match="the test part of repeat 0, fold 0"):
        splits_of(FixedSplit(), cohort(split=np.where(np.arange(48) < 2, "test", "train")), 0)


def test_own_folds_come_from_a_column_or_from_several_as_repeats():
    fold = np.arange(48) // 2 % 3
    own = cohort(fold=fold, again=(np.arange(48) // 2 + fold) % 3)
    once, twice = splits_of(OwnFolds("fold"), own, 0), splits_of(OwnFolds(["fold", "again"]), own, 0)
    assert (once.attrs["n_folds"], once.attrs["repeats"]) == (3, 1)
    assert (twice.attrs["n_folds"], twice.attrs["repeats"]) == (3, 2)
    assert set(once.xs(1, level="fold").query("role == 'test'").index.get_level_values("case_id")) == {
        f"c{i:02d}" for i in np.flatnonzero(fold == 1)
    }


def test_the_splits_table_of_another_study_gives_the_same_splits():
    given = splits_of(NestedCV(3, 2), cohort(), 5)
    again = splits_of(OwnFolds(given), cohort(), 0)
    assert given["role"].sort_index().equals(again["role"].sort_index())


def test_stored_splits_that_left_sites_out_keep_their_design_and_the_names_of_the_sites(tmp_path):
    given = splits_of(LeaveOneSiteOut(), cohort(site=SITE), 0)
    given.to_parquet(tmp_path / "splits.parquet")
    for folds in (given, pd.read_parquet(tmp_path / "splits.parquet"), given.drop(0, level="fold")):
        again = splits_of(OwnFolds(folds), cohort(), 0)
        assert again.attrs["kind"] == "site"
        named = [given.attrs["names"][int(f)] for f in folds.index.unique("fold")]
        assert list(again.attrs["names"].values()) == named


def test_one_of_the_sites_left_out_is_a_test_set():
    given = splits_of(LeaveOneSiteOut(), cohort(site=SITE), 0)
    alone = splits_of(OwnFolds(given.xs(1, level="fold", drop_level=False)), cohort(), 0)
    assert (alone.attrs["kind"], alone.attrs["names"]) == ("split", {0: "south"})


def test_sites_left_out_that_are_repeated_or_have_lost_their_names_are_refused():
    given = splits_of(LeaveOneSiteOut(), cohort(site=SITE), 0)
    twice = pd.concat([given, given.rename(index={0: 1}, level="repeat")])
    unnamed = given.rename(index={2: 7}, level="fold")
    for folds in (twice, unnamed):
        folds.attrs = given.attrs
        with pytest.raises(RunError, match="left sites out"):
            splits_of(OwnFolds(folds), cohort(), 0)


def test_own_folds_that_share_a_patient_are_refused():
    with pytest.raises(RunError, match="patients are in the training and the test part of repeat 0, fold 0"):
        splits_of(OwnFolds("fold"), cohort(fold=np.arange(48) % 2), 0)


def test_one_fold_is_a_held_out_set_and_repeats_of_it_are_refused():
    given = splits_of(FixedSplit(), cohort(split=PART), 0)
    assert splits_of(OwnFolds(given), cohort(), 0).attrs["kind"] == "split"
    second = given.rename(index={0: 1}, level="repeat")
    with pytest.raises(RunError, match="one fold each"):
        splits_of(OwnFolds(pd.concat([given, second])), cohort(), 0)
