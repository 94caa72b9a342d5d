"""Torchvision's classification networks as embedders: any of them by name, cut before the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError

if TYPE_CHECKING:
    from torch import nn

# The few families that need a word of their own. Everything else follows from one rule: the embedding is the input of
# the last linear layer of the network.
# Classifiers without a linear layer: their module; the embedding is the mean over the map before it.
_CONVOLUTIONAL_CLASSIFIERS = {"squeezenet": "classifier"}
# Arguments that switch off auxiliary classifiers, and a slow initialisation that only random weights need.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception": {"aux_logits": False, "init_weights": True},
}
# Networks whose parameters have the input size in their shape, and the argument that sets it.
_SIZE_ARGUMENTS = {"vit": "image_size"}


@dataclass(frozen=True)
class Head:
    """Where the classifier of a network sits.

    Parameters
    ----------
    path : str
        Module replaced by nothing (or by the mean over the map), e.g. ``classifier.6``.
    block : str
        First part of the path: what may lack in a checkpoint or differ in it, as far as the embedding does not need it.
    width : int
        Number of values of an embedding.
    """

    path: str
    block: str
    width: int


def backbone_names() -> list[str]:
    """Return the names of all classification networks of the installed torchvision.

    Examples
    --------
    >>> "resnet50" in backbone_names()
    True
    """
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def check_backbone(backbone: str) -> str:
    """Return ``backbone`` if torchvision has a classification network of this name, else raise.

    Raises
    ------
    RunError
        ``E_CONFIG``, with the closest name.
    """
    names = backbone_names()
    if backbone not in names:
        raise RunError(
            f"backbone {backbone!r} is not a classification network of the installed torchvision."
            f"{did_you_mean(str(backbone), names)}",
            hint="hybridrad.features.deep.backbones.backbone_names() lists them.",
        )
    return backbone


@lru_cache(maxsize=32)
def embedding_width(backbone: str) -> int:
    """Return how many values an embedding of the network has; no weights are loaded.

    Examples
    --------
    >>> embedding_width("resnet18")
    512
    """
    model = build_network(backbone, allocate=False)
    return find_head(model, backbone).width


def build_network(backbone: str, *, input_size: int | None = None, allocate: bool = True) -> nn.Module:
    """Return a torchvision network with its classifier and without pretrained weights.

    Parameters
    ----------
    backbone : str
        Name known to torchvision.
    input_size : int, optional
        Height and width of the input in pixels, for networks whose parameters depend on it.
    allocate : bool
        Whether parameters get memory and random values. Without, they only have shapes (torch's meta device), to be
        filled from a checkpoint; that is quick for the largest networks, too.

    Notes
    -----
    Inception and GoogLeNet get ``transform_input``: torchvision sets it with its weights, whose normalisation differs
    from the one the networks were trained with, and a local file of the same weights must not differ from them.
    """
    import torchvision

    check_backbone(backbone)
    arguments = dict(_of_family(backbone, _ARGUMENTS) or {})
    if "init_weights" in arguments:
        arguments["init_weights"] = allocate
    size_argument = _of_family(backbone, _SIZE_ARGUMENTS)
    if size_argument is not None and input_size is not None:
        arguments[size_argument] = input_size
    with _shapes_only() if not allocate else _nothing():
        model = torchvision.models.get_model(backbone, weights=None, **arguments)
    if hasattr(model, "transform_input"):
        model.transform_input = True
    return model


def find_head(model: nn.Module, backbone: str) -> Head:
    """Return where the classifier of a network sits and how wide its input is.

    Raises
    ------
    RunError
        The network has no linear layer and its family is not in the table.
    """
    from torch import nn

    convolutional = _of_family(backbone, _CONVOLUTIONAL_CLASSIFIERS)
    if convolutional is not None:
        layers = [m for m in model.get_submodule(convolutional).modules() if isinstance(m, nn.Conv2d)]
        return Head(convolutional, convolutional.partition(".")[0], layers[-1].in_channels)
    linear = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise RunError(f"backbone {backbone!r} has no linear classifier; hybridrad does not know where to cut it.")
    path, layer = linear[-1]
    return Head(path, path.partition(".")[0], layer.in_features)


def cut_head(model: nn.Module, backbone: str) -> Head:
    """Replace the classifier of ``model`` so that it gives the embedding, and return where it was.

    Examples
    --------
    >>> model = build_network("squeezenet1_1", allocate=False)
    >>> cut_head(model, "squeezenet1_1")
    Head(path='classifier', block='classifier', width=512)
    """
    from torch import nn

    head = find_head(model, backbone)
    mean_over_map = _of_family(backbone, _CONVOLUTIONAL_CLASSIFIERS) is not None
    model.set_submodule(head.path, nn.AdaptiveAvgPool2d(1) if mean_over_map else nn.Identity())
    return head


def _of_family(backbone: str, table: dict[str, Any]) -> Any:
    return next((value for family, value in table.items() if backbone.startswith(family)), None)


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def _shapes_only() -> Any:
    """Return a context in which new parameters get no memory.

    Only ``torch.empty`` is diverted, from which every layer makes its parameters: some networks compute their block
    widths with small tensors, which the meta device as default device would break.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class ShapesOnly(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if func is torch.empty:
                kwargs["device"] = "meta"
            return func(*args, **kwargs)

    return ShapesOnly()
