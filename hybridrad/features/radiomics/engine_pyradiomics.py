"""PyRadiomics 3.0.1 as an engine: its own steps and numbers, with the checks it lacks between them.

PyRadiomics drops a filter or a feature with a line in its log, refuses a region that fills the image, and resamples
thin axes from undefined memory. ``Measurement`` takes the place of two of its methods, loading and computing one image,
to look at what goes in; the arithmetic stays PyRadiomics'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import CaseError, FeatureError, Finding
from hybridrad.features.radiomics.grey_levels import (
    FEW_LEVELS,
    MANY_LEVELS,
    MAX_LEVELS,
    count_grey_levels,
    suggest_bin_width,
)
from hybridrad.features.radiomics.pyradiomics_errors import features_missing, in_our_words
from hybridrad.features.radiomics.pyradiomics_import import import_pyradiomics, listen
from hybridrad.features.radiomics.requirements import check_filter_packages, check_log_size
from hybridrad.imaging.preprocess import pad_thin_axes

STAGE = "radiomics"
MIN_AXIS = 4
"""ITK's B-spline interpolation needs this many voxels along an axis."""
# What PyRadiomics raises, from its own checks, assertions, NumPy and SimpleITK.
_RAISED = (ValueError, RuntimeError, AssertionError, TypeError, LookupError, ArithmeticError)


def measure(
    image: sitk.Image, mask: sitk.Image, params: Mapping[str, Any], *, promised: Sequence[str], case_id: str
) -> tuple[NDArray[np.float64], tuple[Finding, ...]]:
    """Return the promised features of one region, in order, and what was noticed.

    Parameters
    ----------
    image : SimpleITK.Image
        One channel, 2D or 3D, stored pixel type.
    mask : SimpleITK.Image
        1 inside the region, 0 elsewhere, on the grid of ``image``.
    params : mapping
        As ``RadiomicsSettings.to_pyradiomics`` gives them.
    promised : sequence of str
        As ``RadiomicsSettings.promised_columns`` gives them.
    case_id : str

    Raises
    ------
    FeatureError
        A feature is missing or not finite, the region is too small or lost, the grey levels are too many, or
        PyRadiomics failed.
    MissingDependencyError
        PyRadiomics is not installed.
    """
    module = import_pyradiomics()
    check_filter_packages(params["imageType"], case_id=case_id)
    with listen() as heard:
        work = Measurement(module, params, case_id=case_id)
        try:
            produced = work.extractor.execute(image, mask)
        except CaseError:
            raise
        except MemoryError as err:
            raise FeatureError(
                "E_MEMORY", case_id=case_id, stage=STAGE, message="PyRadiomics ran out of memory."
            ) from err
        except _RAISED as err:
            raise in_our_words(err, case_id=case_id) from err
    found = {name: float(np.asarray(value)) for name, value in produced.items() if not name.startswith("diagnostics_")}
    if set(found) != set(promised) or not np.isfinite(list(found.values())).all():
        raise features_missing(found, promised, heard=heard, case_id=case_id)
    return np.array([found[name] for name in promised], dtype=np.float64), tuple(work.findings)


