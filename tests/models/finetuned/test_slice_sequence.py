from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import hybridrad as hr


def test_the_network_is_frozen_unless_a_recipe_says_otherwise(blobs):
    assert [r.train for r in hr.SliceSequence(views_store=blobs).used_recipes] == ["head"]


@pytest.mark.parametrize("pool", ["lstm", "gru", "attention"])
def test_a_sign_in_one_slice_of_several_is_found(make_blobs, pool):
    store = make_blobs(40, n_views=3)
    for i, case_id in enumerate(store.kept):  # sequences differ in length; the slice left out is never the sign's
        if i % 4 == 0:
            pictures = store.kept[case_id]
            sign = int(np.abs(pictures.mean(axis=(1, 2, 3)) - 0.4).argmax())
            store.kept[case_id] = pictures[[k for k in range(3) if k != (sign + 1) % 3]]
    test = np.isin(store.groups, np.unique(store.groups)[:16])
    recipe = hr.TrainingRecipe("head", epochs=20, patience=20)
    model = hr.SliceSequence(
        "squeezenet1_1", "untrained", views_store=store, pool=pool, hidden=8, recipe=recipe, device="cpu"
    )
    model.fit(store.X[~test], store.y[~test], groups=store.groups[~test])
    assert roc_auc_score(store.y[test], model.decision_function(store.X[test])) > 0.85


def test_the_slices_can_be_fine_tuned_with_what_reads_them(make_blobs):
    store = make_blobs(12, n_views=2)
    recipe = hr.TrainingRecipe("last_blocks", epochs=1)
    model = hr.SliceSequence("squeezenet1_1", "untrained", views_store=store, hidden=4, recipe=recipe, device="cpu")
    model.fit(store.X, store.y, groups=store.groups)
    assert model.predict_proba(store.X).shape == (len(store.y), 2)
    assert "pooling.layer.weight_ih_l0" in model.network_state_


def test_a_hidden_layer_of_no_whole_width_is_refused(blobs):
    with pytest.raises(ValueError, match="hidden"):
        hr.SliceSequence("squeezenet1_1", "untrained", views_store=blobs, hidden=1.5).fit(blobs.X, blobs.y)
