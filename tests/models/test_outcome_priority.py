"""Blocks one after the other, for values and for events in time: the same questions to both."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import hybridrad as hr
from hybridrad.models.absence import say_absence
from tests.models.test_outcome_models import BLOCKS, TASKS, model_of, outcome_table, quality

OFFSETS = ["stacked", "nested"]


def without(X: pd.DataFrame, block: str, rows: slice) -> pd.DataFrame:
    holes = X.copy()
    holes.iloc[rows, [c.startswith(f"{block}__") for c in X]] = np.nan
    return holes


@pytest.mark.parametrize(("task", "offsets"), list(product(TASKS, OFFSETS)))
def test_contributions_add_up_and_blocks_left_out_add_nothing(task, offsets):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(BLOCKS, se_factor=1.0, offsets=offsets).fit(X, y, groups=patient)
    new, truth, _ = outcome_table(task, seed=7)
    shap = model.shap_values(new)
    np.testing.assert_allclose(shap.sum(axis=1) + model.expected_prediction_, model.predict(new), atol=1e-8)
    assert model.steps_["kept"]["radiomics"]
    assert quality(task, truth, model.predict(new)) > 0.4
    for block in model.steps_.index[~model.steps_["kept"]]:
        assert not shap[:, model.blocks_[block]].any()
        assert any(f"Block {block} was left out" in text for text in model.findings_)


@pytest.mark.parametrize(("task", "offsets"), list(product(TASKS, OFFSETS)))
def test_each_step_starts_where_the_one_before_ended(task, offsets):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(BLOCKS, offsets=offsets).fit(X, y, groups=patient)
    steps, outcome = model.steps_, model._outcome
    assert list(steps.index) == BLOCKS
    np.testing.assert_allclose(steps["gain"], steps["loss_before"] - steps["loss_after"], atol=1e-12)
    after = np.where(steps["kept"], steps["loss_after"], steps["loss_before"])
    np.testing.assert_allclose(steps["loss_before"].iloc[1:], after[:-1])
    assert steps["loss_before"].iloc[0] == pytest.approx(outcome.null_loss(y))
    assert outcome.loss(model.oof_predictions_, y) == pytest.approx(after[-1])


@pytest.mark.parametrize("task", TASKS)
def test_the_first_block_is_its_block_model_and_stays(task):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(["size", "deep"], se_factor=1e9).fit(X, y, groups=patient)
    alone = model_of("Block", task)("size").fit(X, y, groups=patient)
    assert model.steps_["kept"].tolist() == [True, False]
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))


def test_a_later_block_of_values_is_the_plain_ridge_of_what_the_first_leaves_over():
    X, y, patient = outcome_table("regression")
    model = hr.PriorityRegressor(["deep", "radiomics"]).fit(X, y, groups=patient)
    first = hr.BlockRegressor("deep").fit(X, y, groups=patient)
    later = model.fits_["radiomics"]
    design = later.preparation.scaled(X.filter(regex="^radiomics__").to_numpy())
    plain = Ridge(alpha=later.penalty, fit_intercept=False).fit(design, y - first.oof_predictions_)
    np.testing.assert_allclose(model.predict(X), first.predict(X) + plain.predict(design), atol=1e-8)


@pytest.mark.parametrize("task", TASKS)
def test_a_block_given_again_adds_nothing(task):
    X, y, patient = outcome_table(task)
    columns = list(X.filter(like="radiomics__"))
    model = model_of("Priority", task)({"radiomics": columns, "again": columns}, se_factor=1.0)
    assert not model.fit(X, y, groups=patient).steps_["kept"]["again"]


@pytest.mark.parametrize(("task", "offsets"), list(product(TASKS, OFFSETS)))
def test_training_cases_without_the_first_block_are_answered_as_new_ones_are(task, offsets):
    X, y, patient = outcome_table(task)
    holes = without(X, "radiomics", slice(0, 10))
    model = model_of("Priority", task)(["radiomics", "deep"], se_factor=1e9, offsets=offsets)
    model.fit(holes, y, groups=patient)
    training = model._start(holes, y, patient, blocks=["radiomics", "deep"])
    for train, test in training.folds:
        average = y[train].mean() if task == "regression" else 0.0
        np.testing.assert_allclose(model.oof_predictions_[test[test < 10]], average)
    np.testing.assert_allclose(model.predict(holes)[:10], model.expected_prediction_)


@pytest.mark.parametrize("offsets", OFFSETS)
def test_a_block_that_says_nothing_of_values_costs_nothing(offsets):
    gains = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(rng.normal(size=(40, 4)), columns=["radiomics__0", *(f"noise__{i}" for i in range(3))])
        y = 50.0 + X["radiomics__0"] + rng.normal(size=40)
        steps = hr.PriorityRegressor(["radiomics", "noise"], offsets=offsets).fit(X, y).steps_
        gains.append(steps.loc["noise", "gain"] / steps.loc["noise", "loss_before"])
    assert abs(np.median(gains)) < 0.005  # a level learned from out-of-fold predictions lowers it by 0.02


@pytest.mark.parametrize("task", TASKS)
def test_noise_is_seldom_kept(task):
    kept = []
    for seed in range(20):
        X, y, patient = outcome_table(task, 40, seed=seed)
        X = X.assign(noise__0=np.random.default_rng(seed).normal(size=len(X)))
        model = model_of("Priority", task)(["radiomics", "noise"], se_factor=1.0).fit(X, y, groups=patient)
        kept.append(model.steps_["kept"]["noise"])
    assert np.mean(kept) <= 0.25


@pytest.mark.parametrize("task", TASKS)
def test_without_a_list_cheap_blocks_come_first_and_others_last(task):
    X, y, patient = outcome_table(task)
    X = X[X.columns[::-1]].assign(adc__0=0.0, clinical__age=np.arange(len(X)) % 7)
    model = model_of("Priority", task)().fit(X, y, groups=patient)
    assert list(model.steps_.index) == ["clinical", "size", "radiomics", "deep", "adc"]


@pytest.mark.parametrize("task", TASKS)
def test_stages_begin_with_the_first_block_and_end_with_the_model(task):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(BLOCKS).fit(X, y, groups=patient)
    staged = model.staged_predict(X)
    assert list(staged) == BLOCKS
    np.testing.assert_allclose(staged["size"], model_of("Block", task)("size").fit(X, y, groups=patient).predict(X))
    np.testing.assert_allclose(staged["deep"], model.predict(X))


@pytest.mark.parametrize(("task", "offsets"), list(product(TASKS, OFFSETS)))
def test_the_term_of_a_missing_block_is_left_out(task, offsets):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(BLOCKS, offsets=offsets).fit(X, y, groups=patient)
    assert "radiomics" in model.fits_
    staged, holes = model.staged_predict(X), without(X, "radiomics", slice(0, 4))
    wanted = staged["size"] + staged["deep"] - staged["radiomics"]
    np.testing.assert_allclose(model.predict(holes)[:4], wanted[:4], atol=1e-9)
    np.testing.assert_array_equal(model.predict(holes)[4:], staged["deep"][4:])
    total = model.shap_values(holes).sum(axis=1) + model.expected_prediction_
    np.testing.assert_allclose(total, model.predict(holes), atol=1e-8)
    assert say_absence(model.missing_blocks(holes), model.answer_without_block) == [
        f"Block radiomics is missing for some cases; the other blocks answered without its term (4 of {len(X)} cases)."
    ]


@pytest.mark.parametrize(("task", "offsets"), list(product(TASKS, OFFSETS)))
def test_out_of_fold_predictions_follow_the_same_rule(task, offsets):
    X, y, patient = outcome_table(task)
    model = model_of("Priority", task)(["deep", "radiomics"], offsets=offsets)
    model.fit(without(X, "radiomics", slice(0, 20)), y, groups=patient)
    first = model.fits_["deep"].oof_predictions_
    np.testing.assert_array_equal(model.oof_predictions_[:20], first[:20])
    assert (model.oof_predictions_[20:] != first[20:]).all()


@pytest.mark.parametrize("task", TASKS)
def test_standard_errors_count_patients(task):
    X, y, patient = outcome_table(task)
    twice = np.arange(len(X)).repeat(2)
    once = model_of("Priority", task)(BLOCKS[1:]).fit(X, y, groups=patient).steps_["se"].iloc[0]
    again = model_of("Priority", task)(BLOCKS[1:]).fit(X.iloc[twice], y[twice], groups=patient[twice])
    assert again.steps_["se"].iloc[0] == pytest.approx(once, rel=0.25)


def test_the_unit_of_the_values_changes_no_verdict():
    X, y, patient = outcome_table("regression")
    one, other = (hr.PriorityRegressor(BLOCKS).fit(X, t, groups=patient) for t in (y, 1000.0 * y - 3.0))
    pd.testing.assert_series_equal(one.steps_["kept"], other.steps_["kept"])
    np.testing.assert_allclose(other.predict(X), 1000.0 * one.predict(X) - 3.0, rtol=1e-6)


def test_survival_probabilities_fall_and_follow_the_summed_risk():
    X, y, patient = outcome_table("survival")
    model = hr.PrioritySurvival(BLOCKS).fit(X, y, groups=patient)
    survival = model.predict_survival(X, np.quantile(y["time"], [0.25, 0.5]))
    assert (np.diff(survival, axis=1) <= 0).all()
    assert (np.diff(survival[np.argsort(model.predict(X))], axis=0) <= 1e-12).all()


@pytest.mark.parametrize("task", TASKS)
def test_wrong_settings_are_refused(task):
    X, y, _ = outcome_table(task)
    with pytest.raises(ValueError, match="se_factor"):
        model_of("Priority", task)(BLOCKS, se_factor=-1.0).fit(X, y)
    with pytest.raises(ValueError, match="Did you mean nested"):
        model_of("Priority", task)(BLOCKS, offsets="nestd").fit(X, y)
