from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.errors import RunError
from hybridrad.evaluation.horizon_scores import horizon_table
from hybridrad.evaluation.kaplan_meier import kaplan_meier
from hybridrad.evaluation.survival_scores import (
    KAPLAN_MEIER,
    check_horizons,
    default_horizons,
    integrated_brier_of,
    kaplan_meier_predictions,
    main_horizon,
    risk_groups,
    uno_auc_of,
    with_censoring_weights,
)
from hybridrad.splits import make_splits

ORACLES = Path(__file__).parent / "oracles"
SKSURV = json.loads((ORACLES / "survival_sksurv.json").read_text())
TABLE = pd.read_csv(ORACLES / "survival_data.csv").rename(columns={"risk": "y_score"})
TABLE.index = pd.Index([f"c{i:03d}" for i in range(len(TABLE))], name="case_id")


def test_scores_of_a_table_are_those_of_scikit_survival_with_censoring_of_all_cases():
    part = with_censoring_weights(TABLE[TABLE["part"] == "test"], TABLE)
    assert uno_auc_of(part, 3.5) == pytest.approx(SKSURV["all"]["auc"][2], abs=1e-10)
    assert uno_auc_of(part) == pytest.approx(SKSURV["all"]["auc"][1], abs=1e-10)  # the earlier of two middle ones
    assert integrated_brier_of(part) == pytest.approx(SKSURV["all"]["integrated_brier"], abs=1e-10)


def test_default_horizons_hang_on_the_events_alone_and_lie_inside_the_follow_up():
    event, time = TABLE["event"].to_numpy(), TABLE["time"].to_numpy()
    points = default_horizons(event, time)
    assert len(points) == 9
    assert time[event == 1].min() < points[0]
    assert points[-1] < time.max()
    assert main_horizon(points) == pytest.approx(np.median(time[event == 1]), rel=0.01)
    assert default_horizons(event, np.where(event == 1, time, 2 * time)) == points
    assert len(default_horizons([1] * 5 + [0], [1.0] * 5 + [2.0])) == 1  # equal times are one horizon


@pytest.mark.parametrize(
    ("horizons", "words"), [([], "different positive"), ([2, 2], "different positive"), ([0.001], "cannot be judged")]
)
def test_horizons_that_cannot_be_are_refused(horizons, words):
    with pytest.raises(RunError, match=words):
        check_horizons(horizons, TABLE["event"], TABLE["time"])


def splits_and_predictions():
    y = np.empty(len(TABLE), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = TABLE["event"], TABLE["time"]
    splits = make_splits(y, TABLE.index, n_folds=4, repeats=2, random_state=0, case_id=TABLE.index)
    tested = pd.concat({"a": splits[splits["role"] == "test"]}, names=["model"]).drop(columns="role")
    predictions = tested.join(TABLE.drop(columns="part"))
    predictions["patient_id"] = predictions.index.get_level_values("case_id")
    return splits, with_censoring_weights(predictions, TABLE)


def test_the_reference_without_features_knows_the_training_part_alone():
    splits, predictions = splits_and_predictions()
    said = kaplan_meier_predictions(TABLE, splits, predictions).xs((1, 2), level=["repeat", "fold"])
    part = splits.xs((1, 2), level=["repeat", "fold"])
    trained = TABLE.loc[part.index[part["role"] == "train"]]
    assert set(said["survival_2"]) == {kaplan_meier(trained["event"], trained["time"]).at([2.0])[0]}


def test_a_value_over_time_is_the_mean_over_folds_with_its_corrected_interval():
    splits, predictions = splits_and_predictions()
    table = horizon_table(predictions, splits, TABLE, models=["a", "failed"])
    folds = [uno_auc_of(part, 2.0) for _, part in predictions.groupby(level=["repeat", "fold"])]
    row = table.loc[("a", "uno_auc", "2")]
    assert row["value"] == pytest.approx(np.mean(folds))
    half = 3.182446 * np.std(folds, ddof=1) * np.sqrt(1 / 8 + 1 / 3)  # t(3), 4 x 2 folds of 30 in 90 patients
    assert row["low"] == pytest.approx(row["value"] - half, abs=1e-6)
    assert table.loc[(KAPLAN_MEIER, "brier", "2"), "value"] > table.loc[("a", "brier", "2"), "value"]
    assert "no predictions in 8 of 8 folds" in table.loc[("failed", "brier", "2"), "method"]


def test_folds_without_an_event_until_a_horizon_are_named_and_not_filled():
    splits, predictions = splits_and_predictions()
    early = sorted(TABLE.loc[TABLE["event"] == 1, "time"])[5]  # six events in four folds of each repeat
    renamed = predictions.rename(columns={"survival_1": f"survival_{early:.10g}"})
    weighted = with_censoring_weights(renamed[[c for c in renamed if "weight" not in str(c)]], TABLE)
    row = horizon_table(weighted, splits, TABLE, models=["a"]).loc[("a", "uno_auc", f"{early:.10g}")]
    defined = [uno_auc_of(part, early) for _, part in weighted.groupby(level=["repeat", "fold"])]
    assert 4 <= np.isfinite(defined).sum() < 8
    assert f"{np.isfinite(defined).sum()} of 8 folds" in row["method"]
    assert row["value"] == pytest.approx(np.nanmean(defined))


def test_equal_risks_share_a_group():
    assert risk_groups(np.zeros(6)).tolist() == [0] * 6
    assert np.bincount(risk_groups(np.arange(9.0))).tolist() == [3, 3, 3]
