from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad._checks import IMPORTANCE_COLUMNS
from hybridrad.evaluation.nested import NestedCV, evaluate
from hybridrad.explain import block_shares, contributions, fold_contributions, importance_table

COLUMNS = ["deep__0", "deep__1", "radiomics__a", "size__volume_ml"]


def cohort(n=60, *, classes=2, seed=0):
    """The outcome follows radiomics__a upwards and deep__1 downwards; the other two columns are noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    ids = pd.Index([f"c{i:03d}" for i in range(n)], name="case_id")
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=COLUMNS, index=ids)
    X["radiomics__a"] += 1.5 * y
    X["deep__1"] -= 1.0 * y
    return X, y


def xgboost_model(**options):
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=20, max_depth=2, n_jobs=1, random_state=0, **options)


def constant(values):
    return np.ptp(values, axis=0).max()


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(SimpleImputer(), StandardScaler(), SelectKBest(k=2), LogisticRegression()),
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=2
        ),
    ],
    ids=["bare", "scaled", "selected", "searched"],
)
def test_contributions_of_linear_models_add_up_to_the_logit(model):
    X, y = cohort()
    found = contributions(model.fit(X, y), X)
    assert found.shape == X.shape
    assert constant(model.decision_function(X) - found.sum(axis=1)) < 1e-9


def test_behind_a_scaler_the_reference_is_the_training_mean():
    X, y = cohort()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    few = X.iloc[:7]
    expected = model[-1].intercept_[0]
    assert np.allclose(contributions(model, few).sum(axis=1) + expected, model.decision_function(few))


def test_columns_that_are_dropped_on_the_way_contribute_nothing():
    X, y = cohort()
    model = make_pipeline(SelectKBest(k=2), LogisticRegression()).fit(X, y)
    assert (contributions(model, X)[:, [0, 3]] == 0).all()
    assert (np.abs(contributions(model, X)[:, [1, 2]]).mean(axis=0) > 0.1).all()


@pytest.mark.parametrize("piped", [False, True])
def test_contributions_of_trees_add_up_to_the_margin(piped):
    X, y = cohort()
    model = make_pipeline(StandardScaler(), xgboost_model()) if piped else xgboost_model()
    model.fit(X, y)
    found = contributions(model, X)
    p = model.predict_proba(X)[:, 1]
    assert constant(np.log(p / (1 - p)) - found.sum(axis=1)) < 1e-4


def test_contributions_of_trees_hold_within_a_block_model():
    from hybridrad.models.block_model import BlockModel

    X, y = cohort()
    model = BlockModel("deep", estimator=xgboost_model()).fit(X, y, groups=np.arange(60))
    found = contributions(model, X)
    assert (found[:, 2:] == 0).all()
    assert constant(model.decision_function(X) - found.sum(axis=1)) < 1e-4


@pytest.mark.parametrize("model", ["linear", "trees"])
def test_with_three_classes_there_is_one_decomposition_per_class(model):
    X, y = cohort(classes=3)
    fitted = (LogisticRegression() if model == "linear" else xgboost_model()).fit(X, y)
    found = contributions(fitted, X)
    assert found.shape == (60, 4, 3)
    logit = np.log(fitted.predict_proba(X))
    logit -= logit.mean(axis=1, keepdims=True)
    assert constant(logit - found.sum(axis=1)) < 1e-4


def test_early_stopped_trees_are_explained_as_they_predict():
    X, y = cohort(120)
    model = xgboost_model(early_stopping_rounds=2, learning_rate=1.0)
    model.fit(X[:60], y[:60], eval_set=[(X[60:], y[60:])], verbose=False)
    p = model.predict_proba(X)[:, 1]
    assert model.best_iteration < 19
    assert constant(np.log(p / (1 - p)) - contributions(model, X).sum(axis=1)) < 1e-4


@pytest.mark.parametrize(
    "model",
    [GaussianNB(), RandomForestClassifier(5, random_state=0), make_pipeline(PCA(2), LogisticRegression())],
    ids=["bayes", "forest", "pca"],
)
def test_what_cannot_be_explained_exactly_is_not_explained(model):
    X, y = cohort()
    model.fit(X, y)
    assert fold_contributions("arm", model, X) is None
    with pytest.raises(NotImplementedError, match=r"no exact|makes new columns"):
        contributions(model, X)


def test_own_values_of_a_model_are_taken():
    class Own:
        def shap_values(self, X):
            return np.full(np.shape(X), 2.0)

    assert (contributions(Own(), cohort()[0]) == 2.0).all()


def explained(models, *, classes=2, repeats=2):
    X, y = cohort(classes=classes)
    groups = X.index.to_numpy()
    splits = NestedCV(outer=3, repeats=repeats).splits(y, groups, X.index, 0)
    result = evaluate(models, X, y, groups, splits, after_fit=fold_contributions, threshold=None)
    assert result.failures.empty
    return result, X, *importance_table(result.extras, X, splits)


def test_signal_is_above_noise_and_its_direction_is_right():
    *_, importance, _ = explained({"lr": make_pipeline(StandardScaler(), LogisticRegression())})
    assert list(importance.columns) == IMPORTANCE_COLUMNS
    rows = importance.loc["lr"]
    assert set(rows["mean_abs_shap"].nlargest(2).index) == {"radiomics__a", "deep__1"}
    assert rows.loc["radiomics__a", "direction"] == "+"
    assert rows.loc["deep__1", "direction"] == "-"
    assert rows["block"].tolist() == ["deep", "deep", "radiomics", "size"]
    assert (rows["folds_selected"] == 6).all()


def test_a_feature_is_counted_only_in_folds_that_use_it():
    *_, importance, _ = explained({"two": make_pipeline(SelectKBest(k=2), LogisticRegression())})
    folds = importance.loc["two", "folds_selected"]
    assert folds["radiomics__a"] == 6
    assert folds.sum() == 12


def test_case_values_are_averages_over_repeats_of_out_of_fold_values():
    result, X, importance, cases = explained({"lr": LogisticRegression()})
    case = X.index[5]
    values = []
    for (_, repeat, fold), array in result.extras.items():
        tested = result.predictions.loc[("lr", repeat, fold)].index
        if case in tested:
            values.append(array[list(tested).index(case)])
    assert len(values) == 2
    assert np.allclose(cases.loc[("lr", case)], np.mean(values, axis=0))
    assert np.allclose(importance["mean_abs_shap"], cases.abs().mean(), atol=1e-7)


def test_models_that_were_not_explained_are_absent():
    *_, importance, cases = explained({"lr": LogisticRegression(), "bayes": GaussianNB()})
    assert importance.index.unique("model").tolist() == cases.index.unique("model").tolist() == ["lr"]
    *_, importance, cases = explained({"bayes": GaussianNB()})
    assert importance.empty
    assert cases.empty


def test_blocks_a_model_does_not_use_are_left_out():
    from hybridrad.models.block_model import BlockModel

    *_, importance, cases = explained({"deep": BlockModel("deep")}, repeats=1)
    assert importance["block"].unique().tolist() == ["deep"]
    assert block_shares(cases)["share"].to_dict() == {("deep", "deep"): 1.0}


def test_block_shares_sum_to_one_and_follow_the_signal():
    *_, cases = explained({"lr": make_pipeline(StandardScaler(), LogisticRegression())})
    shares = block_shares(cases)["share"].loc["lr"]
    assert shares.sum() == pytest.approx(1.0)
    assert shares.idxmax() == "radiomics"
    assert shares.idxmin() == "size"


def test_shares_are_found_when_models_are_named_after_blocks():
    names = {"deep": LogisticRegression(), "size": LogisticRegression(), "radiomics": LogisticRegression()}
    *_, cases = explained(names, repeats=1)
    shares = block_shares(cases)["share"]
    assert shares.groupby(level="model").sum().tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert shares.loc["size"].to_dict() == pytest.approx(shares.loc["deep"].to_dict())


def test_three_classes_have_values_per_class_and_no_direction():
    *_, importance, cases = explained({"lr": LogisticRegression()}, classes=3)
    assert cases.index.names == ["model", "case_id", "class"]
    assert (importance["direction"] == "").all()
    assert block_shares(cases)["share"].sum() == pytest.approx(1.0)
    assert importance.loc["lr", "mean_abs_shap"].idxmax() == "radiomics__a"


def test_text_columns_have_no_direction():
    X = pd.DataFrame({"clinical__sex": ["f", "m", None, "f"]}, index=pd.Index(list("abcd"), name="case_id"))
    keys = [(0, 0, "a"), (0, 0, "b"), (0, 1, "c"), (0, 1, "d")]
    index = pd.MultiIndex.from_tuples(keys, names=["repeat", "fold", "case_id"])
    extras = {("clinical", 0, fold): np.array([[0.2], [-0.1]]) for fold in (0, 1)}
    importance, _ = importance_table(extras, X, pd.DataFrame({"role": "test"}, index=index))
    assert importance.loc[("clinical", "clinical__sex"), "direction"] == ""


def test_contributions_of_another_shape_than_the_fold_are_refused():
    X, y = cohort()
    splits = NestedCV(outer=3, repeats=1).splits(y, X.index, X.index, 0)
    with pytest.raises(ValueError, match="repeat 0, fold 1"):
        importance_table({("a", 0, 1): np.zeros((3, 4))}, X, splits)
