"""A volume along the axes of the patient, however it is stored."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi


class PatientVolume(NamedTuple):
    """Image and region with axes feet to head, front to back, right to left (z, y, x of DICOM's patient)."""

    image_zyx: NDArray[Any]
    region_zyx: NDArray[np.bool_]
    spacing_zyx_mm: tuple[float, float, float]


def in_patient_axes(roi: Roi) -> PatientVolume:
    """Return a 3D case with its axes permuted and flipped towards the patient's; nothing is resampled or copied.

    An oblique volume gets the nearest of the 48 orders. Files that state no direction are taken to lie along the
    patient's axes.

    Parameters
    ----------
    roi : Roi
        3D.

    References
    ----------
    DICOM PS3.3, C.7.6.2.1.1 (patient coordinates).
    """
    direction, stored = _direction(roi)
    axes_zyx = [2 - stored[patient] for patient in (2, 1, 0)]
    turned = tuple(slice(None, None, -1 if direction[p, stored[p]] < 0 else 1) for p in (2, 1, 0))
    image = roi.image_zyx.transpose(*axes_zyx, *range(3, roi.image_zyx.ndim))[turned]
    region = roi.mask_zyx.view(bool).transpose(*axes_zyx)[turned]
    z, y, x = (roi.spacing_xyz_mm[stored[patient]] for patient in (2, 1, 0))
    return PatientVolume(image, region, (z, y, x))


def slices_run_backwards(roi: Roi) -> bool:
    """Return whether the stored slices of a 3D case run against the patient's axis they lie nearest to.

    Slices that follow it run from feet to head (axial), front to back (coronal) or right to left (sagittal).
    """
    direction, stored = _direction(roi)
    return bool(direction[stored.index(2), 2] < 0)


def _direction(roi: Roi) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """Return the direction matrix, and which stored axis (x, y, z) is taken for each axis of the patient."""
    direction = np.reshape(roi.image.GetDirection(), (3, 3))
    # Column i of the matrix is where stored axis i points to; the best of six assignments, one stored axis each.
    best = max(permutations(range(3)), key=lambda order: sum(abs(direction[p, i]) for p, i in enumerate(order)))
    return direction, best


def central_voxel(region_zyx: NDArray[np.bool_], spacing_zyx_mm: tuple[float, ...]) -> tuple[int, ...]:
    """Return the voxel of a region that is nearest to its centre of mass, the first of several in stored order.

    Of a hollow or bent region, whose centre of mass lies outside, this is still a voxel of the region.

    Examples
    --------
    >>> region = np.zeros((5, 5, 5), bool)
    >>> region[1:4, 1:4, 1:4] = True
    >>> central_voxel(region, (1.0, 1.0, 1.0))
    (2, 2, 2)
    """
    voxels = np.argwhere(region_zyx)
    offsets_mm = (voxels - voxels.mean(axis=0)) * spacing_zyx_mm
    # Rounded: of two voxels at one distance the first is taken, whatever the last bit of a mean.
    distances = np.round((offsets_mm**2).sum(axis=1), 6)
    return tuple(int(i) for i in voxels[distances.argmin()])
