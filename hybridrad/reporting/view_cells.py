"""Pictures of a case as the cells of a contact sheet: what to show of several channels, slices and volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.imaging.views.patient_axes import central_voxel

if TYPE_CHECKING:
    from hybridrad.imaging.views import Rendered, Views

MOST_VIEWS = 8
"""Of more slices of a case so many are shown, evenly."""
MOST_PIXELS = 512
"""A longer side is averaged down; on paper a cell is smaller than that."""

_PLANES = ("axial", "coronal", "sagittal")
_NEIGHBOURS = ("slice before", "largest slice", "slice behind")

Shown = tuple[NDArray[np.float32], NDArray[np.bool_] | None, str]
"""Channels of a picture, its region, its caption."""


@dataclass(frozen=True)
class Cell:
    """One square of the sheet.

    Parameters
    ----------
    picture : uint8 ndarray of shape (height, width) or (height, width, 3)
    region : bool ndarray of shape (height, width), optional
        Outlined where it is given.
    caption : str
    """

    picture: NDArray[np.uint8]
    region: NDArray[np.bool_] | None
    caption: str


def cells_of(views: Views, rendered: Rendered) -> list[Cell]:
    """Return the cells that show what a network is given of a case.

    Slices become a cell each (``MOST_VIEWS`` at most), adjacent slices a cell for each channel, a volume its axial,
    coronal and sagittal plane through the voxel of the region nearest to its centre. A mask channel is a cell of its
    own.

    Parameters
    ----------
    views : Views
    rendered : Rendered
        What ``views.render_with_region`` returned.

    Examples
    --------
    >>> from hybridrad.imaging.views import Rendered, Views
    >>> rendered = Rendered(np.zeros((3, 1, 8, 8), np.float32), np.ones((3, 8, 8), bool))
    >>> [cell.caption for cell in cells_of(Views("orthogonal"), rendered)]
    ['axial', 'coronal', 'sagittal']
    """
    pictures, regions = rendered
    shown: list[Shown]
    if views.kind == "volume":
        shown = _middle_planes(pictures[0], regions[0])
    elif views.kind == "adjacent":
        inside = (None, regions[0], None)
        shown = list(zip(pictures[0][:, np.newaxis], inside, _NEIGHBOURS, strict=True))
    elif views.kind == "orthogonal":
        shown = list(zip(pictures, regions, _PLANES, strict=True))
    else:
        n = len(pictures)
        n_shown = min(n, MOST_VIEWS)
        chosen = [(2 * i + 1) * n // (2 * n_shown) for i in range(n_shown)]
        shown = [(pictures[i], regions[i], f"{i + 1} of {n}" if n > 1 else "") for i in chosen]
    cells = []
    for channels, region, caption in shown:
        picture = channels if not views.mask_channel else channels[:1]
        cells.append(Cell(_as_bytes(picture), None if region is None else _outlined(region), caption))
        if views.mask_channel:
            cells.append(Cell(_as_bytes(channels[2:]), None, "its third channel"))
    return cells


def _middle_planes(volume: NDArray[np.float32], region: NDArray[np.bool_]) -> list[Shown]:
    # A voxel of the region: the middle of its box lies outside where it has several pieces.
    z, y, x = central_voxel(region, (1.0, 1.0, 1.0)) if region.any() else (n // 2 for n in region.shape)
    # Head up, as they are read: the volume runs from feet to head.
    upright, held = volume[:, ::-1], region[::-1]
    planes = (volume[:, z], upright[:, :, y], upright[:, :, :, x])
    return list(zip(planes, (region[z], held[:, y], held[:, :, x]), _PLANES, strict=True))


def _as_bytes(channels: NDArray[np.float32]) -> NDArray[np.uint8]:
    picture = np.rint(np.clip(_smaller(np.moveaxis(channels, 0, -1)), 0, 1) * 255).astype(np.uint8)
    return picture[..., 0] if picture.shape[-1] == 1 else picture


def _outlined(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    share = _smaller(region)
    # A region smaller than half a block is outlined, too.
    return share >= 0.5 if (share >= 0.5).any() else share > 0


def _smaller(picture: NDArray[Any]) -> NDArray[Any]:
    """Return a picture, height and width first, averaged in blocks to at most ``MOST_PIXELS`` a side."""
    across, along = (math.ceil(n / MOST_PIXELS) for n in picture.shape[:2])
    if across == along == 1:
        return picture
    height, width = picture.shape[0] // across, picture.shape[1] // along
    blocks = picture[: height * across, : width * along].reshape(height, across, width, along, *picture.shape[2:])
    averaged: NDArray[Any] = blocks.mean(axis=(1, 3))
    return averaged
