"""A checkpoint file into a network: read without running code, keys and shapes strict but for the classifier."""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrad.errors import WeightsError
from hybridrad.features.deep.backbones import Head

if TYPE_CHECKING:
    from torch import Tensor, nn

_CONTAINERS = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "model.", "backbone.", "encoder.", "_orig_mod.")
_AUXILIARY = ("AuxLogits", "aux1", "aux2")
# DenseNet checkpoints of torchvision keep names from before a dot in a module name was forbidden.
_OLD_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)$")
_LISTED = 6


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


def _current_name(key: str) -> str:
    old = _OLD_DENSENET.match(key)
    return old.group(1) + old.group(2) if old else key


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _LISTED} more" if len(items) > _LISTED else ""
    return ", ".join(items[:_LISTED]) + more


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0].rstrip(".")[:200]
