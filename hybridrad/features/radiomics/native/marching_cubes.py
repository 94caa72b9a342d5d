"""The triangles of marching cubes, derived: polygons around the inside corners of a cube, cut into fans.

A cube of 2 x 2 x 2 voxels has 256 arrangements of inside and outside. The surface crosses each edge between an inside
and an outside corner halfway. On each face the crossings are joined so that inside corners are cut off one by one; the
joins close to polygons, and polygons are cut into triangles that share one corner. Where that matters (the polygon is
not flat) the corner is chosen as in the table that PyRadiomics uses; the choice follows from two rules, see ``_fan``.

As in the original algorithm an arrangement with one certain corner inside is treated as its complement, seen from the
other side. The surfaces of neighbouring cubes then do not always meet: there are holes at some ambiguous faces, so that
the volume depends on where they lie.

References
----------
Lorensen WE, Cline HE. Marching cubes: a high resolution 3D surface construction algorithm. SIGGRAPH 1987;21:163-9.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int, int]
Crossing = tuple[float, float, float]
Triangle = tuple[Crossing, Crossing, Crossing]

# z, y, x; the number of a corner is 4 z + 2 y + x.
_CORNERS: tuple[Corner, ...] = tuple((z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1))
# The corner that is never inside: an arrangement that has it inside is replaced by its complement.
_ALWAYS_OUTSIDE: Corner = (1, 1, 0)
# Squares around the six faces, corner after corner.
_FACES = tuple(
    tuple(tuple(np.insert([first, second], axis, side).tolist()) for first, second in ((0, 0), (0, 1), (1, 1), (1, 0)))
    for axis in range(3)
    for side in (0, 1)
)


@lru_cache(maxsize=1)
def triangles() -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return all triangles of all arrangements.

    Returns
    -------
    arrangement : int ndarray of shape (n,)
        Bit 4 z + 2 y + x: that corner is inside.
    corners : float64 ndarray of shape (n, 3, 3)
        Triangle, corner, z y x in voxels; seen from outside the corners of each run the same way round.

    Examples
    --------
    >>> arrangement, corners = triangles()
    >>> corners[arrangement == 1].tolist()
    [[[0.0, 0.5, 0.0], [0.0, 0.0, 0.5], [0.5, 0.0, 0.0]]]
    """
    arrangement, corners = [], []
    for number in range(256):
        inside = {corner for k, corner in enumerate(_CORNERS) if number >> k & 1}
        flipped = _ALWAYS_OUTSIDE in inside
        for a, b, c in _triangles_of(set(_CORNERS) - inside if flipped else inside):
            arrangement.append(number)
            corners.append((a, c, b) if flipped else (a, b, c))
    return np.array(arrangement), np.array(corners)


def _triangles_of(inside: set[Corner]) -> list[Triangle]:
    return [triangle for polygon in _polygons(inside) for triangle in _fan(polygon)]


def _polygons(inside: set[Corner]) -> list[list[Crossing]]:
    joined: dict[Crossing, list[Crossing]] = {}
    outward: dict[Crossing, Corner] = {}
    for face in _FACES:
        # Each inside corner, or two that are neighbours on the face, is cut off by one join.
        is_in = [corner in inside for corner in face]
        for first in range(4):
            if not is_in[first] or is_in[first - 1]:
                continue
            last = first
            while is_in[(last + 1) % 4]:
                last = (last + 1) % 4
            start = _halfway(face[first - 1], face[first])
            end = _halfway(face[last], face[(last + 1) % 4])
            joined.setdefault(start, []).append(end)
            joined.setdefault(end, []).append(start)
            outward[start] = _difference(face[first - 1], face[first])
            outward[end] = _difference(face[(last + 1) % 4], face[last])
    polygons = []
    while joined:
        polygon = [next(iter(joined))]
        ways = joined.pop(polygon[0])
        following = ways[0]
        while following != polygon[0]:
            before = polygon[-1]
            polygon.append(following)
            ways = joined.pop(following)
            following = ways[1] if ways[0] == before else ways[0]
        normal = _area_vector(polygon)
        # All corners of a polygon look outward to the same side of it, taken together.
        if sum(n * o for crossing in polygon for n, o in zip(normal, outward[crossing], strict=True)) < 0:
            polygon.reverse()
        polygons.append(polygon)
    return polygons


def _fan(polygon: list[Crossing]) -> list[Triangle]:
    """Cut a polygon into triangles that share a corner.

    Polygons of three and four corners are flat. Of a bent one of five or six corners, the fan with the largest surface
    is taken (ties are the same surface, or mirror images on which the cut runs the same way); of one of seven, the fan
    from its one corner on the plane of symmetry, the only fan whose surface is not that of another.
    """
    if len(polygon) <= 4:
        return _fan_from(polygon, 0)
    fans = [_fan_from(polygon, apex) for apex in range(len(polygon))]
    areas = [sum(math.hypot(*_area_vector(list(triangle))) for triangle in fan) for fan in fans]
    if len(polygon) == 7:
        alike = [sum(math.isclose(area, other) for other in areas) for area in areas]
        return fans[alike.index(1)]
    largest = max(areas)
    return next(fan for fan, area in zip(fans, areas, strict=True) if math.isclose(area, largest))


def _fan_from(polygon: list[Crossing], apex: int) -> list[Triangle]:
    turned = polygon[apex:] + polygon[:apex]
    return [(turned[0], b, c) for b, c in pairwise(turned[1:])]


def _area_vector(polygon: list[Crossing]) -> Crossing:
    z = y = x = 0.0
    for a, b in pairwise([*polygon, polygon[0]]):
        z += (a[1] * b[2] - a[2] * b[1]) / 2
        y += (a[2] * b[0] - a[0] * b[2]) / 2
        x += (a[0] * b[1] - a[1] * b[0]) / 2
    return z, y, x


def _difference(a: Corner, b: Corner) -> Corner:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _halfway(a: Corner, b: Corner) -> Crossing:
    z, y, x = ((p + q) / 2 for p, q in zip(a, b, strict=True))
    return z, y, x
