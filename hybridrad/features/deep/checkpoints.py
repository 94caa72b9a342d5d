"""A checkpoint file into a network: read without running code, keys and shapes strict but for the classifier."""

from __future__ import annotations

import json
import pickle
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrad.errors import WeightsError
from hybridrad.features.deep.backbones import Head

if TYPE_CHECKING:
    from torch import Tensor, nn

_CONTAINERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "model.", "backbone.", "encoder.", "_orig_mod.")
_AUXILIARY = ("AuxLogits", "aux1", "aux2", "head_dist")
# DenseNet checkpoints of torchvision keep names from before a dot in a module name was forbidden.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)$")
_LISTED = 6
_FACTS = "hybridrad"


@dataclass(frozen=True)
class FileFacts:
    """What a weights file says of itself, None where it does not; data sets come with digests of their images."""

    backbone: str | None = None
    preprocessing: Mapping[str, Any] | None = None
    licence: str | None = None
    origin: str | None = None
    trained_on: Mapping[str, str] = field(default_factory=dict)


def stored_facts(path: Path) -> FileFacts:
    """Return what a ``.safetensors`` file says of itself in its header; other files say nothing.

    Raises
    ------
    WeightsError
        The description is there and cannot be read.
    """
    if path.suffix.lower() != ".safetensors" or not path.is_file():
        return FileFacts()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError, ValueError):
        return FileFacts()  # a damaged file is refused, with its reason, when its tensors are read
    licence = header.get("licence") or header.get("license")
    if _FACTS not in header:
        return FileFacts(licence=licence)
    try:
        told = json.loads(header[_FACTS])
        return FileFacts(
            told.get("backbone"),
            told.get("preprocessing"),
            told.get("licence", licence),
            told.get("origin"),
            {str(name): str(images) for name, images in (told.get("trained_on") or {}).items()},
        )
    except (json.JSONDecodeError, AttributeError) as err:
        raise WeightsError(f"{path.name} describes itself in a way that cannot be read: {_first_line(err)}.") from err


def write_weights(
    checkpoint: Path | str,
    target: Path | str,
    *,
    backbone: str,
    preprocessing: Mapping[str, Any],
    licence: str,
    origin: str,
    trained_on: Mapping[str, Iterable[int]] | None = None,
) -> Path:
    """Turn a published checkpoint into a ``.safetensors`` file that says what it is and what it expects of an image.

    The tensors keep their names and values. Whoever is given the file need not know the normalisation any more.

    Parameters
    ----------
    checkpoint, target : path
        The target ends in ``.safetensors`` and does not exist yet.
    backbone : str
        Network the weights belong to, e.g. ``"resnet50"``.
    preprocessing : mapping
        ``input_size`` in pixels, ``mean`` and ``std`` (three numbers each, for values 0..1), ``interpolation``
        (``"bilinear"`` or ``"bicubic"``) and, for networks of volumes, ``depth`` in slices; for Inception and GoogLeNet
        also ``transform_input``, whether they turn ImageNet's normalisation into another by themselves (default: where
        mean and standard deviation are ImageNet's).
    licence, origin : str
        Written into every study that uses the file.
    trained_on : mapping of str to digests, optional
        Name of a data set -> `hybridrad.features.deep.trained_on.image_digest` of its images (none if they are not at
        hand). The names are written into every study as well, and a case whose image is among them is warned of
        (W_TRAINED_ON).

    Returns
    -------
    Path
        The target.

    Raises
    ------
    WeightsError
        The checkpoint cannot be read or does not fit the network.
    ValueError
        A preprocessing that lacks something; a target that exists or has another suffix.
    """
    from safetensors.torch import save_file

    from hybridrad.features.deep import backbones
    from hybridrad.features.deep.trained_on import as_text

    target = Path(target)
    if target.suffix.lower() != ".safetensors" or target.exists():
        raise ValueError(f"{target} must end in .safetensors and not exist yet.")
    needed = {"input_size", "mean", "std", "interpolation"}
    if not needed <= set(preprocessing) <= needed | {"depth", "transform_input"}:
        raise ValueError(
            f"preprocessing has {sorted(preprocessing)}; wanted {sorted(needed)} (and depth for volumes, "
            "transform_input for Inception and GoogLeNet)."
        )
    if "transform_input" in preprocessing and not backbones.has_input_transform(backbone):
        raise ValueError(f"preprocessing: {backbone} has no transform_input; that is for inception_v3 and googlenet.")
    state = read_checkpoint(Path(checkpoint))
    model = backbones.build_network(
        backbone, input_size=int(preprocessing["input_size"]), depth=preprocessing.get("depth"), allocate=False
    )
    head = backbones.cut_head(model, backbone, whole_block=True)
    fill_network(model, head, OrderedDict(state), file_name=Path(checkpoint).name)
    facts = {"backbone": backbone, "preprocessing": dict(preprocessing), "licence": licence, "origin": origin}
    if trained_on:
        facts |= {"trained_on": as_text(trained_on)}
    save_file({key: value.contiguous().clone() for key, value in state.items()}, target, {_FACTS: json.dumps(facts)})
    return target


