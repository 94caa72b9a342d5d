"""Planes of a case as square pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.imaging import preprocess
from hybridrad.imaging.views.grid import (
    SPACING_TOLERANCE,
    Box,
    crop_side,
    cut,
    moved_box,
    resampled_region,
    resampled_size,
    rounded_side,
)
from hybridrad.imaging.views.intensities import finish, limits_of
from hybridrad.imaging.views.limits import check_side, check_total
from hybridrad.imaging.views.planes import Plane, planes_of

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi
    from hybridrad.imaging.views.settings import Views


def render_flat(views: Views, roi: Roi, *, with_region: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return the pictures of a case (n_views, channels, height, width) and its regions (n_views, height, width).

    All views of a case have the same pixel size and the same side. Regions are None where they were not asked for.
    """
    planes, scaled_by = planes_of(views, roi)
    finest = min(min(plane.pixel_yx_mm) for plane in planes)
    target = finest if views.spacing_mm is None else float(views.spacing_mm)
    as_stored = all(_has_pixel(plane, target) for plane in planes)
    boxes = [plane.box if as_stored else _moved(plane, target, roi) for plane in planes]
    side = _side(views, planes, boxes, target=target, pixel_mm=finest if as_stored else target, as_stored=as_stored)
    check_side(side, roi)
    if len(planes) > 1:
        check_total(len(planes) * float(side) ** 2, roi)
    limits = limits_of(views, scaled_by)
    needs_region = with_region or views.background != "kept" or views.mask_channel
    n_channels = 3 if views.mask_channel or roi.is_colour else 1
    pictures = np.empty((len(planes), n_channels, side, side), dtype=np.float32)
    regions = np.zeros((len(planes), side, side), dtype=bool)
    for view, (plane, box) in enumerate(zip(planes, boxes, strict=True)):
        picture = plane.picture if as_stored else _square_pixels(plane, target)
        square, beyond = cut(picture, box, (side, side))
        inside = None
        if needs_region:
            region = plane.region if as_stored else _square_region(plane, target)
            inside = cut(region, box, (side, side))[0] & ~beyond
            regions[view] = inside
        pictures[view] = finish(views, square, beyond, inside, limits)
    if views.kind == "adjacent":
        pictures, regions = pictures.reshape(1, len(planes), side, side), regions[1:2]
    return pictures, regions if with_region else None


def _has_pixel(plane: Plane, target: float) -> bool:
    finest = min(plane.pixel_yx_mm)
    is_square = max(plane.pixel_yx_mm) <= finest * (1 + SPACING_TOLERANCE)
    return is_square and math.isclose(target, finest, rel_tol=SPACING_TOLERANCE)


def _moved(plane: Plane, target: float, roi: Roi) -> Box:
    height, width = plane.picture.shape[:2]
    check_side(max(n * mm / target for n, mm in zip((height, width), plane.pixel_yx_mm, strict=True)), roi)
    return moved_box(plane.box, (height, width), plane.pixel_yx_mm, (target, target))


def _side(
    views: Views, planes: list[Plane], boxes: list[Box], *, target: float, pixel_mm: float, as_stored: bool
) -> int:
    if views.kind == "image":
        (plane,) = planes
        shape = plane.picture.shape[:2]
        if not as_stored:
            shape = tuple(resampled_size(n, mm, target) for n, mm in zip(shape, plane.pixel_yx_mm, strict=True))
        return max(shape)
    longest = max(last - first + 1 for box in boxes for first, last in box)
    return rounded_side(crop_side(views, longest, pixel_mm))


def _square_pixels(plane: Plane, target: float) -> NDArray[Any]:
    flat = sitk.GetImageFromArray(plane.picture.astype(np.float32), isVector=plane.picture.ndim == 3)
    flat.SetSpacing(plane.pixel_yx_mm[::-1])
    return np.asarray(sitk.GetArrayFromImage(preprocess.resample(flat, spacing_mm=(target, target))))


def _square_region(plane: Plane, target: float) -> NDArray[np.bool_]:
    sizes = [resampled_size(n, mm, target) for n, mm in zip(plane.region.shape, plane.pixel_yx_mm, strict=True)]
    return resampled_region(plane.region, plane.pixel_yx_mm, (target, target), [(0, n - 1) for n in sizes])
