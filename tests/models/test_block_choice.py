from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models import block_model
from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_model import BlockModel
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.memo import shared_fits

VARIANTS = ["size", "radiomics", "deep"]


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_it_is_the_block_model_with_the_least_inner_loss(data, request):
    X, y, groups = request.getfixturevalue(data)
    choice = BlockChoice(VARIANTS).fit(X, y, groups=groups)
    models = {name: BlockModel(name).fit(X, y, groups=groups) for name in VARIANTS}
    losses = {name: model.oof_loss_ for name, model in models.items()}
    assert choice.chosen_ == min(losses, key=losses.get)
    assert choice.losses_.to_dict() == losses
    best = models[choice.chosen_]
    np.testing.assert_array_equal(choice.decision_function(X), best.decision_function(X))
    np.testing.assert_array_equal(choice.shap_values(X), best.shap_values(X))
    assert choice.chosen_ in choice.findings_[0]


def test_equal_variants_are_settled_by_order(table):
    X, y, groups = table
    X = X.assign(copy__0=X["size__volume_ml"], twin__0=X["size__volume_ml"])
    assert BlockChoice(["twin", "copy"]).fit(X, y, groups=groups).chosen_ == "twin"


def test_fits_are_shared_with_the_single_arms(table, monkeypatch):
    X, y, groups = table
    fitted = []
    real = block_model._fit_default
    monkeypatch.setattr(block_model, "_fit_default", lambda *a: fitted.append(a[1]) or real(*a))
    with shared_fits():
        BlockModel("deep").fit(X, y, groups=groups)
        BlockChoice(VARIANTS).fit(X, y, groups=groups)
    assert sorted(fitted) == sorted(VARIANTS)


def test_every_variant_takes_the_estimator(table):
    X, y, groups = table
    choice = BlockChoice(["radiomics", "deep"], estimator=BoostedTrees(n_estimators=5)).fit(X, y, groups=groups)
    assert isinstance(choice.model_.fit_.estimator, BoostedTrees)


def test_as_a_member_it_chooses_in_every_inner_fold(table):
    X, y, groups = table
    variants = [c for c in X.columns if not c.startswith("size__")]
    blocks = {"image": variants, "size": ["size__volume_ml"]}
    choice = BlockChoice(["radiomics", "deep"], inner=3)
    hedge = HedgedFusion(blocks, estimators={"image": choice}, n_bootstrap=0).fit(X, y, groups=groups)
    total = hedge.shap_values(X).sum(axis=1) + hedge.expected_logit_
    np.testing.assert_allclose(total, hedge.decision_function(X), atol=1e-8)
    assert hedge.members_["image"].fit_.estimator.grouped_