def read_checkpoint(path: Path) -> OrderedDict[str, Tensor]:
    """Return the tensors of a ``.safetensors`` or ``.pth`` file by name.

    Nothing in the file is executed: ``.pth`` files are read with ``weights_only=True``.

    Raises
    ------
    WeightsError
        The file is damaged, or holds Python objects beyond tensors.
    """
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        raise WeightsError(
            f"{path.name} is damaged, or holds Python objects beyond tensors, and those are not read because they can "
            "run code.",
            hint="Save the state_dict alone where the file comes from: torch.save(model.state_dict(), path).",
        ) from err
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as err:
        raise WeightsError(f"{path.name} is damaged or no checkpoint of torch: {_first_line(err)}.") from err
    for name in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    tensors = {k: v for k, v in content.items() if torch.is_tensor(v)} if isinstance(content, dict) else {}
    if not tensors:
        raise WeightsError(
            f"{path.name} holds no table of tensors.", hint=f"Looked at the top and under {', '.join(_CONTAINERS)}."
        )
    state = OrderedDict((str(key), value) for key, value in tensors.items())
    if hasattr(content, "_metadata"):
        state._metadata = content._metadata  # type: ignore[attr-defined]  # torch keeps layout versions there
    return state


def fill_network(model: nn.Module, head: Head, state: OrderedDict[str, Tensor], *, file_name: str) -> tuple[str, ...]:
    """Put the tensors of a checkpoint into a network whose classifier was cut off.

    Parameters
    ----------
    model : Module
        From `hybridrad.features.deep.backbones.cut_head`; its parameters may be without memory.
    head : Head
        Where the classifier was; keys there are neither needed nor refused.
    state : dict of str to Tensor
    file_name : str
        For messages.

    Returns
    -------
    tuple of str
        Keys that lie outside the network (other parts of a larger model) and were left out.

    Raises
    ------
    WeightsError
        Needed keys are missing, unknown ones are there, shapes differ, or values are not finite.
    """
    import torch

    own = model.state_dict()
    metadata = getattr(state, "_metadata", None) or getattr(own, "_metadata", None)
    inside, outside = _without_prefix(OrderedDict((_current_name(k), v) for k, v in state.items()), set(own))
    inside = _named_by_number(inside, model)
    shapes = [
        f"{key} {tuple(value.shape)} instead of {tuple(own[key].shape)}"
        for key, value in inside.items()
        if key in own and value.shape != own[key].shape
    ]
    if shapes:
        raise WeightsError(f"{file_name} does not fit the network: shapes differ: {_listed(shapes)}.", hint=_WRONG)
    not_finite = [k for k, v in inside.items() if k in own and v.is_floating_point() and not bool(v.isfinite().all())]
    if not_finite:
        raise WeightsError(f"{file_name} holds values that are not finite: {_listed(not_finite)}.")
    for key, value in own.items():  # counters of batch normalisation, absent from old files and unused here
        if key.endswith("num_batches_tracked") and key not in inside:
            inside[key] = torch.zeros(tuple(value.shape), dtype=torch.long)
    for key, value in inside.items():
        inside[key] = value.float() if value.is_floating_point() else value
    inside._metadata = metadata  # type: ignore[attr-defined]
    report = model.load_state_dict(inside, strict=False, assign=True)
    tolerated = (f"{head.block}.", *(f"{name}." for name in _AUXILIARY))
    unknown = [key for key in report.unexpected_keys if not key.startswith(tolerated)]
    if report.missing_keys or unknown:
        parts = [f"missing {_listed(report.missing_keys)}"] * bool(report.missing_keys)
        parts += [f"unknown {_listed(unknown)}"] * bool(unknown)
        raise WeightsError(f"{file_name} does not fit the network: {'; '.join(parts)}.", hint=_WRONG)
    return tuple(outside)


_WRONG = "Is it a checkpoint of this backbone? Its layers must carry torchvision's names; only the classifier may lack."


def _read_safetensors(path: Path) -> OrderedDict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return OrderedDict(load_file(path, device="cpu"))
    except (SafetensorError, OSError, ValueError) as err:
        raise WeightsError(f"{path.name} is damaged or no safetensors file: {_first_line(err)}.") from err


def _without_prefix(state: OrderedDict[str, Any], wanted: set[str]) -> tuple[OrderedDict[str, Any], list[str]]:
    """Strip what training frameworks put before the names, as long as that makes more of the wanted names appear.

    A vision transformer has an ``encoder.`` of its own: only the count tells a wrapper from a layer.
    """
    outside: list[str] = []
    while True:
        matches = len(wanted & state.keys())
        candidates = [[key for key in state if key.startswith(prefix)] for prefix in _PREFIXES]
        stripped = [
            OrderedDict((key[len(prefix) :], state[key]) for key in keys)
            for prefix, keys in zip(_PREFIXES, candidates, strict=True)
        ]
        # Under two wrappers (module.encoder.) no wanted name shows before both are gone.
        best = max(
            range(len(_PREFIXES)),
            key=lambda i: (len(wanted & stripped[i].keys()), len(candidates[i]) == len(state)),
        )
        gained = len(wanted & stripped[best].keys()) > matches
        wraps_all = matches == 0 and len(candidates[best]) == len(state)
        if not gained and not wraps_all:
            return state, outside
        outside += [key for key in state if key not in set(candidates[best])]
        state = stripped[best]


def _named_by_number(state: OrderedDict[str, Any], model: nn.Module) -> OrderedDict[str, Any]:
    """Name again the parts of a network that was saved as ``Sequential(*network.children())``, by number."""
    names = [name for name, _ in model.named_children()]
    numbers = [key.partition(".")[0] for key in state]
    if any(name.isdigit() for name in names) or not all(n.isdigit() and int(n) < len(names) for n in numbers):
        return state
    return OrderedDict(
        (f"{names[int(number)]}{key[len(number) :]}", value)
        for number, (key, value) in zip(numbers, state.items(), strict=True)
    )


def _current_name(key: str) -> str:
    old = _OLD_DENSENET.match(key)
    return old.group(1) + old.group(2) if old else key


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return ", ".join(items[:_LISTED]) + more


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")[:200]
