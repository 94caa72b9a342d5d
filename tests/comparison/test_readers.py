from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.comparison.paired import paired_test
from hybridrad.comparison.readers import at_reader_points, graded, reader_comparison, reader_predictions
from hybridrad.errors import RunError
from hybridrad.evaluation.metrics import fold_scores
from tests.evaluation.made_up import study


@pytest.fixture(scope="module")
def made_up():
    path = Path(__file__).parents[1] / "evaluation" / "oracles" / "oracles.json"
    return json.loads(path.read_text(encoding="utf-8"))["made_up"]


def test_on_one_test_set_areas_and_their_difference_agree_with_proc(made_up):
    ids = pd.Index([f"c{i:03d}" for i in range(len(made_up["y"]))], name="case_id")
    index = pd.MultiIndex.from_product([["model"], [0], [0], ids], names=["model", "repeat", "fold", "case_id"])
    columns = {"patient_id": ids, "y_true": made_up["y"], "y_score": made_up["x2"]}
    splits = pd.DataFrame({"role": "test"}, index=index.droplevel("model"))
    splits.attrs = {"kind": "split"}
    table = reader_comparison(pd.DataFrame(columns, index=index), splits, pd.Series(made_up["grade"], index=ids))
    row, wanted = table.loc[("model", "reader", "roc_auc")], made_up["reader"]
    assert row["difference"] == pytest.approx(wanted["auc_model"] - wanted["auc_reader"])
    assert (row["low"], row["high"], row["p_value"]) == pytest.approx((-wanted["high"], -wanted["low"], wanted["p"]))
    assert row["method"] == "exploratory: DeLong's test"


def test_operating_points_of_the_reader_agree_with_proc(made_up):
    y, grade = np.array(made_up["y"]), graded(pd.Series(made_up["grade"]))
    table = at_reader_points(y, made_up["x2"], grade, np.arange(len(y)), n_draws=60)
    wanted = made_up["reader"]
    assert table["sensitivity"].tolist() == pytest.approx(wanted["sensitivity"][1:5])
    assert table["specificity"].tolist() == pytest.approx(wanted["specificity"][1:5])


def test_the_model_is_read_off_at_the_readers_sensitivity(made_up):
    y, score = np.array(made_up["y"]), np.array(made_up["x2"])
    table = at_reader_points(y, score, made_up["grade"], np.arange(len(y)), n_draws=60)
    for row in table.itertuples():
        best = max(
            np.mean(score[y == 0] < t)
            for t in np.unique(score)
            if np.mean(score[y == 1] >= t) >= row.sensitivity - 1e-9
        )
        assert row.model_specificity == pytest.approx(best)
        assert row.specificity_gain == pytest.approx(best - row.specificity)
        assert row.specificity_low <= row.specificity_gain <= row.specificity_high


def test_a_reader_compared_with_itself_gains_nothing(made_up):
    y, grade = np.array(made_up["y"]), np.array(made_up["grade"])
    table = at_reader_points(y, grade.astype(float), grade, np.arange(len(y)), n_draws=40)
    assert table[["specificity_gain", "sensitivity_gain"]].abs().to_numpy().max() == 0


def test_over_folds_the_reader_is_one_more_arm():
    predictions, splits = study(cases=1)
    y = predictions.loc["a"].droplevel(["repeat", "fold"])["y_true"]
    y = y[~y.index.duplicated()]
    readings = y + np.arange(len(y)) % 3
    table = reader_comparison(predictions, splits, readings)
    both = reader_predictions(predictions, readings)
    wanted, _ = paired_test(fold_scores(both, splits, metrics=["roc_auc"]), "a", "reader", "roc_auc")
    row = table.loc[("a", "reader", "roc_auc")]
    assert (row["difference"], row["p_value"]) == pytest.approx((wanted.difference, wanted.p_value))
    assert row["method"].startswith("exploratory: corrected paired t")


@pytest.mark.parametrize(
    ("readings", "order", "match"),
    [
        (["2", "4A"], None, "need an order"),
        (["2", "4D"], ["2", "3", "4A"], "'4D' is not in the order"),
        ([2, None], None, "1 cases have no reading"),
    ],
)
def test_readings_that_cannot_be_graded_are_refused(readings, order, match):
    with pytest.raises(RunError, match=match):
        graded(pd.Series(readings, index=["a", "b"]), order)


def test_a_case_without_reading_is_named():
    predictions, _ = study(cases=1)
    with pytest.raises(RunError, match="predicted cases have no reading"):
        reader_predictions(predictions, pd.Series({"c000": 2}))
