"""Paths of settings against the plain way: every setting a Pipeline of its own, fitted from scratch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from xgboost import XGBClassifier

from hybridrad.models.block_model import BlockModel
from hybridrad.models.case_classifier import Cases
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.memo import shared_fits
from hybridrad.models.relevance import RelevanceFilter
from hybridrad.models.skewness import SkewnessTransform
from hybridrad.models.tuned_boosted import TunedBoostedTrees
from hybridrad.models.tuned_forest import TunedForest
from hybridrad.models.tuned_model import TunedModel
from hybridrad.models.tuned_svm import TunedSVM
from hybridrad.splits import inner_splits

N_COLUMNS = 12
TIGHT = 1e-12  # libsvm's usual 1e-3 would hide what the kernels differ in


def plain_pipeline(model):
    steps = (RelevanceFilter(n_columns=N_COLUMNS), SkewnessTransform(), VarianceThreshold(), StandardScaler())
    return make_pipeline(*steps, model)


def plain_svm(setting):
    gamma = "scale" if setting["kernel"] == "linear" else setting["gamma"] / N_COLUMNS
    return SVC(kernel=setting["kernel"], C=setting["C"], gamma=gamma, tol=TIGHT)


def plain_forest(setting):
    return RandomForestClassifier(random_state=3, **setting)


def plain_extra(setting):
    return ExtraTreesClassifier(random_state=3, **setting)


def plain_boosted(setting):
    common = {"subsample": 0.7, "colsample_bytree": 0.5, "min_child_weight": 3.0, "reg_lambda": 5.0}
    return XGBClassifier(tree_method="hist", max_bin=32, random_state=3, n_jobs=1, **common, **setting)


PATHS = {
    "svm": (TunedSVM(n_columns=N_COLUMNS, tol=TIGHT), plain_svm),
    "forest": (TunedForest(n_columns=N_COLUMNS, n_estimators=(5, 10, 15), min_samples_leaf=(1, 5)), plain_forest),
    "extra": (TunedForest(kind="extra", n_columns=N_COLUMNS, n_estimators=(5, 10), min_samples_leaf=(3,)), plain_extra),
    "boosted": (TunedBoostedTrees(n_columns=N_COLUMNS, n_estimators=(5, 10, 20)), plain_boosted),
}


def own_scores(fitted, X):
    if isinstance(fitted[-1], SVC):
        return fitted.decision_function(X)
    if isinstance(fitted[-1], XGBClassifier):
        return fitted.predict(X, output_margin=True)
    return fitted.predict_proba(X)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", PATHS)
def test_every_setting_scores_as_if_fitted_alone(kind, classes, make_table):
    X, y, groups = make_table(n_classes=classes)
    X = X.to_numpy()
    model, plain = PATHS[kind]
    model = clone(model).set_params(random_state=3)
    training = model._start(X, y, groups, blocks={"all": slice(None)})
    test = Cases(X[::-1] * 1.1, X[::-1] * 1.1)
    fitted = model.fit_settings(training, model.settings())
    path = fitted.probabilities(test) if "forest" in kind or "extra" in kind else fitted.scores(test)
    for setting, ours in zip(model.settings(), path, strict=True):
        theirs = own_scores(plain_pipeline(plain(setting)).fit(X, y), test.values)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", ["forest", "boosted"])
def test_the_inner_folds_see_what_a_grid_search_sees(kind, table):
    X, y, groups = table
    model, plain = PATHS[kind]
    model = clone(model).set_params(random_state=3).fit(X, y, groups=groups)
    fold_of = np.empty(len(y), dtype=int)
    folds = inner_splits(y, groups, n_folds=4, random_state=3)
    for k, (_, test) in enumerate(folds):
        fold_of[test] = k
    last = plain_pipeline(plain({})).steps[-1][0]
    grid = [{f"{last}__{name}": [value] for name, value in setting.items()} for setting in model.settings()]
    search = GridSearchCV(plain_pipeline(plain({})), grid, cv=PredefinedSplit(fold_of), scoring="neg_log_loss")
    search.fit(X.to_numpy(), y)
    fitted = [model.fit_settings(_part(model, X, y, groups, train), model.settings()) for train, _ in folds]
    for k, (_, test) in enumerate(folds):
        cases = Cases(X.to_numpy()[test], X.to_numpy()[test])
        if kind == "forest":
            ours = fitted[k].probabilities(cases)[:, :, 1]
        else:
            ours = 1 / (1 + np.exp(-fitted[k].scores(cases)))
        ours = np.clip(ours, np.finfo(float).eps, 1 - np.finfo(float).eps)
        losses = -np.mean(np.where(y[test] == 1, np.log(ours), np.log(1 - ours)), axis=1)
        # XGBoost returns probabilities in single precision.
        np.testing.assert_allclose(losses, -search.cv_results_[f"split{k}_test_score"], rtol=1e-5)


def _part(model, X, y, groups, rows):
    return clone(model)._start(X.to_numpy()[rows], y[rows], groups[rows], blocks={"all": slice(None)})


def test_in_a_block_the_blocks_inner_folds_choose_and_calibrate(table):
    X, y, groups = table
    model = BlockModel("radiomics", estimator=TunedForest(n_estimators=(5, 20), min_samples_leaf=(1, 10)), inner=3)
    model.fit(X, y, groups=groups)
    assert model.fit_.inner_losses.shape == (4,)
    assert model.oof_loss_ == pytest.approx(model.fit_.inner_losses[model.fit_.chosen], abs=1e-12)
    assert model.oof_loss_ == model.fit_.inner_losses.min()
    assert model.predict_proba(X).shape == (len(y), 2)
    with pytest.raises(NotImplementedError):
        model.shap_values(X)


def test_settings_are_chosen_without_the_left_out_rows(table):
    X, y, groups = table
    path = TunedSVM().fit(X, y, groups=groups)
    folds = inner_splits(y, groups, n_folds=4, random_state=0)
    train, test = folds[0]
    changed = X.copy()
    changed.iloc[test] = changed.iloc[test] * 1e3 + 5.0
    other = TunedSVM().fit(changed, y, groups=groups)
    # Rows of other folds are predicted by models that saw the changed rows; those of this fold by models that did not.
    assert not np.allclose(path.oof_logits_, other.oof_logits_)
    part = _part(path, X, y, groups, train)
    again = _part(path, changed, y, groups, train)
    cases = Cases(X.to_numpy()[test], X.to_numpy()[test])
    np.testing.assert_array_equal(
        path.fit_settings(part, path.settings()).scores(cases), path.fit_settings(again, path.settings()).scores(cases)
    )


def test_contributions_of_boosted_trees_add_up_to_the_logit(table, three_classes):
    for X, y, groups in (table, three_classes):
        model = BlockModel("radiomics", estimator=TunedBoostedTrees(n_estimators=(10,))).fit(X, y, groups=groups)
        total = model.shap_values(X).sum(axis=1) + model.expected_logit_
        np.testing.assert_allclose(total, model.decision_function(X), atol=1e-9)
        assert not model.shap_values(X)[:, [c.startswith("deep") for c in X.columns]].any()


def test_margins_of_any_scale_become_calibrated_probabilities(make_table):
    X, y, groups = make_table(90, seed=4)
    model = TunedSVM(C=(), linear_C=(1e-4,)).fit(X, y, groups=groups)  # so weak that margins are small
    margins = model.fit_.fitted.scores(Cases(X.to_numpy(), X))[0]
    p = expit(model.oof_logits_)
    assert np.ptp(expit(margins)) < 0.4 < 0.8 < np.ptp(p)
    assert p.mean() == pytest.approx(y.mean(), abs=1e-6)


def test_tuned_models_of_a_block_share_their_designs(table):
    X, y, groups = table
    arms = [TunedSVM(), TunedForest(n_estimators=(5,)), TunedBoostedTrees(n_estimators=(5,))]
    alone = [BlockModel("deep", estimator=a).fit(X, y, groups=groups).oof_logits_ for a in arms]
    with shared_fits() as fits:
        together = [BlockModel("deep", estimator=a).fit(X, y, groups=groups).oof_logits_ for a in arms]
    assert fits.n_shared == 2 * 5  # two models take the designs of four inner folds and the refit from the first
    np.testing.assert_array_equal(alone, together)


def test_a_tuned_model_is_a_member_of_the_hedge(table):
    X, y, groups = table
    model = HedgedFusion(["radiomics", "deep"], estimators={"radiomics": TunedSVM()}, n_bootstrap=5)
    assert model.fit(X, y, groups=groups).score(X, y) > 0.7


def test_text_columns_are_encoded_for_tuned_models(clinical_table, table):
    _, y, groups = table
    model = BlockModel("clinical", estimator=TunedBoostedTrees(n_estimators=(10,))).fit(
        clinical_table, y, groups=groups
    )
    assert np.isfinite(model.decision_function(clinical_table)).all()


# ---- any estimator with a grid ----


def test_a_users_grid_is_chosen_by_log_loss_on_the_same_folds_as_a_grid_search(table):
    X, y, groups = table
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.001, 0.01, 0.1]}
    ours = TunedModel(pipeline, grid).fit(X, y, groups=groups)
    folds = inner_splits(y, groups, n_folds=4, random_state=0)
    search = GridSearchCV(pipeline, grid, cv=folds, scoring="neg_log_loss").fit(X, y)
    assert ours.setting_ == search.best_params_
    np.testing.assert_allclose(
        ours.fit_.fitted.scores(Cases(X.to_numpy(), X))[0], search.decision_function(X), atol=1e-10
    )


def test_a_users_grid_sees_the_table_and_the_patients(table):
    X, y, groups = table
    model = TunedModel(BlockModel("radiomics"), {"inner": [2, 3]})
    inside = BlockModel("radiomics", estimator=model).fit(X, y, groups=groups)
    assert isinstance(inside.fit_.fitted.estimators[0], BlockModel)
    assert inside.fit_.fitted.estimators[0].grouped_
    total = inside.shap_values(X).sum(axis=1) + inside.expected_logit_
    np.testing.assert_allclose(total, inside.decision_function(X), atol=1e-9)


def test_a_table_without_a_varying_column_is_refused(table):
    _, y, _ = table
    with pytest.raises(ValueError, match="no column varies"):
        TunedSVM().fit(pd.DataFrame({"a": np.ones(len(y))}), y)


def test_no_settings_are_refused(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="no settings"):
        TunedSVM(C=(), linear_C=()).fit(X, y)
