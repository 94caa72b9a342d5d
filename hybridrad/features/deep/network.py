"""A network that gives embeddings: architecture and weights put together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hybridrad.features.deep import backbones, checkpoints
from hybridrad.features.deep.weights import UNTRAINED_SEED, Weights

if TYPE_CHECKING:
    from torch import nn

_log = logging.getLogger(__name__)


def load_network(backbone: str, weights: Weights, *, device: str = "cpu") -> nn.Module:
    """Return a network that gives embeddings, in eval mode.

    Parameters
    ----------
    backbone : str
    weights : Weights
        From `hybridrad.features.deep.weights.find_weights`.
    device : str

    Raises
    ------
    WeightsError
        The file is damaged or does not fit the network.
    """
    import torch

    size = weights.preprocessing.input_size
    if weights.path is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(UNTRAINED_SEED)
            model = backbones.build_network(backbone, input_size=size)
        backbones.cut_head(model, backbone)
    else:
        model = backbones.build_network(backbone, input_size=size, allocate=False)
        head = backbones.cut_head(model, backbone)
        state = checkpoints.read_checkpoint(weights.path)
        outside = checkpoints.fill_network(model, head, state, file_name=weights.path.name)
        if outside:
            _log.info("%s: %d tensors outside the network were left out.", weights.path.name, len(outside))
    model.requires_grad_(requires_grad=False)
    return model.eval().to(device).to(memory_format=torch.channels_last)
