"""Shape features of a region with the values of PyRadiomics 3.0.1, in 3D and in 2D."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.marching_cubes import triangles

# Below this share of the largest one, the smallest eigenvalue of the covariance is made of rounding errors.
_LEAST_FLATNESS = 1e-6


def shape_features(mask_zyx: NDArray[Any], spacing_zyx: Sequence[float]) -> dict[str, float]:
    """Return the 3D shape features of a region.

    Parameters
    ----------
    mask_zyx : bool ndarray of 3 dimensions
        Cropped to the bounding box PyRadiomics would crop to: where the surface has holes (see ``marching_cubes``),
        the volume depends on the place of the region in the crop.
    spacing_zyx : sequence of 3 floats
        In mm.

    Raises
    ------
    ValueError
        The mask is empty.

    Examples
    --------
    >>> found = shape_features(np.ones((2, 3, 4), dtype=bool), (1.0, 1.0, 1.0))
    >>> found["VoxelVolume"], round(found["MeshVolume"], 2)
    (24.0, 20.17)
    """
    inside = np.ascontiguousarray(mask_zyx, dtype=np.uint8)
    spacing = np.array(spacing_zyx, dtype=np.float64)
    sums = load_kernels().shape_sums(inside, *spacing.tolist())
    area, volume = _surface(sums["cubes"], sums["cube_positions"], spacing)
    slice_mm, column_mm, row_mm, any_mm = sums["diameters"].tolist()
    axes = _axes(inside, _covariance(sums["covariance"], spacing), spacing)
    least, minor, major = axes
    sphere_area = (36 * np.pi * volume**2) ** (1.0 / 3.0)
    return {
        "Elongation": _ratio(minor, major),
        "Flatness": _ratio(least, major),
        "LeastAxisLength": _length(least),
        "MajorAxisLength": _length(major),
        "Maximum2DDiameterColumn": column_mm,
        "Maximum2DDiameterRow": row_mm,
        "Maximum2DDiameterSlice": slice_mm,
        "Maximum3DDiameter": any_mm,
        "MeshVolume": float(volume),
        "MinorAxisLength": _length(minor),
        "Sphericity": float(sphere_area / area),
        "SurfaceArea": float(area),
        "SurfaceVolumeRatio": float(area / volume),
        "VoxelVolume": float(sums["n_voxels"] * (spacing[0] * spacing[2] * spacing[1])),
        "Compactness1": float(volume / (area ** (3.0 / 2.0) * np.sqrt(np.pi))),
        "Compactness2": float(36.0 * np.pi * volume**2.0 / area**3.0),
        "SphericalDisproportion": float(area / sphere_area),
    }


def shape_2d_features(mask_yx: NDArray[Any], spacing_yx: Sequence[float]) -> dict[str, float]:
    """Return the 2D shape features of a region.

    Parameters
    ----------
    mask_yx : bool ndarray of 2 dimensions
    spacing_yx : sequence of 2 floats
        In mm, or 1 where the image has no spacing.

    Raises
    ------
    ValueError
        The mask is empty.

    Examples
    --------
    >>> found = shape_2d_features(np.ones((3, 4), dtype=bool), (1.0, 1.0))
    >>> found["PixelSurface"], found["MeshSurface"], round(found["Perimeter"], 3)
    (12.0, 11.5, 12.828)
    """
    inside = np.ascontiguousarray(mask_yx, dtype=np.uint8)
    spacing = np.array(spacing_yx, dtype=np.float64)
    sums = load_kernels().shape_sums(inside[np.newaxis], 1.0, *spacing.tolist())
    perimeter, surface = _outline(inside, spacing)
    axes = _axes(inside, _covariance(sums["covariance"], np.array([1.0, *spacing]))[1:, 1:], spacing)
    minor, major = axes
    sphericity = 2 * np.sqrt(np.pi * surface) / perimeter
    return {
        "Elongation": _ratio(minor, major),
        "MajorAxisLength": _length(major),
        # Of a volume of one slice. It holds the centres of pixels too, but the outline lies further out.
        "MaximumDiameter": float(sums["diameters"][0]),
        "MeshSurface": float(surface),
        "MinorAxisLength": _length(minor),
        "Perimeter": float(perimeter),
        "PerimeterSurfaceRatio": float(perimeter / surface),
        "PixelSurface": float(sums["n_voxels"] * (spacing[1] * spacing[0])),
        "Sphericity": float(sphericity),
        "SphericalDisproportion": float(1.0 / sphericity),
    }


def _surface(
    cubes: NDArray[np.int64], positions: NDArray[np.int64], spacing: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the area of the surface and the volume inside, from how often each arrangement of a cube occurs.

    A triangle a, b, c adds a . (b x c) / 6 to the volume. Moved by p that becomes (a . (b x c) + p . n) / 6 with
    n = a x b + b x c + c x a, so the sum of the positions of all cubes of an arrangement is enough.
    """
    arrangement, corners = triangles()
    a, b, c = np.moveaxis(corners * spacing, 1, 0)
    normal = np.cross(a - c, b - c)
    area = cubes[arrangement] @ np.linalg.norm(normal, axis=1) / 2
    at_origin = np.einsum("ij,ij->i", np.cross(a, b), c)
    moved = np.einsum("ij,ij->i", positions[arrangement] * spacing, normal)
    return float(area), float((cubes[arrangement] * at_origin + moved).sum() / 6)


