"""Models of values and of the time to an event: what holds for both, on tables with a known truth."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hybridrad as hr
from hybridrad.evaluation.survival_metrics import concordance

BLOCKS = ["size", "radiomics", "deep"]
TASKS = ["regression", "survival"]
FUSIONS = ["Concat", "Early", "Late", "Hedged"]


def outcome_table(task: str, n_patients: int = 50, *, seed: int = 0, signal: float = 1.0):
    """Return X, y and patients; a hidden score that radiomics tell well, deep weakly, and size not at all."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), rng.integers(1, 3, n_patients))
    score = rng.normal(size=n_patients)[patient]
    n = len(score)
    radiomics = rng.normal(size=(n, 6)) + signal * score[:, None] * np.array([1, 1, 0, 0, 0, 0])
    deep = rng.normal(size=(n, 20)) + 0.3 * signal * score[:, None]
    columns = ["size__volume_ml", *(f"radiomics__r{i}" for i in range(6)), *(f"deep__d{i:02d}" for i in range(20))]
    X = pd.DataFrame(np.column_stack([np.exp(rng.normal(size=n)), radiomics, deep]), columns=columns)
    if task == "regression":
        return X, 50.0 + 8.0 * score + rng.normal(size=n), patient.astype(str)
    time = 12.0 * rng.exponential(size=n) / np.exp(1.5 * score)
    end = rng.uniform(2.0, 40.0, n)
    return X, hr.survival_targets(time <= end, np.minimum(time, end)), patient.astype(str)


def model_of(kind: str, task: str):
    return getattr(hr, kind + {"regression": "Regressor", "survival": "Survival"}[task])


def quality(task: str, y, predictions) -> float:
    """Return how well predictions order the cases: a correlation, or a concordance mapped to the same range."""
    if task == "regression":
        return float(np.corrcoef(y, predictions)[0, 1])
    return 2.0 * concordance(y["event"], y["time"], predictions) - 1.0


@pytest.mark.parametrize(("task", "kind"), list(product(TASKS, FUSIONS)))
def test_contributions_add_up_and_new_patients_are_ordered(task, kind):
    X, y, patient = outcome_table(task)
    model = model_of(kind, task)(BLOCKS).fit(X, y, groups=patient)
    new, truth, _ = outcome_table(task, seed=7)
    predictions = model.predict(new)
    total = model.shap_values(new).sum(axis=1) + model.expected_prediction_
    np.testing.assert_allclose(total, predictions, atol=1e-8)
    assert quality(task, truth, predictions) > 0.4
    assert model.grouped_
    assert len(model.oof_predictions_) == len(X)


@pytest.mark.parametrize(("task", "kind"), list(product(TASKS, [*FUSIONS, "Priority", "BlockPenalty", "Block"])))
def test_noise_predicts_nothing_out_of_fold(task, kind):
    found = []
    for seed in range(12):
        X, y, patient = outcome_table(task, 40, seed=seed, signal=0.0)
        wanted = "deep" if kind == "Block" else BLOCKS
        options = {"factors": (1.0, 64.0)} if kind == "BlockPenalty" else {}
        model = model_of(kind, task)(wanted, **options).fit(X, y, groups=patient)
        new, truth, _ = outcome_table(task, 60, seed=100 + seed, signal=0.0)
        found.append(quality(task, truth, model.predict(new)) if np.ptp(model.predict(new)) > 1e-9 else 0.0)
    # Twelve values of which each has a standard deviation of about 0.11 on 90 cases: four standard errors.
    assert abs(np.mean(found)) < 4 * 0.11 / np.sqrt(12)


@pytest.mark.parametrize("task", TASKS)
def test_the_hedge_is_a_convex_stack_of_its_members_the_joint_one_among_them(task):
    X, y, patient = outcome_table(task)
    model = model_of("Hedged", task)(BLOCKS).fit(X, y, groups=patient)
    assert list(model.weights_.index) == [*BLOCKS, "joint"]
    assert (model.weights_ >= 0).all()
    assert model.weights_.sum() == pytest.approx(1.0)
    assert model.kkt_residual_ < 1e-6
    assert (model.slope_, model.intercept_) == (1.0, 0.0)
    pooled = sum(w * m.predict(X) for w, m in zip(model.weights_, model.members_.values(), strict=True))
    np.testing.assert_allclose(model.predict(X), pooled, atol=1e-9)
    assert (model.weight_intervals_["low"] <= model.weights_ + 1e-9).all()
    assert (model.weights_ <= model.weight_intervals_["high"] + 1e-9).all()


@pytest.mark.parametrize("task", TASKS)
def test_without_shrinkage_no_member_is_better_on_the_inner_folds(task):
    X, y, patient = outcome_table(task)
    model = model_of("Hedged", task)(BLOCKS, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=patient)
    loss = model._outcome.loss
    for member in model.members_.values():
        assert loss(model.oof_predictions_, y) <= loss(member.oof_predictions_, y) + 1e-8


