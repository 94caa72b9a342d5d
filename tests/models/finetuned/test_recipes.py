from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.models.finetuned import training
from hybridrad.models.finetuned.timing import training_announcements, training_time
from hybridrad.splits import make_splits

LEARNS = hr.TrainingRecipe("head", epochs=6, patience=6)
HARDLY = hr.TrainingRecipe("head", epochs=1, lr=1e-9)
WEIGHTED = hr.TrainingRecipe("head", epochs=6, patience=6, class_weight={0: 0.05, 1: 20.0})


def network(store, **options) -> hr.FineTunedCNN:
    return hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, device="cpu", **options)


def test_the_recipe_with_the_least_out_of_fold_loss_is_refitted_as_if_it_were_the_only_one(blobs, monkeypatch):
    seen, find = [], training.find_epochs
    monkeypatch.setattr(
        training, "find_epochs", lambda *a, **k: seen.append([t.tolist() for _, t in a[3]]) or find(*a, **k)
    )
    model = network(blobs, recipes=[HARDLY, LEARNS, WEIGHTED]).fit(blobs.X, blobs.y, groups=blobs.groups)
    assert seen[0] == seen[1] == seen[2]  # the same inner folds
    assert (model.recipe_, model.recipe_number_) == (LEARNS, 2)
    alone = network(blobs, recipe=LEARNS).fit(blobs.X, blobs.y, groups=blobs.groups)
    assert np.array_equal(model.decision_function(blobs.X), alone.decision_function(blobs.X))
    assert np.array_equal(model.oof_logits_, alone.oof_logits_)
    p = 1 / (1 + np.exp(-alone.oof_logits_))
    assert model.recipe_losses_[1] == pytest.approx(log_loss(blobs.y, p), abs=1e-6)
    # Weighted classes are judged by the plain loss, not by their own.
    assert model.recipe_losses_[1] < model.recipe_losses_[2]
    assert model.findings_[0].startswith("Of 3 recipes the inner folds chose number 2 (out-of-fold log loss of each:")


def test_recipes_are_copied_with_the_network_and_described(blobs):
    model = clone(network(blobs, recipes=[HARDLY, LEARNS]))
    told = model.describe()
    assert [recipe["epochs"] for recipe in told["recipes"]] == [1, 6]
    assert "recipe" not in told
    assert "the best of 2 recipes by 3 inner folds" in model.describe_arm()


def test_the_time_of_every_recipe_is_announced(blobs):
    one = training_time(network(blobs, recipe=LEARNS), blobs.X, blobs.y, n_train=1000)
    two = training_time(network(blobs, recipes=[LEARNS] * 3), blobs.X, blobs.y, n_train=1000)
    assert (one.n_recipes, two.n_recipes) == (1, 3)
    assert two.seconds_per_fit > one.seconds_per_fit
    splits = make_splits(blobs.y, blobs.groups, n_folds=3, repeats=1, random_state=0, case_id=list(blobs.X.index))
    models = {"finetuned": network(blobs, recipes=[LEARNS, HARDLY])}
    (said,) = training_announcements(models, blobs.X, blobs.y, blobs.groups, splits, inner=3)
    assert said.startswith("Arm finetuned trains squeezenet1_1 on cpu by 2 recipes: a step")


def test_a_study_tells_the_recipe_of_every_fold(blobs):
    table = blobs.X.reset_index()[["case_id"]].assign(patient_id=blobs.groups, label=blobs.y)
    models = {"size": hr.BlockModel("size"), "finetuned": network(blobs, recipes=[HARDLY, LEARNS])}
    cv = hr.NestedCV(outer=3, repeats=1, inner=2)
    study = hr.compare_models(models, blobs.X, cohort_from_frame(table, images=False), cv=cv)
    told = study.settings["arms"]["finetuned"]["network"]
    assert told["chosen_recipes"] == [2, 2, 2]
    assert len(told["chosen_epochs"]) == 3
    assert "Of 2 recipes the inner folds chose number 2" in " ".join(study.findings["message"])


@pytest.mark.parametrize("options", [{"recipe": LEARNS, "recipes": [LEARNS]}, {"recipes": []}, {"recipes": ["head"]}])
def test_recipes_beside_a_recipe_and_none_at_all_are_refused(blobs, options):
    with pytest.raises(ValueError, match="recipes"):
        network(blobs, **options).fit(blobs.X, blobs.y)
