"""Networks of timm: by ``timm:NAME``, with the data settings, the weights and the licence that timm keeps for them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrad._checks import did_you_mean, require
from hybridrad.errors import RunError, WeightsError

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm:"


def is_timm(backbone: str) -> bool:
    """Return whether a name means a network of timm.

    Examples
    --------
    >>> is_timm("timm:xception"), is_timm("resnet50")
    (True, False)
    """
    return isinstance(backbone, str) and backbone.startswith(PREFIX)


def check_name(backbone: str) -> str:
    """Return ``backbone`` if timm has a network of this name, else raise.

    Raises
    ------
    RunError
        ``E_CONFIG``, with the closest name.
    MissingDependencyError
        timm is not installed.
    """
    timm = require("timm", extra="timm")
    name = backbone.removeprefix(PREFIX)
    if not timm.is_model(name):
        raise RunError(
            f"timm {timm.__version__} has no network {name!r}.{did_you_mean(name, timm.list_models())}",
            hint="timm.list_models() lists them.",
        )
    return backbone


def build(backbone: str, *, input_size: int | None) -> nn.Module:
    """Return a network of timm with its classifier and without pretrained weights.

    ``input_size`` reaches networks that timm says are bound to one; the others take any.
    """
    timm = require("timm", extra="timm")
    name = check_name(backbone).removeprefix(PREFIX)
    with warnings.catch_warnings():
        # An old name (xception) works on; the report shows what it was mapped to.
        warnings.filterwarnings("ignore", message="Mapping deprecated model name")
        fixed = input_size is not None and _is_bound_to_its_size(name)
        model: nn.Module = timm.create_model(name, pretrained=False, **({"img_size": input_size} if fixed else {}))
    return model


def cut(model: nn.Module) -> tuple[str, int]:
    """Take the classifier off a network of timm; return where it was and the width of what is left."""
    settings = settings_of_model(model)
    names = settings.get("classifier") or "fc"
    # Distilled networks have two, side by side.
    path = names if isinstance(names, str) else str(names[0])
    width = width_of(model)
    reset: Any = model.reset_classifier
    reset(0)
    return path, width


def width_of(model: nn.Module) -> int:
    """Return how many values a network of timm gives without its classifier."""
    # Some have a hidden layer between the pooled map and the classifier.
    width: Any = getattr(model, "head_hidden_size", None) or model.num_features
    return int(width)


def settings_of_model(model: nn.Module) -> dict[str, Any]:
    """Return what timm keeps about the weights of a built network."""
    settings: Any = model.pretrained_cfg
    return dict(settings)


@lru_cache(maxsize=32)
def settings_of(backbone: str, tag: str | None) -> dict[str, Any]:
    """Return what timm keeps about weights: input size, mean, deviation, interpolation, source, licence.

    Parameters
    ----------
    backbone : str
        ``timm:NAME`` or ``timm:NAME.TAG``.
    tag : str or None
        Weights of this network by timm's tag; None for those of the name, or the default ones.

    Raises
    ------
    RunError
        The network has no weights of this tag.
    """
    from hybridrad.features.deep import backbones

    timm = require("timm", extra="timm")
    own = settings_of_model(backbones.build_network(backbone, allocate=False))
    if tag is None:
        return own
    architecture = str(own["architecture"])
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
    if tag not in tags:
        raise RunError(
            f"timm has no weights {tag!r} for {architecture}.{did_you_mean(tag, tags)}",
            hint=f"Known: {', '.join(['DEFAULT', *tags])}; or a .safetensors or .pth file, or 'untrained'.",
        )
    found: dict[str, Any] = timm.get_pretrained_cfg(f"{architecture}.{tag}").to_dict()
    return found


def fetch_from_hub(settings: Mapping[str, Any], label: str) -> Path:
    """Return the file of weights that timm keeps on the Hugging Face hub, from its cache or downloaded.

    Raises
    ------
    WeightsError
        The file is not on this machine and cannot be downloaded.
    """
    hub = require("huggingface_hub", extra="timm")
    repository, file_name = str(settings["hf_hub_id"]), str(settings.get("hf_hub_filename") or "model.safetensors")
    try:
        return Path(hub.hf_hub_download(repository, file_name))
    # What cannot be reached is an OSError or a ValueError there; HTTP errors have a class of their own.
    except (OSError, ValueError, hub.errors.HfHubHTTPError) as err:
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
        raise WeightsError(
            f"the weights {label} are not on this machine and could not be downloaded ({reason}).",
            hint=f"Fetch {file_name} of {repository} elsewhere and pass its path: weights='path/to/{file_name}'; or "
            "weights='untrained' for a trial without meaning.",
        ) from None


def versions() -> dict[str, str]:
    """Return the version of timm."""
    return {"timm": str(require("timm", extra="timm").__version__)}


def _is_bound_to_its_size(name: str) -> bool:
    timm = require("timm", extra="timm")
    settings = timm.get_pretrained_cfg(name)
    return bool(settings is not None and settings.fixed_input_size)
