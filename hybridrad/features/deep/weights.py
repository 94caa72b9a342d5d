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
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep.backbones import check_backbone

UNTRAINED = "untrained"
UNTRAINED_SEED = 0
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
    """

    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def describe(self) -> dict[str, Any]:
        """Return the settings as plain data, with what is done besides."""
        return {
            **{key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()},
            "resize": "whole view to the input size, antialiased, no centre crop",
            "grey": "repeated to three channels",
        }


@dataclass(frozen=True)
class Weights:
    """Weights that are at hand: a file with its hash, or a declared absence of training.

    Parameters
    ----------
    name : str
        ``"ResNet50_Weights.IMAGENET1K_V2"``, a file name, or ``"untrained"``.
    source : {"torchvision", "file", "untrained"}
    path : Path or None
    sha256 : str or None
    preprocessing : Preprocessing
    """

    name: str
    source: str
    path: Path | None
    sha256: str | None
    preprocessing: Preprocessing

    def describe(self) -> dict[str, Any]:
        """Return name, source and hash as plain data; the folder stays out, it changes no value."""
        plain: dict[str, Any] = {"name": self.name, "source": self.source, "sha256": self.sha256}
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
        Name known to torchvision.
    weights : str or path
        A name of torchvision (``"DEFAULT"``, ``"IMAGENET1K_V1"``, ...), a ``.safetensors`` or ``.pth`` file, or
        ``"untrained"``.
    preprocessing : Preprocessing or str, optional
        Replaces what the weights bring along; a string names a torchvision entry of the same network. A local file
        and untrained weights bring what the network's default weights expect.

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
        path = Path(weights).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"the weights file {path} does not exist.",
                hint="Give the path of a .safetensors or .pth file, or a name of torchvision such as 'DEFAULT'.",
            )
        expected = _expected(backbone, preprocessing or "DEFAULT")
        return Weights(path.name, "file", path, _sha256(path), expected)
    if weights == UNTRAINED:
        return Weights(UNTRAINED, UNTRAINED, None, None, _expected(backbone, preprocessing or "DEFAULT"))
    entry = _entry(backbone, str(weights))
    path = _fetch(entry)
    return Weights(str(entry), "torchvision", path, _sha256(path), _expected(backbone, preprocessing or entry.name))


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
    if isinstance(preprocessing, Preprocessing):
        return preprocessing
    recipe = _entry(backbone, preprocessing).transforms()
    mean, std = (tuple(float(v) for v in values) for values in (recipe.mean, recipe.std))
    return Preprocessing(int(recipe.crop_size[0]), mean, std, str(recipe.interpolation.value))  # type: ignore[arg-type]  # three channels


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


def _fetch(entry: Any) -> Path:
    """Return the file of a torchvision entry in torch's checkpoint folder, downloaded if it is not there."""
    import torch

    file_name = PurePosixPath(urlparse(entry.url).path).name
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / file_name
    wanted = re.search(r"-([0-9a-f]{8,})\.", file_name)  # torchvision writes the start of the hash into the file name
    if not path.is_file():
        _log.info("downloading %s (%s)", file_name, entry)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _connection_timeout(_CONNECTION_TIMEOUT_S):
                torch.hub.download_url_to_file(
                    entry.url, str(path), wanted.group(1) if wanted else None, progress=sys.stderr.isatty()
                )
        # URLError, time-outs and a read-only folder are OSErrors; torch reports a wrong hash as RuntimeError.
        except (OSError, RuntimeError) as err:
            reason = str(getattr(err, "reason", None) or err)
            # The message says it all; the trace of the failed connection would bury it.
            raise WeightsError(
                f"the weights {entry} are not on this machine and could not be downloaded ({reason}).",
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
