from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.evaluation.routing import class_probabilities, fit_by_patient, innermost, prepared, takes_groups
from hybridrad.models.block_model import BlockModel
from hybridrad.models.hedge import HedgedFusion
from tests.evaluation.arms import Drawing, Grouped, Plain, Unrequested

X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), columns=["x__0", "x__1"])
Y, PATIENTS = np.tile([0, 1], 6), np.repeat(list("abcdef"), 2)


@pytest.mark.parametrize(
    ("estimator", "wanted"),
    [
        (LogisticRegression(), False),
        (make_pipeline(StandardScaler(), LogisticRegression()), False),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2), False),
        (Grouped(), True),
        (Unrequested(), True),
        (make_pipeline(StandardScaler(), Grouped()), True),
        (make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Grouped())), True),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2)), True),
        (GridSearchCV(Grouped(), {"inner": [2, 3]}, cv=GroupKFold(2)), True),
        (make_pipeline(StandardScaler(), GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=GroupKFold(2))), True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_patients_are_passed_where_they_are_wanted_and_nowhere_else(estimator, wanted):
    assert takes_groups(estimator) is wanted
    assert fit_by_patient(estimator, X, Y, PATIENTS) is estimator
    inside = innermost(estimator)
    if isinstance(inside, Grouped | Unrequested):
        assert list(inside.groups_) == list(PATIENTS)


def test_a_search_by_patient_hands_patients_to_the_splitter():
    search = GridSearchCV(LogisticRegression(), {"C": [1.0, 0.1]}, cv=GroupKFold(3))
    assert set(fit_by_patient(search, X, Y, PATIENTS).best_params_) == {"C"}


def test_a_request_that_was_switched_off_is_respected():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        arm = Grouped().set_fit_request(groups=False)
    assert not takes_groups(arm)
    assert fit_by_patient(arm, X, Y, PATIENTS).groups_ is None


def test_routing_is_left_as_it_was():
    import sklearn

    before = sklearn.get_config()["enable_metadata_routing"]
    fit_by_patient(Grouped(), X, Y, PATIENTS)
    assert sklearn.get_config()["enable_metadata_routing"] == before


def test_settings_reach_nested_estimators_and_leave_the_original_alone():
    arm = CalibratedClassifierCV(make_pipeline(StandardScaler(), Plain(inner=9)))
    copy = prepared(arm, inner=4, random_state=11)
    assert copy.estimator[-1].get_params() == {"inner": 4, "random_state": 11}
    assert arm.estimator[-1].inner == 9


def test_settings_reach_the_estimators_of_single_blocks():
    member = make_pipeline(StandardScaler(), Plain(inner=9, random_state=3))
    arm = HedgedFusion(["a", "b"], estimators={"a": member, "b": Drawing()})
    copy = prepared(make_pipeline(StandardScaler(), arm), inner=4, random_state=11)[-1]
    assert copy.estimators["a"][-1].get_params() == {"inner": 4, "random_state": 11}
    assert copy.estimators["b"].random_state == 11
    assert (member[-1].inner, member[-1].random_state) == (9, 3)
    alone = prepared(BlockModel("a", estimator=member), inner=4, random_state=11)
    assert joblib.hash(alone.estimator) == joblib.hash(copy.estimators["a"])


def test_arms_are_held_to_one_job():
    assert prepared(RandomForestClassifier(n_jobs=-1), inner=4, random_state=0).n_jobs == 1


def test_chance_comes_from_the_seed_of_the_run():
    arms = [prepared(Drawing(random_state=seed), inner=4, random_state=5).fit(X, Y) for seed in (1, None)]
    first, second = (class_probabilities(arm, X, 2) for arm in arms)
    assert np.array_equal(first, second)


def test_a_class_absent_from_training_gets_probability_zero():
    table = class_probabilities(LogisticRegression().fit(X, 2 * Y), X, 3)
    assert (table[:, 1] == 0).all()
    assert np.allclose(table.sum(axis=1), 1.0)


def test_scores_that_are_no_probabilities_are_refused():
    class Margins(Plain):
        def predict_proba(self, X):
            return np.column_stack([np.zeros(len(X)), 3 * np.ones(len(X))])

    with pytest.raises(ValueError, match="sum to 1"):
        class_probabilities(Margins().fit(X, Y), X, 2)
