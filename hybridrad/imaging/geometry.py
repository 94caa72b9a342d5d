"""Do image and mask lie on the same grid? Nothing is resampled and no tolerance of ITK is changed."""

from __future__ import annotations

import itertools

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import Finding, GeometryError

SNAP_TOLERANCE_VOXELS = 1e-3
"""Corners of two grids that differ by less than this are rounding of one and the same grid."""


def match_geometry(image: sitk.Image, mask: sitk.Image, *, case_id: str) -> tuple[sitk.Image, tuple[Finding, ...]]:
    """Return the mask on exactly the image's grid.

    Size, spacing, origin and direction must agree; where they do not to the last digit, the corners of both grids may
    differ by less than ``SNAP_TOLERANCE_VOXELS`` of the image's voxel, and the mask takes over the image's grid (a
    note).

    Parameters
    ----------
    image, mask : SimpleITK.Image
        2D or 3D. The mask is not changed.
    case_id : str

    Returns
    -------
    mask : SimpleITK.Image
    findings : tuple of Finding

    Raises
    ------
    GeometryError
        E_IMAGE_DIM: one is 2D, the other 3D; E_ROI_OUTSIDE: no voxel of the region lies in the image; E_GEOMETRY: any
        other difference.

    Examples
    --------
    >>> image, mask = sitk.Image([4, 4], sitk.sitkInt16), sitk.Image([4, 4], sitk.sitkUInt8)
    >>> mask.SetSpacing((1.0000001, 1.0))
    >>> snapped, findings = match_geometry(image, mask, case_id="007")
    >>> snapped.GetSpacing(), findings[0].code
    ((1.0, 1.0), 'N_GEOMETRY_SNAPPED')
    """
    if image.GetDimension() != mask.GetDimension():
        raise GeometryError(
            "E_IMAGE_DIM",
            case_id=case_id,
            stage="geometry",
            message=f"the image has the shape {image.GetSize()} (x first), the mask {mask.GetSize()}.",
            hint="Save both as 2D or both as 3D.",
        )
    if _grid(image) == _grid(mask):
        return mask, ()
    if image.GetSize() == mask.GetSize():
        away_mm, away_voxels = corner_difference(image, mask)
        if away_voxels < SNAP_TOLERANCE_VOXELS:
            snapped = sitk.Image(mask)
            snapped.CopyInformation(image)
            finding = Finding(
                case_id,
                "N_GEOMETRY_SNAPPED",
                stage="geometry",
                message=f"image and mask differ by up to {away_voxels:.2g} voxels; the image's grid is used.",
            )
            return snapped, (finding,)
        apart = f"corners differ by up to {away_mm:.4g} mm ({away_voxels:.4g} voxels)"
    else:
        away_mm, away_voxels = corner_difference(image, mask)
        apart = f"sizes differ, corners by up to {away_mm:.4g} mm ({away_voxels:.4g} voxels)"
    raise _mismatch(image, mask, case_id, apart, {"max_mm": away_mm, "max_voxels": away_voxels})


def corner_difference(image: sitk.Image, mask: sitk.Image) -> tuple[float, float]:
    """Return the largest distance of corresponding corner voxels, in millimetres and in voxels of the image."""
    corners_image, corners_mask = _corners_mm(image), _corners_mm(mask)
    away_mm = float(np.linalg.norm(corners_image - corners_mask, axis=1).max())
    away_voxels = float(np.abs(_to_index(image, corners_mask) - _to_index(image, corners_image)).max())
    return away_mm, away_voxels


def fraction_outside(image: sitk.Image, mask: sitk.Image) -> float:
    """Return which part of the mask's non-zero voxels has its centre outside the image, 0 for an empty mask."""
    index_xyz = np.argwhere(sitk.GetArrayViewFromImage(mask) != 0)[:, ::-1].astype(np.float64)
    if len(index_xyz) == 0:
        return 0.0
    on_image = _to_index(image, _to_mm(mask, index_xyz))
    inside = (on_image >= -0.5) & (on_image <= np.array(image.GetSize()) - 0.5)
    return 1.0 - float(inside.all(axis=1).mean())


def _mismatch(
    image: sitk.Image, mask: sitk.Image, case_id: str, apart: str, details: dict[str, float]
) -> GeometryError:
    outside = fraction_outside(image, mask) if mask.GetNumberOfComponentsPerPixel() == 1 else 0.0
    both = f"image: {_describe(image)}; mask: {_describe(mask)}"
    if outside >= 1.0:
        return GeometryError(
            "E_ROI_OUTSIDE",
            case_id=case_id,
            stage="geometry",
            message=f"100 % of the region lies outside the image. {both}; {apart}.",
            hint="Was the mask drawn on another image?",
            details={**details, "percent_outside": 100.0},
        )
    beyond = f", {100 * outside:.3g} % of the region lies outside the image" if outside > 0 else ""
    return GeometryError(
        "E_GEOMETRY",
        case_id=case_id,
        stage="geometry",
        message=f"image and mask lie on different grids. {both}; {apart}{beyond}.",
        hint="Resample the mask to the image's grid (nearest neighbour) and look at the result.",
        details={**details, "percent_outside": 100 * outside},
    )


def _grid(image: sitk.Image) -> tuple[tuple[float, ...], ...]:
    return image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()


def _describe(image: sitk.Image) -> str:
    size, spacing, origin, direction = _grid(image)
    return (
        f"size {_numbers(size)}, spacing {_numbers(spacing)} mm, origin {_numbers(origin)} mm, "
        f"direction {_numbers(direction)}"
    )


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{v:.8g}" for v in values) + ")"


def _corners_mm(image: sitk.Image) -> NDArray[np.float64]:
    ends = [(0.0, float(n - 1)) for n in image.GetSize()]
    # The outer faces, half a voxel beyond the centres, so that an axis of one voxel shows its spacing too.
    return _to_mm(image, np.array(list(itertools.product(*((lo - 0.5, hi + 0.5) for lo, hi in ends)))))


def _axes(image: sitk.Image) -> NDArray[np.float64]:
    n = image.GetDimension()
    return np.reshape(image.GetDirection(), (n, n)) * np.array(image.GetSpacing())


def _to_mm(image: sitk.Image, index_xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    return index_xyz @ _axes(image).T + np.array(image.GetOrigin())


def _to_index(image: sitk.Image, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.solve(_axes(image), (points_mm - np.array(image.GetOrigin())).T).T
