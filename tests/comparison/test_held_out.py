from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.comparison.held_out import paired_on_test_set, paired_over_sites
from hybridrad.comparison.paired import comparison_table
from hybridrad.comparison.regret import SELECTED, regret_table
from hybridrad.evaluation.delong import delong_covariance, delong_test
from hybridrad.evaluation.random_effects import random_effects

SITES = {0: "A", 1: "B", 2: "C"}


def predictions(*, sites=3, seed=0, cases=2):
    rng = np.random.default_rng(seed)
    n = 40 * sites
    fold, patient = np.arange(n) // 40, np.arange(n) // cases
    y = patient % 2
    tables = []
    for model, lift in (("a", 0.3), ("b", 0.15), ("c", 0.15)):
        index = pd.MultiIndex.from_arrays(
            [[model] * n, [0] * n, fold, [f"c{i}" for i in range(n)]], names=["model", "repeat", "fold", "case_id"]
        )
        score = np.clip(0.35 + lift * y + rng.normal(0, 0.15, n), 0.01, 0.99)
        columns = {"patient_id": patient.astype(str), "y_true": y, "y_score": score, "threshold": 0.45}
        tables.append(pd.DataFrame(columns, index=index))
    return pd.concat(tables)


def test_one_test_set_is_compared_by_delong_with_patients_as_clusters():
    table = predictions(sites=1)
    test, words = paired_on_test_set(table)("a", "b", "roc_auc")
    a, b = table.loc["a"], table.loc["b"]
    wanted = delong_test(a["y_true"], a["y_score"], b["y_score"], groups=a["patient_id"])
    assert (test.difference, test.t, test.p_value) == pytest.approx((wanted.difference, wanted.z, wanted.p_value))
    assert (test.low, test.high) == pytest.approx((wanted.low, wanted.high))
    assert words == "DeLong's test, clustered by patient"


def test_over_sites_the_differences_are_summarised_by_random_effects():
    table = predictions()
    test, words = paired_over_sites(table, SITES)("a", "b", "roc_auc")
    values, variances = [], []
    for site in SITES:
        a, b = table.loc[("a", 0, site)], table.loc[("b", 0, site)]
        auc, cov = delong_covariance(a["y_true"], [a["y_score"], b["y_score"]], groups=a["patient_id"])
        values.append(auc[0] - auc[1])
        variances.append(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    wanted = random_effects(values, variances)
    assert (test.difference, test.low, test.high) == pytest.approx((wanted.estimate, wanted.low, wanted.high))
    assert test.df == 2
    assert words.startswith("random effects over 3 sites")


def test_the_p_value_over_sites_goes_with_the_interval():
    for seed in range(12):
        test, _ = paired_over_sites(predictions(seed=seed), SITES)("a", "b", "roc_auc")
        assert (test.p_value < 0.05) == (test.low > 0 or test.high < 0)
        assert test.low < test.low_90 < test.high_90 < test.high


def test_the_comparisons_table_takes_the_test_of_the_design():
    table = predictions(sites=1)
    index = pd.MultiIndex.from_product([["a", "b"], ["roc_auc", "brier"], [0], [0]])
    index.names = ["model", "metric", "repeat", "fold"]
    scores = pd.DataFrame({"value": 0.5, "n_train_patients": 9, "n_test_patients": 9}, index=index)
    result = comparison_table(scores, pairs=[("a", "b")], family=[("a", "b")], paired=paired_on_test_set(table))
    row = result.loc[("a", "b", "roc_auc")]
    assert row["method"] == "DeLong's test, clustered by patient; Holm over 1 comparisons"
    assert row["p_adjusted"] == row["p_value"]
    assert result.loc[("a", "b", "brier"), "method"] == "exploratory: jackknife over patients"


def test_regret_takes_the_test_of_the_design_and_the_picked_arm():
    table = predictions(sites=1)
    table = pd.concat([table, table.loc[["c"]].rename(index={"c": SELECTED}, level="model")])
    picks = pd.Series(["c"], index=pd.MultiIndex.from_tuples([(0, 0)], names=["repeat", "fold"]))
    paired = paired_on_test_set(table)
    result = regret_table(pd.DataFrame(), fused=["a"], singles=["b", "c"], selected=picks, paired=paired)
    best = result.loc[("a", "best_in_hindsight", "roc_auc")]
    losses = [paired(s, "a", "roc_auc")[0] for s in "bc"]
    assert best["regret"] == max(t.difference for t in losses)
    assert best["upper_one_sided"] == max(t.upper_one_sided for t in losses)
    selected = result.loc[("a", "selected", "roc_auc")]
    assert selected["regret"] == losses[1].difference
    assert selected["note"] == "picked by the inner folds: c in 100 %"


def test_models_that_rank_alike_are_not_tested_on_one_set_and_count_little_as_a_site():
    table = predictions()
    same = table.copy()
    same.loc[("b", 0, 0), "y_score"] = same.loc[("a", 0, 0), "y_score"].to_numpy() / 2 + 0.1
    test, _ = paired_over_sites(same, SITES)("a", "b", "roc_auc")
    assert test.low < test.difference < test.high
    twin = table.loc[["a"]].rename(index={"a": "twin"}, level="model")
    both = pd.concat([table, twin])
    test, words = paired_over_sites(both, SITES)("a", "twin", "roc_auc")
    assert (test.difference, words) == (0.0, "no test, the difference is the same at all sites")
    one = both[both.index.get_level_values("fold") == 0]
    assert np.isnan(paired_on_test_set(one)("a", "twin", "roc_auc")[0].p_value)


def test_an_arm_without_predictions_is_not_compared():
    table = predictions()
    gone = table.drop(index="b", level="model")
    assert paired_on_test_set(gone)("a", "b", "roc_auc")[1] == "not compared: b has no predictions"
    part = table[~((table.index.get_level_values("model") == "b") & (table.index.get_level_values("fold") == 1))]
    words = paired_over_sites(part, SITES)("a", "b", "roc_auc")[1]
    assert words == "not compared: b has no predictions at 1 of 3 sites"
