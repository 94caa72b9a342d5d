from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from hybridrad.models.absence import member_weights, say_absence
from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_model import BlockModel
from hybridrad.models.block_penalty import BlockPenaltyFusion
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.concat import ConcatFusion
from hybridrad.models.early import EarlyFusion
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.late import LateFusion, held
from hybridrad.models.priority import PriorityFusion
from tests.models.test_outcome_models import model_of, outcome_table

BLOCKS = ["radiomics", "deep", "size"]
FUSIONS = [LateFusion(BLOCKS), HedgedFusion(BLOCKS, n_bootstrap=0)]


def without(X: pd.DataFrame, block: str, rows: slice | np.ndarray) -> pd.DataFrame:
    X = X.copy()
    X.iloc[rows, [c.startswith(block + "__") for c in X.columns]] = np.nan
    return X


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_the_remaining_members_answer_with_renormalised_weights(fusion, data, request):
    X, y, groups = request.getfixturevalue(data)
    model = fusion.fit(X, y, groups=groups)
    holes = without(X, "deep", slice(0, 5))
    weights = pd.Series(1 / 3, index=BLOCKS) if isinstance(model, LateFusion) else model.weights_
    limit = held if isinstance(model, LateFusion) else np.asarray
    rest = sum(weights[b] * limit(model.members_[b].decision_function(X)) for b in ("radiomics", "size"))
    rest = rest / (weights["radiomics"] + weights["size"])
    np.testing.assert_allclose(model.decision_function(holes)[:5], rest[:5], atol=1e-12)
    np.testing.assert_array_equal(model.decision_function(holes)[5:], model.decision_function(X)[5:])


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_stay_exact_and_the_absent_block_bears_only_the_shift(fusion, data, request):
    X, y, groups = request.getfixturevalue(data)
    model = fusion.fit(X, y, groups=groups)
    holes = without(without(X, "deep", slice(0, 5)), "size", slice(3, 8))
    shap = model.shap_values(holes)
    np.testing.assert_allclose(shap.sum(axis=1) + model.expected_logit_, model.decision_function(holes), atol=1e-9)
    of_absent = shap[:3, 9:]
    np.testing.assert_allclose(of_absent, np.broadcast_to(of_absent[:1, :1], of_absent.shape), atol=1e-12)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_missing_blocks_are_listed_by_case(fusion, table):
    X, y, groups = table
    model = fusion.fit(X, y, groups=groups)
    holes = without(X, "deep", slice(0, 2))
    holes.iloc[4, 1] = np.nan  # one feature is not a block
    missing = model.missing_blocks(holes)
    assert list(missing.columns) == BLOCKS
    assert missing.index.equals(X.index)
    assert missing["deep"].tolist() == [True, True] + [False] * (len(X) - 2)
    assert not missing[["radiomics", "size"]].any(axis=None)
    assert say_absence(missing, model.answer_without_block) == [
        "Block deep is missing for some cases; the other members answered, their weights renormalised "
        f"(2 of {len(X)} cases)."
    ]


MEDIANS = [BlockModel("deep"), EarlyFusion(BLOCKS), ConcatFusion(BLOCKS), BlockPenaltyFusion(BLOCKS)]


@pytest.mark.parametrize("model", MEDIANS, ids=lambda model: type(model).__name__)
def test_models_that_take_training_medians_list_the_cases_and_say_so(model, table):
    X, y, groups = table
    model = model.fit(X, y, groups=groups)
    holes = without(X, "deep", slice(0, 2))
    missing = model.missing_blocks(holes)
    assert missing["deep"].tolist() == [True, True] + [False] * (len(X) - 2)
    medians = X.copy()
    medians.iloc[:2, [c.startswith("deep__") for c in X]] = X.filter(regex="^deep__").median().to_numpy()
    np.testing.assert_allclose(model.decision_function(holes), model.decision_function(medians), atol=1e-10)
    assert say_absence(missing, model.answer_without_block) == [
        f"Block deep is missing for some cases; training medians stood in for it (2 of {len(X)} cases)."
    ]


