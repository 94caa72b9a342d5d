from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.ridge_logistic import log_loss

BLOCKS = ["radiomics", "deep", "size"]


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_without_shrinkage_no_member_and_no_mean_is_better_on_the_inner_folds(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = HedgedFusion(BLOCKS, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=groups)
    members = [m.oof_logits_ for m in model.members_.values()]
    fused = log_loss(model.oof_logits_, y)
    assert all(fused <= log_loss(other, y) + 1e-8 for other in [*members, np.mean(members, axis=0)])
    assert model.kkt_residual_ < 1e-6


def test_weights_are_a_share_of_each_block_and_follow_the_blocks_when_these_are_permuted(table):
    X, y, groups = table
    one = HedgedFusion(BLOCKS).fit(X, y, groups=groups)
    other = HedgedFusion(BLOCKS[::-1]).fit(X, y, groups=groups)
    assert (one.weights_ >= 0).all()
    assert one.weights_.sum() == pytest.approx(1)
    np.testing.assert_allclose(one.weights_[BLOCKS], other.weights_[BLOCKS], atol=1e-9)
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=1e-9)


def test_a_block_given_twice_does_not_change_predictions_without_shrinkage(table):
    X, y, groups = table
    where = {b: [c for c in X.columns if c.startswith(b)] for b in BLOCKS[:2]}
    once = HedgedFusion(where, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=groups)
    twice = HedgedFusion(where | {"copy": where["deep"]}, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=groups)
    np.testing.assert_allclose(once.decision_function(X), twice.decision_function(X), atol=1e-6)


def test_the_order_of_columns_in_a_block_changes_nothing(table):
    X, y, groups = table
    turned = X[X.columns[::-1]]
    one, other = (HedgedFusion(BLOCKS, n_bootstrap=0).fit(t, y, groups=groups) for t in (X, turned))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(turned), atol=1e-7)


def test_a_constant_block_gets_no_weight_without_shrinkage(table):
    X, y, groups = table
    X = X.assign(flat__0=1.0)
    model = HedgedFusion(["radiomics", "flat"], shrinkage=0.0).fit(X, y, groups=groups)
    assert model.weights_["flat"] < 0.1


def test_shrinkage_counts_patients_not_cases(table):
    X, y, groups = table
    model = HedgedFusion(BLOCKS, n_bootstrap=0)
    assert model.fit(X, y, groups=groups).shrinkage_ == pytest.approx(2 / np.sqrt(len(set(groups))))
    assert model.fit(X, y).shrinkage_ == pytest.approx(2 / np.sqrt(len(y)))


def test_intervals_hold_the_weights_and_are_the_same_twice(table):
    X, y, groups = table
    one, again = (HedgedFusion(BLOCKS).fit(X, y, groups=groups) for _ in range(2))
    assert (one.weight_intervals_["low"] <= one.weights_ + 1e-9).all()
    assert (one.weights_ <= one.weight_intervals_["high"] + 1e-9).all()
    pd.testing.assert_frame_equal(one.weight_intervals_, again.weight_intervals_)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_are_weighted_sums_of_the_members_and_add_up(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = HedgedFusion(BLOCKS, n_bootstrap=0).fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)
    assert model.shap_values(X).shape[:2] == X.shape


def test_where_every_member_is_worse_than_the_prevalence_the_slope_shrinks_and_a_finding_says_so():
    y = np.tile([0, 1], 30)
    X = np.random.default_rng(3).normal(size=(60, 3))
    model = HedgedFusion({"a": [0, 1], "b": [2]}, n_bootstrap=0).fit(X, y)
    for member in model.members_.values():
        member.oof_logits_ = 30 * X[:, 0]
    scores = np.stack([m.oof_logits_ for m in model.members_.values()], axis=-1)
    training = model._start(X, y, None, blocks=model.blocks)
    model.findings_ = []
    model._shrink_if_useless(scores, scores.mean(axis=1), training)
    assert 0 < model.slope_ < 0.1
    assert "worse than that of the prevalence" in model.findings_[0]


def test_a_member_can_be_replaced_and_a_wrong_name_is_refused(table):
    X, y, groups = table
    trees = BoostedTrees(n_estimators=20)
    model = HedgedFusion(BLOCKS, estimators={"radiomics": trees}, n_bootstrap=0).fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)
    with pytest.raises(ValueError, match="Did you mean radiomics"):
        HedgedFusion(BLOCKS, estimators={"radiomic": trees}).fit(X, y)


def test_a_table_without_names_needs_blocks(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="column names"):
        HedgedFusion().fit(X.to_numpy(), y)


@pytest.mark.parametrize("shrinkage", ["much", -1.0])
def test_a_wrong_shrinkage_is_refused(table, shrinkage):
    X, y, _ = table
    with pytest.raises(ValueError, match="shrinkage"):
        HedgedFusion(BLOCKS, shrinkage=shrinkage).fit(X, y)
