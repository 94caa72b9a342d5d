from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_model import BlockModel
from hybridrad.models.finetuned.cnn import FineTunedCNN
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.size_decorrelation import SizeDecorrelation
from hybridrad.models.standard import describe_arm, standard_models

COLUMNS = ["size__volume_ml", "radiomics__a", "radiomics__b", "deep__0", "deep__1"]


def test_clinical_columns_add_two_arms_wherever_they_are_said():
    named = standard_models(COLUMNS, clinical=["age"])
    present = standard_models([*COLUMNS, "clinical__age"])
    assert list(named) == list(present)
    assert set(named) - set(standard_models(COLUMNS)) == {"clinical", "hedge_clinical"}
    assert named["hedge_clinical"].blocks == ["radiomics", "deep", "size", "clinical"]


def test_concat_early_and_late_take_image_blocks_and_the_hedge_also_size():
    arms = standard_models([*COLUMNS, "radiomics_adc__a"])
    assert (
        arms["concat"].blocks == arms["early"].blocks == arms["late"].blocks == ["radiomics", "deep", "radiomics_adc"]
    )
    assert arms["hedge"].blocks == ["radiomics", "deep", "radiomics_adc", "size"]
    assert arms["deep_size"].blocks == ["deep", "size"]
    assert isinstance(arms["radiomics_adc"], BlockModel)


@pytest.mark.parametrize(
    ("columns", "arms"),
    [
        (["deep__0"], ["deep"]),
        (["deep__0", "size__area_px"], ["size", "deep", "deep_size"]),
        (["radiomics__a", "size__area_px"], ["size", "radiomics", "hedge"]),
    ],
)
def test_arms_without_their_blocks_are_left_out(columns, arms):
    assert list(standard_models(columns)) == arms


@pytest.mark.parametrize("task", ["classification", "regression", "survival"])
def test_the_sparse_hedge_reads_the_radiomics_twice_and_says_so(task):
    arm = standard_models(COLUMNS, names=["hedge_sparse"], task=task)["hedge_sparse"]
    assert list(arm.blocks) == ["radiomics", "deep", "size", "radiomics_sparse"]
    assert arm.blocks["radiomics_sparse"] == arm.blocks["radiomics"] == ["radiomics__a", "radiomics__b"]
    assert type(arm.estimators["radiomics_sparse"]).__name__.startswith("TunedElasticNet")
    described = describe_arm(arm)
    assert described["blocks"] == ["radiomics", "deep", "size"]
    assert "deep, size and a second one of radiomics (elastic-net" in described["text"]
    assert "a balanced model of all" in described["text"]
    assert "hedge_sparse" not in standard_models(COLUMNS, task=task)


def test_the_sparse_hedge_adds_a_member_to_the_hedge_and_its_columns_add_up(table):
    X, y, groups = table
    arms = standard_models(X, names=["hedge", "hedge_sparse"], inner=3)
    hedge, sparse = (arm.set_params(n_bootstrap=0).fit(X, y, groups=groups) for arm in arms.values())
    assert set(sparse.weights_.index) - set(hedge.weights_.index) == {"radiomics_sparse"}
    np.testing.assert_array_equal(
        sparse.members_["joint"].decision_function(X), hedge.members_["joint"].decision_function(X)
    )
    total = sparse.shap_values(X).sum(axis=1) + sparse.expected_logit_
    np.testing.assert_allclose(total, sparse.decision_function(X), atol=1e-9)


def test_arms_on_request_come_in_the_order_wanted(table):
    X, y, groups = table
    arms = standard_models(X, names=["early_xgb", "deep", "radiomics_xgb"], inner=3, random_state=7)
    assert list(arms) == ["early_xgb", "deep", "radiomics_xgb"]
    assert all(a.inner == 3 and a.random_state == 7 for a in arms.values())
    fitted = arms["early_xgb"].fit(X, y, groups=groups)
    assert fitted.shap_values(X)[:, 0].any() == 0  # size is no image block


def test_tuned_arms_are_had_on_request_and_say_what_they_are(table):
    X, y, groups = table
    wanted = ["deep_svm", "radiomics_forest", "early_elastic_net", "early_xgb_tuned"]
    arms = standard_models([*COLUMNS, "clinical__age"], names=wanted, inner=3)
    assert [describe_arm(a)["role"] for a in arms.values()] == ["single", "single", "fused", "fused"]
    assert describe_arm(arms["early_elastic_net"])["blocks"] == ["radiomics", "deep"]
    assert "Elastic-net" in describe_arm(arms["early_elastic_net"])["text"]
    assert not set(wanted) & set(standard_models(COLUMNS))
    fitted = standard_models(X, names=["early_elastic_net"], inner=3)["early_elastic_net"].fit(X, y, groups=groups)
    assert fitted.shap_values(X)[:, 0].any() == 0  # size is no image block