@pytest.mark.parametrize(("task", "kind"), list(product(["regression", "survival"], ["Block", "Early", "Concat"])))
def test_models_of_values_and_risks_list_them_too(task, kind):
    X, y, patient = outcome_table(task)
    model = model_of(kind, task)("deep" if kind == "Block" else BLOCKS).fit(X, y, groups=patient)
    missing = model.missing_blocks(without(X, "deep", slice(0, 2)))
    assert missing["deep"].sum() == 2
    assert model.answer_without_block == "training medians stood in for it"


def test_a_block_model_with_an_estimator_leaves_missing_values_to_it(table):
    X, y, groups = table
    model = BlockModel("deep", estimator=BoostedTrees(n_estimators=5)).fit(X, y, groups=groups)
    assert model.missing_blocks(without(X, "deep", slice(0, 2)))["deep"].sum() == 2
    assert model.answer_without_block == "its estimator was asked about missing values"


@pytest.mark.parametrize("offsets", ["stacked", "nested"])
@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_priority_leaves_the_term_of_a_missing_block_out(data, offsets, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(["size", "radiomics", "deep"], offsets=offsets).fit(X, y, groups=groups)
    assert "radiomics" in model.fits_
    staged, holes = model.staged_predict_proba(X), without(X, "radiomics", slice(0, 4))
    # Without the second block: the stage before it, and what the third adds.
    third = np.log(staged["deep"]) - np.log(staged["radiomics"])
    wanted = softmax(np.log(staged["size"]) + third, axis=1)
    np.testing.assert_allclose(model.predict_proba(holes)[:4], wanted[:4], atol=1e-10)
    np.testing.assert_allclose(model.predict_proba(holes)[4:], staged["deep"][4:], atol=1e-12)
    assert say_absence(model.missing_blocks(holes), model.answer_without_block) == [
        f"Block radiomics is missing for some cases; the other blocks answered without its term (4 of {len(X)} cases)."
    ]


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_of_priority_stay_exact_without_blocks(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(BLOCKS).fit(X, y, groups=groups)
    holes = without(without(X, "deep", slice(0, 5)), "radiomics", slice(3, 8))
    total = model.shap_values(holes).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(holes), atol=1e-9)
    assert not model.shap_values(holes)[3:8, 1:9].any()  # the first block's expected logit is its reference


def test_out_of_fold_logits_of_priority_follow_the_same_rule(table):
    X, y, groups = table
    model = PriorityFusion(["radiomics", "deep"]).fit(without(X, "deep", slice(0, 20)), y, groups=groups)
    assert "deep" in model.fits_
    np.testing.assert_array_equal(model.oof_logits_[:20], model.fits_["radiomics"].oof_logits_[:20])
    assert (model.oof_logits_[20:] != model.fits_["radiomics"].oof_logits_[20:]).all()


def test_text_and_gaps_of_a_clinical_block_can_be_missing_together(clinical_table, table):
    _, y, groups = table
    model = LateFusion(["radiomics", "clinical"]).fit(clinical_table, y, groups=groups)
    holes = clinical_table.iloc[:3].copy()
    holes["clinical__age"], holes["clinical__sex"] = np.nan, None
    alone = held(model.members_["radiomics"].decision_function(holes))
    np.testing.assert_allclose(model.decision_function(holes), alone, atol=1e-12)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_without_any_block_the_answer_is_that_of_the_average_case(fusion, table):
    X, y, groups = table
    model = fusion.fit(X, y, groups=groups)
    nothing = X.iloc[:2] * np.nan
    medians = pd.DataFrame([X.median()] * 2)
    np.testing.assert_allclose(model.decision_function(nothing), model.decision_function(medians), atol=1e-12)
    total = model.shap_values(nothing).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(nothing), atol=1e-9)


def test_absent_members_without_company_of_weight_leave_an_equal_share_to_the_others():
    weights = member_weights(np.array([1.0, 0.0, 0.0]), np.array([[True, False, False], [True, True, False]]))
    np.testing.assert_array_equal(weights, [[0, 0.5, 0.5], [0, 0, 1]])


