from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.early import EarlyFusion
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
    once = HedgedFusion(where, joint=False, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=groups)
    copied = where | {"copy": where["deep"]}
    twice = HedgedFusion(copied, joint=False, shrinkage=0.0, n_bootstrap=0).fit(X, y, groups=groups)
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
    assert model.fit(X, y, groups=groups).shrinkage_ == pytest.approx(0.5 / np.sqrt(len(set(groups))))
    assert model.fit(X, y).shrinkage_ == pytest.approx(0.5 / np.sqrt(len(y)))


def test_shrinkage_counts_the_patients_that_have_every_block(table):
    X, y, groups = table
    X = X.copy()
    first = np.isin(groups, np.unique(groups)[::2])
    X.loc[first, [c for c in X.columns if c.startswith("deep__")]] = np.nan
    model = HedgedFusion(["radiomics", "deep"], n_bootstrap=0).fit(X, y, groups=groups)
    assert model.shrinkage_ == pytest.approx(0.5 / np.sqrt(len(np.unique(groups[~first]))))


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


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_the_joint_member_is_early_fusion_of_the_same_blocks_on_the_same_inner_folds(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = HedgedFusion(BLOCKS, n_bootstrap=0).fit(X, y, groups=groups)
    early = EarlyFusion(BLOCKS).fit(X, y, groups=groups)
    assert list(model.weights_.index) == [*BLOCKS, "joint"]
    assert model.joint_blocks_ == BLOCKS
    np.testing.assert_array_equal(model.members_["joint"].oof_logits_, early.oof_logits_)
    np.testing.assert_array_equal(model.members_["joint"].decision_function(X), early.decision_function(X))
    pooled = sum(w * m.decision_function(X) for w, m in zip(model.weights_, model.members_.values(), strict=True))
    np.testing.assert_allclose(model.decision_function(X), pooled, atol=1e-10)


def test_what_blocks_say_only_together_is_said_by_the_joint_member():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=200), rng.normal(size=200)
    X = pd.DataFrame({"a__0": signal + 3 * noise, "b__0": noise + 0.1 * rng.normal(size=200)})
    y = (signal > 0).astype(int)
    with_it = HedgedFusion(n_bootstrap=0).fit(X, y)
    without = HedgedFusion(joint=False, n_bootstrap=0).fit(X, y)
    assert with_it.weights_["joint"] > 0.8
    assert log_loss(with_it.oof_logits_, y) < 0.7 * log_loss(without.oof_logits_, y)


def test_the_joint_member_leaves_blocks_with_an_estimator_of_their_own_out(table):
    X, y, groups = table
    trees = BoostedTrees(n_estimators=5)
    model = HedgedFusion(BLOCKS, estimators={"deep": trees}, n_bootstrap=0).fit(X, y, groups=groups)
    assert model.joint_blocks_ == ["radiomics", "size"]
    model = HedgedFusion(BLOCKS[:2], estimators={"deep": trees}, n_bootstrap=0).fit(X, y, groups=groups)
    assert model.joint_blocks_ == []
    assert list(model.members_) == BLOCKS[:2]


def test_a_case_without_a_block_is_answered_by_the_members_that_do_not_read_it(table):
    X, y, groups = table
    model = HedgedFusion(BLOCKS, n_bootstrap=0).fit(X, y, groups=groups)
    holes = X.iloc[:3].copy()
    holes.loc[:, [c for c in X if c.startswith("deep__")]] = np.nan
    weights = model.weights_[["radiomics", "size"]] / model.weights_[["radiomics", "size"]].sum()
    wanted = sum(weights[b] * model.members_[b].decision_function(holes) for b in weights.index)
    np.testing.assert_allclose(model.decision_function(holes), wanted, atol=1e-10)
    total = model.shap_values(holes).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, wanted, atol=1e-8)


def test_a_block_with_the_name_of_the_joint_member_is_refused(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="joint=False"):
        HedgedFusion({"joint": [0, 1], "other": [2, 3]}).fit(X, y)
