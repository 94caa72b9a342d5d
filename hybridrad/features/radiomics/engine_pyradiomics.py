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
from hybridrad.features.radiomics.case_checks import STAGE, CaseChecks, interpolates
from hybridrad.features.radiomics.promised_row import promised_row
from hybridrad.features.radiomics.pyradiomics_errors import in_our_words
from hybridrad.features.radiomics.pyradiomics_import import import_pyradiomics, listen
from hybridrad.features.radiomics.requirements import check_filter_packages, check_log_size

_ROUNDING = 1e-12
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
    check_filter_packages(params["imageType"], case_id=case_id, pyradiomics=True)
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
    found = {name: real_number(value) for name, value in produced.items() if not name.startswith("diagnostics_")}
    return promised_row(found, promised, heard=heard, case_id=case_id), tuple(work.checks.findings)


def real_number(value: Any) -> float:
    """Return a feature as a float; of a complex one the real part, if the other is no more than a rounding error.

    PyRadiomics takes the eigenvalues of a symmetric matrix by a general routine, which gives a pair of complex numbers
    for some regions with two equal axes.

    Examples
    --------
    >>> real_number(2.0 - 1e-17j), real_number(2.0 + 1.0j)
    (2.0, nan)
    """
    number = complex(np.asarray(value).item())
    return number.real if abs(number.imag) <= _ROUNDING * abs(number.real) else float("nan")


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
        self.checks = CaseChecks(case_id)
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
            self.checks.refuse_constant(image)
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
            image = self.checks.pad_for_bspline(image, mask)
        image, resampled = self._operations.resampleImage(image, mask, **settings)
        self.checks.refuse_lost_region(mask, resampled)
        return image, resampled

    def _compute_checked(self, image: sitk.Image, mask: sitk.Image, name: str, **settings: Any) -> Any:
        """Look at the intensities of the region, which PyRadiomics is about to bin, then let it compute."""
        if any(not feature_class.startswith("shape") for feature_class in self.extractor.enabledFeatures):
            values = sitk.GetArrayViewFromImage(image)[sitk.GetArrayViewFromImage(mask) == 1]
            self.checks.check_intensities(
                values,
                name,
                bin_width=settings["binWidth"],
                bin_count=settings.get("binCount"),
                whole=sitk.GetArrayViewFromImage(self._whole_image),
            )
        return self._compute(image, mask, name, **settings)


def _settings_of_the_run(given: Mapping[str, Any]) -> dict[str, Any]:
    # The tolerance would be set for all of ITK in this process, and the diagnostics cost more time than the features.
    settings = {key: value for key, value in given.items() if key not in ("geometryTolerance", "correctMask")}
    return settings | {"label": 1, "label_channel": 0, "additionalInfo": False}
