from __future__ import annotations

import pytest

from hybridrad.features.deep import backbones
from hybridrad.models.finetuned import architecture
from hybridrad.models.finetuned.last_blocks import is_inside, last_blocks
from hybridrad.models.finetuned.pooling import PoolingPlan
from hybridrad.models.finetuned.recipe import TrainingRecipe


def cut(backbone: str):
    model = backbones.build_network(backbone, allocate=False)
    backbones.cut_head(model, backbone)
    return model


@pytest.mark.parametrize(
    ("backbone", "blocks"),
    [
        ("resnet18", ["layer4"]),
        ("wide_resnet50_2", ["layer4"]),
        ("densenet121", ["features.denseblock4", "features.norm5"]),
        ("inception_v3", ["Mixed_7a", "Mixed_7b", "Mixed_7c"]),
        ("squeezenet1_1", ["features.10", "features.11", "features.12"]),
        ("vgg16", [f"features.{i}" for i in (19, 21, 24, 26, 28)]),
        ("vit_b_16", [*(f"encoder.layers.encoder_layer_{i}" for i in (8, 9, 10, 11)), "encoder.ln"]),
    ],
)
def test_the_last_blocks_are_the_last_stage_or_the_last_third(backbone, blocks):
    assert list(last_blocks(cut(backbone), backbone)) == blocks


@pytest.mark.parametrize("backbone", ["alexnet", "vgg11_bn", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"])
def test_linear_layers_before_the_classifier_are_no_blocks(backbone):
    assert all(path.startswith("features.") for path in last_blocks(cut(backbone), backbone))


@pytest.mark.parametrize("backbone", [n for n in backbones.backbone_names() if "_b_" not in n and "h_14" not in n])
def test_every_network_has_last_blocks_and_others_before_them(backbone):
    trunk = cut(backbone)
    blocks = last_blocks(trunk, backbone)
    inside = [is_inside(name, blocks) for name, _ in trunk.named_parameters()]
    assert 0 < sum(inside) < len(inside)
    assert all(is_inside(block, (block,)) and trunk.get_submodule(block) is not None for block in blocks)


def test_of_a_vgg_less_than_a_tenth_is_trained():
    net = architecture.CaseNetwork(cut("vgg16"), 4096, PoolingPlan("mean"), 2, 0.0)
    net.last_blocks = last_blocks(net.trunk, "vgg16")
    architecture.parameter_groups(net, TrainingRecipe("last_blocks"))
    sizes = [(p.numel(), p.requires_grad) for p in net.trunk.parameters()]
    assert 0.05 < sum(n for n, trained in sizes if trained) / sum(n for n, _ in sizes) < 0.1
