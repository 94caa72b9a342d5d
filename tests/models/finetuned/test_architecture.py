from __future__ import annotations

import numpy as np
import pytest
import torch

from hybridrad.features.deep.embeddings import EmbeddingExtractor
from hybridrad.models.finetuned import architecture
from hybridrad.models.finetuned.pooling import PoolingPlan
from hybridrad.models.finetuned.recipe import TrainingRecipe

PICTURES = torch.rand((3, 1, 32, 32), generator=torch.Generator().manual_seed(0))


def network(backbone: str = "squeezenet1_1", **options) -> architecture.CaseNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return architecture.build_case_network(
            backbone, "untrained", input_px=32, pooling=PoolingPlan("mean"), n_classes=2, **options
        ).eval()


def test_its_features_are_the_embeddings_of_the_extractor():
    from dataclasses import replace

    from hybridrad.features.deep.weights import find_weights

    at_32 = replace(find_weights("squeezenet1_1", "untrained").preprocessing, input_size=32)
    extractor = EmbeddingExtractor("squeezenet1_1", "untrained", preprocessing=at_32, device="cpu")
    wanted = extractor.finish([PICTURES[:1].numpy(), PICTURES[1:].numpy()])
    with torch.no_grad():
        found = network().features(PICTURES)
    assert np.allclose(found[0], wanted[0], atol=1e-5)
    assert np.allclose(found[1:].mean(0), wanted[1], atol=1e-5)


def test_before_training_every_case_is_answered_by_the_prevalence():
    net = network()
    net.set_prevalence(np.array([0.75, 0.25]))
    with torch.no_grad():
        net.set_scale(net.features(PICTURES))
        p = torch.softmax(net(PICTURES, [1, 2]), dim=1)
    assert torch.allclose(p, torch.tensor([[0.75, 0.25]] * 2), atol=1e-6)


def test_the_head_alone_leaves_the_trunk_frozen_and_all_frees_every_parameter():
    net = network()
    n_own = sum(p.numel() for p in net.head.parameters())
    for train, wanted in (("head", n_own), ("all", sum(p.numel() for p in net.parameters()))):
        groups = architecture.parameter_groups(net, TrainingRecipe(train))
        assert sum(p.numel() for group in groups for p in group["params"]) == wanted
        assert sum(p.numel() for p in net.parameters() if p.requires_grad) == wanted


@pytest.mark.parametrize("backbone", ["squeezenet1_1", "resnet18", "mobilenet_v3_small"])
def test_the_last_blocks_are_the_last_layers_and_their_rates_rise_towards_the_head(backbone):
    net = network(backbone)
    groups = architecture.parameter_groups(net, TrainingRecipe("all", trunk_lr=1e-3, trunk_lr_fall=0.01, lr=0.5))
    rates = [group["highest"] for group in groups]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(1e-5)
    assert rates[-3] == pytest.approx(1e-3)
    assert rates[-1] == 0.5
    last = architecture.parameter_groups(net, TrainingRecipe("last_blocks", trunk_lr=1e-3, trunk_lr_fall=0.01, lr=0.5))
    freed = (
        [p.requires_grad for p in net.trunk.features.parameters()]
        if hasattr(net.trunk, "features")
        else [p.requires_grad for p in net.trunk.parameters()]
    )
    assert freed == sorted(freed)  # frozen ones first
    assert 0 < sum(freed) < len(freed)
    # Each layer has the rate it would have if all were trained.
    assert {group["highest"] for group in last} < set(rates)


def test_biases_and_normalisation_are_not_decayed():
    net = network("resnet18")
    for group in architecture.parameter_groups(net, TrainingRecipe("all", weight_decay=0.3)):
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.3 if parameter.ndim > 1 else 0.0)


def test_batch_normalisation_keeps_its_statistics_in_training():
    net = network("resnet18")
    architecture.parameter_groups(net, TrainingRecipe("all"))
    before = net.trunk.bn1.running_mean.clone()
    net.train_parts(trunk=True)
    net(PICTURES, [3])
    assert net.trunk.training
    assert torch.equal(net.trunk.bn1.running_mean, before)


def test_a_feature_that_does_not_vary_is_not_blown_up():
    net = network()
    features = torch.rand((20, 512), generator=torch.Generator().manual_seed(1))
    features[:, 0] = 0.5 + 1e-6 * features[:, 0]
    net.set_scale(features)
    scaled = (features - net.centre) / net.spread
    assert float(scaled[:, 0].abs().max()) < 1e-3
    assert torch.allclose(scaled[:, 1:].std(0, correction=0), torch.ones(511), atol=1e-4)
    net.set_scale(torch.ones(5, 512))
    assert torch.equal(net.spread, torch.ones(512))


@pytest.mark.parametrize("turns", [True, False])
def test_a_network_that_transforms_its_input_or_not_comes_back_as_it_was(turns):
    from hybridrad.features.deep.weights import Preprocessing

    told = Preprocessing(32, (0.5,) * 3, (0.5,) * 3, "bilinear", transform_input=turns)
    net = network("googlenet", preprocessing=told)
    assert net.trunk.transform_input is turns
    state = architecture.state_of(net)
    again = architecture.network_of(state, "googlenet", input_px=32, pooling=PoolingPlan("mean"), n_classes=2)
    assert again.trunk.transform_input is turns
    with torch.no_grad():
        assert torch.allclose(again.features(PICTURES), net.features(PICTURES), atol=1e-5)


@pytest.mark.parametrize("backbone", ["squeezenet1_1", "resnet18"])
def test_a_network_comes_back_from_its_arrays_without_weights(backbone):
    net = network(backbone)
    torch.nn.init.normal_(net.head.weight)
    state = architecture.state_of(net)
    assert all(isinstance(values, np.ndarray) for values in state.values())
    again = architecture.network_of(state, backbone, input_px=32, pooling=PoolingPlan("mean"), n_classes=2)
    with torch.no_grad():
        assert torch.allclose(again(PICTURES, [1, 2]), net(PICTURES, [1, 2]), atol=1e-6)
