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


def test_arms_made_for_classes_alone_are_refused_and_so_is_a_task_that_is_none():
    with pytest.raises(ValueError, match="'priority' is made for classification only"):
        hr.standard_models(COLUMNS, names=["priority"], task="survival")
    with pytest.raises(ValueError, match="Did you mean survival"):
        hr.standard_models(COLUMNS, task="survial")
