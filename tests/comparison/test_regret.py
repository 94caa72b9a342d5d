from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad._checks import REGRET_COLUMNS
from hybridrad.comparison.paired import corrected_paired_test
from hybridrad.comparison.regret import regret_table
from tests.comparison.made_up import fold_scores

MEANS = {"hedge": 0.80, "radiomics": 0.82, "deep": 0.81, "size": 0.60}
SINGLES = ["radiomics", "deep", "size"]


def loss(scores, single, fused="hedge", metric="roc_auc"):
    of = {m: scores.xs((m, metric), level=("model", "metric"))["value"] for m in (single, fused)}
    return of[single] - of[fused]


def picks_of(scores, names):
    keys = scores.loc[("hedge", "roc_auc")].index
    return pd.Series([names[i % len(names)] for i in range(len(keys))], index=keys)


def test_the_maximum_is_taken_over_study_level_means():
    scores = fold_scores(MEANS)
    row = regret_table(scores, fused=["hedge"], singles=SINGLES).loc[("hedge", "best_in_hindsight", "roc_auc")]
    assert row["regret"] == pytest.approx(max(loss(scores, s).mean() for s in SINGLES))
    per_fold = pd.concat([loss(scores, s) for s in SINGLES], axis=1).max(axis=1).mean()
    assert row["regret"] < per_fold - 0.005


def test_limits_are_the_largest_of_the_paired_limits():
    scores = fold_scores(MEANS)
    tests = [corrected_paired_test(loss(scores, s), n_train=80, n_test=20, n_folds=5) for s in SINGLES]
    row = regret_table(scores, fused=["hedge"], singles=SINGLES).iloc[0]
    assert row["low"] == pytest.approx(max(t.low for t in tests))
    assert row["high"] == pytest.approx(max(t.high for t in tests))
    assert row["upper_one_sided"] == pytest.approx(max(t.upper_one_sided for t in tests))


def test_the_bias_is_said_in_words():
    note = regret_table(fold_scores(MEANS, sd=0.001), fused=["hedge"], singles=SINGLES)["note"].iloc[0]
    assert note == "biased upwards: the best block was chosen afterwards (radiomics)"


def test_regret_against_the_picked_block_follows_the_picks():
    scores = fold_scores(MEANS)
    picks = picks_of(scores, ["radiomics", "deep"])
    table = regret_table(scores, fused=["hedge"], singles=SINGLES, selected=picks)
    picked = [loss(scores, pick).loc[key] for key, pick in picks.items()]
    row = table.loc[("hedge", "selected", "roc_auc")]
    assert row["regret"] == pytest.approx(np.mean(picked))
    assert row["low"] < row["regret"] < row["upper_one_sided"] < row["high"]
    assert row["note"] == "picked by the inner folds: radiomics in 50 %, deep in 50 %"
    assert list(table.columns) == REGRET_COLUMNS


def test_always_picking_one_block_is_the_plain_paired_difference():
    scores = fold_scores(MEANS)
    table = regret_table(scores, fused=["hedge"], singles=["deep"], selected=picks_of(scores, ["deep"]))
    numbers = table[["regret", "low", "high", "upper_one_sided"]].astype(float)
    assert np.allclose(numbers.iloc[0], numbers.iloc[1])


def test_for_a_loss_a_positive_regret_is_still_a_loss():
    scores = fold_scores({"hedge": 0.20, "deep": 0.15}, metrics=("brier",))
    table = regret_table(scores, fused=["hedge"], singles=["deep"], metric="brier")
    assert table.loc[("hedge", "best_in_hindsight", "brier"), "regret"] == pytest.approx(0.05, abs=0.02)


def test_a_single_arm_that_failed_leaves_no_regret():
    scores = fold_scores(MEANS)
    scores.loc[("radiomics", "roc_auc", 0, 0), "value"] = np.nan
    row = regret_table(scores, fused=["hedge"], singles=SINGLES).iloc[0]
    assert np.isnan(row["regret"])
    assert "radiomics has no value in 1 of 20 folds" in row["method"]


def test_a_picked_arm_that_failed_leaves_no_regret_either():
    scores = fold_scores(MEANS)
    scores.loc[("deep", "roc_auc", 0, 0), "value"] = np.nan
    row = regret_table(scores, fused=["hedge"], singles=SINGLES, selected=picks_of(scores, ["deep"])).iloc[1]
    assert np.isnan(row["regret"])
    assert "no value in 1 of 20 folds" in row["method"]


def test_where_no_arm_can_be_picked_the_row_stays_and_says_why():
    table = regret_table(fold_scores(MEANS), fused=["hedge"], singles=SINGLES, unselected="deep gave no inner loss")
    row = table.loc[("hedge", "selected", "roc_auc")]
    assert row[["regret", "low", "high", "upper_one_sided"]].isna().all()
    assert row["note"] == "deep gave no inner loss"
    assert row["method"].startswith("not compared")


def test_picks_that_do_not_fit_are_refused():
    scores = fold_scores(MEANS)
    with pytest.raises(ValueError, match="none of the single arms"):
        regret_table(scores, fused=["hedge"], singles=["deep"], selected=picks_of(scores, ["size"]))
    with pytest.raises(ValueError, match="no pick"):
        regret_table(scores, fused=["hedge"], singles=["deep"], selected=picks_of(scores, ["deep"]).iloc[1:])
    with pytest.raises(ValueError, match="at least one single"):
        regret_table(scores, fused=["hedge"], singles=[])
