from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from hybridrad.evaluation.calibration import calibration
from hybridrad.evaluation.metrics import (
    POOLED,
    aggregate_to_patients,
    average_precision,
    brier,
    fold_scores,
    log_loss,
    metric_names,
    roc_auc,
)
from tests.evaluation.made_up import study


def auc_by_counting_pairs(y, s):
    pairs = [(a > b) + 0.5 * (a == b) for a in s[y == 1] for b in s[y == 0]]
    return np.mean(pairs)


def test_auc_counts_pairs_and_ties_as_half():
    rng = np.random.default_rng(0)
    y, s = rng.binomial(1, 0.4, 50), rng.integers(0, 8, 50)
    assert roc_auc(y, s) == pytest.approx(auc_by_counting_pairs(y, s), rel=1e-12)


def test_plain_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(1)
    y, p = rng.binomial(1, 0.3, 60), rng.uniform(size=60)
    assert average_precision(y, p) == pytest.approx(average_precision_score(y, p))
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p))
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p))


def test_several_classes_are_averaged_one_against_the_rest():
    rng = np.random.default_rng(2)
    y, p = np.arange(30) % 3, rng.dirichlet([1, 1, 1], 30)
    assert roc_auc(y, p) == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))
    assert log_loss(y, p) == pytest.approx(sklearn_log_loss(y, p))
    of_class = [average_precision_score(y == k, p[:, k]) for k in range(3)]
    assert average_precision(y, p) == pytest.approx(np.mean(of_class))
    assert brier(y, p) == pytest.approx(((p - np.eye(3)[y]) ** 2).sum(axis=1).mean())


def test_an_absent_class_leaves_the_auc_undefined():
    assert np.isnan(roc_auc([1, 1], [0.2, 0.3]))


def test_every_metric_has_a_row_for_every_fold():
    predictions, splits = study()
    scores = fold_scores(predictions, splits).sort_index()
    assert set(scores.index.unique("metric")) == set(metric_names(predictions))
    assert len(scores.loc[("a", "roc_auc")]) == 8
    assert scores["value"].notna().all()


def test_scores_are_made_per_fold_and_count_patients():
    predictions, splits = study()
    scores = fold_scores(predictions, splits, metrics=["roc_auc", "sensitivity"])
    part = predictions.loc[("a", 1, 2)]
    row = scores.loc[("a", "roc_auc", 1, 2)]
    assert row["value"] == pytest.approx(roc_auc(part["y_true"], part["y_score"]))
    assert row["n_test_patients"] == part["patient_id"].nunique() == 10
    assert row["n_train_patients"] == 30
    positives = part[part["y_true"] == 1]
    assert scores.loc[("a", "sensitivity", 1, 2), "value"] == (positives["y_score"] >= 0.45).mean()


def test_calibration_is_made_per_repeat_on_pooled_folds():
    predictions, splits = study()
    scores = fold_scores(predictions, splits, metrics=["calibration_slope"])
    assert set(scores.index.unique("fold")) == {POOLED}
    of_repeat = predictions.loc["a"].loc[1]
    slope = calibration(of_repeat["y_true"], of_repeat["y_score"]).slope
    assert scores.loc[("a", "calibration_slope", 1, POOLED), "value"] == pytest.approx(slope)


def test_a_fold_without_predictions_is_nan_and_not_left_out():
    predictions, splits = study()
    index = predictions.index
    failed = (index.get_level_values("model") == "a") & (index.get_level_values("fold") == 2)
    scores = fold_scores(predictions[~failed], splits, models=["a", "b", "c"]).sort_index()
    assert scores.loc[("a", "roc_auc"), "value"].isna().sum() == 2
    assert scores.loc[("a", "calibration_slope"), "value"].isna().all()
    assert scores.loc["b", "value"].notna().all()
    assert scores.loc["c", "value"].isna().all()


def test_patient_scores_have_the_same_patients_per_fold():
    predictions, splits = study()
    patients = aggregate_to_patients(predictions, "mean")
    scores = fold_scores(patients, splits, metrics=["roc_auc"])
    assert (scores["n_test_patients"] == 10).all()
    assert (scores["n_train_patients"] == 30).all()


def test_three_classes_have_the_metrics_that_are_defined_for_them():
    predictions, splits = study()
    three = predictions.drop(columns=["y_score", "threshold"]).assign(y_score_0=0.2, y_score_1=0.3, y_score_2=0.5)
    assert metric_names(three) == ["roc_auc", "average_precision", "brier", "log_loss"]
    with pytest.raises(ValueError, match="sensitivity"):
        fold_scores(three, splits, metrics=["sensitivity"])
