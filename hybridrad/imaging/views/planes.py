"""The planes of a case that become pictures: stored slices, three planes of the patient, or a projection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hybridrad.imaging.roi_checks import bounding_box
from hybridrad.imaging.views.grid import Box
from hybridrad.imaging.views.intensities import all_finite
from hybridrad.imaging.views.patient_axes import central_voxel, in_patient_axes, slices_run_backwards
from hybridrad.imaging.views.slices import largest_slice_index, neighbouring_slices, region_slices

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi
    from hybridrad.imaging.views.settings import Views


class Plane(NamedTuple):
    """A whole plane of a case before anything is cut out of it.

    Parameters
    ----------
    picture : ndarray of shape (height, width) or (height, width, 3)
    region : bool ndarray of shape (height, width)
    pixel_yx_mm : (float, float)
    box : Box
        What the crop is laid around.
    """

    picture: NDArray[Any]
    region: NDArray[np.bool_]
    pixel_yx_mm: tuple[float, float]
    box: Box


class Planes(NamedTuple):
    """The planes of a case, and the whole pictures whose percentiles scale them all."""

    planes: list[Plane]
    scaled_by: list[NDArray[Any]]


def planes_of(views: Views, roi: Roi) -> Planes:
    """Return the planes that views of a 2D kind show, in the order of the views."""
    if views.kind == "orthogonal":
        return _orthogonal(roi)
    if views.kind == "mip":
        return _projection(views, roi)
    return _slices(views, roi)


def _slices(views: Views, roi: Roi) -> Planes:
    image, mask = roi.image_zyx, roi.mask_zyx.view(bool)
    if roi.dimension == 2:
        image, mask = image[np.newaxis], mask[np.newaxis]
    if views.kind in ("slices", "adjacent") and slices_run_backwards(roi):
        # What is read in an order is read in the same one whatever the file; before slices are chosen, so that ties are
        # broken alike, too.
        image, mask = image[::-1], mask[::-1]
    if views.kind == "slices":
        chosen = region_slices(mask, views.n_slices)
    elif views.kind == "adjacent":
        chosen = list(neighbouring_slices(mask))
    else:
        chosen = [largest_slice_index(mask)]
    x_mm, y_mm = roi.spacing_xyz_mm[:2]
    if views.kind == "image":
        box: Box = ((0, image.shape[1] - 1), (0, image.shape[2] - 1))
    elif views.kind == "slices":
        # One frame for all slices of a case: a sequence of them shows the region grow, not the crop.
        box = bounding_box(mask)[1:]
    else:
        box = bounding_box(mask[largest_slice_index(mask)])
    different = sorted(set(chosen))
    pictures = dict(zip(different, all_finite([image[z] for z in different]), strict=True))
    planes = [Plane(pictures[z], mask[z], (y_mm, x_mm), box) for z in chosen]
    return Planes(planes, list(pictures.values()))


def _orthogonal(roi: Roi) -> Planes:
    image, region, (z_mm, y_mm, x_mm) = in_patient_axes(roi)
    # Head up in the two upright planes, as they are read.
    image, region = image[::-1], region[::-1]
    z_box, y_box, x_box = bounding_box(region)
    z, y, x = central_voxel(region, (z_mm, y_mm, x_mm))
    pictures = all_finite([image[z], image[:, y], image[:, :, x]])
    planes = [
        Plane(pictures[0], region[z], (y_mm, x_mm), (y_box, x_box)),
        Plane(pictures[1], region[:, y], (z_mm, x_mm), (z_box, x_box)),
        Plane(pictures[2], region[:, :, x], (z_mm, y_mm), (z_box, y_box)),
    ]
    return Planes(planes, pictures)


def _projection(views: Views, roi: Roi) -> Planes:
    image, region, spacing = in_patient_axes(roi)
    image, region = image[::-1], region[::-1]
    axis = "zyx".index(views.mip_axis)
    box = bounding_box(region)
    more = int(np.floor(views.slab_margin_mm / spacing[axis] + 0.5))
    first, last = max(box[axis][0] - more, 0), min(box[axis][1] + more, image.shape[axis] - 1)
    slab = tuple(slice(first, last + 1) if a == axis else slice(None) for a in range(3))
    (depth,), inside = all_finite([image[slab]]), region[slab]
    whole = depth.max(axis=axis)
    seen: NDArray[np.bool_] = np.any(inside, axis=axis)
    picture = whole
    if views.background != "kept":
        # Within the outline only the region is projected, else a vessel in front of it would pass for a part of it.
        alone = depth.max(axis=axis, where=inside, initial=depth.min())
        picture = np.where(seen, alone, whole)
    y_mm, x_mm = (mm for a, mm in enumerate(spacing) if a != axis)
    rows, columns = (b for a, b in enumerate(box) if a != axis)
    return Planes([Plane(picture, seen, (y_mm, x_mm), (rows, columns))], [whole])
