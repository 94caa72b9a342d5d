from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.task_predictions import predicted

X = pd.DataFrame({"size__volume_ml": [1.0, 2.0]})


def model(values, survival=None):
    fitted = SimpleNamespace(predict=lambda X: values)
    if survival is not None:
        fitted.predict_survival = lambda X, times: np.asarray(survival)
    return fitted


def ask(fitted, task="survival"):
    return predicted(fitted, X, task=task, n_classes=0, horizons=(1.0, 2.0))


def test_risk_comes_first_then_survival_at_each_horizon():
    assert ask(model([0.5, -0.5], [[0.9, 0.8], [0.7, 0.2]])).tolist() == [[0.5, 0.9, 0.8], [-0.5, 0.7, 0.2]]
    assert np.isnan(ask(model([0.5, -0.5]))[:, 1:]).all()
    assert ask(model([[3.0], [4.0]]), task="regression").tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize(
    ("fitted", "words"),
    [
        (model([1.0]), "predict has shape"),
        (model([1.0, np.inf]), "not finite for 1 cases"),
        (model([1.0, 2.0], [[0.5, 0.6], [0.5, 0.4]]), "rises with time"),
        (model([1.0, 2.0], [[1.5, 0.6], [0.5, 0.4]]), "outside 0"),
        (model([1.0, 2.0], [[0.5], [0.5]]), "predict_survival has shape"),
    ],
)
def test_predictions_that_cannot_be_are_refused(fitted, words):
    with pytest.raises(ValueError, match=words):
        ask(fitted)
