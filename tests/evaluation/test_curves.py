from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from hybridrad.evaluation.curves import calibration_curves, mean_curve, roc_curves, roc_points
from hybridrad.evaluation.metrics import roc_auc
from tests.evaluation.made_up import study


def test_points_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, s = rng.binomial(1, 0.5, 40), rng.integers(0, 9, 40)
    fpr, tpr = roc_points(y, s)
    theirs = roc_curve(y, s, drop_intermediate=False)
    assert np.allclose(fpr, theirs[0])
    assert np.allclose(tpr, theirs[1])
    assert np.trapezoid(tpr, fpr) == pytest.approx(roc_auc(y, s))


def test_there_is_a_curve_for_every_model_and_repeat():
    predictions, _ = study(models=("a", "b"), repeats=2)
    curves = roc_curves(predictions)
    assert set(curves.index.droplevel("fpr")) == {(m, r) for m in "ab" for r in (0, 1)}
    assert curves["tpr"].groupby(level=["model", "repeat"]).apply(lambda c: c.is_monotonic_increasing).all()
    assert (curves.xs(1.0, level="fpr")["tpr"] == 1.0).all()


def test_calibration_curves_do_not_reach_beyond_the_predictions():
    predictions, _ = study(models=("a",), repeats=1)
    curve = calibration_curves(predictions).loc[("a", 0), "observed"]
    lowest, highest = predictions["y_score"].min(), predictions["y_score"].max()
    assert curve[(curve.index < lowest) | (curve.index > highest)].isna().all()
    assert curve.dropna().between(0, 1).all()


def test_the_mean_curve_lies_between_the_repeats():
    predictions, _ = study(models=("a",), repeats=2)
    table = mean_curve(roc_curves(predictions))
    assert (table["low"] <= table["mean"]).all()
    assert (table["mean"] <= table["high"]).all()
    assert table.index.names == ["model", "fpr"]
