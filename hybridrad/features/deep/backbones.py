"""Networks by name, cut before the classifier: torchvision's for pictures and for volumes, and those of timm.

The embedding is the input of the last linear layer. For AlexNet and VGG these are the 4,096 values before the last of
their three layers; for networks with a global pooling, the pooled last map.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError
from hybridrad.features.deep import timm_models

if TYPE_CHECKING:
    from torch import nn

# The few families that need a word of their own. Everything else follows from one rule: the embedding is the input of
# the last linear layer of the network.
# Classifiers without a linear layer: their module; the embedding is the mean over the map before it.
_CONVOLUTIONAL_CLASSIFIERS = {"squeezenet": "classifier", "s3d": "classifier"}
# Of these, the network itself takes the mean after its classifier.
_MEAN_COMES_LATER = ("s3d",)
# Arguments that switch off auxiliary classifiers, and a slow initialisation that only random weights need.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception": {"aux_logits": False, "init_weights": True},
}
# Slices of a volume where no other number is given: the length of the clips that torchvision's weights were trained
# with, but for S3D (128 there), of which the smallest multiple of 8 it can take.
_CLIP_LENGTHS = {"swin3d": 32}
_CLIP_LENGTH = 16


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


def volume_backbone_names() -> list[str]:
    """Return the names of torchvision's video networks, which take a volume slice by slice as a clip.

    Examples
    --------
    >>> "r3d_18" in volume_backbone_names()
    True
    """
    import torchvision

    return list(torchvision.models.list_models(module=torchvision.models.video))


def dimension_of(backbone: str) -> int:
    """Return 3 for networks that take volumes, 2 for those that take pictures.

    Examples
    --------
    >>> dimension_of("resnet50"), dimension_of("swin3d_t")
    (2, 3)
    """
    return 3 if check_backbone(backbone) in volume_backbone_names() else 2


def clip_length(backbone: str) -> int | None:
    """Return how many slices a network for volumes is given, None for one that takes pictures.

    Examples
    --------
    >>> clip_length("r3d_18"), clip_length("swin3d_t"), clip_length("resnet50")
    (16, 32, None)
    """
    if dimension_of(backbone) == 2:
        return None
    return int(of_family(backbone, _CLIP_LENGTHS) or _CLIP_LENGTH)


def check_backbone(backbone: str) -> str:
    """Return ``backbone`` if there is a network of this name, else raise.

    Raises
    ------
    RunError
        ``E_CONFIG``, with the closest name.
    MissingDependencyError
        ``timm:`` stands before the name and timm is not installed.
    """
    if timm_models.is_timm(backbone):
        return timm_models.check_name(backbone)
    names = backbone_names()
    if backbone not in names and backbone not in volume_backbone_names():
        names += volume_backbone_names()
        raise RunError(
            f"backbone {backbone!r} is not a classification network of the installed torchvision."
            f"{did_you_mean(str(backbone), names)}",
            hint="backbone_names() and volume_backbone_names() of hybridrad.features.deep.backbones list them; "
            "timm:NAME takes one of timm.",
        )
    return backbone


def has_input_transform(backbone: str) -> bool:
    """Return whether a network can turn ImageNet's normalisation into another one by itself (``transform_input``).

    Examples
    --------
    >>> has_input_transform("inception_v3"), has_input_transform("timm:inception_v3")
    (True, False)
    """
    return of_family(backbone, _ARGUMENTS) is not None


@lru_cache(maxsize=32)
def embedding_width(backbone: str) -> int:
    """Return how many values an embedding of the network has; no weights are loaded.

    Examples
    --------
    >>> embedding_width("resnet18")
    512
    """
    model = build_network(backbone, allocate=False)
    if timm_models.is_timm(backbone):
        return timm_models.width_of(model)
    return find_head(model, backbone).width


def build_network(
    backbone: str,
    *,
    input_size: int | None = None,
    depth: int | None = None,
    allocate: bool = True,
    transform_input: bool = True,
) -> nn.Module:
    """Return a network with its classifier and without pretrained weights.

    Parameters
    ----------
    backbone : str
        Name known to torchvision, or ``timm:`` and a name known to timm.
    input_size : int, optional
        Height and width of the input in pixels, for networks whose parameters depend on it.
    depth : int, optional
        Slices of a volume, for networks whose parameters depend on it.
    allocate : bool
        Whether parameters get memory and random values. Without, they only have shapes (torch's meta device), to be
        filled from a checkpoint; that is quick for the largest networks, too.
    transform_input : bool, default True
        Whether Inception and GoogLeNet turn ImageNet's normalisation into mean and deviation 0.5 first. Torchvision
        sets it with its own weights; it is wrong for pictures that were normalised otherwise.
    """
    import torchvision

    check_backbone(backbone)
    if timm_models.is_timm(backbone):
        with _shapes_only() if not allocate else _nothing():
            return timm_models.build(backbone, input_size=input_size)
    arguments = dict(of_family(backbone, _ARGUMENTS) or {})
    if "init_weights" in arguments:
        arguments["init_weights"] = allocate
    arguments |= _size_arguments(backbone, input_size, depth)
    with _shapes_only() if not allocate else _nothing():
        model = torchvision.models.get_model(backbone, weights=None, **arguments)
    if hasattr(model, "transform_input"):
        model.transform_input = transform_input
    return model


def find_head(model: nn.Module, backbone: str) -> Head:
    """Return where the classifier of a network sits and how wide its input is.

    Raises
    ------
    RunError
        The network has no linear layer and its family is not in the table.
    """
    from torch import nn

    convolutional = of_family(backbone, _CONVOLUTIONAL_CLASSIFIERS)
    if convolutional is not None:
        layers = [m for m in model.get_submodule(convolutional).modules() if isinstance(m, nn.Conv2d | nn.Conv3d)]
        return Head(convolutional, convolutional.partition(".")[0], layers[-1].in_channels)
    linear = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise RunError(f"backbone {backbone!r} has no linear classifier; hybridrad does not know where to cut it.")
    path, layer = linear[-1]
    return Head(path, path.partition(".")[0], layer.in_features)


def cut_head(model: nn.Module, backbone: str, *, whole_block: bool = False) -> Head:
    """Replace the classifier of ``model`` so that it gives the embedding, and return where it was.

    With ``whole_block`` everything beside the last layer goes, too (the other two linear layers of a VGG): for
    those who read earlier layers only, so that a checkpoint need not have it.

    Examples
    --------
    >>> model = build_network("squeezenet1_1", allocate=False)
    >>> cut_head(model, "squeezenet1_1")
    Head(path='classifier', block='classifier', width=512)
    """
    from torch import nn

    if timm_models.is_timm(backbone):
        path, width = timm_models.cut(model)
        return Head(path, path.partition(".")[0], width)
    head = find_head(model, backbone)
    convolutional = of_family(backbone, _CONVOLUTIONAL_CLASSIFIERS) is not None
    mean_over_map = convolutional and not backbone.startswith(_MEAN_COMES_LATER)
    path = head.block if whole_block else head.path
    model.set_submodule(path, nn.AdaptiveAvgPool2d(1) if mean_over_map else nn.Identity())
    return head


def of_family(backbone: str, table: dict[str, Any]) -> Any:
    """Return the entry of a table whose key the name of a network begins with, or None."""
    return next((value for family, value in table.items() if backbone.startswith(family)), None)


def _size_arguments(backbone: str, input_size: int | None, depth: int | None) -> dict[str, Any]:
    """Return what sets the input size of networks whose parameters have it in their shape."""
    if backbone.startswith("vit") and input_size is not None:
        return {"image_size": input_size}
    if backbone.startswith("mvit") and (input_size or 224, depth or 16) != (224, 16):
        raise RunError(
            f"{backbone} takes 16 slices of 224 pixels, not {depth} of {input_size}; torchvision fixes both."
        )
    return {}


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
