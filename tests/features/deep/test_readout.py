from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from torchvision.models.feature_extraction import create_feature_extractor

from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep.batching import embed
from hybridrad.features.deep.network import load_network
from hybridrad.features.deep.reading import Reading
from hybridrad.features.deep.readout import CHANNELS_LAST, TOKENS, Layer, find_layers
from hybridrad.features.deep.weights import Preprocessing, Weights

SIDE = 64
EXPECTED = Preprocessing(SIDE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")
UNTRAINED = Weights("untrained", "untrained", None, None, EXPECTED)
PICTURES = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

# Network, layer, and where torchvision keeps the channels there.
LAYERS = [
    ("alexnet", "features.5", 1),
    ("squeezenet1_1", "features.6", 1),
    ("resnet18", "layer3", 1),
    ("densenet121", "features.denseblock3", 1),
    ("mobilenet_v2", "features.10", 1),
    ("mobilenet_v3_small", "features.8", 1),
    ("shufflenet_v2_x0_5", "stage3", 1),
    ("efficientnet_b0", "features.5", 1),
    ("regnet_y_400mf", "trunk_output.block3", 1),
    ("mnasnet0_5", "layers.10", 1),
    ("convnext_tiny", "features.3", 1),
    ("swin_t", "features.3", -1),
]
# Networks whose classifier is given the mean over their last map.
POOLED = ["squeezenet1_1", "resnet18", "densenet121", "mobilenet_v2", "shufflenet_v2_x0_5", "regnet_y_400mf", "swin_t"]


def read(backbone, pictures=PICTURES, **words):
    model = load_network(backbone, UNTRAINED, reading=Reading.of(**words))
    with torch.inference_mode():
        return model(pictures).numpy()


@pytest.mark.parametrize(("backbone", "layer", "channels"), LAYERS)
def test_a_layer_is_what_torchvisions_own_forward_gives_there(backbone, layer, channels):
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(backbone, weights=None).eval()
    with torch.inference_mode():
        values = create_feature_extractor(theirs, [layer])(PICTURES)[layer].movedim(channels, 1).double().flatten(2)
    np.testing.assert_allclose(read(backbone, layers=layer), values.mean(dim=2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(read(backbone, layers=layer, pooling="max"), values.amax(dim=2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backbone", POOLED)
def test_the_mean_of_the_last_map_is_the_embedding_of_a_network_that_pools_by_the_mean(backbone):
    np.testing.assert_allclose(read(backbone, layers="last_map"), read(backbone), rtol=1e-5, atol=1e-5)


def test_layers_come_side_by_side_in_the_order_asked_for():
    both = read("squeezenet1_1", layers=("last_map", "features.6", "penultimate"))
    parts = [read("squeezenet1_1", layers=name) for name in ("last_map", "features.6", "penultimate")]
    np.testing.assert_allclose(both, np.hstack(parts), rtol=1e-6, atol=1e-7)


def test_what_follows_a_layer_does_not_change_what_was_read_of_it():
    model = load_network("squeezenet1_1", UNTRAINED, reading=Reading.of(layers="features.0", pooling="mean"))
    with torch.inference_mode():
        first = model.network.features[0]
        plain = torch.nn.functional.conv2d(PICTURES, first.weight, first.bias, stride=2).mean(dim=(2, 3))
        assert float(plain.min()) < 0  # the rectifier behind it works in place
        torch.testing.assert_close(model(PICTURES), plain, rtol=1e-5, atol=1e-6)


def test_layers_behind_the_last_one_wanted_are_not_computed():
    model = load_network("resnet18", UNTRAINED, reading=Reading.of(layers="layer1"))
    ran = []
    model.network.layer2.register_forward_hook(lambda *_: ran.append("layer2"))
    with torch.inference_mode():
        assert model(PICTURES).shape == (2, 64)
    assert ran == []


def test_threads_do_not_mix_up_each_others_layers():
    rng = np.random.default_rng(0)
    images = [rng.random((1, 40, 40), dtype=np.float32) for _ in range(23)]
    model = load_network("squeezenet1_1", UNTRAINED, reading=Reading.of(layers=("features.3", "last_map")))
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        together = embed(model, images, EXPECTED, device="cpu", batch_size=4, on_departure=pytest.fail)
        alone = [
            embed(model, [one], EXPECTED, device="cpu", batch_size=4, on_departure=pytest.fail)[0] for one in images
        ]
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(together, np.stack(alone))


def test_a_masked_mean_sees_the_region_only():
    model = load_network("squeezenet1_1", UNTRAINED, reading=Reading.of(layers="features.3", pooling="masked_mean"))
    region = torch.zeros(2, 1, SIDE, SIDE)
    region[:, :, :16, :16] = 1.0
    elsewhere = PICTURES.clone()
    elsewhere[:, :, 48:, 48:] = 0.0
    with torch.inference_mode():
        first, second = (model(torch.cat([pictures, region], dim=1)) for pictures in (PICTURES, elsewhere))
        whole = model(torch.cat([PICTURES, torch.ones_like(region)], dim=1))
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(whole, read("squeezenet1_1", layers="features.3"), rtol=1e-5, atol=1e-6)
    assert float((first - whole).abs().max()) > 1e-4


@pytest.mark.parametrize(
    ("backbone", "layer", "layout", "grid"),
    [
        ("vit_b_16", "last_map", TOKENS, (14, 14)),
        ("vit_b_16", "encoder.layers.encoder_layer_5", TOKENS, (14, 14)),
        ("swin_t", "features.1", CHANNELS_LAST, (56, 56)),
        ("swin_t", "features.0.0", "channels_first", (56, 56)),
        ("convnext_tiny", "features.1.0.block.3", CHANNELS_LAST, (56, 56)),
        ("maxvit_t", "last_map", "channels_first", (7, 7)),
        ("vgg16", "last_map", "channels_first", (7, 7)),
        ("vgg16", "classifier.1", "vector", ()),
    ],
)
def test_the_layout_of_a_layer_is_found_whatever_the_family(backbone, layer, layout, grid):
    (found,) = find_layers(backbone, (layer,), "mean", input_size=224, depth=None)
    assert (found.layout, found.grid) == (layout, grid)


@pytest.mark.parametrize(
    ("backbone", "depth", "grid"), [("r3d_18", 16, (2, 7, 7)), ("mc3_18", 7, (7, 7, 7)), ("swin3d_t", 32, (16, 4, 4))]
)
def test_maps_of_volumes_have_three_axes(backbone, depth, grid):
    (found,) = find_layers(backbone, ("last_map",), "masked_mean", input_size=112, depth=depth)
    assert found.grid == grid
    assert found.channels in (512, 768)


def test_the_last_map_is_the_same_module_at_every_input_size():
    (small,) = find_layers("alexnet", ("last_map",), "mean", input_size=64, depth=None)
    assert (small.path, small.grid) == ("features", (1, 1))


def test_class_tokens_are_left_out_of_a_map():
    tokens = torch.arange(2 * 5 * 3, dtype=torch.float32).reshape(2, 5, 3)
    layer = Layer("encoder", "encoder", TOKENS, 3, grid=(2, 2), n_class_tokens=1)
    cells = layer.as_map(tokens)
    assert cells.shape == (2, 3, 2, 2)
    assert torch.equal(cells[0, :, 1, 0], tokens[0, 3])


@pytest.mark.parametrize(
    ("backbone", "layer", "pooling", "message"),
    [
        ("resnet18", "layer_3", "mean", "Did you mean layer3"),
        ("resnet18", "layer1.0.relu", "mean", "runs 2 times"),
        ("resnet18", "fc", "max", "is a vector"),
        ("alexnet", "classifier.1", "gem", "is a vector"),
        ("mvit_v2_s", "last_map", "masked_mean", "no regular grid"),
        ("swin_t", "features.1.0.attn", "mean", None),
    ],
)
def test_layers_that_cannot_be_read_are_refused_with_a_reason(backbone, layer, pooling, message):
    depth = 16 if backbone.startswith("mvit") else None
    if message is None:
        assert find_layers(backbone, (layer,), pooling, input_size=224, depth=depth)[0].layout == CHANNELS_LAST
        return
    with pytest.raises(RunError, match=message):
        find_layers(backbone, (layer,), pooling, input_size=224, depth=depth)


def test_a_shape_that_does_not_tell_where_the_channels_are_is_refused():
    # 64 channels on a grid of 64 x 64.
    with pytest.raises(RunError, match="does not tell which axis"):
        find_layers("resnet18", ("layer1",), "mean", input_size=256, depth=None)


def test_who_reads_maps_needs_no_weights_of_the_classifier(tmp_path):
    torch.manual_seed(0)
    theirs = torchvision.models.alexnet(weights=None).eval()
    torch.save({k: v for k, v in theirs.state_dict().items() if k.startswith("features.")}, tmp_path / "net.pth")
    stored = Weights("net.pth", "file", tmp_path / "net.pth", None, EXPECTED)
    model = load_network("alexnet", stored, reading=Reading.of(layers="last_map"))
    with torch.inference_mode():
        torch.testing.assert_close(model(PICTURES), theirs.features(PICTURES).mean(dim=(2, 3)), rtol=1e-5, atol=1e-6)
    with pytest.raises(WeightsError, match=r"missing classifier\.1\.weight"):
        load_network("alexnet", stored)
