"""What scikit-learn asks of every estimator, asked of those that structured targets keep from its checks."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import hybridrad as hr
from tests.models.test_outcome_models import outcome_table

TWO = ["radiomics", "deep"]
MODELS = [
    hr.BlockSurvival("radiomics"),
    hr.ConcatSurvival(TWO),
    hr.EarlySurvival(TWO),
    hr.LateSurvival(TWO),
    hr.HedgedSurvival(TWO, n_bootstrap=5),
    hr.PrioritySurvival(TWO),
    hr.BlockPenaltySurvival(TWO, factors=(1.0, 64.0)),
    hr.BlockChoiceSurvival(TWO),
    hr.TunedElasticNetSurvival(strength=(0.5, 0.1)),
    hr.TunedBoostedSurvival(n_estimators=(5, 10)),
    hr.BlockSurvival("deep", estimator=hr.BoostedSurvival(objective="aft", n_estimators=5)),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: type(model).__name__)
def model(request):
    return request.param


def test_a_fit_leaves_parameters_and_data_alone_and_is_the_same_again(model):
    X, y, patient = outcome_table("survival")
    before, targets, words = X.copy(), y.copy(), repr(model.get_params())
    one, other = (clone(model).fit(X, y, groups=patient) for _ in range(2))
    assert X.equals(before)
    np.testing.assert_array_equal(y, targets)
    assert repr(one.get_params()) == words
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - made a line above
    np.testing.assert_array_equal(again.predict(X), one.predict(X))


def test_a_prediction_does_not_depend_on_the_company_it_comes_in(model):
    X, y, patient = outcome_table("survival")
    fitted = clone(model).fit(X, y, groups=patient)
    alone = np.concatenate([fitted.predict(X.iloc[[i]]) for i in range(5)])
    np.testing.assert_allclose(alone, fitted.predict(X)[:5], atol=1e-9)


def test_what_cannot_be_predicted_or_learned_from_is_refused(model):
    X, y, _ = outcome_table("survival")
    with pytest.raises(NotFittedError):
        clone(model).predict(X)
    fitted = clone(model).fit(X, y)
    with pytest.raises(ValueError, match="feature"):
        fitted.predict(X.iloc[:, :-1])
    with pytest.raises(ValueError, match="structured array"):
        clone(model).fit(X, y["time"])
    with pytest.raises(ValueError, match="requires y"):
        clone(model).fit(X, None)
