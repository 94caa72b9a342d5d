from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from hybridrad.models.block_model import BlockModel
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_logistic import log_loss
from hybridrad.models.ridge_path import PENALTIES
from hybridrad.splits import inner_splits


def test_it_is_the_slow_plain_procedure(table):
    X, y, groups = table
    model = BlockModel("radiomics").fit(X, y, groups=groups)
    values = X.filter(like="radiomics__").to_numpy()
    flags = {"categorical": np.zeros(8, bool), "log": np.zeros(8, bool)}
    oof = np.empty((len(PENALTIES), len(y)))
    for train, test in inner_splits(y, groups, n_folds=4, random_state=0):
        prepared = ColumnPreparation(**flags).fit(values[train])
        for i, penalty in enumerate(PENALTIES):
            ridge = LogisticRegression(C=penalty, tol=1e-12, solver="newton-cholesky")
            ridge.fit(prepared.scaled(values[train]), y[train])
            oof[i, test] = ridge.decision_function(prepared.scaled(values[test]))
    best = int(np.argmin([log_loss(one, y) for one in oof]))
    assert model.fit_.penalty == PENALTIES[best]
    np.testing.assert_allclose(model.oof_logits_, oof[best], atol=1e-6)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_add_up_and_are_those_of_the_shap_package(data, request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's colour maps are older than matplotlib's rules for them
        shap = pytest.importorskip("shap")
    X, y, groups = request.getfixturevalue(data)
    model = BlockModel("radiomics").fit(X, y, groups=groups)
    ours = model.shap_values(X)
    np.testing.assert_allclose(ours.sum(axis=1) + model.expected_logit_, model.decision_function(X), atol=1e-10)
    design = model.fit_.preparation.scaled(X.filter(like="radiomics__").to_numpy())
    coef, intercept = model.fit_.coef.T, model.fit_.intercept
    if y.max() == 1:
        coef, intercept = coef[0], intercept[0]
    background = shap.maskers.Independent(design, max_samples=len(design))
    theirs = shap.LinearExplainer((coef, intercept), background).shap_values(design)
    np.testing.assert_allclose(ours[:, 1:9], theirs, atol=1e-8)
    assert not np.delete(ours, range(1, 9), axis=1).any()


def test_clinical_columns_with_text_and_gaps_work(clinical_table, table):
    _, y, groups = table
    model = BlockModel("clinical").fit(clinical_table, y, groups=groups)
    new = clinical_table.iloc[:3].copy()
    new["clinical__sex"] = ["x", None, "m"]
    contributions = model.shap_values(new)
    np.testing.assert_allclose(contributions.sum(axis=1) + model.expected_logit_, model.decision_function(new))
    assert contributions[:, -1].any()
    with pytest.raises(ValueError, match="DataFrame"):
        model.predict(new.to_numpy())


@pytest.mark.parametrize("labels", [["007", "7"], ["malignant", "benign"], [False, True]])
def test_labels_stay_what_they_are(table, labels):
    X, y, groups = table
    model = BlockModel("radiomics").fit(X, np.array(labels)[y], groups=groups)
    assert set(model.predict(X)) == set(labels)
    assert list(model.classes_) == sorted(labels)
    positive = model.predict_proba(X)[:, 1] > 0.5
    assert (model.predict(X)[positive] == model.classes_[1]).all()


def test_the_mean_probability_follows_the_prevalence(table):
    X, y, groups = table
    rare = (y == 1) & (np.random.default_rng(0).random(len(y)) < 0.3)
    model = BlockModel("deep").fit(X, rare.astype(int), groups=groups)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx(rare.mean(), abs=1e-6)


def test_a_block_that_says_nothing_takes_the_strongest_penalty():
    X = np.zeros((40, 2))
    X[0, 0] = 1e-300
    model = BlockModel({"all": slice(None)}).fit(X, np.tile([0, 1], 20))
    assert model.fit_.penalty == PENALTIES[0]


def test_the_size_block_enters_by_its_logarithm(table):
    X, y, groups = table
    scaled = X.assign(size__volume_ml=X["size__volume_ml"] * 1000.0)
    in_ml, in_ul = (BlockModel("size").fit(t, y, groups=groups).decision_function(t) for t in (X, scaled))
    np.testing.assert_allclose(in_ml, in_ul, atol=1e-8)
    powered = X.assign(size__volume_ml=X["size__volume_ml"] ** 3)
    cubed = BlockModel("size").fit(powered, y, groups=groups).decision_function(powered)
    np.testing.assert_allclose(in_ml, cubed, atol=1e-8)


def test_another_estimator_is_calibrated_and_gets_the_table_as_it_is(clinical_table, table):
    _, y, groups = table

    def check(frame: pd.DataFrame) -> np.ndarray:
        assert frame.columns.tolist() == ["clinical__age", "clinical__sex"]
        return (frame["clinical__sex"] == "m").to_numpy(dtype=float)[:, None]

    own = make_pipeline(FunctionTransformer(check), DecisionTreeClassifier(random_state=0))
    model = BlockModel("clinical", estimator=own).fit(clinical_table, y, groups=groups)
    assert 0 < model.fit_.slope <= 1
    assert log_loss(model.oof_logits_, y) < 0.72
    with pytest.raises(NotImplementedError):
        model.shap_values(clinical_table)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_trees_explain_themselves_exactly(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = BlockModel("radiomics", estimator=BoostedTrees(n_estimators=20, n_columns=4)).fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)


def test_the_order_of_columns_in_a_block_changes_nothing(table):
    X, y, groups = table
    turned = X[X.columns[::-1]]
    for block in ("radiomics", "deep"):
        one = BlockModel(block).fit(X, y, groups=groups)
        other = BlockModel(block).fit(turned, y, groups=groups)
        np.testing.assert_allclose(one.decision_function(X), other.decision_function(turned), atol=1e-7)


def test_patients_are_routed_through_pipelines(table):
    X, y, groups = table
    with config_context(enable_metadata_routing=True):
        keep = FunctionTransformer().set_output(transform="pandas")
        pipeline = make_pipeline(keep, BlockModel("radiomics"))
        pipeline.fit(X, y, groups=groups)
        scores = cross_val_predict(
            pipeline, X, y, cv=GroupKFold(3), params={"groups": groups}, method="decision_function"
        )
    assert pipeline[-1].grouped_
    direct = BlockModel("radiomics").fit(X, y, groups=groups)
    np.testing.assert_array_equal(pipeline[-1].oof_logits_, direct.oof_logits_)
    assert np.isfinite(scores).all()


def test_a_fit_without_patients_says_so(table):
    X, y, _ = table
    assert BlockModel("radiomics").fit(X, y).grouped_ is False


def test_a_clone_fits_the_same_model(table):
    X, y, groups = table
    model = BlockModel("deep", inner=3, random_state=4).fit(X, y, groups=groups)
    again = clone(model).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.decision_function(X), again.decision_function(X))


@pytest.mark.parametrize(("block", "message"), [("dep", "Did you mean deep"), (["deep", "size"], "one block")])
def test_a_wrong_block_is_refused(table, block, message):
    X, y, _ = table
    with pytest.raises(ValueError, match=message):
        BlockModel(block).fit(X, y)
