from __future__ import annotations

import pytest
import torch
import torchvision

from hybridrad.errors import RunError
from hybridrad.features.deep.backbones import backbone_names, build_network, cut_head, embedding_width, find_head
from hybridrad.features.deep.weights import find_weights


@pytest.mark.parametrize("backbone", backbone_names())
def test_every_classification_network_gives_an_embedding_as_wide_as_promised(backbone):
    size = find_weights(backbone, "untrained").preprocessing.input_size
    model = build_network(backbone, input_size=size, allocate=False).to("meta").eval()
    head = cut_head(model, backbone)
    with torch.inference_mode():
        embedding = model(torch.empty(2, 3, size, size, device="meta"))
    assert tuple(embedding.shape) == (2, head.width) == (2, embedding_width(backbone))


def test_the_list_holds_classification_networks_only():
    names = backbone_names()
    assert {"alexnet", "resnet50", "squeezenet1_1", "vit_b_16", "swin_t"} <= set(names)
    assert not any(word in name for name in names for word in ("rcnn", "fcn", "raft", "quantized", "r3d"))


@pytest.mark.parametrize(
    ("backbone", "width"),
    [
        ("resnet18", 512),
        ("resnet50", 2048),
        ("vgg11", 4096),
        ("squeezenet1_1", 512),
        ("vit_b_16", 768),
        ("maxvit_t", 512),
    ],
)
def test_widths_of_well_known_networks(backbone, width):
    assert embedding_width(backbone) == width


def test_the_embedding_is_what_the_last_linear_layer_is_given():
    torch.manual_seed(0)
    model = torchvision.models.mobilenet_v3_small(weights=None).eval()
    image, seen = torch.rand(1, 3, 64, 64), []
    model.classifier[-1].register_forward_hook(lambda module, given, result: seen.append(given[0]))
    with torch.inference_mode():
        model(image)
        cut_head(model, "mobilenet_v3_small")
        assert torch.equal(model(image), seen[0])


def test_the_embedding_of_a_convolutional_classifier_is_the_mean_over_the_map_before_it():
    torch.manual_seed(0)
    model = torchvision.models.squeezenet1_1(weights=None).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        map_before = model.features(image)
        cut_head(model, "squeezenet1_1")
        torch.testing.assert_close(model(image), map_before.mean(dim=(2, 3)), rtol=0, atol=1e-6)


def test_auxiliary_classifiers_are_off_and_inputs_are_transformed_as_the_trained_weights_want():
    model = build_network("googlenet", allocate=False)
    assert model.aux1 is None
    assert model.transform_input


def test_without_memory_every_parameter_has_a_shape_only():
    model = build_network("regnet_y_400mf", allocate=False)
    assert all(parameter.is_meta for parameter in model.parameters())


def test_an_unknown_network_is_refused_with_the_closest_name():
    with pytest.raises(RunError, match="Did you mean resnet50"):
        build_network("resnet_50")


def test_a_network_without_a_linear_layer_is_refused_rather_than_cut_somewhere():
    with pytest.raises(RunError, match="no linear classifier"):
        find_head(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)), "novelnet")
