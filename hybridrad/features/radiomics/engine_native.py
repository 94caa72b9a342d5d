"""The library's own engine: PyRadiomics 3.0.1's features with its values, without PyRadiomics.

Read once, crop early: the case is prepared as PyRadiomics prepares it, each filter gives the box of the region only,
from no more voxels than it needs for the same bits, and the compiled kernels measure all images of the region one after
the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import Finding
from hybridrad.features.radiomics.case_checks import CaseChecks
from hybridrad.features.radiomics.native.binning import grey_levels, level_volume
from hybridrad.features.radiomics.native.firstorder import first_order
from hybridrad.features.radiomics.native.images import MeasuredImage, measured_images
from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.prepare import PreparedCase, prepare
from hybridrad.features.radiomics.native.shape import shape_2d_features, shape_features
from hybridrad.features.radiomics.native.texture import texture_features
from hybridrad.features.radiomics.promised_row import promised_row
from hybridrad.features.radiomics.requirements import check_filter_packages
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.features.radiomics.settings_checks import shape_classes


def measure(
    image: sitk.Image, mask: sitk.Image, settings: RadiomicsSettings, *, promised: Sequence[str], case_id: str
) -> tuple[NDArray[np.float64], tuple[Finding, ...]]:
    """Return the promised features of one region, in order, and what was noticed.

    Parameters
    ----------
    image : SimpleITK.Image
        One channel, 2D or 3D, stored pixel type.
    mask : SimpleITK.Image
        1 inside the region, 0 elsewhere, on the grid of ``image``; not empty.
    settings : RadiomicsSettings
    promised : sequence of str
        As ``RadiomicsSettings.promised_columns`` gives them.
    case_id : str

    Raises
    ------
    FeatureError
        A feature is missing or not finite, the region is too small or lost, or the grey levels are too many.
    MissingDependencyError
        The compiled kernels are not installed.
    """
    load_kernels()
    check_filter_packages(settings.image_types, case_id=case_id, pyradiomics=False)
    checks = CaseChecks(case_id)
    # An image of zeros and the like: what becomes of it is looked at before it is measured.
    with np.errstate(all="ignore"):
        try:
            found = _measure(image, mask, settings, set(promised), checks)
        except MemoryError as err:
            raise checks.error("E_MEMORY", "the radiomics engine ran out of memory.") from err
        except (RuntimeError, ValueError) as err:  # of SimpleITK; of the kernels, where a region cannot be measured
            raise checks.error("E_RADIOMICS", f"the engine failed: {' '.join(str(err).split())}") from err
    return promised_row(found, promised, case_id=case_id), tuple(checks.findings)


def _measure(
    image: sitk.Image, mask: sitk.Image, settings: RadiomicsSettings, promised: set[str], checks: CaseChecks
) -> dict[str, float]:
    case = prepare(image, mask, settings, checks)
    found = {
        f"original_{name}_{feature}": value
        for name in shape_classes(settings, image.GetDimension())
        for feature, value in _shape(name, case, settings, checks).items()
    }
    classes = [name for name in settings.classes() if not name.startswith("shape")]
    if classes:
        whole = sitk.GetArrayViewFromImage(case.before)
        for measured in measured_images(case, settings):
            found |= _intensities(measured, case, classes, checks, whole)
    # Classes give all of their features; which of them are wanted is said by what was promised.
    return {name: value for name, value in found.items() if name in promised}


def _shape(name: str, case: PreparedCase, settings: RadiomicsSettings, checks: CaseChecks) -> dict[str, float]:
    inside, spacing = case.inside_for_shape, case.spacing
    if name == "shape":
        return shape_features(inside, spacing)
    if inside.ndim == 3:
        axis = settings.force_2d_dimension
        # PyRadiomics looks along the axis with this number counted from x, and computes nothing where it is short.
        if inside.shape[2 - axis] == 1:
            return {}
        if inside.shape[axis] > 1:
            raise checks.error(
                "E_CONFIG",
                f"the region spans {inside.shape[axis]} slices.",
                "shape2D with force2D is for regions of a single slice; leave shape2D out for the others.",
            )
        inside = inside.squeeze(axis)
        spacing = spacing[:axis] + spacing[axis + 1 :]
    return shape_2d_features(inside, spacing)


def _intensities(
    image: MeasuredImage, case: PreparedCase, classes: Sequence[str], checks: CaseChecks, whole: NDArray[Any]
) -> dict[str, float]:
    settings = image.settings
    values = image.values[case.inside]
    checks.check_intensities(
        values, image.name, bin_width=settings["bin_width"], bin_count=settings["bin_count"], whole=whole
    )
    levels, n_levels = grey_levels(values, bin_width=settings["bin_width"], bin_count=settings["bin_count"])
    found: dict[str, Mapping[str, float]] = {}
    if "firstorder" in classes:
        found["firstorder"] = first_order(
            values.astype(np.float64),
            levels,
            voxel_volume=float(np.prod(case.spacing)),
            voxel_array_shift=settings["voxel_array_shift"],
        )
    if textures := [name for name in classes if name != "firstorder"]:
        levels_zyx = level_volume(case.inside, levels)
        found |= texture_features(levels_zyx, n_levels, spacing_zyx=case.spacing, settings=settings, classes=textures)
    return {
        f"{image.name}_{name}_{feature}": value
        for name, features in found.items()
        for feature, value in features.items()
    }
