"""Which part of a network are its last blocks: the named last stage of common families, else the last third."""

from __future__ import annotations

import math

from torch import nn

from hybridrad.features.deep import backbones, timm_models

# Last stage of the families that name theirs, with the norm that follows it.
_LAST_STAGES: dict[str, tuple[str, ...]] = {
    "resnet": ("layer4",),
    "resnext": ("layer4",),
    "wide_resnet": ("layer4",),
    "densenet": ("features.denseblock4", "features.norm5"),
    "inception": ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
    "googlenet": ("inception5a", "inception5b"),
    "shufflenet": ("stage4", "conv5"),
    "regnet": ("trunk_output.block4",),
    "convnext": ("features.6", "features.7"),
    "swin": ("features.6", "features.7", "norm"),
}
LAST_SHARE = 1 / 3


def last_blocks(trunk: nn.Module, backbone: str) -> tuple[str, ...]:
    """Return the modules of a trunk that ``TrainingRecipe("last_blocks")`` trains.

    Of other families the last third of the blocks of the feature trunk. Blocks are found by taking apart what holds
    most of the parameters. Linear layers between the last map and the classifier (AlexNet, VGG, MobileNet) are none:
    they hold nine tenths of AlexNet and VGG and stay as they came.

    Parameters
    ----------
    trunk : Module
        Without classifier.
    backbone : str

    Examples
    --------
    >>> model = backbones.build_network("alexnet", allocate=False)
    >>> last_blocks(model, "alexnet")
    ('features.8', 'features.10')
    """
    stage = backbones.of_family(backbone, _LAST_STAGES)
    if stage is not None:
        return tuple(stage)
    blocks = _blocks(trunk, without=_classifier_of(backbone))
    return tuple(blocks[len(blocks) - math.ceil(LAST_SHARE * len(blocks)) :])


def is_inside(path: str, blocks: tuple[str, ...]) -> bool:
    """Return whether a module is one of some blocks or lies in one.

    Examples
    --------
    >>> is_inside("layer4.0.conv1", ("layer4",)), is_inside("layer40", ("layer4",))
    (True, False)
    """
    return any(path == block or path.startswith(f"{block}.") for block in blocks)


def _classifier_of(backbone: str) -> str:
    if timm_models.is_timm(backbone):
        return ""  # taken off whole
    return backbones.find_head(backbones.build_network(backbone, allocate=False), backbone).block


def _blocks(trunk: nn.Module, *, without: str) -> list[str]:
    children = [(path, module) for path, module in trunk.named_children() if path != without]
    blocks = [(path, module) for path, module in children if _n_parameters(module)]
    whole = sum(_n_parameters(module) for _, module in blocks)
    while True:
        path, largest = max(blocks, key=lambda block: _n_parameters(block[1]), default=("", nn.Identity()))
        inside = [(f"{path}.{name}", module) for name, module in largest.named_children() if _n_parameters(module)]
        if not inside or _n_parameters(largest) <= whole / 2:
            return [path for path, _ in blocks]
        at = [path for path, _ in blocks].index(path)
        blocks[at : at + 1] = inside


def _n_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
