from __future__ import annotations

import pytest

import hybridrad as hr
from hybridrad.models.standard import describe_arm

COLUMNS = ["size__volume_ml", "radiomics__a", "radiomics__b", "deep__0", "deep__1"]


@pytest.mark.parametrize("task", ["regression", "survival"])
def test_the_arms_of_a_task_have_the_names_roles_and_blocks_of_those_of_classes(task):
    classes, arms = hr.standard_models(COLUMNS), hr.standard_models(COLUMNS, task=task)
    assert list(arms) == list(classes)
    for name, arm in arms.items():
        ours, theirs = describe_arm(classes[name]), describe_arm(arm)
        assert (ours["role"], ours["blocks"]) == (theirs["role"], theirs["blocks"])
        assert type(arm).__name__.endswith({"regression": "Regressor", "survival": "Survival"}[task])
        assert "ogistic" not in theirs["text"]
        assert "logit" not in theirs["text"]


@pytest.mark.parametrize(("task", "trees"), [("regression", "BoostedRegressor"), ("survival", "BoostedSurvival")])
def test_boosted_trees_are_the_tasks_own(task, trees):
    arm = hr.standard_models(COLUMNS, names=["early_xgb"], task=task)["early_xgb"]
    assert type(arm.estimator).__name__ == trees
    assert describe_arm(arm)["text"] == "Gradient boosted trees (XGBoost) on radiomics, deep."


@pytest.mark.parametrize(("task", "ending"), [("regression", "Regressor"), ("survival", "Survival")])
def test_fusions_on_request_are_the_tasks_own_and_take_the_same_blocks(task, ending):
    names = ["priority", "block_penalty"]
    classes, arms = hr.standard_models(COLUMNS, names=names), hr.standard_models(COLUMNS, names=names, task=task)
    for name, arm in arms.items():
        assert type(arm).__name__.endswith(ending)
        assert arm.blocks == classes[name].blocks
        assert describe_arm(arm)["role"] == "fused"
        assert "ogistic" not in describe_arm(arm)["text"]


@pytest.mark.parametrize(("task", "own"), [("regression", hr.BoostedRegressor()), ("survival", hr.BoostedSurvival())])
def test_boosted_trees_keep_the_defaults_of_their_task(task, own):
    trees = hr.standard_models(COLUMNS, names=["deep_xgb"], task=task, random_state=7)["deep_xgb"].estimator
    assert trees.get_params() == own.set_params(random_state=7).get_params()


TUNED = {
    "regression": {
        "deep_svm": "Support vector machine",
        "radiomics_forest": "Random forest",
        "early_elastic_net": "Elastic-net regression",
        "deep_xgb_tuned": "Gradient boosted trees (XGBoost)",
    },
    "survival": {
        "early_elastic_net": "Elastic-net Cox regression",
        "deep_xgb_tuned": "Gradient boosted trees (XGBoost)",
    },
}


@pytest.mark.parametrize("task", TUNED)
def test_tuned_arms_are_the_tasks_own_and_say_what_they_are(task):
    arms = hr.standard_models(COLUMNS, names=[*TUNED[task]], task=task, inner=3)
    for name, text in TUNED[task].items():
        told = describe_arm(arms[name])
        on = "radiomics, deep" if name.startswith("early") else name.split("_")[0]
        assert told["text"] == f"{text}, settings chosen by the inner folds, on {on}."
        assert told["role"] == ("fused" if name.startswith("early") else "single")
    assert not set(TUNED[task]) & set(hr.standard_models(COLUMNS, task=task))


def test_trees_of_an_accelerated_failure_time_are_had_for_survival_on_request():
    names = ["radiomics_aft", "deep_aft", "early_aft"]
    arms = hr.standard_models(COLUMNS, names=names, task="survival", inner=3, random_state=7)
    assert all(a.estimator.objective == "aft" and a.inner == 3 and a.estimator.random_state == 7 for a in arms.values())
    wanted = "Gradient boosted trees (XGBoost, accelerated failure time) on radiomics, deep."
    assert describe_arm(arms["early_aft"])["text"] == wanted
    assert not set(names) & set(hr.standard_models(COLUMNS, task="survival"))
    cox = hr.standard_models(COLUMNS, names=["early_xgb"], task="survival")["early_xgb"]
    assert cox.estimator.objective == "cox"


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_other_tasks_have_no_accelerated_failure_time(task):
    with pytest.raises(ValueError, match=f"'deep_aft' is not made for {task}"):
        hr.standard_models(COLUMNS, names=["deep_aft"], task=task)


@pytest.mark.parametrize("choice", [hr.BlockChoiceRegressor, hr.BlockChoiceSurvival])
def test_a_choice_of_variants_is_a_single_arm_of_every_task(choice):
    assert describe_arm(choice(["radiomics_bw10", "radiomics_bw25"])) == {
        "role": "single",
        "blocks": ["radiomics_bw10", "radiomics_bw25"],
        "text": "The variant among radiomics_bw10, radiomics_bw25 with the least inner loss, chosen in every fold.",
    }


def test_arms_a_task_does_not_have_are_refused_and_so_is_a_task_that_is_none():
    with pytest.raises(ValueError, match="'deep_svm' is not made for survival"):
        hr.standard_models(COLUMNS, names=["deep_svm"], task="survival")
    with pytest.raises(ValueError, match="Did you mean survival"):
        hr.standard_models(COLUMNS, task="survial")
