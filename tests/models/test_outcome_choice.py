"""One of several variants of a block, for values and for events in time: the same questions to both."""

from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models.memo import shared_fits
from tests.models.test_outcome_models import BLOCKS, TASKS, model_of, outcome_table


@pytest.mark.parametrize("task", TASKS)
def test_it_is_the_block_model_with_the_least_inner_loss(task):
    X, y, patient = outcome_table(task)
    choice = model_of("BlockChoice", task)(BLOCKS).fit(X, y, groups=patient)
    models = {name: model_of("Block", task)(name).fit(X, y, groups=patient) for name in BLOCKS}
    losses = {name: model.oof_loss_ for name, model in models.items()}
    assert choice.chosen_ == min(losses, key=losses.get)
    assert choice.losses_.to_dict() == losses
    best = models[choice.chosen_]
    np.testing.assert_array_equal(choice.predict(X), best.predict(X))
    np.testing.assert_array_equal(choice.shap_values(X), best.shap_values(X))
    assert choice.findings_[0].startswith(f"Variant {choice.chosen_} was chosen")


@pytest.mark.parametrize("task", TASKS)
def test_equal_variants_are_settled_by_order(task):
    X, y, patient = outcome_table(task)
    X = X.assign(copy__0=X["radiomics__r0"], twin__0=X["radiomics__r0"])
    assert model_of("BlockChoice", task)(["twin", "copy"]).fit(X, y, groups=patient).chosen_ == "twin"


@pytest.mark.parametrize("task", TASKS)
def test_fits_are_shared_with_the_single_arms(task):
    X, y, patient = outcome_table(task)
    with shared_fits() as fits:
        model_of("Block", task)("deep").fit(X, y, groups=patient)
        model_of("BlockChoice", task)(BLOCKS).fit(X, y, groups=patient)
    assert (fits.n_fitted, fits.n_shared) == (3, 1)


@pytest.mark.parametrize("task", TASKS)
def test_every_variant_takes_the_estimator(task):
    X, y, patient = outcome_table(task)
    trees = model_of("Boosted", task)(n_estimators=5)
    choice = model_of("BlockChoice", task)(["radiomics", "deep"], estimator=trees).fit(X, y, groups=patient)
    assert isinstance(choice.model_.fit_.estimator, type(trees))


@pytest.mark.parametrize("task", TASKS)
def test_as_a_member_it_chooses_in_every_inner_fold(task):
    X, y, patient = outcome_table(task)
    blocks = {"image": [c for c in X.columns if not c.startswith("size__")], "size": ["size__volume_ml"]}
    choice = model_of("BlockChoice", task)(["radiomics", "deep"], inner=3)
    hedge = model_of("Hedged", task)(blocks, estimators={"image": choice}, n_bootstrap=0).fit(X, y, groups=patient)
    total = hedge.shap_values(X).sum(axis=1) + hedge.expected_prediction_
    np.testing.assert_allclose(total, hedge.predict(X), atol=1e-8)
    assert hedge.members_["image"].fit_.estimator.grouped_


def test_survival_probabilities_are_those_of_the_chosen_variant():
    X, y, patient = outcome_table("survival")
    choice = model_of("BlockChoice", "survival")(BLOCKS).fit(X, y, groups=patient)
    times = np.quantile(y["time"], [0.2, 0.5])
    np.testing.assert_array_equal(choice.predict_survival(X, times), choice.model_.predict_survival(X, times))
