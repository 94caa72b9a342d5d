"""Small cases with regions whose place is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import SimpleITK as sitk

from hybridrad.imaging.roi import Roi, read_roi

ALL_KINDS = ("largest_slice", "image", "slices", "adjacent", "orthogonal", "mip", "volume")
VOLUMES_ONLY = ("slices", "adjacent", "orthogonal", "mip", "volume")


def roi_of(image_array, mask_array, *, spacing=None, direction=None, has_spacing=True, colour=False) -> Roi:
    image = sitk.GetImageFromArray(image_array, isVector=colour)
    mask = sitk.GetImageFromArray(np.asarray(mask_array).astype(np.uint8))
    for one in (image, mask):
        one.SetSpacing(spacing or (1.0,) * one.GetDimension())
        if direction is not None:
            one.SetDirection(np.asarray(direction, float).ravel().tolist())
    return replace(read_roi(image, mask, case_id="007"), has_spacing=has_spacing)


def boxed(shape, *box) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[box] = 1
    return mask


def noisy(shape, *, seed=0, dtype=np.int16) -> np.ndarray:
    return np.random.default_rng(seed).integers(-500, 500, size=shape).astype(dtype)


def ellipsoid(*, radii_mm, spacing_xyz, size_mm=48.0) -> Roi:
    """Return a bright ellipsoid (radii along x, y, z) in the middle of a dark cube."""
    shape_zyx = [round(size_mm / s) for s in spacing_xyz[::-1]]
    places = [(np.arange(n) + 0.5) * s - size_mm / 2 for n, s in zip(shape_zyx, spacing_xyz[::-1], strict=True)]
    z, y, x = np.meshgrid(*places, indexing="ij")
    inside = (x / radii_mm[0]) ** 2 + (y / radii_mm[1]) ** 2 + (z / radii_mm[2]) ** 2 <= 1
    return roi_of((inside * 100).astype(np.int16), inside, spacing=spacing_xyz)


def all_directions() -> list[np.ndarray]:
    """Return the 48 ways to store a volume along the axes of a patient."""
    return [
        np.diag(signs)[:, list(order)].astype(float)
        for order in permutations(range(3))
        for signs in product((1, -1), repeat=3)
    ]


def extent(inside: np.ndarray) -> tuple[int, ...]:
    """Return how many pixels a region spans along each axis."""
    return tuple(int(np.ptp(places)) + 1 for places in np.nonzero(inside))


def plain_crop(array: np.ndarray, centre_box, sides, *, fill=None) -> np.ndarray:
    """Return a crop index by index: the slow twin."""
    out = np.zeros(tuple(sides), dtype=float)
    for place in np.ndindex(*sides):
        at = [
            p + first - (side - (last - first + 1)) // 2
            for p, (first, last), side in zip(place, centre_box, sides, strict=True)
        ]
        beyond = any(a < 0 or a >= n for a, n in zip(at, array.shape, strict=True))
        clipped = tuple(min(max(a, 0), n - 1) for a, n in zip(at, array.shape, strict=True))
        out[place] = fill if beyond and fill is not None else array[clipped]
    return out


def box_of(inside: np.ndarray) -> list[tuple[int, int]]:
    return [(int(places.min()), int(places.max())) for places in np.nonzero(inside)]
