"""The offsets between a voxel and its neighbours, as PyRadiomics generates them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int32]


def one_way(shape: Sequence[int], distances: Sequence[int], *, flat_axis: int | None = None) -> Offsets:
    """Return one offset of each two opposite ones, for all neighbours at the given distances.

    Parameters
    ----------
    shape : sequence of 3 ints
        Size of the crop; an offset that leaves it from everywhere is left out.
    distances : sequence of int
        In voxels, the largest of the three components of an offset.
    flat_axis : int, optional
        Axis along which no offset moves: texture within slices.

    Returns
    -------
    int32 ndarray of shape (n, 3)
        z, y, x; descending. A distance that is named twice brings further directions, as in PyRadiomics.

    Raises
    ------
    ValueError
        A distance is below 1, or no voxel of such a crop has a neighbour.

    Examples
    --------
    >>> one_way((1, 2, 2), [1]).tolist()
    [[0, 1, 1], [0, 1, 0], [0, 1, -1], [0, 0, 1]]
    """
    return _generate(_reach(shape, distances, flat_axis), tuple(distances), both=False)


def both_ways(shape: Sequence[int], distances: Sequence[int], *, flat_axis: int | None = None) -> Offsets:
    """Return the offsets to all neighbours at the given distances; arguments as in ``one_way``.

    Examples
    --------
    >>> len(both_ways((9, 9, 9), [1])), len(both_ways((9, 9, 9), [1, 2]))
    (26, 124)
    """
    return _generate(_reach(shape, distances, flat_axis), tuple(distances), both=True)


def _reach(shape: Sequence[int], distances: Sequence[int], flat_axis: int | None) -> tuple[int, ...]:
    if len(distances) == 0 or min(distances) < 1:
        raise ValueError(f"distances must be 1 or more, got {list(distances)}.")
    furthest = max(distances)
    return tuple(0 if axis == flat_axis else min(furthest, size - 1) for axis, size in enumerate(shape))


# A study asks for the same few sets again and again; they are handed out read-only.
@lru_cache(maxsize=256)
def _generate(reach: tuple[int, ...], distances: tuple[int, ...], *, both: bool) -> Offsets:
    every = product(*(range(r, -r - 1, -1) for r in reach))
    wanted = [offset for offset in every if max(map(abs, offset)) in distances]
    # A distance that is named twice counts twice in PyRadiomics, whose list then starts again from its beginning.
    count = sum(distances.count(max(map(abs, offset))) for offset in wanted)
    if not both:
        count //= 2
    if count == 0:
        raise ValueError(f"no two voxels of a region can be neighbours at the distances {list(distances)}.")
    repeated = wanted * (count // len(wanted) + 1)
    offsets = np.array(repeated[:count], dtype=np.int32)
    offsets.flags.writeable = False
    return offsets