class Measurement:
    """One case on its way through PyRadiomics.

    Parameters
    ----------
    module : module
        ``radiomics.featureextractor``.
    params : mapping
    case_id : str
    """

    def __init__(self, module: Any, params: Mapping[str, Any], *, case_id: str) -> None:
        self.case_id = case_id
        self.findings: list[Finding] = []
        self.image_types = params["imageType"]
        self._operations = module.imageoperations
        # Without arguments the constructor neither reads a schema (10 ms) nor touches other libraries' logs. The
        # settings have been checked already, so they are put in place directly.
        self.extractor = module.RadiomicsFeatureExtractor()
        self.extractor.settings = _settings_of_the_run(params["setting"])
        self.extractor.enabledImagetypes = dict(params["imageType"])
        self.extractor.enabledFeatures = dict(params["featureClass"])
        self._compute = self.extractor.computeFeatures
        self.extractor.loadImage = self._load
        self.extractor.computeFeatures = self._compute_checked
        self._whole_image: sitk.Image | None = None

    def _load(self, image: sitk.Image, mask: sitk.Image, _diagnostics: Any, **settings: Any) -> tuple[Any, Any]:
        """Normalise, then resample or crop, as PyRadiomics does, with thin axes padded."""
        # PyRadiomics takes a mask without background for an empty one; ours has been read and checked.
        mask = sitk.Cast(mask, sitk.sitkUInt32)
        if settings["normalize"]:
            self._refuse_constant(image)
            image = self._operations.normalizeImage(image, **settings)
        self._whole_image = image
        if settings["interpolator"] is not None and settings.get("resampledPixelSpacing") is not None:
            image, mask = self._resample(image, mask, settings)
        elif settings["preCrop"]:
            box, _ = self._operations.checkMask(image, mask, **settings)
            image, mask = self._operations.cropToTumorMask(image, mask, box, **settings)
        check_log_size(
            image, self.image_types.get("LoG"), general_sigma=settings.get("sigma", []), case_id=self.case_id
        )
        return image, mask

    def _resample(self, image: sitk.Image, mask: sitk.Image, settings: Mapping[str, Any]) -> tuple[Any, Any]:
        if settings["interpolator"] == "sitkBSpline" and interpolates(image, mask, settings["resampledPixelSpacing"]):
            # Only the image is padded: PyRadiomics lays its grid by the mask, so the grid and the region stay where
            # they would be, and the padding is seen by the interpolation alone.
            image, _, padded = pad_thin_axes(image, mask, minimum=MIN_AXIS)
            if padded:
                self._note(
                    "W_THIN_AXIS",
                    f"the image has {' x '.join(map(str, mask.GetSize()))} voxels; an axis of fewer than {MIN_AXIS} "
                    "was edge-padded for B-spline resampling.",
                )
        before = _n_voxels(mask)
        image, resampled = self._operations.resampleImage(image, mask, **settings)
        if _n_voxels(resampled) == 0:
            raise FeatureError(
                "E_ROI_LOST_IN_RESAMPLING",
                case_id=self.case_id,
                stage=STAGE,
                message=f"the region has {before} voxels of {' x '.join(f'{s:g}' for s in mask.GetSpacing())} and none "
                f"after resampling to {' x '.join(f'{s:g}' for s in resampled.GetSpacing())}.",
                hint="Use a finer spacing.",
            )
        return image, resampled

    def _compute_checked(self, image: sitk.Image, mask: sitk.Image, name: str, **settings: Any) -> Any:
        """Look at the intensities of the region, which PyRadiomics is about to bin, then let it compute."""
        if any(not feature_class.startswith("shape") for feature_class in self.extractor.enabledFeatures):
            values = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(mask) == 1]
            self._check_intensities(values, name, settings)
        return self._compute(image, mask, name, **settings)

    def _check_intensities(self, values: NDArray[Any], name: str, settings: Mapping[str, Any]) -> None:
        if n_bad := int(np.count_nonzero(~np.isfinite(values))):
            raise FeatureError(
                "E_NONFINITE_IN_ROI",
                case_id=self.case_id,
                stage=STAGE,
                message=f"{n_bad} of {values.size} voxels of the region are not finite in the image {name!r}.",
                hint="Look for NaN, infinite or all-zero intensities in the file.",
            )
        width, count = settings["binWidth"], settings.get("binCount")
        levels = count_grey_levels(values, bin_width=width, bin_count=count)
        how = f"{levels} grey levels in the image {name!r}: intensities {values.min():g} to {values.max():g}" + (
            f", bin width {width:g}" if count is None else ""
        )
        hint = f"A bin width of {suggest_bin_width(values)} would give about 32."
        if levels > MAX_LEVELS:
            raise FeatureError(
                "E_TOO_MANY_BINS",
                case_id=self.case_id,
                stage=STAGE,
                message=f"{how}; the limit is {MAX_LEVELS}.",
                hint=hint if count is None else "Use fewer bins.",
                details={"image": name, "grey_levels": levels},
            )
        # Bin widths are chosen for the original image; filtered ones have ranges of their own.
        if name != "original":
            return
        if values.min() == values.max():
            self._note("W_FLAT_ROI", f"all intensities are {values.min():g}; texture features hold fill values.")
        elif count is None and levels < FEW_LEVELS:
            if levels == 1 and self._image_is_narrow(width):
                raise FeatureError(
                    "E_CONFIG",
                    case_id=self.case_id,
                    stage=STAGE,
                    message=f"the bin width does not fit this image: {how}, and the whole image has fewer than "
                    f"{FEW_LEVELS}.",
                    hint=hint,
                )
            self._note("W_BINS_FEW", f"only {how}.", hint)
        elif count is None and levels > MANY_LEVELS:
            self._note("W_BINS_MANY", f"{how}.", hint)

    def _image_is_narrow(self, bin_width: float) -> bool:
        # A homogeneous region in an ordinary image is a finding (dropping such cases would bias a cohort); an image
        # that fits into a few levels as a whole, e.g. one scaled to 0..1, means that the width is wrong for the cohort.
        whole = sitk.GetArrayViewFromImage(self._whole_image)
        return count_grey_levels(whole[np.isfinite(whole)], bin_width=bin_width) < FEW_LEVELS

    def _refuse_constant(self, image: sitk.Image) -> None:
        values = sitk.GetArrayViewFromImage(image)
        if values.min() == values.max():
            raise FeatureError(
                "E_RADIOMICS",
                case_id=self.case_id,
                stage=STAGE,
                message=f"normalize divides by the standard deviation, and all intensities of the image are "
                f"{values.min():g}.",
            )

    def _note(self, code: str, message: str, hint: str = "") -> None:
        self.findings.append(Finding(self.case_id, code, stage=STAGE, message=message, hint=hint))


def interpolates(image: sitk.Image, mask: sitk.Image, spacing: Sequence[float]) -> bool:
    """Return whether PyRadiomics would interpolate the image, or only crop it because it has that spacing already.

    Parameters
    ----------
    image, mask : SimpleITK.Image
        On the same grid; the region is 1.
    spacing : sequence of float
        x first, in mm; 0 keeps an axis, and so does a region of one voxel along it.
    """
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    extent = np.array(statistics.GetBoundingBox(1))[mask.GetDimension() :]
    present, wanted = np.array(mask.GetSpacing()), np.array(spacing, dtype=float)
    target = np.where((wanted == 0) | (extent == 1), present, wanted)
    return not np.allclose(image.GetSpacing(), target)


def _settings_of_the_run(given: Mapping[str, Any]) -> dict[str, Any]:
    # The tolerance would be set for all of ITK in this process, and the diagnostics cost more time than the features.
    settings = {key: value for key, value in given.items() if key not in ("geometryTolerance", "correctMask")}
    return settings | {"label": 1, "label_channel": 0, "additionalInfo": False}


def _n_voxels(mask: sitk.Image) -> int:
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(mask) == 1))