def _outline(inside: NDArray[np.uint8], spacing: NDArray[np.float64]) -> tuple[float, float]:
    """Return length and enclosed area of the outline, halfway between pixels inside and outside.

    Each square of 2 x 2 pixels adds a line that cuts off its corner or corners; of two inside pixels that touch at a
    corner only, each is cut off on its own.
    """
    padded = np.pad(inside, 1)
    squares = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    count = np.bincount(squares.ravel(), minlength=16)
    across_corner = int(count[[1, 2, 4, 8, 7, 11, 13, 14]].sum() + 2 * count[[6, 9]].sum())
    along_y, along_x = int(count[[5, 10]].sum()), int(count[[3, 12]].sum())
    length_y, length_x = spacing.tolist()
    perimeter = across_corner * np.hypot(length_y / 2, length_x / 2) + along_y * length_y + along_x * length_x
    # In eighths of a pixel: what of each square lies inside.
    eighths = np.array([0, 1, 1, 4, 1, 4, 2, 7, 1, 2, 4, 7, 4, 7, 7, 8])
    return float(perimeter), float(count @ eighths / 8 * length_y * length_x)


def _covariance(of_indices: NDArray[np.float64], spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    zz, yy, xx, zy, zx, yx = of_indices.tolist()
    return np.array([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]]) * np.outer(spacing, spacing)


def _axes(inside: NDArray[np.uint8], covariance: NDArray[np.float64], spacing: NDArray[np.float64]) -> NDArray[Any]:
    """Return the eigenvalues of the covariance of the voxel positions, ascending, with PyRadiomics' rounding to 0."""
    eigenvalues: NDArray[Any] = np.linalg.eigvalsh(covariance)
    if eigenvalues[0] <= _LEAST_FLATNESS * eigenvalues[-1]:
        # A flat region: the root of a rounding error, which takes the same operations on all positions to reproduce.
        # The eigenvalues may come out complex then.
        positions = np.array(np.nonzero(np.pad(inside, 1))).T * spacing
        positions -= np.mean(positions, axis=0)
        positions /= np.sqrt(len(positions))
        eigenvalues = np.linalg.eigvals(np.dot(positions.T.copy(), positions))
        eigenvalues[(eigenvalues < 0) & (eigenvalues > -1e-10)] = 0
        eigenvalues.sort()
    return eigenvalues


def _ratio(smaller: Any, larger: Any) -> float:
    # A single voxel has no axes, and PyRadiomics no value for it.
    with np.errstate(all="ignore"):
        return float(np.sqrt(smaller / larger).real) if smaller >= 0 and larger >= 0 else math.nan


def _length(eigenvalue: Any) -> float:
    return float(4 * np.sqrt(eigenvalue).real) if eigenvalue >= 0 else math.nan
