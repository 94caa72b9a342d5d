"""Where a trained network finds what speaks for a class: Grad-CAM on its last map, by captum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hybridrad._checks import require
from hybridrad.errors import RunError
from hybridrad.models.finetuned.network_classifier import NetworkClassifier, pick_device

if TYPE_CHECKING:
    from torch import Tensor

    from hybridrad.models.finetuned.architecture import CaseNetwork


def grad_cam_layer(backbone: str, input_px: int) -> str:
    """Return the module that gives the last map of a network, in which Grad-CAM looks.

    Parameters
    ----------
    backbone : str
    input_px : int
        Side of its pictures, in pixels.

    Raises
    ------
    RunError
        The network has no map of channels (transformers), or pictures of this size shrink it to a single cell or less.
    """
    from hybridrad.features.deep.reading import LAST_MAP
    from hybridrad.features.deep.readout import CHANNELS_FIRST, find_layers

    try:
        (layer,) = find_layers(backbone, (LAST_MAP,), "mean", input_size=input_px, depth=None)
    except RuntimeError as err:  # of torch, where a layer has nothing left to look at
        raise RunError(
            f"pictures of {input_px} pixels are too small for {backbone}: {err}",
            hint="Prepare the views with a larger input_px.",
        ) from err
    if layer.layout != CHANNELS_FIRST:
        raise RunError(
            f"{backbone} has no map of channels, so it gives no heat maps.",
            hint="Grad-CAM is for convolutional networks such as resnet18; leave heat maps out for this arm.",
        )
    if max(layer.grid) < 2:
        raise RunError(
            f"pictures of {input_px} pixels leave {backbone} a last map of one cell; there is no heat map to see.",
            hint="Prepare the views with a larger input_px.",
        )
    return layer.path


def case_heat(model: NetworkClassifier, case_ids: Sequence[str], targets: Sequence[int]) -> list[NDArray[np.float32]]:
    """Return the Grad-CAM of each case: what in its pictures speaks for a class, on the cells of the last map.

    The score that is followed back is that of the class less the mean of all classes, for two classes half the logit:
    what raises every class alike is no reason for one.

    Parameters
    ----------
    model : NetworkClassifier
        Fitted.
    case_ids : sequence of str
        Cases with pictures.
    targets : sequence of int
        Position of a class in ``model.classes_`` for each case.

    Returns
    -------
    list of float32 ndarray of shape (n_views, cells_high, cells_wide)
        At least 0. Cases may have different numbers of views.

    Raises
    ------
    MissingDependencyError
        captum is not installed.
    RunError
        See `grad_cam_layer`.

    References
    ----------
    Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74.
    """
    from hybridrad.features.deep.batching import exact_arithmetic

    path = grad_cam_layer(model.backbone, model.views_store.input_px)
    device = pick_device(model.device)
    network = model.trained_network(device)
    batches = model.batches(pd.Index(case_ids), device, pooling=model.pooling_)
    found = []
    with exact_arithmetic(device), _recurrent_layers_have_gradients(device):
        for position, target in enumerate(targets):
            # Case by case: the views of a case are pooled, so captum must not take them for cases.
            pictures, _ = batches.load([position], varied=False)
            found.append(grad_cam(network, path, pictures.to(device), int(target)))
    return found


def grad_cam(network: CaseNetwork, path: str, pictures: Tensor, target: int) -> NDArray[np.float32]:
    """Return the Grad-CAM (n_views, cells_high, cells_wide) of one case at a module of the trunk."""
    attr = require("captum.attr", extra="heatmaps")

    def score(views: Tensor) -> Tensor:
        scores = network(views, [len(views)])
        return scores - scores.mean(dim=1, keepdim=True)

    explained = attr.LayerGradCam(score, network.trunk.get_submodule(path))
    heat = explained.attribute(pictures, target=target, relu_attributions=True)
    return np.asarray(heat[:, 0].detach().float().cpu().numpy())


@contextmanager
def _recurrent_layers_have_gradients(device: str) -> Iterator[None]:
    """Do without cuDNN on a GPU: its recurrent layers give no gradients in eval mode."""
    if device == "cpu":
        yield
        return
    with torch.backends.cudnn.flags(enabled=False):
        yield
