"""From an image and a mask to the voxels that are measured: normalise, resample or crop, resegment, check."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.features.radiomics.case_checks import CaseChecks
from hybridrad.features.radiomics.native.boxes import Box, bounding_box, grown, within
from hybridrad.features.radiomics.native.normalize import normalized
from hybridrad.features.radiomics.native.pointwise import largest_absolute
from hybridrad.features.radiomics.native.resample import resample_around, target_spacing
from hybridrad.features.radiomics.native.resegment import resegmented
from hybridrad.features.radiomics.requirements import check_log_size
from hybridrad.features.radiomics.settings import RadiomicsSettings


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """One region, ready for filters and features.

    Parameters
    ----------
    image : SimpleITK.Image
        What the filters see: the whole image, or what is left of it after resampling or cropping.
    box : Box
        Of the measured region, in ``image``, z first.
    inside : bool ndarray
        The measured region within the box.
    inside_for_shape : bool ndarray
        The region whose shape is measured within the same box; another one only after resegmentation.
    before : SimpleITK.Image
        The image before it was resampled or cropped.
    """

    image: sitk.Image
    box: Box
    inside: NDArray[np.bool_]
    inside_for_shape: NDArray[np.bool_]
    before: sitk.Image

    @property
    def values(self) -> NDArray[Any]:
        """Voxels of ``image``, z first; a view that must not outlive this case."""
        return sitk.GetArrayViewFromImage(self.image)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of voxel centres in mm, z first."""
        return tuple(float(step) for step in reversed(self.image.GetSpacing()))

    @cached_property
    def largest_absolute(self) -> float:
        """Largest absolute intensity of ``image``, inside and outside the region."""
        return largest_absolute(self.values)


def prepare(image: sitk.Image, mask: sitk.Image, settings: RadiomicsSettings, checks: CaseChecks) -> PreparedCase:
    """Bring a case to the state in which features are measured.

    Parameters
    ----------
    image : SimpleITK.Image
        One channel, 2D or 3D.
    mask : SimpleITK.Image
        1 inside the region, 0 elsewhere, on the grid of ``image``; not empty.
    settings : RadiomicsSettings
    checks : CaseChecks
        Gets what is noticed.

    Raises
    ------
    FeatureError
        The region is or becomes too small, is lost, or the image cannot be normalised or is too small for a filter.
    """
    if settings.normalize:
        checks.refuse_constant(image)
        image = normalized(image, scale=settings.normalize_scale, remove_outliers=settings.remove_outliers)
    before, box = image, bounding_box(_labels(mask))
    if settings.interpolator is not None and settings.resampled_pixel_spacing is not None:
        image, mask, box = _resample(image, mask, box, settings, checks)
    elif settings.pre_crop:
        _check_size(_labels(mask)[box], settings, checks)
        image, mask, box = _crop(image, mask, box, settings.pad_distance)
    if "LoG" in settings.image_types:
        sigma = settings.in_force("LoG")["sigma"]
        check_log_size(image, {"sigma": sigma}, general_sigma=sigma, case_id=checks.case_id)
    inside = _labels(mask)[box] == 1
    _check_size(inside, settings, checks)
    whole_region = inside
    if settings.resegment_range is not None:
        values = sitk.GetArrayViewFromImage(image)[box]
        inside = resegmented(values, inside, limits=settings.resegment_range, mode=settings.resegment_mode)
        if (kept := int(np.count_nonzero(inside))) <= 1:
            raise checks.error(
                "E_ROI_TOO_SMALL",
                f"resegmentation left {kept} of {np.count_nonzero(whole_region)} voxels.",
                "Widen resegmentRange.",
            )
        # What is left has a box of its own, and the shape is measured in it too, even of the region as it was drawn.
        inner = bounding_box(inside)
        inside, whole_region = inside[inner], whole_region[inner]
        box = tuple(slice(a.start + b.start, a.start + b.stop) for a, b in zip(box, inner, strict=True))
        _check_size(inside, settings, checks)
    return PreparedCase(image, box, inside, inside if settings.resegment_shape else whole_region, before)


def _resample(
    image: sitk.Image, mask: sitk.Image, box: Box, settings: RadiomicsSettings, checks: CaseChecks
) -> tuple[sitk.Image, sitk.Image, Box]:
    assert settings.resampled_pixel_spacing is not None
    assert settings.interpolator is not None
    spacing = target_spacing(mask, box, settings.resampled_pixel_spacing)
    if np.allclose(image.GetSpacing(), spacing):
        return _crop(image, mask, box, settings.pad_distance)
    if settings.interpolator == "sitkBSpline":
        image = checks.pad_for_bspline(image, mask)
    image, resampled = resample_around(
        image,
        mask,
        box,
        spacing=spacing.tolist(),
        interpolator=settings.interpolator,
        pad_distance=settings.pad_distance,
    )
    checks.refuse_lost_region(mask, resampled)
    return image, resampled, bounding_box(_labels(resampled))


def _crop(image: sitk.Image, mask: sitk.Image, box: Box, pad: int) -> tuple[sitk.Image, sitk.Image, Box]:
    outer = grown(box, [pad] * len(box), _labels(mask).shape)
    where = tuple(reversed(outer))
    return image[where], mask[where], within(box, outer)


def _check_size(inside: NDArray[Any], settings: RadiomicsSettings, checks: CaseChecks) -> None:
    """Refuse regions with too few voxels or dimensions; ``inside`` fills its bounding box."""
    n_dimensions, shape = sum(n > 1 for n in inside.shape), " x ".join(map(str, reversed(inside.shape)))
    if n_dimensions == 0:
        raise checks.error("E_ROI_TOO_SMALL", "the region is a single voxel.", "Leave the case out or redraw it.")
    if n_dimensions < settings.minimum_roi_dimensions:
        raise checks.error(
            "E_ROI_TOO_SMALL",
            f"the region spans {shape} voxels, {n_dimensions} of {settings.minimum_roi_dimensions} wanted dimensions.",
            "Redraw the region, or lower minimumROIDimensions.",
        )
    n_voxels = int(np.count_nonzero(inside))
    if settings.minimum_roi_size is not None and n_voxels <= settings.minimum_roi_size:
        raise checks.error(
            "E_ROI_TOO_SMALL",
            f"the region has {n_voxels} voxels; more than {settings.minimum_roi_size} are wanted.",
            "Redraw the region, or lower minimumROISize.",
        )


def _labels(mask: sitk.Image) -> NDArray[Any]:
    return sitk.GetArrayViewFromImage(mask)
