from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.survival_metrics import brier_at, censoring_weights, concordance, over_horizons, uno_auc

ORACLES = Path(__file__).parent / "oracles"
TABLE = pd.read_csv(ORACLES / "survival_data.csv")
SKSURV = json.loads((ORACLES / "survival_sksurv.json").read_text())
R = json.loads((ORACLES / "survival_R.json").read_text())
HORIZONS = SKSURV["horizons"]
TEST = TABLE[TABLE["part"] == "test"]


def concordance_by_pairs(event, time, risk):
    """The slow, obvious twin: look at every pair."""
    won = pairs = 0.0
    for i in range(len(time)):
        for j in range(len(time)):
            first = event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j]))
            if first:
                pairs += 1
                won += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    return won / pairs


def weights(name):
    reference = TABLE if name == "all" else TABLE[TABLE["part"] == "train"]
    return censoring_weights(
        TEST["event"], TEST["time"], HORIZONS, reference_event=reference["event"], reference_time=reference["time"]
    )


def test_concordance_is_that_of_r_with_and_without_ties_and_of_scikit_survival():
    tied = TABLE.assign(time=np.ceil(TABLE["time"]), risk=TABLE["risk"].round())
    assert concordance(TABLE["event"], TABLE["time"], TABLE["risk"]) == pytest.approx(R["concordance"], abs=1e-12)
    assert concordance(tied["event"], tied["time"], tied["risk"]) == pytest.approx(R["concordance_tied"], abs=1e-12)
    assert concordance(TEST["event"], TEST["time"], TEST["risk"]) == pytest.approx(SKSURV["concordance"], abs=1e-12)


def test_concordance_counts_pairs_and_turns_with_the_risk():
    rng = np.random.default_rng(0)
    event, time, risk = (
        rng.random(40) < 0.6,
        rng.integers(1, 12, 40).astype(float),
        rng.integers(0, 6, 40).astype(float),
    )
    value = concordance(event, time, risk)
    assert value == pytest.approx(concordance_by_pairs(event, time, risk))
    assert concordance(event, time, -risk) == pytest.approx(1.0 - value)
    assert concordance(event, time, np.zeros(40)) == 0.5


def test_without_an_event_nothing_can_be_ordered():
    assert np.isnan(concordance([False, False], [1.0, 2.0], [0.1, 0.2]))
    assert np.isnan(concordance([True, True], [1.0, 1.0], [0.1, 0.2]))


@pytest.mark.parametrize("name", ["train", "all"])
def test_auc_at_each_horizon_is_that_of_scikit_survival(name):
    found = [
        uno_auc(TEST["event"], TEST["time"], TEST["risk"], horizon=t, of_event=weights(name).of_event) for t in HORIZONS
    ]
    assert found == pytest.approx(SKSURV[name]["auc"], abs=1e-10)


@pytest.mark.parametrize("name", ["train", "all"])
def test_brier_scores_are_those_of_scikit_survival(name):
    w = weights(name)
    found = [
        brier_at(TEST["event"], TEST["time"], TEST[f"survival_{t:g}"], horizon=t, of_event=w.of_event, at_horizon=g)
        for t, g in zip(HORIZONS, w.at_horizon, strict=True)
    ]
    assert found == pytest.approx(SKSURV[name]["brier"], abs=1e-10)
    assert over_horizons(HORIZONS, found) == pytest.approx(SKSURV[name]["integrated_brier"], abs=1e-10)


def test_without_censoring_the_scores_are_those_of_two_classes():
    from sklearn.metrics import brier_score_loss, roc_auc_score

    rng = np.random.default_rng(1)
    time, risk, survival = rng.exponential(1.0, 80), rng.normal(size=80), rng.random(80)
    event, late = np.ones(80, bool), time > 0.8
    w = censoring_weights(event, time, [0.8])
    auc = uno_auc(event, time, risk, horizon=0.8, of_event=w.of_event)
    brier = brier_at(event, time, survival, horizon=0.8, of_event=w.of_event, at_horizon=w.at_horizon[0])
    assert auc == pytest.approx(roc_auc_score(~late, risk))
    assert brier == pytest.approx(brier_score_loss(late, survival))


def test_weights_make_up_for_censoring():
    rng = np.random.default_rng(2)
    true_time, risk = rng.exponential(1.0, 4000), rng.normal(size=4000)
    true_time *= np.exp(-risk)
    censored = rng.uniform(0.0, 2.5, 4000)
    event, time = true_time <= censored, np.minimum(true_time, censored)
    whole = uno_auc(np.ones(4000, bool), true_time, risk, horizon=1.0, of_event=np.ones(4000))
    seen = uno_auc(event, time, risk, horizon=1.0, of_event=censoring_weights(event, time, [1.0]).of_event)
    assert seen == pytest.approx(whole, abs=0.02)


def test_horizons_beyond_the_follow_up_are_refused():
    with pytest.raises(ValueError, match="beyond the follow-up"):
        censoring_weights([True, False], [1.0, 2.0], [2.0])
    with pytest.raises(ValueError, match="reference_event and reference_time"):
        censoring_weights([True, False], [1.0, 2.0], [1.5], reference_event=[True])


def test_horizons_without_cases_or_controls_have_no_auc():
    assert np.isnan(uno_auc([True, True], [3.0, 4.0], [1.0, 0.0], horizon=1.0, of_event=[1.0, 1.0]))
    assert np.isnan(uno_auc([True, True], [3.0, 4.0], [1.0, 0.0], horizon=5.0, of_event=[1.0, 1.0]))
