"""What can be said about a region before anything is measured: intensities, size, place, pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import Finding, ImageError

SMALL_ROI_VOXELS = 64
"""Below this many voxels a region gets a warning."""
THIN_AXIS_VOXELS = 4
"""Below this many voxels along an axis ITK's B-spline interpolation reads undefined memory."""
MAX_ABS_INTENSITY = 1e9
"""No scanner and no parametric map has larger values; they are overflows, sentinels or damage."""

_AXIS_NAMES = "xyz"


def check_region(image: sitk.Image, region: sitk.Image, *, case_id: str) -> tuple[Finding, ...]:
    """Check the intensities in a region and return what is unusual about it.

    Parameters
    ----------
    image : SimpleITK.Image
        One or three channels.
    region : SimpleITK.Image
        UInt8 on the image's grid, at least one voxel is 1.
    case_id : str

    Raises
    ------
    ImageError
        E_NONFINITE_IN_ROI with the count, or E_INTENSITY_RANGE with the extremes.
    """
    intensities = sitk.GetArrayViewFromImage(image)
    inside = sitk.GetArrayViewFromImage(region).astype(bool)
    findings = [
        *_intensity_findings(intensities, inside, case_id),
        *_size_findings(image, inside, case_id),
        *_component_findings(region, inside, case_id),
    ]
    return tuple(findings)


def bounding_box(inside: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Return first and last index of a region along each axis, both included.

    Examples
    --------
    >>> bounding_box(np.array([[False, True, True], [False, False, True]]))
    ((0, 1), (1, 2))
    """
    box = []
    for axis in range(inside.ndim):
        filled = np.flatnonzero(inside.any(axis=tuple(a for a in range(inside.ndim) if a != axis)))
        box.append((int(filled[0]), int(filled[-1])))
    return tuple(box)


def _intensity_findings(intensities: NDArray[Any], inside: NDArray[np.bool_], case_id: str) -> Iterator[Finding]:
    values = intensities[inside]
    if np.issubdtype(intensities.dtype, np.floating):
        n_bad = int(np.count_nonzero(~np.isfinite(values)))
        if n_bad:
            raise ImageError(
                "E_NONFINITE_IN_ROI",
                case_id=case_id,
                stage="read",
                message=f"{n_bad} of {values.size} intensities in the region are NaN or infinite.",
                hint="Mend the image or draw the region around the gap.",
                details={"n_nonfinite": n_bad, "n_values": int(values.size)},
            )
        n_bad = int(np.count_nonzero(~np.isfinite(intensities)))
        if n_bad:
            yield Finding(
                case_id,
                "W_NONFINITE_OUTSIDE",
                stage="read",
                message=f"{n_bad} intensities outside the region are NaN or infinite; views show them as the smallest "
                "finite value, filters and resampling near them may fail.",
                hint="Fill the gaps of the image.",
            )
    low, high = float(values.min()), float(values.max())
    if max(abs(low), abs(high)) > MAX_ABS_INTENSITY:
        raise ImageError(
            "E_INTENSITY_RANGE",
            case_id=case_id,
            stage="read",
            message=f"intensities in the region run from {low:.6g} to {high:.6g}; nothing beyond {MAX_ABS_INTENSITY:g} "
            "is a measurement.",
            hint="Look for overflow, fill values or a wrong scaling in the file.",
            details={"min": low, "max": high},
        )


def _size_findings(image: sitk.Image, inside: NDArray[np.bool_], case_id: str) -> Iterator[Finding]:
    size_xyz = image.GetSize()
    box_xyz = bounding_box(inside)[::-1]
    extent_xyz = [last - first + 1 for first, last in box_xyz]
    n_voxels = int(np.count_nonzero(inside))
    unit = "voxels" if inside.ndim == 3 else "pixels"
    if n_voxels < SMALL_ROI_VOXELS:
        shape = " x ".join(map(str, extent_xyz))
        yield Finding(
            case_id,
            "W_ROI_SMALL",
            stage="mask",
            message=f"the region has {n_voxels} {unit} (extent {shape}, x first); below {SMALL_ROI_VOXELS} texture is "
            "hardly defined.",
            hint="Read its texture features with care, or set a smallest size.",
        )
    # An axis of one voxel is all border.
    touched = [
        _AXIS_NAMES[axis]
        for axis, (first, last) in enumerate(box_xyz)
        if size_xyz[axis] > 1 and (first == 0 or last == size_xyz[axis] - 1)
    ]
    if touched:
        yield Finding(
            case_id,
            "W_ROI_AT_BORDER",
            stage="mask",
            message=f"the region touches the image border along {', '.join(touched)}; filters see padding there.",
        )
    thin = [f"{_AXIS_NAMES[axis]} ({n})" for axis, n in enumerate(size_xyz) if n < THIN_AXIS_VOXELS]
    if thin:
        yield Finding(
            case_id,
            "W_THIN_AXIS",
            stage="read",
            message=f"the image has fewer than {THIN_AXIS_VOXELS} voxels along {', '.join(thin)}; it is edge-padded "
            "before B-spline resampling.",
        )
    single = [_AXIS_NAMES[axis] for axis, n in enumerate(extent_xyz) if n == 1]
    if inside.ndim == 3 and single:
        yield Finding(
            case_id,
            "N_SINGLE_SLICE",
            stage="mask",
            message=f"the region is one voxel thick along {', '.join(single)}.",
        )


def _component_findings(region: sitk.Image, inside: NDArray[np.bool_], case_id: str) -> Iterator[Finding]:
    box_xyz = bounding_box(inside)[::-1]
    cropped = region[tuple(slice(first, last + 1) for first, last in box_xyz)]
    # Voxels that meet at an edge or a corner are one piece: a diagonal outline is no second region.
    pieces = sitk.GetArrayFromImage(sitk.ConnectedComponent(cropped, True))
    n_pieces = int(pieces.max())
    if n_pieces > 1:
        largest = int(np.bincount(pieces.ravel())[1:].max())
        yield Finding(
            case_id,
            "W_MULTI_COMPONENT",
            stage="mask",
            message=f"the region has {n_pieces} components, all are used; the largest holds "
            f"{min(100 * largest / np.count_nonzero(inside), 99.9):.3g} % of it.",
            hint="Check the mask for stray voxels.",
        )
