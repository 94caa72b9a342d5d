"""Paths of settings of values and of events in time against the plain way: every setting a model of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.linear_model import ElasticNet
from sklearn.svm import SVR

import hybridrad as hr
from hybridrad.models.case_model import Cases
from hybridrad.models.memo import shared_fits
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.settings_path import part_of
from hybridrad.models.survival.cox_elastic_net import elastic_net_cox_path
from tests.models.test_outcome_models import TASKS, model_of, outcome_table, quality

TIGHT = 1e-12  # libsvm's usual 1e-3 would hide what the kernels differ in
FEW = {"n_estimators": (5, 15), "max_depth": (2,)}
MODELS = {
    "svm": ("regression", hr.TunedSVMRegressor(tol=TIGHT)),
    "forest": ("regression", hr.TunedForestRegressor(n_estimators=(5, 10, 15), min_samples_leaf=(1, 5))),
    "extra": ("regression", hr.TunedForestRegressor(kind="extra", n_estimators=(5, 10), min_samples_leaf=(3,))),
    "net": ("regression", hr.TunedElasticNetRegressor()),
    "trees": ("regression", hr.TunedBoostedRegressor(**FEW)),
    "cox_net": ("survival", hr.TunedElasticNetSurvival(strength=(0.8, 0.3, 0.1))),
    "cox_trees": ("survival", hr.TunedBoostedSurvival(**FEW)),
}
SMALL = {
    "regression": hr.TunedForestRegressor(n_estimators=(5, 20), min_samples_leaf=(1, 10)),
    "survival": hr.TunedElasticNetSurvival(strength=(0.5, 0.1), l1_ratio=(0.5,)),
}
SUMS = {name: given for name, given in MODELS.items() if name not in ("svm", "forest", "extra")}


def grown(rows, new, rounds, setting, *, objective, labels, weight, ridge):
    options = {"subsample": 0.7, "colsample_bytree": 0.5, "min_child_weight": weight, "reg_lambda": ridge, "seed": 3}
    options |= {"tree_method": "hist", "max_bin": 32, "nthread": 1, "objective": objective}
    options |= {"base_score": 0.0 if objective.startswith("reg") else 1.0}
    booster = xgboost.train(options | setting, xgboost.DMatrix(rows, label=labels), num_boost_round=rounds)
    return booster.predict(xgboost.DMatrix(new), output_margin=True)


def plain(kind, setting, rows, y, new):
    """Return what one setting, fitted alone to prepared rows, predicts for others."""
    setting = dict(setting)
    if kind == "svm":
        gamma = "scale" if setting["kernel"] == "linear" else setting["gamma"] / rows.shape[1]
        machine = SVR(kernel=setting["kernel"], C=setting["C"], gamma=gamma, tol=TIGHT)
        return y.mean() + y.std() * machine.fit(rows, (y - y.mean()) / y.std()).predict(new)
    if kind in ("forest", "extra"):
        maker = {"forest": RandomForestRegressor, "extra": ExtraTreesRegressor}[kind]
        forest = maker(random_state=3, **setting).fit(rows, (y - y.mean()) / y.std())
        return y.mean() + y.std() * forest.predict(new)
    if kind == "net":
        unit = (y - y.mean()) / y.std()
        alpha = setting["strength"] * np.abs(rows.T @ unit).max() / setting["l1_ratio"] / len(y)
        net = ElasticNet(alpha=alpha, l1_ratio=setting["l1_ratio"], tol=1e-12, max_iter=1_000_000)
        return y.mean() + y.std() * net.fit(rows, unit).predict(new)
    if kind == "cox_net":
        residual = hr.BlockSurvival._outcome.signal(y)
        penalty = setting["strength"] * np.abs(rows.T @ residual).max() / setting["l1_ratio"]
        common = {"penalties": [penalty], "l1_ratio": setting["l1_ratio"]}
        return new @ elastic_net_cox_path(rows, y["event"], y["time"], **common)[0]
    rounds = setting.pop("n_estimators")
    if kind == "trees":
        labels = (y - y.mean()) / y.std()
        told = grown(rows, new, rounds, setting, objective="reg:squarederror", labels=labels, weight=12.0, ridge=20.0)
        return y.mean() + y.std() * told
    time = y["time"] / np.exp(np.log(y["time"]).mean())
    labels = np.where(y["event"], time, -time)
    return grown(rows, new, rounds, setting, objective="survival:cox", labels=labels, weight=3.0, ridge=5.0)


@pytest.mark.parametrize("kind", MODELS)
def test_every_setting_scores_as_if_fitted_alone(kind):
    task, model = MODELS[kind]
    X, y, patient = outcome_table(task)
    values, new = X.to_numpy(), X.to_numpy()[::-1] * 1.1
    model = clone(model).set_params(random_state=3)
    training = model._start(values, y, patient, blocks={"all": slice(None)})
    ours = model.fit_settings(training, model.settings()).scores(Cases(new, new))
    flags = np.zeros(values.shape[1], bool)
    prepared = ColumnPreparation(categorical=flags, log=flags).fit(values)
    for setting, told in zip(model.settings(), ours, strict=True):
        alone = plain(kind, setting, prepared.scaled(values), y, prepared.scaled(new))
        np.testing.assert_allclose(told, alone, rtol=1e-6, atol=1e-6 * np.std(alone) + 1e-9)


@pytest.mark.parametrize("kind", MODELS)
def test_the_chosen_setting_orders_new_patients_and_has_the_least_inner_loss(kind):
    task, model = MODELS[kind]
    X, y, patient = outcome_table(task, 80)
    new, truth, _ = outcome_table(task, 80, seed=7)
    fitted = clone(model).fit(X, y, groups=patient)
    assert quality(task, truth, fitted.predict(new)) > (0.4 if task == "regression" else 0.25)
    assert fitted.oof_loss_ == fitted.losses_["inner_loss"].min()
    assert fitted.oof_loss_ == pytest.approx(fitted._outcome.loss(fitted.oof_predictions_, y))
    assert fitted.oof_loss_ < fitted._outcome.null_loss(y)


@pytest.mark.parametrize("kind", SUMS)
def test_contributions_add_up_to_the_prediction(kind):
    task, model = SUMS[kind]
    X, y, patient = outcome_table(task)
    block = model_of("Block", task)("radiomics", estimator=model).fit(X, y, groups=patient)
    total = block.shap_values(X).sum(axis=1) + block.expected_prediction_
    np.testing.assert_allclose(total, block.predict(X), rtol=1e-6, atol=1e-6)
    assert not block.shap_values(X)[:, [not c.startswith("radiomics") for c in X.columns]].any()


@pytest.mark.parametrize("kind", ["svm", "forest"])
def test_kernels_and_forests_give_no_contributions(kind):
    X, y, patient = outcome_table("regression")
    model = hr.BlockRegressor("radiomics", estimator=MODELS[kind][1]).fit(X, y, groups=patient)
    with pytest.raises(NotImplementedError):
        model.shap_values(X)


@pytest.mark.parametrize("task", TASKS)
def test_in_a_block_the_blocks_inner_folds_choose(task):
    X, y, patient = outcome_table(task)
    block = model_of("Block", task)("radiomics", estimator=SMALL[task], inner=3).fit(X, y, groups=patient)
    alone = clone(SMALL[task]).set_params(inner=3).fit(X.filter(regex="^radiomics__"), y, groups=patient)
    np.testing.assert_array_equal(block.fit_.inner_losses, alone.fit_.inner_losses)
    np.testing.assert_allclose(block.predict(X), alone.predict(X.filter(regex="^radiomics__")))
    assert block.oof_loss_ == pytest.approx(block.fit_.inner_losses.min())


@pytest.mark.parametrize("task", TASKS)
def test_settings_are_fitted_without_the_left_out_rows(task):
    X, y, patient = outcome_table(task)
    model = clone(SMALL[task])
    training = model._start(X, y, patient, blocks={"all": slice(None)})
    train, test = training.folds[0]
    changed = X.copy()
    changed.iloc[test] = changed.iloc[test] * 1e3 + 5.0
    again = model._start(changed, y, patient, blocks={"all": slice(None)})
    cases = Cases(X.to_numpy()[test], X)
    one, other = (model.fit_settings(part_of(t, train), model.settings()).scores(cases) for t in (training, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", TASKS)
def test_few_columns_are_kept_and_they_are_those_that_tell(task):
    X, y, patient = outcome_table(task, 80, signal=2.0)
    model = {"regression": hr.TunedElasticNetRegressor, "survival": hr.TunedElasticNetSurvival}[task](n_columns=2)
    model.fit(X.drop(columns=[c for c in X if c.startswith("deep")]), y, groups=patient)
    assert model.fit_.fitted.design.kept.tolist() == [1, 2]  # size, then the two that carry the score


def test_the_unit_of_the_values_does_not_matter():
    X, y, patient = outcome_table("regression")
    # Powers of two are exact: in forests rounding would decide between splits that are equally good.
    units = [*product(("svm", "net", "trees"), [(1000.0, -3.0)]), *product(("svm", "forest", "net"), [(2.0**-30, 0.0)])]
    for kind, (unit, level) in units:
        one, other = (clone(MODELS[kind][1]).fit(X, t, groups=patient) for t in (y, unit * y + level))
        assert one.setting_ == pytest.approx(other.setting_, nan_ok=True)
        np.testing.assert_allclose(other.predict(X), unit * one.predict(X) + level, rtol=1e-4)


def test_tuned_models_of_a_block_share_their_designs():
    X, y, patient = outcome_table("regression")
    arms = [hr.TunedElasticNetRegressor(strength=(0.1,)), hr.TunedBoostedRegressor(n_estimators=(5,))]
    alone = [hr.BlockRegressor("deep", estimator=a).fit(X, y, groups=patient).oof_predictions_ for a in arms]
    with shared_fits() as fits:
        together = [hr.BlockRegressor("deep", estimator=a).fit(X, y, groups=patient).oof_predictions_ for a in arms]
    assert fits.n_shared == 5  # the designs of four inner folds and of the refit
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("task", TASKS)
def test_a_tuned_model_is_a_member_of_the_hedge(task):
    X, y, patient = outcome_table(task)
    model = model_of("Hedged", task)(["radiomics", "deep"], estimators={"radiomics": SMALL[task]}, n_bootstrap=5)
    assert quality(task, y, model.fit(X, y, groups=patient).predict(X)) > 0.4


@pytest.mark.parametrize("task", TASKS)
def test_text_columns_and_gaps_are_encoded(task):
    X, y, patient = outcome_table(task)
    X["clinical__sex"] = pd.Series(["f", "m", None] * len(X)).iloc[: len(X)].to_numpy()
    X.iloc[::7, 3] = np.nan
    assert np.isfinite(clone(SMALL[task]).fit(X, y, groups=patient).predict(X)).all()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (hr.TunedSVMRegressor(C=(), linear_C=()), "no settings"),
        (hr.TunedSVMRegressor(epsilon=0.0), "epsilon"),
        (hr.TunedForestRegressor(kind="randm"), "Did you mean random"),
        (hr.TunedElasticNetRegressor(l1_ratio=(0.0,)), "fit a ridge"),
        (hr.TunedBoostedRegressor(n_estimators=()), "no settings"),
    ],
)
def test_wrong_settings_are_refused(model, message):
    X, y, _ = outcome_table("regression")
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


@pytest.mark.parametrize("task", TASKS)
def test_a_tuned_model_of_another_task_is_refused(task):
    X, y, _ = outcome_table(task)
    (other,) = set(TASKS) - {task}
    for estimator, its in ((SMALL[other], other), (hr.TunedForest(), "classification")):
        with pytest.raises(ValueError, match=f"is a model of {task}, .* is one of {its}"):
            model_of("Block", task)("radiomics", estimator=estimator).fit(X, y)
    with pytest.raises(ValueError, match="BlockModel is a model of classification"):
        hr.BlockModel("radiomics", estimator=SMALL[task]).fit(X, np.arange(len(y)) % 2)


def test_a_table_without_a_varying_column_is_refused():
    _, y, _ = outcome_table("regression")
    with pytest.raises(ValueError, match="no column varies"):
        hr.TunedElasticNetRegressor().fit(pd.DataFrame({"a": np.ones(len(y))}), y)


def test_where_no_column_says_anything_of_the_risk_all_risks_are_the_same():
    X, y, patient = outcome_table("survival")
    y["event"], y["time"] = True, 2.0  # all residuals are zero, but for rounding
    assert not hr.TunedElasticNetSurvival().fit(X, y, groups=patient).predict(X).any()


def test_survival_probabilities_fall():
    X, y, patient = outcome_table("survival")
    survival = (
        clone(SMALL["survival"]).fit(X, y, groups=patient).predict_survival(X, np.quantile(y["time"], [0.2, 0.5]))
    )
    assert (np.diff(survival, axis=1) <= 0).all()
