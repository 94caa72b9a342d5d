"""Where the weights of a network come from, what they expect of an image, and their hash. Never random by accident."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep import timm_models
from hybridrad.features.deep.backbones import check_backbone, clip_length, has_input_transform
from hybridrad.features.deep.checkpoints import FileFacts, stored_facts

UNTRAINED = "untrained"
UNTRAINED_SEED = 0
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FILE_SUFFIXES = (".safetensors", ".pth", ".pt")
_CONNECTION_TIMEOUT_S = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects of an image: its input size and the scaling of its values.

    Parameters
    ----------
    input_size : int
        Height and width in pixels.
    mean, std : tuple of 3 floats
        Subtracted from, and divided into, the three channels (values 0..1 before).
    interpolation : {"bilinear", "bicubic"}
        How a view is resized to the input size, antialiased.
    depth : int, optional
        Slices, for networks that take volumes; these are resized along the third axis, too, antialiased and linear.
    transform_input : bool, optional
        Inception and GoogLeNet of torchvision only: whether the network itself turns ImageNet's normalisation into mean
        and deviation 0.5, which torchvision's weights were trained with. By default it does where mean and standard
        deviation are ImageNet's, and never otherwise: the pictures would be normalised twice.
    """

    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    depth: int | None = None
    transform_input: bool | None = None

    @property
    def turns_input(self) -> bool:
        """Whether a network that can transform its input is to do so."""
        if self.transform_input is not None:
            return self.transform_input
        return (self.mean, self.std) == (IMAGENET_MEAN, IMAGENET_STD)

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain data, with what is done besides."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        if self.transform_input is None:
            del plain["transform_input"]
        whole = "whole view to the input size"
        if self.depth is None:
            del plain["depth"]
        else:
            whole = "whole volume to depth and input size"
        return {**plain, "resize": f"{whole}, antialiased, no centre crop", "grey": "repeated to three channels"}