@pytest.mark.parametrize(("task", "kind"), list(product(TASKS, ["Late", "Hedged"])))
def test_a_case_without_a_block_is_answered_by_the_members_that_do_not_read_it(task, kind):
    X, y, patient = outcome_table(task)
    model = model_of(kind, task)(BLOCKS).fit(X, y, groups=patient)
    holes = X.iloc[:4].copy()
    holes.loc[:, [c for c in X if c.startswith("deep__")]] = np.nan
    weights = pd.Series(0.5, ["size", "radiomics"])
    if kind == "Hedged":
        weights = model.weights_[weights.index] / model.weights_[weights.index].sum()
    wanted = sum(weights[b] * model.members_[b].predict(holes) for b in weights.index)
    np.testing.assert_allclose(model.predict(holes), wanted, atol=1e-9)
    np.testing.assert_allclose(model.shap_values(holes).sum(axis=1) + model.expected_prediction_, wanted, atol=1e-8)
    assert model.missing_blocks(holes)["deep"].all()


@pytest.mark.parametrize("task", TASKS)
def test_rows_in_another_order_and_columns_in_another_order_change_nothing(task):
    X, y, patient = outcome_table(task)
    turned = X[X.columns[::-1]]
    model = model_of("Hedged", task)(BLOCKS, n_bootstrap=0)
    one, other = clone(model).fit(X, y, groups=patient), clone(model).fit(turned, y, groups=patient)
    np.testing.assert_allclose(one.predict(X), other.predict(turned), rtol=1e-6, atol=1e-7)


def test_a_block_of_values_is_scikit_learns_ridge_of_the_prepared_columns():
    X, y, patient = outcome_table("regression")
    model = hr.ConcatRegressor(["radiomics"]).fit(X, y, groups=patient)
    block = X.filter(regex="^radiomics__")
    plain = make_pipeline(StandardScaler(), Ridge(alpha=model.fit_.penalty)).fit(block, y)
    np.testing.assert_allclose(model.predict(X), plain.predict(block), atol=1e-8)


def test_the_unit_of_the_values_does_not_matter():
    X, y, patient = outcome_table("regression")
    one = hr.HedgedRegressor(BLOCKS, n_bootstrap=0).fit(X, y, groups=patient)
    other = hr.HedgedRegressor(BLOCKS, n_bootstrap=0).fit(X, 1000.0 * y - 3.0, groups=patient)
    np.testing.assert_allclose(other.predict(X), 1000.0 * one.predict(X) - 3.0, rtol=1e-6)


def test_the_unit_of_time_does_not_matter_and_survival_falls():
    X, y, patient = outcome_table("survival")
    months = hr.survival_targets(y["event"], 12.0 * y["time"])
    one, other = (hr.HedgedSurvival(BLOCKS, n_bootstrap=0).fit(X, t, groups=patient) for t in (y, months))
    np.testing.assert_allclose(one.predict(X), other.predict(X), atol=1e-9)
    times = np.quantile(y["time"], [0.0, 0.25, 0.5, 0.75])
    survival = one.predict_survival(X, times)
    np.testing.assert_allclose(survival, other.predict_survival(X, 12.0 * times), atol=1e-9)
    assert (np.diff(survival, axis=1) <= 0).all()
    assert ((survival >= 0) & (survival <= 1)).all()
    # Higher risk, lower survival, at every time.
    order = np.argsort(one.predict(X))
    assert (np.diff(survival[order], axis=0) <= 1e-12).all()


@pytest.mark.parametrize("task", TASKS)
def test_boosted_trees_find_what_is_not_linear(task):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    bent = np.where(X[:, 0] ** 2 > 1.0, 2.0, 0.0)
    y = bent + 0.1 * rng.normal(size=300)
    if task == "survival":
        y = hr.survival_targets(np.ones(300, bool), rng.exponential(size=300) / np.exp(bent))
    model = model_of("Boosted", task)(n_estimators=60).fit(X[:200], y[:200])
    # A third of the cases have seven times the hazard of the others; who knew that exactly would reach 0.33.
    assert quality(task, y[200:], model.predict(X[200:])) > (0.8 if task == "regression" else 0.2)
    linear = model_of("Block", task)({"x": [0, 1, 2]}).fit(X[:200], y[:200])
    assert quality(task, y[200:], model.predict(X[200:])) > quality(task, y[200:], linear.predict(X[200:])) + 0.1


def test_an_estimator_of_another_maker_is_calibrated_on_its_inner_folds():
    X, y, patient = outcome_table("regression")
    model = hr.BlockRegressor("radiomics", estimator=Ridge(alpha=1e-6)).fit(X, y, groups=patient)
    assert 0.0 < model.fit_.slope <= 1.5
    flat = hr.BlockRegressor("radiomics", estimator=DummyRegressor()).fit(X, y, groups=patient)
    assert np.ptp(flat.predict(X)) < 1e-6


@pytest.mark.parametrize("task", TASKS)
def test_patients_stay_whole_in_the_inner_folds(task):
    X, y, patient = outcome_table(task)
    training = model_of("Hedged", task)(BLOCKS)._start(X, y, patient, blocks=BLOCKS)
    assert training.folds
    for train, test in training.folds:
        assert not set(patient[train]) & set(patient[test])


@pytest.mark.parametrize("task", TASKS)
def test_wrong_targets_are_refused(task):
    X, y, patient = outcome_table(task)
    with pytest.raises(ValueError, match="is not one of the blocks"):
        model_of("Hedged", task)(BLOCKS, estimators={"depp": Ridge()}).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model_of("Hedged", task)(BLOCKS).fit(X, y[:-1])
    with pytest.raises(ValueError, match="no patient"):
        model_of("Hedged", task)(BLOCKS).fit(X, y, groups=[None, *patient[1:]])
