from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.models.finetuned import training
from hybridrad.models.standard import describe_arm

RECIPE = hr.TrainingRecipe("head", epochs=8, patience=8)


@pytest.fixture(scope="module")
def study_parts(make_blobs):
    """A store, and features in which radiomics is noise and the network's block says who has pictures."""
    store = make_blobs(30)
    noise = np.random.default_rng(0).normal(size=(len(store.y), 3))
    features = pd.DataFrame(noise, index=store.X.index, columns=[f"radiomics__{c}" for c in "abc"])
    features["finetuned__has_pictures"] = 1.0
    network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=RECIPE, device="cpu")
    return store, features, network


def test_a_network_is_a_member_of_the_hedge_and_is_trained_in_its_inner_folds_once(study_parts, monkeypatch):
    store, features, network = study_parts
    searches, find = [], training.find_epochs
    monkeypatch.setattr(training, "find_epochs", lambda *a, **k: searches.append(len(a[3])) or find(*a, **k))
    model = hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": network}, n_bootstrap=5)
    model.fit(features, store.y, groups=store.groups)
    assert searches == [3]
    assert model.weights_["finetuned"] > model.weights_["radiomics"]
    member = model.members_["finetuned"]
    alone = network.fit(features, store.y, groups=store.groups)
    assert np.allclose(member.oof_logits_, member.fit_.slope * alone.oof_logits_ + member.fit_.intercept)
    assert 0 < member.fit_.slope <= 1
    pooled = sum(model.weights_[b] * m.decision_function(features) for b, m in model.members_.items())
    assert np.allclose(model.decision_function(features), model.slope_ * pooled + model.intercept_)


def test_without_own_out_of_fold_logits_the_block_model_makes_them(study_parts):
    store, features, _ = study_parts
    quick = hr.FineTunedCNN(
        "squeezenet1_1", "untrained", views_store=store, recipe=hr.TrainingRecipe("head", epochs=1), oof=False
    )
    model = hr.BlockModel("finetuned", estimator=quick, inner=2).fit(features, store.y, groups=store.groups)
    assert model.oof_logits_.shape == store.y.shape
    assert np.isfinite(model.oof_logits_).all()


def test_where_pictures_are_missing_the_other_members_answer(study_parts):
    store, features, _ = study_parts
    lost = features.rename({features.index[0]: "lost"})
    lost.loc["lost", "finetuned__has_pictures"] = np.nan
    member = hr.FineTunedCNN(
        "squeezenet1_1", "untrained", views_store=store, recipe=RECIPE, missing="average", device="cpu"
    )
    model = hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": member}, n_bootstrap=0)
    model.fit(lost, store.y, groups=store.groups)
    wanted = model.members_["radiomics"].decision_function(lost.iloc[[0]])
    assert model.decision_function(lost.iloc[[0]])[0] == pytest.approx(
        model.slope_ * wanted[0] + float(np.ravel(model.intercept_)[0])
    )


def test_it_is_compared_like_any_arm_and_its_time_is_said_before(study_parts):
    store, features, network = study_parts
    table = pd.DataFrame({"case_id": features.index, "patient_id": store.groups, "label": store.y})
    models = {
        "radiomics": hr.BlockModel("radiomics"),
        "finetuned": network,
        "hedge": hr.HedgedFusion(["radiomics", "finetuned"], estimators={"finetuned": network}, n_bootstrap=5),
    }
    said: list[str] = []
    study = hr.compare_models(
        models,
        features,
        cohort_from_frame(table, images=False),
        cv=hr.NestedCV(outer=3, repeats=1, inner=2),
        announce=said.append,
    )
    assert [line.split(" trains")[0] for line in said[1:]] == ["Arm finetuned", "Arm hedge"]
    assert study.scores.loc[("finetuned", "roc_auc"), "value"] > 0.8
    assert study.scores.loc[("finetuned", "roc_auc"), "value"] > study.scores.loc[("radiomics", "roc_auc"), "value"]
    arm = study.settings["arms"]["finetuned"]
    assert arm["role"] == "single"
    assert arm["n_features"] is None
    assert arm["seconds"] > 0
    assert set(study.importance.index.get_level_values("model")) == {"radiomics"}
    assert study.settings["arms"]["hedge"]["n_features"] is None
    assert "parameters" not in study.claims.loc["hedge"].index
    told, member = arm["network"], study.settings["arms"]["hedge"]["network"]
    assert (told["weights"]["source"], told["recipe"]["train"], told["device"]) == ("untrained", "head", "cpu")
    assert (told["input_px"], told["precision"], told["augmentation"]) == (32, "float32", None)
    assert len(told["chosen_epochs"]) == 3
    assert all(1 <= n <= 8 for n in told["chosen_epochs"])
    assert member == {"member": "finetuned", **told}
    json.dumps(study.settings)
    regret = study.regret.loc[("hedge", "selected", "roc_auc")]
    assert np.isfinite(regret["regret"])
    assert "finetuned in 100 %" in regret["note"]


def test_reports_say_what_was_trained(study_parts):
    _, _, network = study_parts
    described = describe_arm(network)
    assert "squeezenet1_1 (random weights), its head alone trained" in described["text"]
    assert "at most 8 epochs, their number by 3 inner folds" in described["text"]
    assert describe_arm(hr.BlockModel("finetuned", estimator=network))["blocks"] == ["finetuned"]