@dataclass(frozen=True)
class Weights:
    """Weights that are at hand: a file with its hash, or a declared absence of training.

    Parameters
    ----------
    name : str
        ``"ResNet50_Weights.IMAGENET1K_V2"``, a file name, or ``"untrained"``.
    source : {"torchvision", "timm", "file", "untrained"}
    path : Path or None
    sha256 : str or None
    preprocessing : Preprocessing
    licence, origin : str or None
        As far as torchvision, timm or the file itself tell.
    trained_on : tuple of str
        Data sets, where the file tells.
    """

    name: str
    source: str
    path: Path | None
    sha256: str | None
    preprocessing: Preprocessing
    licence: str | None = None
    origin: str | None = None
    trained_on: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return name, source, hash and what else is known; the folder stays out, it changes no value."""
        plain: dict[str, Any] = {"name": self.name, "source": self.source, "sha256": self.sha256}
        plain |= {key: getattr(self, key) for key in ("licence", "origin") if getattr(self, key)}
        if self.trained_on:
            plain["trained_on"] = list(self.trained_on)
        if self.source == UNTRAINED:
            plain["seed"] = UNTRAINED_SEED
        return plain


def find_weights(
    backbone: str, weights: str | os.PathLike[str], *, preprocessing: Preprocessing | str | None = None
) -> Weights:
    """Return the weights of a network, downloaded if need be.

    Parameters
    ----------
    backbone : str
        Name known to torchvision, or ``timm:`` and a name known to timm.
    weights : str or path
        A name of torchvision (``"DEFAULT"``, ``"IMAGENET1K_V1"``, ...) or tag of timm (``"a1_in1k"``), a
        ``.safetensors`` or ``.pth`` file, or ``"untrained"``.
    preprocessing : Preprocessing or str, optional
        Replaces what the weights bring along; a string names a torchvision entry or timm tag of the same network. A
        local file brings what it says of itself (`hybridrad.features.deep.checkpoints.write_weights`), else what the
        network's default weights expect, as do untrained weights.

    Raises
    ------
    WeightsError
        The weights are not at hand and cannot be downloaded, the file is missing or damaged, or the name is unknown.

    Examples
    --------
    >>> find_weights("resnet18", "untrained").preprocessing.input_size
    224
    """
    check_backbone(backbone)
    if is_file_name(weights):
        return _from_file(backbone, Path(weights).expanduser(), preprocessing)
    if weights == UNTRAINED:
        return Weights(UNTRAINED, UNTRAINED, None, None, _expected(backbone, preprocessing or "DEFAULT"))
    if timm_models.is_timm(backbone):
        return _from_timm(backbone, str(weights), preprocessing)
    entry = _entry(backbone, str(weights))
    path = _fetch(entry.url, str(entry))
    expected = _expected(backbone, preprocessing or entry.name)
    return Weights(str(entry), "torchvision", path, _sha256(path), expected, licence=entry.meta.get("license"))


def expected_preprocessing(
    backbone: str, weights: str | os.PathLike[str], *, preprocessing: Preprocessing | str | None = None
) -> Preprocessing:
    """Return what weights expect of an image, without fetching them.

    Examples
    --------
    >>> expected_preprocessing("inception_v3", "DEFAULT").input_size
    299
    """
    if preprocessing is not None or is_file_name(weights) or weights == UNTRAINED:
        stored = stored_facts(Path(weights).expanduser()) if is_file_name(weights) else FileFacts()
        return _expected(backbone, preprocessing or _told(stored, backbone, str(weights)) or "DEFAULT")
    return _expected(backbone, str(weights))


def _from_file(backbone: str, path: Path, preprocessing: Preprocessing | str | None) -> Weights:
    if not path.is_file():
        raise WeightsError(
            f"the weights file {path} does not exist.",
            hint="Give the path of a .safetensors or .pth file, or a name of torchvision such as 'DEFAULT'.",
        )
    facts = stored_facts(path)
    expected = _expected(backbone, preprocessing or _told(facts, backbone, path.name) or "DEFAULT")
    known = (facts.licence, facts.origin, tuple(facts.trained_on))
    return Weights(path.name, "file", path, _sha256(path), expected, *known)


def _told(facts: FileFacts, backbone: str, file_name: str) -> Preprocessing | None:
    """Return the preprocessing that a file tells of itself, if it is one of this network."""
    if facts.backbone is not None and facts.backbone != backbone:
        raise WeightsError(f"{file_name} says that it holds weights of {facts.backbone}, not of {backbone}.")
    if facts.preprocessing is None:
        return None
    try:
        mean, std = (tuple(float(v) for v in facts.preprocessing[key]) for key in ("mean", "std"))
        size, way, depth = (facts.preprocessing.get(key) for key in ("input_size", "interpolation", "depth"))
        turns = facts.preprocessing.get("transform_input")
        if turns not in (None, True, False):
            raise ValueError(f"transform_input is {turns!r}, neither true nor false")
        return Preprocessing(int(size), mean, std, str(way), None if depth is None else int(depth), turns)  # type: ignore[arg-type]  # three channels
    except (KeyError, TypeError, ValueError) as err:
        raise WeightsError(f"{file_name} describes its preprocessing in a way that cannot be read: {err}.") from err


def _from_timm(backbone: str, weights: str, preprocessing: Preprocessing | str | None) -> Weights:
    tag = None if weights == "DEFAULT" else weights
    settings = _timm_settings(backbone, tag)
    label = f"timm {settings['architecture']}" + (f".{settings['tag']}" if settings.get("tag") else "")
    if settings.get("hf_hub_id"):
        path = timm_models.fetch_from_hub(settings, label)
    elif settings.get("url"):
        path = _fetch(str(settings["url"]), label)
    else:
        raise WeightsError(
            f"timm has no pretrained weights for {backbone.removeprefix(timm_models.PREFIX)}.",
            hint="Pass a local .safetensors or .pth file, or another network.",
        )
    expected = _expected(backbone, preprocessing or weights)
    return Weights(label, "timm", path, _sha256(path), expected, settings.get("license"), settings.get("origin_url"))


def _timm_settings(backbone: str, tag: str | None) -> dict[str, Any]:
    try:
        return timm_models.settings_of(backbone, tag)
    except RunError as err:
        raise WeightsError(err.message, hint=err.hint) from None


def is_file_name(weights: str | os.PathLike[str]) -> bool:
    """Return whether ``weights`` means a local file rather than a name.

    Examples
    --------
    >>> is_file_name("resnet50.pth"), is_file_name("IMAGENET1K_V2")
    (True, False)
    """
    if not isinstance(weights, str):
        return True
    return weights.lower().endswith(FILE_SUFFIXES) or "/" in weights or os.sep in weights


def _expected(backbone: str, preprocessing: Preprocessing | str) -> Preprocessing:
    expected = _expected_as_told(backbone, preprocessing)
    if has_input_transform(backbone):
        return replace(expected, transform_input=expected.turns_input)
    if expected.transform_input is not None:
        raise WeightsError(
            f"{backbone} has no transform_input; that is for torchvision's inception_v3 and googlenet.",
            hint="Leave transform_input out of the preprocessing.",
        )
    return expected


def _expected_as_told(backbone: str, preprocessing: Preprocessing | str) -> Preprocessing:
    depth = clip_length(backbone)
    if isinstance(preprocessing, Preprocessing):
        if preprocessing.depth is None:
            return replace(preprocessing, depth=depth)
        if depth is None:
            raise WeightsError(f"{backbone} takes pictures; a preprocessing with a depth is for networks of volumes.")
        return preprocessing
    if timm_models.is_timm(backbone):
        settings = _timm_settings(backbone, None if preprocessing == "DEFAULT" else preprocessing)
        size, way = int(settings["input_size"][-1]), str(settings["interpolation"])
        mean, std = (tuple(float(v) for v in settings[key]) for key in ("mean", "std"))
    else:
        recipe = _entry(backbone, preprocessing).transforms()
        size, way = int(recipe.crop_size[0]), str(recipe.interpolation.value)
        mean, std = (tuple(float(v) for v in values) for values in (recipe.mean, recipe.std))
    return Preprocessing(size, mean, std, way, depth)  # type: ignore[arg-type]  # three channels


def _entry(backbone: str, name: str) -> Any:
    """Return the member of torchvision's weights enum of a network."""
    import torchvision

    entries = torchvision.models.get_model_weights(backbone)
    if name not in entries.__members__:  # DEFAULT is an alias, and so a member
        names = [entry.name for entry in entries]
        raise WeightsError(
            f"torchvision has no weights {name!r} for {backbone}.{did_you_mean(name, names)}",
            hint=f"Known: DEFAULT, {', '.join(names)}; or a .safetensors or .pth file, or 'untrained'.",
        )
    return entries[name]


