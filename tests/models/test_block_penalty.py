from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.block_model import BlockModel
from hybridrad.models.block_penalty import BlockPenaltyFusion
from hybridrad.models.ridge_logistic import ridge_logistic_path
from hybridrad.models.side_by_side import PenalisedPreparation

BLOCKS = ["radiomics", "deep"]
ORACLES = Path(__file__).parent / "oracles"


@pytest.mark.parametrize(
    ("column", "factors", "penalty"),
    [("equal", (1.0, 1.0), 0.5), ("factors_1_4", (1.0, 4.0), 0.5), ("factors_8_1", (8.0, 1.0), 0.05)],
)
def test_penalty_factors_are_those_of_glmnet(column, factors, penalty):
    data, theirs = (pd.read_csv(ORACLES / f"glmnet_{name}.csv") for name in ("data", "fits"))
    X = data.filter(like="X").to_numpy()
    preparation = PenalisedPreparation(
        blocks={"a": np.arange(4), "b": np.arange(4, 7)},
        categorical=np.zeros(7, bool),
        factors=dict(zip("ab", factors, strict=True)),
    ).fit(X, data["y"].to_numpy(), np.arange(40))
    design = preparation.scaled(X)
    path = ridge_logistic_path(design, data["y"].to_numpy(), n_classes=2, penalties=[penalty])
    ours = design @ path.coefs[0, :, 0] + path.intercepts[0, 0]
    np.testing.assert_allclose(ours, theirs[column], atol=1e-6)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_with_equal_factors_it_is_the_plain_ridge_on_all_columns(data, request):
    X, y, groups = request.getfixturevalue(data)
    fused = BlockPenaltyFusion(BLOCKS, factors=dict.fromkeys(BLOCKS, 1.0)).fit(X, y, groups=groups)
    plain = BlockModel({"all": [*X.filter(regex="^(radiomics|deep)__")]}).fit(X, y, groups=groups)
    np.testing.assert_allclose(fused.decision_function(X), plain.decision_function(X), atol=1e-9)
    np.testing.assert_allclose(fused.oof_logits_, plain.oof_logits_, atol=1e-9)


@pytest.mark.parametrize(("factor", "tolerance"), [(np.inf, 1e-9), (1e12, 1e-5)])
def test_a_block_with_an_endless_penalty_is_left_out(table, factor, tolerance):
    X, y, groups = table
    fused = BlockPenaltyFusion(BLOCKS, factors={"radiomics": 1.0, "deep": factor}).fit(X, y, groups=groups)
    alone = BlockModel("radiomics").fit(X, y, groups=groups)
    np.testing.assert_allclose(fused.decision_function(X), alone.decision_function(X), atol=tolerance)
    assert np.abs(fused.shap_values(X)[:, 9:]).max() < tolerance


def test_the_search_ends_where_no_single_change_is_better_and_shows_what_it_tried(table):
    X, y, groups = table
    model = BlockPenaltyFusion(BLOCKS).fit(X, y, groups=groups)
    best = model.search_["inner_loss"].min()
    assert (model.search_.loc[0, BLOCKS] == 1.0).all()
    chosen = model.search_[(model.search_[BLOCKS] == model.factors_).all(axis=1)]
    assert chosen["inner_loss"].item() == best == pytest.approx(model.fit_.inner_losses.min(), abs=1e-12)
    changed = [(*model.factors_.where(model.factors_.index != b, f),) for b in BLOCKS for f in (1.0, 4.0, 16.0, 64.0)]
    tried = {tuple(row) for row in model.search_[BLOCKS].to_numpy()}
    assert all(c in tried for c in changed if min(c) == 1.0)


def test_the_order_of_blocks_changes_nothing(table):
    X, y, groups = table
    one, other = (BlockPenaltyFusion(b).fit(X, y, groups=groups) for b in (BLOCKS, BLOCKS[::-1]))
    np.testing.assert_allclose(one.factors_[BLOCKS], other.factors_[BLOCKS])
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=1e-7)


@pytest.mark.parametrize("data", ["table", "three_classes", "clinical_table"])
def test_contributions_add_up(data, request):
    given = request.getfixturevalue(data)
    X, y, groups = given if isinstance(given, tuple) else (given, *request.getfixturevalue("table")[1:])
    model = BlockPenaltyFusion(factors=(1.0, 4.0)).fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"radiomic": 1.0, "deep": 1.0}, "Did you mean radiomics"),
        ({"deep": 1.0}, "'radiomics' has none"),
        ((0.0, 1.0), "positive"),
        ((), "positive"),
    ],
)
def test_wrong_factors_are_refused(table, factors, message):
    X, y, _ = table
    with pytest.raises(ValueError, match=message):
        BlockPenaltyFusion(BLOCKS, factors=factors).fit(X, y)