def test_weights_are_fitted_to_the_training_cases_that_have_every_block(table):
    X, y, groups = table
    whole = HedgedFusion(BLOCKS, n_bootstrap=20).fit(X, y, groups=groups)
    model = HedgedFusion(BLOCKS, n_bootstrap=20).fit(without(X, "deep", slice(0, 30)), y, groups=groups)
    assert not whole.findings_
    (weights,) = [text for text in model.findings_ if "weights" in text]
    assert f"that have every block ({len(X) - 30} of {len(X)})" in weights
    assert np.isfinite(model.weight_intervals_.to_numpy()).all()
    assert model.kkt_residual_ < 1e-6


@pytest.mark.parametrize("fusion", FUSIONS)
def test_out_of_fold_logits_follow_the_same_rule(fusion, table):
    X, y, groups = table
    model = fusion.fit(without(X, "deep", slice(0, 30)), y, groups=groups)
    weights = pd.Series(1 / 3, index=BLOCKS) if isinstance(model, LateFusion) else model.weights_
    limit = held if isinstance(model, LateFusion) else np.asarray
    rest = sum(weights[b] * limit(model.members_[b].oof_logits_) for b in ("radiomics", "size"))
    rest = rest / (weights["radiomics"] + weights["size"])
    np.testing.assert_allclose(model.oof_logits_[:30], rest[:30], atol=1e-12)


def test_where_no_training_case_has_every_block_the_members_weigh_the_same_and_a_finding_says_so(table):
    X, y, groups = table
    torn = without(without(X, "deep", slice(0, 40)), "radiomics", slice(40, None))
    model = HedgedFusion(BLOCKS, n_bootstrap=5).fit(torn, y, groups=groups)
    np.testing.assert_array_equal(model.weights_, 0.25)
    (finding,) = [text for text in model.findings_ if "weights" in text]
    assert finding.startswith("Too few training cases have every block for weights to be fitted")
    assert finding.endswith(f"(0 of {len(X)}).")
    assert model.weight_intervals_.isna().all(axis=None)
    assert np.isfinite(model.decision_function(X)).all()


def test_where_the_cases_with_every_block_lack_a_class_weights_are_equal_too(table):
    X, y, groups = table
    model = HedgedFusion(BLOCKS, n_bootstrap=0).fit(without(X, "size", np.flatnonzero(y == 1)[:-1]), y, groups=groups)
    assert not any("same weight" in text for text in model.findings_)
    model = HedgedFusion(BLOCKS, n_bootstrap=0).fit(without(X, "size", np.flatnonzero(y == 1)), y, groups=groups)
    assert any("same weight" in text for text in model.findings_)
    np.testing.assert_array_equal(model.weights_, 0.25)


@pytest.mark.parametrize("task", ["regression", "survival"])
def test_weights_of_values_and_risks_are_equal_where_no_training_case_has_every_block(task):
    X, y, patient = outcome_table(task)
    torn = without(without(X, "deep", slice(0, 30)), "radiomics", slice(30, None))
    model = model_of("Hedged", task)(BLOCKS, n_bootstrap=5).fit(torn, y, groups=patient)
    np.testing.assert_array_equal(model.weights_, 0.25)
    assert any("(0 of " in text and "same weight" in text for text in model.findings_)
    assert np.isfinite(model.predict(X)).all()


def test_a_choice_tells_of_the_variant_it_chose_alone(table):
    X, y, groups = table
    model = BlockChoice(BLOCKS).fit(X, y, groups=groups)
    other = next(b for b in BLOCKS if b != model.chosen_)
    holes = without(without(X, model.chosen_, slice(0, 2)), other, slice(1, 5))
    assert list(model.missing_blocks(holes).columns) == [model.chosen_]
    assert say_absence(model.missing_blocks(holes), model.answer_without_block) == [
        f"Block {model.chosen_} is missing for some cases; training medians stood in for it (2 of {len(X)} cases)."
    ]
