from __future__ import annotations

import os
import re
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from hybridrad.errors import WeightsError
from hybridrad.features.deep.backbones import Head, build_network, cut_head
from hybridrad.features.deep.batching import network_input
from hybridrad.features.deep.checkpoints import fill_network, read_checkpoint, write_weights
from hybridrad.features.deep.network import load_network
from hybridrad.features.deep.weights import Preprocessing, Weights, find_weights

EXPECTED = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
SMALL = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(1)
    return torchvision.models.get_model(SMALL, weights=None).eval()


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def embedding_from(path, image, backbone=SMALL, expected=EXPECTED):
    model = load_network(backbone, Weights(path.name, "file", path, None, expected))
    with torch.inference_mode():
        return model(image)


def plain_embedding(model, image, head="fc"):
    layer = model.get_submodule(head)
    model.set_submodule(head, torch.nn.Identity())
    try:
        with torch.inference_mode():
            return model(image)
    finally:
        model.set_submodule(head, layer)


def wrapped(state, how):
    body = {k: v for k, v in state.items() if not k.startswith("fc.")}
    encoder = {f"module.encoder.{k}": v for k, v in state.items()}
    return {
        "plain": state,
        "state_dict": {"state_dict": state, "epoch": 3},
        "module": {f"module.{k}": v for k, v in state.items()},
        "module.encoder": encoder | {"module.projector.weight": torch.ones(2)},
        "backbone": {f"backbone.{k}": v for k, v in state.items()} | {"neck.bias": torch.ones(2)},
        "no classifier": body,
        "other classifier": body | {"fc.1.weight": torch.ones(2, 9)},
        "half precision": {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
        "old counters": {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
    }[how]  # fmt: skip


@pytest.mark.parametrize(
    "how",
    [
        "plain",
        "state_dict",
        "module",
        "module.encoder",
        "backbone",
        "no classifier",
        "other classifier",
        "old counters",
    ],
)
def test_a_checkpoint_gives_the_same_embedding_however_it_is_wrapped(tmp_path, original, image, how):
    torch.save(wrapped(original.state_dict(), how), tmp_path / "net.pth")
    torch.testing.assert_close(embedding_from(tmp_path / "net.pth", image), plain_embedding(original, image))


def test_half_precision_weights_are_computed_in_single_precision(tmp_path, original, image):
    torch.save(wrapped(original.state_dict(), "half precision"), tmp_path / "net.pth")
    found = embedding_from(tmp_path / "net.pth", image)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain_embedding(original, image), rtol=0.01, atol=0.01)


def test_safetensors_and_pth_give_equal_embeddings(tmp_path, original, image):
    torch.save(original.state_dict(), tmp_path / "net.pth")
    save_file(original.state_dict(), tmp_path / "net.safetensors")
    assert torch.equal(embedding_from(tmp_path / "net.pth", image), embedding_from(tmp_path / "net.safetensors", image))


def test_a_file_without_layout_versions_can_be_read_by_a_network_that_asks_for_them(tmp_path, image):
    torch.manual_seed(0)
    model = torchvision.models.mnasnet0_5(weights=None).eval()
    save_file(model.state_dict(), tmp_path / "net.safetensors")
    found = embedding_from(tmp_path / "net.safetensors", image, "mnasnet0_5")
    torch.testing.assert_close(found, plain_embedding(model, image, "classifier.1"))


def test_layer_names_of_old_densenet_files_are_understood(tmp_path, image):
    torch.manual_seed(0)
    model = torchvision.models.densenet121(weights=None).eval()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", k): v for k, v in model.state_dict().items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "net.pth")
    found = embedding_from(tmp_path / "net.pth", image, "densenet121")
    torch.testing.assert_close(found, plain_embedding(model, image, "classifier"))


def test_a_local_googlenet_equals_torchvision_with_its_transformed_input(tmp_path, image):
    torch.manual_seed(0)
    model = torchvision.models.googlenet(weights=None, init_weights=True, transform_input=True).eval()
    assert any(key.startswith("aux1.") for key in model.state_dict())
    torch.save(model.state_dict(), tmp_path / "net.pth")
    imagenet = Preprocessing(64, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")
    found = embedding_from(tmp_path / "net.pth", image, "googlenet", imagenet)
    torch.testing.assert_close(found, plain_embedding(model, image))
    as_told = replace(EXPECTED, transform_input=True)
    torch.testing.assert_close(embedding_from(tmp_path / "net.pth", image, "googlenet", as_told), found)


@pytest.mark.parametrize(("how", "lowest", "highest"), [(None, -1.0, 1.0), (True, -0.64, 0.43), (False, -1.0, 1.0)])
def test_pictures_of_a_file_that_declares_another_normalisation_are_normalised_once(tmp_path, how, lowest, highest):
    torch.manual_seed(0)
    torch.save(torchvision.models.googlenet(weights=None, init_weights=False).state_dict(), tmp_path / "net.pth")
    facts = {"input_size": 64, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}
    facts |= {} if how is None else {"transform_input": how}
    path = write_weights(
        tmp_path / "net.pth",
        tmp_path / "n.safetensors",
        backbone="googlenet",
        preprocessing=facts,
        licence="",
        origin="",
    )
    found = find_weights("googlenet", path)
    assert found.preprocessing.describe()["transform_input"] is bool(how)
    model = load_network("googlenet", found)
    seen = []
    model.conv1.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    both = torch.stack([network_input(np.full((1, 8, 8), v, np.float32), found.preprocessing) for v in (0.0, 1.0)])
    model(both)
    assert float(seen[0][0].min()) == pytest.approx(lowest, abs=0.01)
    assert float(seen[0][1].max()) == pytest.approx(highest, abs=0.01)


def test_an_input_transform_is_refused_for_networks_without_one(tmp_path, original):
    torch.save(original.state_dict(), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="has no transform_input"):
        find_weights(SMALL, tmp_path / "net.pth", preprocessing=replace(EXPECTED, transform_input=True))


def test_a_prefix_that_is_a_layer_of_the_network_itself_stays():
    model = torch.nn.ModuleDict({"encoder": torch.nn.Linear(2, 2), "conv_proj": torch.nn.Linear(2, 2)})
    state = OrderedDict(model.state_dict())
    assert fill_network(model, Head("heads.head", "heads", 2), state, file_name="net.pth") == ()


def test_missing_layers_are_listed(tmp_path, original):
    state = {k: v for k, v in original.state_dict().items() if not k.startswith("conv5.")}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"net\.pth does not fit.*missing conv5\.0\.weight"):
        embedding_from(tmp_path / "net.pth", torch.rand(1, 3, 64, 64))


def test_a_classifier_that_the_embedding_needs_may_not_lack():
    model = build_network("alexnet", allocate=False)
    head = cut_head(model, "alexnet")
    features = OrderedDict(
        (k, torch.zeros(v.shape)) for k, v in model.state_dict().items() if k.startswith("features.")
    )
    with pytest.raises(WeightsError, match=r"missing classifier\.1\.weight, classifier\.1\.bias, classifier\.4"):
        fill_network(model, head, features, file_name="features.pth")


def test_unknown_layers_are_listed(tmp_path, original):
    torch.save({**original.state_dict(), "layer9.weight": torch.ones(2)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"unknown layer9\.weight"):
        embedding_from(tmp_path / "net.pth", torch.rand(1, 3, 64, 64))


def test_a_checkpoint_of_another_network_is_refused(tmp_path, original):
    torch.save(original.state_dict(), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="does not fit"):
        embedding_from(tmp_path / "net.pth", torch.rand(1, 3, 64, 64), "squeezenet1_1")


def test_shapes_that_differ_are_listed_with_both_shapes(tmp_path, original):
    state = {**original.state_dict(), "conv1.0.weight": torch.zeros(24, 1, 3, 3)}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"conv1\.0\.weight \(24, 1, 3, 3\) instead of \(24, 3, 3, 3\)"):
        embedding_from(tmp_path / "net.pth", torch.rand(1, 3, 64, 64))


def test_weights_that_are_not_finite_are_refused(tmp_path, original):
    state = {**original.state_dict(), "conv1.0.weight": torch.full((24, 3, 3, 3), float("nan"))}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"not finite: conv1\.0\.weight"):
        embedding_from(tmp_path / "net.pth", torch.rand(1, 3, 64, 64))


class Intruder:
    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    intruder = Intruder()
    intruder.path = tmp_path / "was_here"
    torch.save({"state_dict": intruder}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="can run code"):
        read_checkpoint(tmp_path / "net.pth")
    assert not intruder.path.exists()


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_a_truncated_file_is_an_error(tmp_path, original, name):
    path = tmp_path / name
    (torch.save if path.suffix == ".pth" else save_file)(original.state_dict(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match=f"{name} is damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], {"state_dict": {}}])
def test_a_file_without_tensors_is_an_error(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="no table of tensors"):
        read_checkpoint(tmp_path / "net.pth")


def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path):
    (tmp_path / "net.pth").write_text("case_id,label\n")
    with pytest.raises(WeightsError, match="damaged"):
        read_checkpoint(tmp_path / "net.pth")


def test_untrained_weights_are_the_same_every_time_and_leave_the_callers_random_numbers_alone():
    untrained = Weights("untrained", "untrained", None, None, EXPECTED)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = (load_network(SMALL, untrained).state_dict()["conv1.0.weight"] for _ in range(2))
    assert torch.equal(first, second)
    assert np.array_equal(torch.random.get_rng_state().numpy(), before.numpy())
