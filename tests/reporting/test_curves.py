from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

from hybridrad.reporting.curves import calibration_bins, calibration_curves, mean_roc, roc_curves, roc_points


@pytest.mark.parametrize("decimals", [1, 6])
def test_roc_points_agree_with_scikit_learn_with_and_without_ties(decimals):
    rng = np.random.default_rng(0)
    y_true, y_score = rng.integers(0, 2, 80), rng.random(80).round(decimals)
    fpr, tpr, _ = roc_curve(y_true, y_score, drop_intermediate=False)
    ours = roc_points(y_true, y_score)
    np.testing.assert_allclose(ours[0], fpr)
    np.testing.assert_allclose(ours[1], tpr)


def test_there_is_one_curve_for_each_repeat(study):
    assert len(roc_curves(study.predictions, "hedge")) == 3
    assert len(calibration_curves(study.predictions, "hedge")) == 3
    assert roc_curves(study.predictions, "no such arm") == []


def test_a_class_is_drawn_against_all_others(make_study):
    predictions = make_study(classes=3, repeats=1).predictions
    (fpr, tpr), *_ = roc_curves(predictions, "hedge", class_index=2)
    rows = predictions.xs("hedge", level="model")
    expected = roc_curve(rows["y_true"] == 2, rows["y_score_2"], drop_intermediate=False)
    np.testing.assert_allclose([fpr, tpr], expected[:2])


def test_a_repeat_with_one_class_has_no_curve(study):
    only = study.predictions[study.predictions["y_true"] == 1]
    assert roc_curves(only, "hedge") == []


def test_the_mean_curve_starts_in_the_corner_and_never_falls(study):
    fpr, tpr = mean_roc(roc_curves(study.predictions, "hedge"))
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert (np.diff(tpr) >= 0).all()


def test_calibration_bins_hold_every_case_once():
    y_true, y_score = np.array([0, 1, 0, 1, 1, 0, 1]), np.linspace(0.1, 0.9, 7)
    predicted, observed = calibration_bins(y_true, y_score, n_bins=7)
    np.testing.assert_allclose(predicted, y_score)
    np.testing.assert_allclose(observed, y_true)


def test_empty_predictions_give_no_curves(study):
    assert roc_curves(pd.DataFrame(study.predictions.iloc[:0]), "hedge") == []
