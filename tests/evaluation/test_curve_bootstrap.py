from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.curve_bootstrap import curve_replicates, scores_of_draws, weighted_auc, weighted_score
from hybridrad.evaluation.metrics import roc_auc, score_of


def made_up(draws=4, sizes=3, n=20, seed=0):
    rng = np.random.default_rng(seed)
    tables = []
    for model in "ab":
        for draw in range(draws):
            patients = [f"p{i:02d}" for i in rng.choice(40, n, replace=False)]
            for size in range(sizes):
                y = np.array([int(p[1:]) % 2 for p in patients])
                keys = [[model], [draw], [size], [f"c{p}" for p in patients]]
                index = pd.MultiIndex.from_product(keys, names=["model", "repeat", "fold", "case_id"])
                score = 0.3 * y + rng.uniform(0, 0.7, n)
                tables.append(pd.DataFrame({"patient_id": patients, "y_true": y, "y_score": score}, index=index))
    return pd.concat(tables)


def test_weights_count_cases_as_often_as_repeating_them():
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 30), rng.integers(0, 8, 30) / 8
    weight = rng.integers(0, 4, (5, 30))
    fast = weighted_auc(y, score, weight.astype(float))
    slow = [roc_auc(np.repeat(y, w), np.repeat(score, w)) for w in weight]
    assert fast == pytest.approx(slow)


@pytest.mark.parametrize("metric", ["r2", "concordance"])
def test_weights_count_values_and_events_as_often_as_repeating_them(metric):
    rng = np.random.default_rng(0)
    part = pd.DataFrame({"y_true": rng.normal(50, 9, 30), "y_score": rng.integers(0, 8, 30) + 46.0})
    part["event"], part["time"] = rng.integers(0, 2, 30), rng.integers(1, 12, 30)
    weight = rng.integers(0, 4, (5, 30))
    fast = weighted_score(metric, part, weight.astype(float))
    slow = [score_of(metric, part.loc[np.repeat(part.index, w)]) for w in weight]
    assert fast == pytest.approx(slow)


def test_scores_that_are_not_defined_are_not_numbers():
    part = pd.DataFrame({"y_true": 1e6 / 3, "y_score": 2.0, "event": 0, "time": [1.0, 2.0, 3.0]})
    assert np.isnan([weighted_score(metric, part, np.ones((2, 3))) for metric in ("r2", "concordance")]).all()


def test_several_classes_are_averaged():
    rng = np.random.default_rng(1)
    y, score = np.arange(30) % 3, rng.dirichlet([1, 1, 1], 30)
    assert weighted_auc(y, score, np.ones((1, 30)))[0] == pytest.approx(roc_auc(y, score))


def test_the_first_row_is_the_mean_over_draws():
    predictions = made_up()
    rows = curve_replicates(predictions, n_sizes=3, n_replicates=10)
    of_draws = scores_of_draws(predictions)
    for model in "ab":
        wanted = of_draws.loc[model].groupby(level="fold").mean()
        assert rows[model][0] == pytest.approx(wanted.to_numpy())


def test_a_replicate_draws_patients_and_not_cases():
    predictions = made_up()
    alone = curve_replicates(predictions, n_sizes=3, n_replicates=200)["a"]
    twice = pd.concat([predictions, predictions.rename(index=lambda c: f"{c}-2", level="case_id")])
    doubled = curve_replicates(twice, n_sizes=3, n_replicates=200)["a"]
    assert doubled == pytest.approx(alone)


def test_an_arm_that_failed_in_a_draw_has_no_mean_at_that_size():
    predictions = made_up()
    index = predictions.index
    gone = (index.get_level_values("model") == "a") & (index.get_level_values("repeat") == 1)
    rows = curve_replicates(predictions[~(gone & (index.get_level_values("fold") == 2))], n_sizes=3, n_replicates=5)
    assert np.isnan(rows["a"][:, 2]).all()
    assert np.isfinite(rows["a"][0, :2]).all()
