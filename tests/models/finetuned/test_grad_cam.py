from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch

import hybridrad as hr
from hybridrad.errors import MissingDependencyError, RunError
from hybridrad.models.finetuned.grad_cam import case_heat, grad_cam_layer
from tests.models.finetuned.lit_squares import LitSquares

HEAD = hr.TrainingRecipe("head", epochs=3)


def slow_grad_cam(model, case_id: str, target: int, path: str) -> np.ndarray:
    """The plain twin: gradients of the score averaged over the map, times the map, summed, negative values cut off."""
    network = model.trained_network("cpu")
    (pictures,) = model.views_store.pictures([case_id])
    kept = {}

    def keep(module, given, output):
        kept["map"] = output
        return output.clone()  # what follows may change its input in place

    hook = network.trunk.get_submodule(path).register_forward_hook(keep)
    scores = network(torch.from_numpy(pictures).expand(-1, 3, -1, -1), [len(pictures)])[0]
    hook.remove()
    (gradients,) = torch.autograd.grad(scores[target] - scores.mean(), kept["map"])
    heat = []
    for gradient, activation in zip(gradients.numpy(), kept["map"].detach().numpy(), strict=True):
        weighted = sum(gradient[c].mean() * activation[c] for c in range(len(gradient)))
        heat.append(np.maximum(weighted, 0))
    return np.array(heat)


@pytest.fixture(scope="module")
def squares():
    return LitSquares()


@pytest.mark.parametrize(
    ("kind", "options", "n_views"),
    [
        (hr.FineTunedCNN, {"recipe": HEAD}, 1),
        (hr.FineTunedCNN, {"recipe": hr.TrainingRecipe("last_blocks", epochs=3)}, 2),
        (hr.MultiViewCNN, {"recipe": HEAD, "pool": "max"}, 3),
        (hr.MultiViewCNN, {"recipe": HEAD, "pool": "concat"}, 2),
        (hr.SliceSequence, {"recipe": HEAD, "pool": "lstm", "hidden": 4}, 3),
        (hr.SliceSequence, {"recipe": HEAD, "pool": "attention", "hidden": 4}, 3),
    ],
)
def test_it_is_what_a_slow_plain_twin_gives(kind, options, n_views):
    store = LitSquares(12, n_views=n_views)
    model = kind("squeezenet1_1", "untrained", views_store=store, oof=False, device="cpu", **options)
    model.fit(store.X, store.y, groups=store.groups)
    found = case_heat(model, ["c000", "c000"], [0, 1])
    wanted = [slow_grad_cam(model, "c000", target, "features") for target in (0, 1)]
    strongest = max(one.max() for one in wanted)
    assert strongest > 0
    for one, twin in zip(found, wanted, strict=True):
        assert one.shape == (n_views, 5, 5)
        assert np.abs(one - twin).max() <= 1e-5 * strongest


def test_a_change_in_place_behind_the_last_map_does_no_harm(squares):
    model = hr.FineTunedCNN("densenet121", "untrained", views_store=squares, recipe=HEAD, oof=False, device="cpu")
    few = slice(0, 12)
    model.fit(squares.X[few], squares.y[few], groups=squares.groups[few])
    (heat,) = case_heat(model, ["c000"], [1])
    assert np.allclose(heat, slow_grad_cam(model, "c000", 1, "features"), rtol=1e-4, atol=1e-7)


def test_networks_and_pictures_without_a_map_are_refused(squares, blobs):
    for backbone, store, match in [("vit_b_16", squares, "no map of channels"), ("squeezenet1_1", blobs, "one cell")]:
        with pytest.raises(RunError, match=match):
            grad_cam_layer(backbone, store.input_px)


def test_without_captum_the_extra_is_named(squares, monkeypatch):
    known = importlib.import_module

    def without(name, *args):
        if name.split(".")[0] == "captum":
            raise ModuleNotFoundError("No module named 'captum'", name="captum")
        return known(name, *args)

    monkeypatch.setattr(importlib, "import_module", without)
    model = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=squares, recipe=HEAD, oof=False, device="cpu")
    model.fit(squares.X, squares.y, groups=squares.groups)
    with pytest.raises(MissingDependencyError, match="captum is not installed") as raised:
        hr.heat_maps(model, squares.X)
    assert "hybridrad[heatmaps]" in str(raised.value.hint)
