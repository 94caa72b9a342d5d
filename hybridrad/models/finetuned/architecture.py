"""One network for a case: a pretrained trunk for each view, pooling over the views, a linear head."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hybridrad.features.deep import backbones
from hybridrad.features.deep.network import load_network
from hybridrad.features.deep.weights import Preprocessing, find_weights
from hybridrad.models.finetuned.last_blocks import is_inside, last_blocks
from hybridrad.models.finetuned.pooling import Pooling, PoolingPlan
from hybridrad.models.finetuned.recipe import TrainingRecipe

# A feature that hardly varies among the training cases is not blown up to the size of the others.
SMALLEST_SPREAD = 0.05
NetworkState = dict[str, NDArray[Any]]


class CaseNetwork(nn.Module):
    """A trunk without classifier, the pooling of its features over the views of a case, and a linear head.

    Features are centred and scaled by what `set_scale` was given (training cases), and the head begins at zero weights
    and the log prevalences, so that training starts at "the average case" whatever the trunk is.
    """

    trunk: nn.Module
    pooling: Pooling
    grey_mean: Tensor
    grey_std: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, trunk: nn.Module, width: int, pooling: PoolingPlan, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.trunk, self.width = trunk, width
        self.last_blocks: tuple[str, ...] = ()  # of the trunk, for recipes that train these alone
        self.pooling = pooling.build(width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.pooling.out_width, n_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        for name, values in (
            ("grey_mean", (3, 1, 1)),
            ("grey_std", (3, 1, 1)),
            ("centre", (width,)),
            ("spread", (width,)),
        ):
            self.register_buffer(name, torch.ones(values) if name.endswith(("std", "spread")) else torch.zeros(values))
        if hasattr(trunk, "transform_input"):
            # No parameter of the trunk, but it has to come back with them.
            self.register_buffer("turns_input", torch.tensor(bool(trunk.transform_input)))

    def features(self, pictures: Tensor) -> Tensor:
        """Return the trunk's features of pictures (n, 1 or 3, side, side) with values 0..1."""
        three = pictures.expand(-1, 3, -1, -1)
        normal = (three - self.grey_mean) / self.grey_std
        return torch.flatten(self.trunk(normal.contiguous(memory_format=torch.channels_last)), 1).float()

    def score(self, features: Tensor, lengths: list[int]) -> Tensor:
        """Return class scores (n_cases, n_classes) of the features of all views, given the number of views per case."""
        pooled = self.pooling((features - self.centre) / self.spread, lengths)
        # By the root of the width, so that one learning rate suits narrow and wide networks.
        return self.head(self.dropout(pooled) / math.sqrt(self.pooling.out_width))

    def forward(self, pictures: Tensor, lengths: list[int]) -> Tensor:
        """Return class scores of cases."""
        return self.score(self.features(pictures), lengths)

    def set_scale(self, features: Tensor) -> None:
        """Learn centre and spread of the features from those of training cases."""
        spread = features.std(dim=0, correction=0)
        floor = SMALLEST_SPREAD * float(spread.mean())
        self.centre.copy_(features.mean(dim=0))
        self.spread.copy_(spread.clamp_min(floor) if floor > 0 else torch.ones_like(spread))

    def set_prevalence(self, share: NDArray[np.float64]) -> None:
        """Let the head begin at the log prevalences."""
        with torch.no_grad():
            self.head.bias.copy_(torch.as_tensor(np.log(share), dtype=torch.float32))

    def train_parts(self, *, trunk: bool) -> None:
        """Switch to training: dropout and its like; batch normalisation keeps its statistics."""
        self.train()
        self.trunk.train(trunk)
        for module in self.trunk.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def build_case_network(
    backbone: str,
    weights: Any,
    *,
    input_px: int,
    pooling: PoolingPlan,
    n_classes: int,
    dropout: float = 0.0,
    preprocessing: Preprocessing | str | None = None,
) -> CaseNetwork:
    """Return an untrained head on a pretrained trunk, on the CPU; its random numbers are torch's.

    Raises
    ------
    WeightsError
        The weights cannot be had or do not fit the network.
    """
    found = find_weights(backbone, weights, preprocessing=preprocessing)
    expected = replace(found.preprocessing, input_size=input_px)
    trunk = load_network(backbone, replace(found, preprocessing=expected))
    network = CaseNetwork(trunk, backbones.embedding_width(backbone), pooling, n_classes, dropout)
    network.grey_mean.copy_(torch.tensor(expected.mean).view(3, 1, 1))
    network.grey_std.copy_(torch.tensor(expected.std).view(3, 1, 1))
    network.last_blocks = last_blocks(trunk, backbone)
    return network


def parameter_groups(network: CaseNetwork, recipe: TrainingRecipe) -> list[dict[str, Any]]:
    """Return what is trained, layer by layer with its learning rate; everything else is frozen.

    Layers are taken in the order in which the network defines them, which is the order of its computation.
    """
    named = [(path, list(module.parameters(recurse=False))) for path, module in network.trunk.named_modules()]
    layers = [(path, parameters) for path, parameters in named if parameters]
    network.trunk.requires_grad_(requires_grad=False)
    groups: list[dict[str, Any]] = []
    for number, (path, parameters) in enumerate(layers):
        if recipe.train == "head" or (recipe.train == "last_blocks" and not is_inside(path, network.last_blocks)):
            continue
        height = number / max(len(layers) - 1, 1)  # 0 for the first layer, 1 for the last
        rate = recipe.trunk_lr * recipe.trunk_lr_fall ** (1.0 - height)
        groups += _with_decay(parameters, rate, recipe.weight_decay)
    own = [*network.pooling.parameters(), *network.head.parameters()]
    return [*groups, *_with_decay(own, recipe.lr, recipe.weight_decay)]


def _with_decay(parameters: list[nn.Parameter], rate: float, decay: float) -> Iterator[dict[str, Any]]:
    for weights in (True, False):
        chosen = [p.requires_grad_() for p in parameters if (p.ndim > 1) == weights]
        if chosen:
            yield {"params": chosen, "lr": rate, "highest": rate, "weight_decay": decay if weights else 0.0}


def state_of(network: CaseNetwork) -> NetworkState:
    """Return everything a network has learned as plain arrays, which pickle without torch."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def network_of(
    state: NetworkState, backbone: str, *, input_px: int, pooling: PoolingPlan, n_classes: int
) -> CaseNetwork:
    """Return the network with a learned state, in eval mode on the CPU; no weights file is needed."""
    # timm computes fixed tables while it builds a network, which one without memory would lack.
    with torch.random.fork_rng(devices=[]):
        model = backbones.build_network(backbone, input_size=input_px, allocate=backbone.startswith("timm:"))
    head = backbones.cut_head(model, backbone)
    network = CaseNetwork(model, head.width, pooling, n_classes, 0.0)
    network.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in state.items()}, assign=True)
    if hasattr(model, "transform_input"):
        # A plain attribute, which torch's annotations take for a part of the network.
        object.__setattr__(model, "transform_input", bool(network.turns_input))
    return network.eval().to(memory_format=torch.channels_last)
