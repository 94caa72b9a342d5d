from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.evaluation.labels_seen import steps_with_labels
from hybridrad.evaluation.nested import evaluate
from hybridrad.evaluation.routing import fit_by_patient, prepared
from hybridrad.evaluation.thresholds import threshold_at_sensitivity
from hybridrad.splits import inner_splits, make_splits
from tests.evaluation.arms import Grouped

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 8)), columns=[f"x__{i}" for i in range(8)])
Y, PATIENTS = np.arange(60) % 2, np.arange(60)


class Centred(TransformerMixin, BaseEstimator):
    """Wants the patients by its signature, and keeps how many there are."""

    __metadata_request__fit = {"groups": True}  # noqa: RUF012  read by scikit-learn from the class

    def fit(self, X, y=None, groups=None):
        self.mean_, self.n_ = np.mean(X, axis=0), len(set(groups))
        return self

    def transform(self, X):
        return X - self.mean_


BLIND = [StandardScaler(), VarianceThreshold(), SimpleImputer(), hr.RedundancyFilter(), Centred(), "passthrough"]
SEEING = [
    hr.RelevanceFilter(n_columns=2),
    hr.MRMRFilter(n_columns=2),
    SelectKBest(k=2),
    SelectFromModel(LogisticRegression()),
    FeatureUnion([("all", StandardScaler()), ("best", SelectKBest(k=2))]),
    TargetEncoder(),
]


@pytest.mark.parametrize("step", BLIND, ids=str)
def test_a_step_that_does_not_learn_from_labels_is_not_named(step):
    model = fit_by_patient(make_pipeline(step, Grouped()), X, Y, PATIENTS)
    assert steps_with_labels(model, X, Y, PATIENTS) == []


@pytest.mark.parametrize("step", SEEING, ids=lambda step: type(step).__name__)
def test_a_step_that_learns_from_labels_is_named_whether_it_says_so_or_not(step):
    model = make_pipeline(StandardScaler(), step, LogisticRegression()).fit(X, Y)
    assert steps_with_labels(model, X, Y, PATIENTS) == [type(step).__name__.lower()]


def test_pipelines_in_pipelines_and_searches_are_opened():
    inner = make_pipeline(SelectKBest(k=2), LogisticRegression())
    search = GridSearchCV(make_pipeline(StandardScaler(), inner), {"pipeline__selectkbest__k": [2, 3]}, cv=2)
    assert steps_with_labels(search.fit(X, Y), X, Y, PATIENTS) == ["selectkbest"]
    assert steps_with_labels(LogisticRegression().fit(X, Y), X, Y, PATIENTS) == []


def noise(n_columns=600, n_patients=80, *, seed=0):
    rng = np.random.default_rng(seed)
    ids = [f"c{i:03d}" for i in range(n_patients)]
    columns = [f"radiomics__f{i:03d}" for i in range(n_columns)]
    return pd.DataFrame(rng.normal(size=(n_patients, n_columns)), index=pd.Index(ids, name="case_id"), columns=columns)


def filtered(n_columns=10):
    return make_pipeline(
        hr.RelevanceFilter(n_columns=n_columns).set_output(transform="pandas"), hr.BlockModel("radiomics")
    )


def evaluated(arm, table, y):
    patients = np.arange(len(y)).astype(str)
    splits = make_splits(y, patients, n_folds=3, repeats=1, random_state=0, case_id=table.index)
    return evaluate({"arm": arm}, table, y, patients, splits, inner=3, random_state=0)


def test_a_filter_outside_does_not_spoil_the_threshold():
    found, y = [], np.arange(80) % 2
    for seed in range(3):
        predictions = evaluated(filtered(), noise(seed=seed), y).predictions
        positive = predictions[predictions["y_true"] == 1]
        found.append(float((positive["y_score"] >= positive["threshold"]).mean()))
    # At a target of 0.9; with thresholds from scores whose labels the filter had seen it is 0.5.
    assert np.mean(found) > 0.8


def test_the_threshold_is_that_of_inner_folds_of_the_whole_pipeline():
    table, y = noise(60), np.arange(80) % 2
    patients = np.arange(80).astype(str)
    splits = make_splits(y, patients, n_folds=3, repeats=1, random_state=0, case_id=table.index)
    result = evaluate({"arm": filtered()}, table, y, patients, splits, inner=3, random_state=0)
    assert result.warnings["type"].tolist() == ["LabelsSeenWarning"] * 3
    assert result.warnings["message"].str.startswith("Step relevancefilter saw the labels").all()
    train = np.flatnonzero(splits.loc[(0, 0)]["role"] == "train")
    scores = np.empty(len(train))
    for known, new in inner_splits(y[train], patients[train], n_folds=3, random_state=0):
        arm = fit_by_patient(
            prepared(filtered(), inner=3, random_state=0),
            table.iloc[train[known]],
            y[train[known]],
            patients[train[known]],
        )
        scores[new] = arm.predict_proba(table.iloc[train[new]])[:, 1]
    wanted = threshold_at_sensitivity(y[train], scores, sensitivity=0.9)
    assert result.predictions.loc[("arm", 0, 0), "threshold"].unique() == pytest.approx([wanted])


def test_steps_that_do_not_see_labels_leave_the_threshold_and_say_nothing():
    table, y = noise(20), np.arange(80) % 2
    blind = make_pipeline(hr.RedundancyFilter().set_output(transform="pandas"), hr.BlockModel("radiomics"))
    through, alone = (evaluated(arm, table, y) for arm in (blind, hr.BlockModel("radiomics")))
    assert through.warnings.empty
    pd.testing.assert_frame_equal(through.predictions, alone.predictions, check_exact=False, atol=1e-9)


def test_a_study_has_a_finding_that_says_what_to_do():
    table = noise(30, 60)
    frame = pd.DataFrame({"case_id": table.index, "patient_id": table.index, "label": np.arange(60) % 2})
    inside = hr.BlockModel(
        "radiomics", estimator=make_pipeline(hr.RelevanceFilter(n_columns=5), hr.BlockModel({"kept": slice(None)}))
    )
    study = hr.compare_models(
        {"outside": filtered(5), "inside": inside},
        table,
        cohort_from_frame(frame, images=False),
        cv=hr.NestedCV(3, 1, 3),
        baseline="outside",
    )
    seen = study.findings.xs("W_LABELS_SEEN", level="code")
    assert seen["stage"].tolist() == ["outside"]
    assert seen["message"].iloc[0].startswith("outside, in 3 folds: Step relevancefilter saw the labels")
    assert "BlockModel(block, estimator=make_pipeline(step, model))" in seen["message"].iloc[0]
    assert set(seen["severity"]) == {"warning"}
