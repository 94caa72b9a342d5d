"""From a map to one or two values per channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridrad.features.deep.reading import GEM_POWER

if TYPE_CHECKING:
    from torch import Tensor

_GEM_SMALLEST = 1e-6


def pool_map(values: Tensor, *, how: str, region: Tensor | None = None) -> Tensor:
    """Return the pooled values of a map.

    Parameters
    ----------
    values : Tensor of shape (n, channels, height, width), (n, channels, depth, height, width) or (n, channels, cells)
    how : {"mean", "max", "gem", "mean_max", "masked_mean"}
        ``gem`` is the generalised mean [1]_ with power 3; values below 1e-6 count as 1e-6, so that layers without a
        rectifier lose their negative half. ``masked_mean`` weights each cell by the share of it that the region covers.
    region : Tensor of shape (n, 1, ...), optional
        For ``masked_mean``: share of the region, 0..1, at any resolution; each grid must be as long in all axes as that
        of the map or longer.

    Returns
    -------
    float32 Tensor of shape (n, channels), twice as many channels for ``mean_max``

    References
    ----------
    .. [1] Radenovic F, Tolias G, Chum O. Fine-tuning CNN image retrieval with no human annotation. IEEE TPAMI 2019.
       doi:10.1109/TPAMI.2018.2846566

    Examples
    --------
    >>> import torch
    >>> values = torch.tensor([[[[1.0, 3.0], [0.0, 0.0]]]])
    >>> pool_map(values, how="mean_max").tolist()
    [[1.0, 3.0]]
    """
    import torch

    # Pooling in half precision would lose what the network has left of it.
    cells = values.float().flatten(2)
    if how == "mean":
        return cells.mean(dim=2)
    if how == "max":
        return cells.amax(dim=2)
    if how == "mean_max":
        return torch.cat([cells.mean(dim=2), cells.amax(dim=2)], dim=1)
    if how == "gem":
        return cells.clamp(min=_GEM_SMALLEST).pow(GEM_POWER).mean(dim=2).pow(1.0 / GEM_POWER)
    if how == "masked_mean" and region is not None:
        weights = on_grid(region, tuple(values.shape[2:])).flatten(2)
        return (cells * weights).sum(dim=2) / weights.sum(dim=2)
    raise ValueError(f"pooling {how!r} is unknown, or its region is missing.")


def on_grid(region: Tensor, grid: tuple[int, ...]) -> Tensor:
    """Return the share of each cell of a grid that a region covers.

    However small a region is, the cell it lies in keeps a positive share, so a weighted mean always finds it.

    Parameters
    ----------
    region : Tensor of shape (n, 1, height, width) or (n, 1, depth, height, width), values 0..1
    grid : tuple of 2 or 3 int

    Examples
    --------
    >>> import torch
    >>> region = torch.zeros(1, 1, 4, 4)
    >>> region[0, 0, 0, 0] = 1.0
    >>> on_grid(region, (2, 2)).tolist()
    [[[[0.25, 0.0], [0.0, 0.0]]]]
    """
    import torch

    pool: Any = torch.nn.functional.adaptive_avg_pool2d if len(grid) == 2 else torch.nn.functional.adaptive_avg_pool3d
    return pool(region.float(), grid)
