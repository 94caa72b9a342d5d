"""Grey levels from intensities, with PyRadiomics' bin edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.kernels import load_kernels

MAX_EDGES = 65536


def bin_edges(values: NDArray[Any], *, bin_width: float, bin_count: int | None = None) -> NDArray[np.float64]:
    """Return the edges of the grey levels: a level begins at its edge and ends before the next.

    Parameters
    ----------
    values : ndarray
        Finite intensities of a region, in the pixel type of their image: PyRadiomics finds the outer edges in that
        type, so that the edges of float32 images differ from those of the same values in float64.
    bin_width : float
        Width of a level; the first edge is the multiple of the width at or below the smallest intensity.
    bin_count : int, optional
        Number of levels between the smallest and the largest intensity instead.

    Raises
    ------
    ValueError
        The edges would be too many.

    Examples
    --------
    >>> bin_edges(np.array([54, 166]), bin_width=25.0)
    array([ 50.,  75., 100., 125., 150., 175., 200.])
    >>> bin_edges(np.array([0.0, 8.0]), bin_width=25.0, bin_count=4)
    array([0., 2., 4., 6., 9.])
    """
    low, high = values.min(), values.max()
    n_edges = bin_count + 1 if bin_count is not None else (float(high) - float(low)) / bin_width + 3
    if not n_edges <= MAX_EDGES:
        raise ValueError(f"intensities from {low:g} to {high:g} would need {n_edges:.0f} bin edges.")
    if bin_count is not None:
        edges = np.histogram_bin_edges(values, bin_count)
        # The largest intensity belongs to the last level; in the type of the edges, as PyRadiomics adds it.
        edges[-1] += 1
    else:
        # One edge more than the levels need: the largest intensity may lie on an edge.
        edges = np.arange(low - low % bin_width, high + 2 * bin_width, bin_width)
        if len(edges) == 1:
            edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    return edges.astype(np.float64)


def grey_levels(
    values: NDArray[Any], *, bin_width: float, bin_count: int | None = None
) -> tuple[NDArray[np.int32], int]:
    """Return the grey level of each intensity, from 1, and the largest level.

    Parameters
    ----------
    values : ndarray of 1 dimension
        Finite intensities of a region, in the pixel type of their image.
    bin_width, bin_count
        As in ``bin_edges``.

    Raises
    ------
    ValueError
        The levels would be too many, or the width is lost in the rounding of such large intensities.

    Examples
    --------
    >>> grey_levels(np.array([54, 60, 75, 166]), bin_width=25.0)
    (array([1, 1, 2, 5], dtype=int32), 5)
    """
    edges = bin_edges(values, bin_width=bin_width, bin_count=bin_count)
    if len(edges) < 2 or not np.all(np.diff(edges) > 0):
        raise ValueError(f"the bins are finer than the rounding of intensities around {values.max():g}.")
    levels = load_kernels().digitize(np.ascontiguousarray(values, dtype=np.float64), edges)
    return levels, int(levels.max())


def level_volume(mask_zyx: NDArray[np.bool_], levels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the grey levels on the grid of their mask, 0 outside.

    Parameters
    ----------
    mask_zyx : bool ndarray
    levels : int32 ndarray
        One per voxel of the region, in the order of ``image[mask]``.

    Examples
    --------
    >>> level_volume(np.array([[[True, False, True]]]), np.array([3, 1], dtype=np.int32))
    array([[[3, 0, 1]]], dtype=int32)
    """
    volume = np.zeros(mask_zyx.shape, dtype=np.int32)
    volume[mask_zyx] = levels
    return volume
