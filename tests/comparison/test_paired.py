from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from hybridrad._checks import COMPARISON_COLUMNS
from hybridrad.comparison.multiplicity import holm
from hybridrad.comparison.paired import comparison_table, corrected_paired_test
from tests.comparison.made_up import fold_scores

MEANS = {"hedge": 0.85, "deep": 0.70, "radiomics": 0.845, "size": 0.60}
FAMILY = [("hedge", "deep"), ("hedge", "radiomics"), ("hedge", "size")]


def value_of(scores, model, metric="roc_auc"):
    return scores.xs((model, metric), level=("model", "metric"))["value"]


def test_the_test_is_the_textbook_formula():
    d = np.array([0.05, 0.02, 0.08, 0.03, 0.07, 0.01])
    result = corrected_paired_test(d, n_train=80, n_test=40, n_folds=3)
    t = d.mean() / np.sqrt(d.var(ddof=1) * (1 / 6 + 40 / 80))
    assert (result.t, result.df) == (pytest.approx(t), 2)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(t), 2))
    assert (result.low < 0 < result.high) == (result.p_value > 0.05)
    assert result.high_90 == result.upper_one_sided < result.high


def test_equal_differences_in_all_folds_cannot_be_tested():
    for constant in (0.0, 0.3):
        result = corrected_paired_test([constant] * 5, n_train=80, n_test=20, n_folds=5)
        assert result.difference == pytest.approx(constant)
        assert np.isnan([result.p_value, result.low, result.high]).all()


def test_the_table_has_the_promised_columns_and_signs():
    scores = fold_scores(MEANS)
    table = comparison_table(scores, pairs=[], family=FAMILY)
    assert list(table.columns) == COMPARISON_COLUMNS
    assert table.index.names == ["model", "baseline", "metric"]
    row = table.loc[("hedge", "deep", "roc_auc")]
    assert row["difference"] == pytest.approx(value_of(scores, "hedge").mean() - value_of(scores, "deep").mean())
    assert row["verdict"] == "better"


def test_an_interval_holds_no_difference_that_the_metric_cannot_have():
    scores = fold_scores(MEANS)
    folds = scores.index.get_level_values("fold")
    scores["value"] = np.where(scores.index.get_level_values("model") == "hedge", folds % 2, 1 - folds % 2)
    table = comparison_table(scores, pairs=[], family=FAMILY)
    assert corrected_paired_test([1.0, -1.0] * 3, n_train=80, n_test=40, n_folds=3).high > 1.0
    assert table["low"].tolist() == [-1.0] * len(table)
    assert table["high"].tolist() == [1.0] * len(table)


def test_the_declared_family_is_adjusted_by_holm_and_nothing_else():
    scores = fold_scores(MEANS, metrics=("roc_auc", "brier"))
    table = comparison_table(scores, pairs=[("radiomics", "deep"), ("hedge", "deep")], family=FAMILY)
    family = table.loc[[(a, b, "roc_auc") for a, b in FAMILY]]
    assert_allclose(family["p_adjusted"], holm(family["p_value"]))
    others = table.drop(family.index)
    assert others["p_adjusted"].isna().all()
    assert others["method"].str.startswith("exploratory: ").all()
    assert family["method"].str.endswith("Holm over 3 comparisons").all()
    assert table.index.is_unique


def test_the_verdict_of_the_family_rests_on_the_adjusted_p_value():
    scores = fold_scores({"hedge": 0.70, "deep": 0.63, "a": 0.70, "b": 0.70, "c": 0.70}, seed=1)
    alone = comparison_table(scores, pairs=[("hedge", "deep")], margin=None).iloc[0]
    family = [("hedge", single) for single in ("deep", "a", "b", "c")]
    adjusted = comparison_table(scores, pairs=[], family=family, margin=None).loc[("hedge", "deep", "roc_auc")]
    assert alone["p_value"] < 0.05 < adjusted["p_adjusted"]
    assert (alone["verdict"], adjusted["verdict"]) == ("better", "inconclusive")


def test_a_smaller_loss_is_better_though_the_difference_is_negative():
    scores = fold_scores({"hedge": 0.10, "deep": 0.25}, metrics=("brier",))
    row = comparison_table(scores, pairs=[("hedge", "deep")]).loc[("hedge", "deep", "brier")]
    assert row["difference"] < 0
    assert row["verdict"] == "better"
    back = comparison_table(scores, pairs=[("deep", "hedge")]).loc[("deep", "hedge", "brier")]
    assert back["verdict"] == "worse"


def test_the_margin_holds_for_the_primary_metric_alone():
    scores = fold_scores({"hedge": 0.85, "late": 0.85}, metrics=("roc_auc", "brier"), sd=0.005)
    words = comparison_table(scores, pairs=[("hedge", "late")])["verdict"]
    assert words.loc[("hedge", "late", "roc_auc")] == "equivalent"
    assert words.loc[("hedge", "late", "brier")] == "inconclusive"
    declared = comparison_table(scores, pairs=[("hedge", "late")], margin={"brier": 0.02})["verdict"]
    assert declared.loc[("hedge", "late", "brier")] == "equivalent"


def test_an_arm_with_a_failed_fold_is_not_compared():
    scores = fold_scores(MEANS)
    scores.loc[("deep", "roc_auc", 0, 0), "value"] = np.nan
    table = comparison_table(scores, pairs=[], family=FAMILY)
    row = table.loc[("hedge", "deep", "roc_auc")]
    assert np.isnan([row["difference"], row["p_value"], row["p_adjusted"]]).all()
    assert row["verdict"] == "inconclusive"
    assert "not compared: deep has no value in 1 of 20 folds" in row["method"]
    assert table.loc[("hedge", "size", "roc_auc"), "verdict"] == "better"


def test_arms_scored_on_different_folds_are_refused():
    scores = fold_scores(MEANS)
    with pytest.raises(ValueError, match="different folds"):
        comparison_table(scores.drop(("deep", "roc_auc", 0, 0)), pairs=[("hedge", "deep")])


def test_an_arm_that_was_not_scored_is_named():
    with pytest.raises(ValueError, match="nosuch was not scored on roc_auc"):
        comparison_table(fold_scores(MEANS), pairs=[("hedge", "nosuch")])


def test_calibration_has_no_direction_and_is_not_compared():
    scores = fold_scores(MEANS, metrics=("roc_auc", "calibration_slope"))
    assert comparison_table(scores, pairs=FAMILY).index.unique("metric").tolist() == ["roc_auc"]
    with pytest.raises(ValueError, match="calibration_slope"):
        comparison_table(scores, pairs=FAMILY, metrics=["calibration_slope"])


def test_without_a_difference_few_comparisons_are_called_better_or_worse():
    words = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        # Training noise shared by a study's folds: a fifth of the variance, as the correction assumes.
        scores = fold_scores({"a": 0.7 + rng.normal(0, 0.02), "b": 0.7}, sd=0.03, repeats=1, seed=seed)
        words += comparison_table(scores, pairs=[("a", "b")])["verdict"].tolist()
    assert np.mean([w in ("better", "worse") for w in words]) < 0.10
