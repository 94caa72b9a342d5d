"""Control regions: what is left when the arrangement of the voxels, or the region itself, is taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import ImageError
from hybridrad.imaging.roi import Roi

_FEWEST_OUTSIDE = 16


def shuffled_voxels(roi: Roi, *, random_state: int = 0) -> Roi:
    """Return the region with its voxels in random order; mask and surroundings stay.

    Size, shape and every first-order feature are as before, texture and everything a network sees inside the region is
    gone. A score that survives comes from size and intensities.

    Parameters
    ----------
    roi : Roi
    random_state : int
        The order also depends on the name of the case.

    References
    ----------
    Welch et al., Radiother Oncol 130:2-9, 2019, doi:10.1016/j.radonc.2018.10.027.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> image = sitk.GetImageFromArray(np.arange(12**3, dtype=np.int16).reshape(12, 12, 12))
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((6, 6, 6), np.uint8), 3))
    >>> roi = read_roi(image, mask)
    >>> control, inside = shuffled_voxels(roi), roi.mask_zyx == 1
    >>> int(roi.image_zyx[inside].sum() - control.image_zyx[inside].sum())
    0
    >>> bool((roi.image_zyx[~inside] == control.image_zyx[~inside]).all())
    True
    """
    inside = roi.mask_zyx.astype(bool)
    image = roi.image_zyx.copy()
    image[inside] = _generator(roi, random_state).permutation(image[inside], axis=0)
    return _with_image(roi, image)


def background_only(roi: Roi, *, random_state: int = 0) -> Roi:
    """Return the region filled with values drawn from its surroundings; mask and surroundings stay.

    Values are drawn, with replacement, from the voxels outside the region in its bounding box enlarged by half of its
    extent on each side. What is left is the outline and what surrounds it: a score that survives does not come from
    the inside of the region.

    Parameters
    ----------
    roi : Roi
    random_state : int
        The values also depend on the name of the case.

    Raises
    ------
    ImageError
        ``E_ROI_OUTSIDE``: fewer than 16 voxels surround the region.

    Examples
    --------
    >>> from hybridrad.imaging.roi import read_roi
    >>> mask = sitk.GetImageFromArray(np.pad(np.ones((6, 6, 6), np.uint8), 3))
    >>> image = sitk.Cast(mask, sitk.sitkInt16) * 100 - 800
    >>> sorted(set(background_only(read_roi(image, mask)).image_zyx.ravel().tolist()))
    [-800]
    """
    inside = roi.mask_zyx.astype(bool)
    box = tuple(_enlarged(np.flatnonzero(inside.any(axis=_others(axis, inside.ndim))), n) for axis, n in
                enumerate(inside.shape))  # fmt: skip
    near = np.zeros_like(inside)
    near[box] = True
    image = roi.image_zyx.copy()
    around = image[near & ~inside]
    if len(around) < _FEWEST_OUTSIDE:
        raise ImageError(
            "E_ROI_OUTSIDE",
            case_id=roi.case_id,
            stage="control",
            message=f"{len(around)} voxels surround the region, wanted {_FEWEST_OUTSIDE} to fill it with.",
            hint="A region that fills the image has no background; leave the case out of this control.",
        )
    image[inside] = _generator(roi, random_state).choice(around, size=int(inside.sum()), axis=0)
    return _with_image(roi, image)


CONTROLS: dict[str, Callable[..., Roi]] = {"shuffled_voxels": shuffled_voxels, "background_only": background_only}


def _others(axis: int, n_axes: int) -> tuple[int, ...]:
    return tuple(a for a in range(n_axes) if a != axis)


def _enlarged(occupied: NDArray[np.intp], length: int) -> slice:
    """Return the extent of the occupied positions, half as much added on each side, within the image."""
    first, last = int(occupied[0]), int(occupied[-1])
    more = max(1, (last - first + 1) // 2)
    return slice(max(0, first - more), min(length, last + more + 1))


def _generator(roi: Roi, random_state: int) -> np.random.Generator:
    # By the name of the case, so that a control does not depend on the order of the cohort.
    return np.random.default_rng([random_state, *roi.case_id.encode()])


def _with_image(roi: Roi, image_zyx: NDArray[Any]) -> Roi:
    image = sitk.GetImageFromArray(image_zyx, isVector=roi.is_colour)
    image.CopyInformation(roi.image)
    return replace(roi, image=image)
