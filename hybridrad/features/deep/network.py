"""A network that gives embeddings: architecture and weights put together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hybridrad.features.deep import backbones, checkpoints, timm_models
from hybridrad.features.deep.reading import PENULTIMATE, Reading
from hybridrad.features.deep.weights import UNTRAINED_SEED, Weights

if TYPE_CHECKING:
    from torch import nn

    from hybridrad.features.deep.readout import Layer

_log = logging.getLogger(__name__)


def load_network(backbone: str, weights: Weights, *, device: str = "cpu", reading: Reading | None = None) -> nn.Module:
    """Return a network that gives embeddings, in eval mode.

    Parameters
    ----------
    backbone : str
    weights : Weights
        From `hybridrad.features.deep.weights.find_weights`.
    device : str
    reading : Reading, optional
        Layers and pooling; by default what the classifier is given.

    Raises
    ------
    WeightsError
        The file is damaged or does not fit the network.
    """
    import torch

    reading = reading or Reading()
    expected = weights.preprocessing
    size, depth = expected.input_size, expected.depth
    layers: tuple[Layer, ...] = ()
    if reading.layers != (PENULTIMATE,):
        from hybridrad.features.deep.readout import find_layers

        layers = find_layers(backbone, reading.layers, reading.pooling, input_size=size, depth=depth)
    # timm builds some fixed tables while it builds the network, which a network without memory would lack.
    allocate = weights.path is None or timm_models.is_timm(backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(UNTRAINED_SEED)
        model = backbones.build_network(
            backbone, input_size=size, depth=depth, allocate=allocate, transform_input=expected.turns_input
        )
    block = backbones.find_head(model, backbone).block if layers and not timm_models.is_timm(backbone) else ""
    only_before = bool(layers) and not any(
        layer.path in ("", block) or layer.path.startswith(f"{block}.") for layer in layers
    )
    head = backbones.cut_head(model, backbone, whole_block=only_before)
    if weights.path is not None:
        state = checkpoints.read_checkpoint(weights.path)
        outside = checkpoints.fill_network(model, head, state, file_name=weights.path.name)
        if outside:
            _log.info("%s: %d tensors outside the network were left out.", weights.path.name, len(outside))
    if layers:
        from hybridrad.features.deep.readout import Readout

        model = Readout(model, layers, reading)
    model.requires_grad_(requires_grad=False)
    model = model.eval().to(device)
    return model.to(memory_format=torch.channels_last) if depth is None else model
