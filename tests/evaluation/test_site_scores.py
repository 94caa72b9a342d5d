from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from hybridrad.evaluation.delong import delong_variance
from hybridrad.evaluation.random_effects import random_effects
from hybridrad.evaluation.site_scores import scores_of_sites, site_table, summarised


def of_sites(sizes=(40, 60, 30), *, seed=0, models=("a", "b"), lift=0.2):
    rng = np.random.default_rng(seed)
    fold = np.repeat(np.arange(len(sizes)), sizes)
    tables = []
    for model in models:
        index = pd.MultiIndex.from_arrays(
            [[model] * len(fold), [0] * len(fold), fold, [f"c{i}" for i in range(len(fold))]],
            names=["model", "repeat", "fold", "case_id"],
        )
        y = np.arange(len(fold)) % 2
        score = np.clip(0.4 + lift * y + rng.normal(0, 0.15, len(fold)), 0.01, 0.99)
        table = {"patient_id": index.get_level_values("case_id"), "y_true": y, "y_score": score, "threshold": 0.45}
        tables.append(pd.DataFrame(table, index=index))
    return pd.concat(tables), {i: f"S{i}" for i in range(len(sizes))}


def test_areas_are_summarised_on_the_logit_scale():
    predictions, sites = of_sites()
    row = site_table(predictions, sites, metrics=["roc_auc"]).loc[("a", "roc_auc")]
    parts = [p for _, p in predictions.loc[["a"]].groupby(level="fold")]
    auc, variance = np.array([delong_variance(p["y_true"], p["y_score"]) for p in parts]).T
    by_hand = random_effects(logit(auc), variance / (auc * (1 - auc)) ** 2)
    assert row.loc[["S0", "S1", "S2"], "value"].tolist() == pytest.approx(auc.tolist())
    wanted = expit([by_hand.estimate, by_hand.low, by_hand.high])
    assert row.loc["(all sites)", ["value", "low", "high"]].astype(float).tolist() == pytest.approx(wanted.tolist())
    wanted = expit([by_hand.predict_low, by_hand.predict_high])
    assert row.loc["(new site)", ["low", "high"]].astype(float).tolist() == pytest.approx(wanted.tolist())


def test_the_scores_table_holds_the_summaries_and_counts_everybody():
    predictions, sites = of_sites()
    scores = scores_of_sites(site_table(predictions, sites))
    assert scores.loc[("a", "roc_auc"), "n_patients"] == 130
    assert scores.loc[("b", "brier"), "method"].startswith("random effects over 3 sites (REML); ")
    assert set(scores.index.unique("metric")) >= {"calibration_slope", "sensitivity", "average_precision"}


def test_a_perfect_site_is_reported_as_it_is_and_moved_for_the_summary_alone():
    predictions, sites = of_sites()
    first = predictions.index.get_level_values("fold") == 0
    predictions.loc[first, "y_score"] = 0.1 + 0.8 * predictions.loc[first, "y_true"]
    rows = site_table(predictions, sites, metrics=["roc_auc"]).loc[("a", "roc_auc")]
    assert rows.loc["S0", "value"] == 1.0
    assert np.isnan(rows.loc["S0", "low"])
    assert rows.loc["(all sites)", "high"] < 1.0
    assert "random effects" in rows.loc["(all sites)", "method"]


def test_a_model_that_failed_at_a_site_is_not_summarised_over_the_others():
    predictions, sites = of_sites()
    index = predictions.index
    keep = ~((index.get_level_values("model") == "a") & (index.get_level_values("fold") == 1))
    table = site_table(predictions[keep], sites, metrics=["roc_auc"])
    assert np.isnan(table.loc[("a", "roc_auc", "(all sites)"), "value"])
    assert table.loc[("a", "roc_auc", "(all sites)"), "method"] == "not scored: no value at 1 of 3 sites"
    assert table.loc[("b", "roc_auc", "(all sites)"), "value"] > 0.5


def test_sites_without_a_variance_weigh_the_same():
    result = summarised([0.1, 0.2, 0.6], [0.01, 0.0, 0.01])
    assert result.value == pytest.approx(0.3)
    assert result.high - result.value == pytest.approx(4.302653 * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3))


def test_the_summary_covers_the_mean_area_over_sites():
    covered = 0
    truth = None
    for seed in range(120):
        predictions, sites = of_sites((40, 60, 50, 40), seed=seed, models=("a",), lift=0.2)
        if truth is None:
            from scipy.stats import norm

            truth = norm.cdf(0.2 / (0.15 * np.sqrt(2)))
        row = site_table(predictions, sites, metrics=["roc_auc"]).loc[("a", "roc_auc", "(all sites)")]
        covered += row["low"] <= truth <= row["high"]
    assert 0.92 <= covered / 120 <= 1.0


def test_the_spread_between_sites_is_a_column_and_the_interval_is_named():
    predictions, sites = of_sites()
    table = site_table(predictions, sites, metrics=["brier"])
    assert table.loc[("a", "brier", "(all sites)"), "tau"] >= 0
    assert np.isnan(table.loc[("a", "brier", "S0"), "tau"])
    assert "Hartung-Knapp interval, 2 df" in summarised([0.1, 0.2, 0.6], [0.01, 0.01, 0.01]).method
    assert "normal interval (wider" in summarised([0.2, 0.2, 0.201], [0.01, 0.01, 0.01]).method