def _fetch(url: str, label: str) -> Path:
    """Return a published file from torch's checkpoint folder, downloaded if it is not there."""
    import torch

    file_name = PurePosixPath(urlparse(url).path).name
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / file_name
    wanted = re.search(r"-([0-9a-f]{8,})\.", file_name)  # torchvision writes the start of the hash into the file name
    if not path.is_file():
        _log.info("downloading %s (%s)", file_name, label)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _connection_timeout(_CONNECTION_TIMEOUT_S):
                torch.hub.download_url_to_file(
                    url, str(path), wanted.group(1) if wanted else None, progress=sys.stderr.isatty()
                )
        # URLError, time-outs and a read-only folder are OSErrors; torch reports a wrong hash as RuntimeError.
        except (OSError, RuntimeError) as err:
            reason = str(getattr(err, "reason", None) or err)
            # The message says it all; the trace of the failed connection would bury it.
            raise WeightsError(
                f"the weights {label} are not on this machine and could not be downloaded ({reason}).",
                hint=f"Put the file {file_name} into {folder} (TORCH_HOME moves this folder), or pass a local file: "
                "weights='path/to/file.pth' or '.safetensors', or weights='untrained' for a trial without meaning.",
            ) from None
    if wanted and not (got := _sha256(path)).startswith(wanted.group(1)):
        raise WeightsError(
            f"{path} is damaged: its sha256 starts with {got[:8]}, its name promises {wanted.group(1)}.",
            hint="Delete the file so that it is downloaded again, or replace it by an undamaged copy.",
        )
    return path


@contextmanager
def _connection_timeout(seconds: float) -> Iterator[None]:
    """Let new connections give up: behind a hospital's firewall they would otherwise hang for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _sha256(path: Path) -> str:
    status = path.stat()
    return _sha256_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256_of(path: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once; size and time are part of the key so that a changed file is hashed again."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise WeightsError(f"the weights file {path} cannot be read: {err.strerror}.") from err


def check_weights_argument(weights: object) -> str | os.PathLike[str]:
    """Return ``weights`` if it can name weights, else raise; ``None`` would mean random weights to torchvision."""
    if isinstance(weights, str | os.PathLike) and str(weights):
        return weights
    raise RunError(
        f"weights={weights!r} names no weights.",
        hint="Say 'DEFAULT' or another torchvision name, a .safetensors or .pth file, or 'untrained'.",
    )
