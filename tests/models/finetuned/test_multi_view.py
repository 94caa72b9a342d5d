from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import hybridrad as hr
from hybridrad.errors import RunError


@pytest.mark.parametrize("pool", ["mean", "max", "concat"])
def test_a_sign_in_one_of_several_views_is_found(make_blobs, pool):
    store = make_blobs(40, n_views=2)
    test = np.isin(store.groups, np.unique(store.groups)[:16])
    recipe = hr.TrainingRecipe("head", epochs=20, patience=20)
    model = hr.MultiViewCNN("squeezenet1_1", "untrained", views_store=store, pool=pool, recipe=recipe, device="cpu")
    model.fit(store.X[~test], store.y[~test], groups=store.groups[~test])
    assert roc_auc_score(store.y[test], model.decision_function(store.X[test])) > 0.85


def test_concatenated_views_must_be_as_many_for_every_case(make_blobs):
    store = make_blobs(12, n_views=2)
    store.kept["c003"] = store.kept["c003"][:1]
    options = {"views_store": store, "recipe": hr.TrainingRecipe("head", epochs=1), "device": "cpu"}
    with pytest.raises(RunError, match="'c003' has 1 views, the first training case 2"):
        hr.MultiViewCNN("squeezenet1_1", "untrained", pool="concat", **options).fit(store.X, store.y)
    hr.MultiViewCNN("squeezenet1_1", "untrained", pool="max", **options).fit(store.X, store.y)


def test_an_unknown_pooling_is_refused_with_the_nearest(blobs):
    with pytest.raises(ValueError, match="concat"):
        hr.MultiViewCNN("squeezenet1_1", "untrained", views_store=blobs, pool="concatenate").fit(blobs.X, blobs.y)
