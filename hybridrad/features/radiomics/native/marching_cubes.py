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

from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

Corner = tuple[int, int, int]
Crossing = tuple[float, float, float]
Triangle = tuple[Crossing, Crossing, Crossing]

_CORNERS: tuple[Corner, ...] = tuple(product((0, 1), repeat=3))  # z, y, x; the number of a corner is 4 z + 2 y + x
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
    [[[0.5, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.5, 0.0]]]
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
    outward: dict[Crossing, NDArray[np.float64]] = {}
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
            outward[start] = np.subtract(face[first - 1], face[first])
            outward[end] = np.subtract(face[(last + 1) % 4], face[last])
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
        if sum(float(normal @ outward[crossing]) for crossing in polygon) < 0:
            polygon.reverse()
        polygons.append(polygon)
    return polygons


def _fan(polygon: list[Crossing]) -> list[Triangle]:
    """Cut a polygon into triangles that share a corner.

    Of a bent polygon of five or six corners, the fan with the largest surface is taken (ties are the same surface, or
    mirror images on which the cut runs the same way); of one of seven, the fan from its one corner on the plane of
    symmetry, the only fan whose surface is not that of another.
    """
    fans = [_fan_from(polygon, apex) for apex in range(len(polygon))]
    areas = np.array([sum(float(np.linalg.norm(_area_vector(list(triangle)))) for triangle in fan) for fan in fans])
    if len(polygon) == 7:
        alike = np.isclose(areas[:, np.newaxis], areas).sum(axis=1)
        symmetrical = np.flatnonzero(alike == 1)
        return fans[int(symmetrical[0])]
    return fans[int(np.flatnonzero(np.isclose(areas, areas.max()))[0])]


def _fan_from(polygon: list[Crossing], apex: int) -> list[Triangle]:
    turned = polygon[apex:] + polygon[:apex]
    return [(turned[0], b, c) for b, c in pairwise(turned[1:])]


def _area_vector(polygon: list[Crossing]) -> NDArray[np.float64]:
    points = np.array(polygon)
    return np.asarray(np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0) / 2)


def _halfway(a: Corner, b: Corner) -> Crossing:
    z, y, x = ((p + q) / 2 for p, q in zip(a, b, strict=True))
    return z, y, x