@pytest.mark.parametrize(
    ("names", "message"),
    [(["hegde"], "Did you mean hedge"), (["deep_xgb"], "not in the table"), (["clinical"], "not in")],
)
def test_a_model_that_cannot_be_had_is_refused(names, message):
    with pytest.raises(ValueError, match=message):
        standard_models(["radiomics__a", "size__area_px", "rad2__0"], names=names)


def test_marks_of_pictures_are_no_blocks_to_learn_from():
    assert list(standard_models([*COLUMNS, "finetuned__has_pictures"])) == list(standard_models(COLUMNS))
    assert standard_models([*COLUMNS, "finetuned__has_pictures"])["hedge"].blocks == ["radiomics", "deep", "size"]


def test_a_network_is_an_arm_and_takes_the_place_of_the_frozen_one_in_a_hedge():
    net = FineTunedCNN("squeezenet1_1", "untrained")
    marked = [*COLUMNS, "finetuned__has_pictures"]
    arms = standard_models(marked, networks={"finetuned": net}, inner=3)
    assert set(arms) - set(standard_models(COLUMNS)) == {"finetuned", "hedge_finetuned"}
    assert arms["finetuned"].estimator is arms["hedge_finetuned"].estimators["finetuned"] is net
    assert arms["hedge_finetuned"].blocks == ["radiomics", "size", "finetuned"]
    assert [describe_arm(arms[name])["role"] for name in ("finetuned", "hedge_finetuned")] == ["single", "fused"]
    assert list(standard_models(marked, names=["finetuned"], networks={"finetuned": net})) == ["finetuned"]
    with pytest.raises(ValueError, match=r"join store.marker\('finetuned'\)"):
        standard_models(COLUMNS, networks={"finetuned": net})
    with pytest.raises(ValueError, match="give it by networks="):
        standard_models(marked, names=["hedge_finetuned"])


def test_a_block_may_not_bear_the_name_of_a_fused_arm():
    with pytest.raises(ValueError, match="another name"):
        standard_models(["hedge__0"])


def test_arms_describe_themselves():
    columns = [*COLUMNS, "clinical__age"]
    arms = standard_models(columns) | standard_models(columns, names=["radiomics_xgb", "early_xgb"])
    described = {name: describe_arm(arm) for name, arm in arms.items()}
    roles = {name: d["role"] for name, d in described.items()}
    assert {n for n, r in roles.items() if r == "single"} == {"size", "clinical", "radiomics", "deep", "radiomics_xgb"}
    assert {n for n, r in roles.items() if r == "other"} == {"deep_size"}
    assert described["early_xgb"]["blocks"] == ["radiomics", "deep"]
    assert all(d["text"].endswith(".") for d in described.values())
    fused = standard_models(columns, names=["priority", "block_penalty"])
    assert all(describe_arm(arm)["role"] == "fused" for arm in fused.values())
    assert all(arm.blocks == ["clinical", "size", "radiomics", "deep"] for arm in fused.values())
    assert describe_arm(BlockChoice(["radiomics_bw10", "radiomics_bw25"]))["role"] == "single"
    assert describe_arm(object()) == {"role": "other", "blocks": [], "text": "object, as given by the caller."}


def test_a_pipeline_is_what_its_last_step_is_and_names_the_steps_before():
    described = describe_arm(
        make_pipeline(SizeDecorrelation(), "passthrough", StandardScaler(), BlockModel("radiomics"))
    )
    assert (described["role"], described["blocks"]) == ("single", ["radiomics"])
    assert described["text"].startswith("After SizeDecorrelation and StandardScaler: Ridge logistic regression")
    fused = make_pipeline(StandardScaler(), make_pipeline("passthrough", HedgedFusion(["radiomics", "deep"])))
    assert describe_arm(fused)["role"] == "fused"
    assert describe_arm(make_pipeline(StandardScaler(), LogisticRegression())) == {
        "role": "other",
        "blocks": [],
        "text": "After StandardScaler: LogisticRegression, as given by the caller.",
    }


def test_the_words_on_a_hedge_name_what_its_joint_member_reads():
    network = BlockModel("cnn")
    of_all = describe_arm(HedgedFusion(["radiomics", "deep"]))["text"]
    assert "block models of radiomics, deep and a balanced model of all, weights" in of_all
    two = describe_arm(HedgedFusion(["radiomics", "size", "cnn"], estimators={"cnn": network}))["text"]
    assert "block models of radiomics, size, cnn and a balanced model of radiomics and size, weights" in two
    none = describe_arm(HedgedFusion(["radiomics", "cnn"], estimators={"cnn": network}))["text"]
    assert "balanced model" not in none
