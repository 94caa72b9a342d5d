"""Named layers of a network: found by a dry pass without memory, read by hooks, pooled on the spot."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from torch import nn

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError
from hybridrad.features.deep import backbones
from hybridrad.features.deep.pooling import pool_map
from hybridrad.features.deep.reading import LAST_MAP, PENULTIMATE, Reading
from hybridrad.features.deep.weights import expected_preprocessing

if TYPE_CHECKING:
    from torch import Tensor

VECTOR, CHANNELS_FIRST, CHANNELS_LAST, TOKENS = "vector", "channels_first", "channels_last", "tokens"
# Families whose sequences of tokens begin with a class token.
_CLASS_TOKENS = {"vit_": 1, "mvit_": 1}
# Torchvision's DenseNets rectify their last map in a function, not in a module.
_RECTIFIED_LAST_MAP = ("densenet",)
_DRY_BATCH = 2
_Ran = list[tuple[str, nn.Module, Any]]


@dataclass(frozen=True)
class Layer:
    """A layer as a dry pass found it.

    Parameters
    ----------
    name, path : str
        As asked, and the module it is; the path of the penultimate layer is empty: it is what the cut network gives.
    layout : {"vector", "channels_first", "channels_last", "tokens"}
    channels : int
    grid : tuple of int
        Cells along each axis of the map; empty where there is no grid.
    n_class_tokens : int
        Tokens before those of the picture.
    rectified : bool
        Whether negative values are to be cut off after the module.
    """

    name: str
    path: str
    layout: str
    channels: int
    grid: tuple[int, ...] = ()
    n_class_tokens: int = 0
    rectified: bool = False

    def as_map(self, values: Tensor) -> Tensor:
        """Return the output of the module as a map, channels second."""
        if self.layout == TOKENS:
            values = values[:, self.n_class_tokens :].transpose(1, 2)
            values = values.unflatten(2, self.grid) if self.grid else values
        elif self.layout == CHANNELS_LAST:
            values = values.movedim(-1, 1)
        return values.relu() if self.rectified else values


@lru_cache(maxsize=64)
def find_layers(
    backbone: str, names: tuple[str, ...], pooling: str, *, input_size: int, depth: int | None
) -> tuple[Layer, ...]:
    """Return the layers of a network by name, from a pass without memory and without weights.

    Raises
    ------
    RunError
        There is no such layer, it runs several times or not at all, its output is no map or vector per picture, or the
        pooling does not suit it.

    Examples
    --------
    >>> (layer,) = find_layers("resnet18", ("last_map",), "mean", input_size=224, depth=None)
    >>> layer.path, layer.channels, layer.grid
    ('layer4', 512, (7, 7))
    """
    model, _, ran, penultimate = _dry_pass(backbone, input_size, depth)
    n_class_tokens = backbones.of_family(backbone, _CLASS_TOKENS) or int(getattr(model, "num_prefix_tokens", 0))
    found = []
    for name in names:
        if name == PENULTIMATE:
            found.append(Layer(name, "", VECTOR, int(penultimate.shape[1])))
            continue
        path = last_map_of(backbone) if name == LAST_MAP else _checked(name, ran, model, backbone)
        output = [_tensor(out) for other, _, out in ran if other == path][-1]
        rectified = name == LAST_MAP and backbone.startswith(_RECTIFIED_LAST_MAP)
        layer = _laid_out(
            name, path, output, n_class_tokens=n_class_tokens, rectified=rectified, depth=depth, backbone=backbone
        )
        _refuse_unsuited(layer, pooling, backbone)
        found.append(layer)
    return tuple(found)


@lru_cache(maxsize=64)
def last_map_of(backbone: str) -> str:
    """Return the module that gives the last map with a grid, at the input size the network was made for.

    At that size and no other: a small input may shrink the last map to one cell, and is to be read there all the same.

    Examples
    --------
    >>> last_map_of("densenet121"), last_map_of("inception_v3")
    ('features', 'Mixed_7c')
    """
    expected = expected_preprocessing(backbone, "DEFAULT")
    _, head_block, ran, _ = _dry_pass(backbone, expected.input_size, expected.depth)
    pools = (nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveMaxPool2d)
    for path, module, out in reversed(ran):
        output = _tensor(out)
        if not path or path.partition(".")[0] == head_block or isinstance(module, pools) or output is None:
            continue
        cells = output.shape[1] if output.ndim == 3 else math.prod(sorted(output.shape[1:])[:-1])
        if output.ndim >= 3 and output.shape[0] == _DRY_BATCH and cells > 1:
            return path
    raise RunError(f"{backbone} has no map of more than one cell; layers='last_map' means nothing there.")


def _dry_pass(backbone: str, input_size: int, depth: int | None) -> tuple[nn.Module, str, _Ran, Tensor]:
    """Return a network without memory, where its classifier was, what ran with which output, and what came out."""
    import torch

    model = backbones.build_network(backbone, input_size=input_size, depth=depth, allocate=False)
    head = backbones.cut_head(model, backbone)
    model.to("meta").eval()
    ran: _Ran = []
    for path, module in model.named_modules():
        module.register_forward_hook(lambda m, given, out, path=path: ran.append((path, m, out)))
    size = (input_size, input_size) if depth is None else (depth, input_size, input_size)
    with torch.inference_mode():
        penultimate = model(torch.empty(_DRY_BATCH, 3, *size, device="meta"))
    return model, head.block, ran, penultimate


class Readout(nn.Module):
    """A network that gives the pooled values of its named layers, one vector per picture.

    Values are pooled inside the hooks: what follows a layer may change its output in place. The network may run in
    several threads at once.

    Parameters
    ----------
    network : Module
        Cut before its classifier.
    layers : sequence of Layer
    reading : Reading
    """

    def __init__(self, network: nn.Module, layers: Sequence[Layer], reading: Reading) -> None:
        super().__init__()
        self.network, self.layers, self.reading = network, tuple(layers), reading
        self._of_thread = threading.local()
        self._n_hooked = sum(layer.name != PENULTIMATE for layer in self.layers)
        for layer in self.layers:
            if layer.name != PENULTIMATE:
                network.get_submodule(layer.path).register_forward_hook(self._hook_of(layer))

    def _hook_of(self, layer: Layer) -> Any:
        def hook(module: nn.Module, given: Any, output: Any) -> None:
            found, region = self._of_thread.found, self._of_thread.region
            values = _tensor(output)
            if layer.layout == VECTOR:
                found[layer.name] = values.float().clone()
            else:
                found[layer.name] = pool_map(layer.as_map(values), how=self.reading.pooling, region=region)
            if len(found) == self._n_hooked == len(self.layers):
                raise _EnoughError

        return hook

    def forward(self, batch: Tensor) -> Tensor:
        """Return the values of a batch.

        Parameters
        ----------
        batch : Tensor of shape (n, 3, ...), or (n, 4, ...) with the region as last channel where pooling wants it
        """
        import torch

        region, pictures = None, batch
        if self.reading.wants_region:
            pictures, region = batch[:, :3], batch[:, 3:]
            if pictures.ndim == 4:
                pictures = pictures.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        self._of_thread.found, self._of_thread.region = found, region
        try:
            found[PENULTIMATE] = self.network(pictures).float()
        except _EnoughError:
            pass
        finally:
            self._of_thread.found = self._of_thread.region = None
        return torch.cat([found[layer.name] for layer in self.layers], dim=1)


class _EnoughError(Exception):
    """All layers have been read; what follows them in the network need not run."""


def _checked(name: str, ran: _Ran, model: nn.Module, backbone: str) -> str:
    paths = [path for path, _ in model.named_modules() if path]
    if name not in paths:
        raise RunError(
            f"{backbone} has no layer {name!r}.{did_you_mean(name, paths)}",
            hint=f"Its parts are {', '.join(path for path, _ in model.named_children())}; inner ones joined by dots "
            "(features.6). 'last_map' and 'penultimate' always exist.",
        )
    times = sum(path == name for path, _, _ in ran)
    if times != 1:
        how = "is not used before the classifier" if times == 0 else f"runs {times} times in a pass"
        raise RunError(f"layer {name!r} of {backbone} {how}.", hint="Name the block around it, or another layer.")
    return name


def _laid_out(
    name: str, path: str, output: Any, *, n_class_tokens: int, rectified: bool, depth: int | None, backbone: str
) -> Layer:
    if output is None or output.ndim not in (2, 3, 4, 5) or output.shape[0] != _DRY_BATCH:
        raise RunError(
            f"layer {name!r} of {backbone} gives no map or vector for each picture.", hint="Name the block around it."
        )
    sides = tuple(int(side) for side in output.shape[1:])
    if output.ndim == 2:
        return Layer(name, path, VECTOR, sides[0])
    if output.ndim == 3:
        n_cells = sides[0] - n_class_tokens
        side = math.isqrt(n_cells)
        return Layer(name, path, TOKENS, sides[1], (side, side) if side * side == n_cells else (), n_class_tokens)
    # Height and width are equal because the input is square; this tells where the channels are, whatever the family.
    first, last = sides[-1] == sides[-2], sides[-2] == sides[-3]
    if first and last and depth is not None and sides[0] > depth:
        last = False  # more than the slices that went in: channels
    if first == last and set(sides) != {1}:
        raise RunError(f"layer {name!r} of {backbone}: shape {sides} does not tell which axis holds the channels.")
    if first:
        return Layer(name, path, CHANNELS_FIRST, sides[0], sides[1:], rectified=rectified)
    return Layer(name, path, CHANNELS_LAST, sides[-1], sides[:-1], rectified=rectified)


def _refuse_unsuited(layer: Layer, pooling: str, backbone: str) -> None:
    if layer.layout == VECTOR and pooling != "mean":
        raise RunError(f"layer {layer.name!r} of {backbone} is a vector; pooling {pooling!r} needs a map.")
    if not layer.grid and layer.layout != VECTOR and pooling == "masked_mean":
        raise RunError(f"layer {layer.name!r} of {backbone} has no regular grid; pooling by the region needs one.")


def _tensor(output: Any) -> Any:
    import torch

    if isinstance(output, tuple | list):
        output = output[0] if output else None
    return output if torch.is_tensor(output) else None
