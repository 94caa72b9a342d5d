"""RadiomicsExtractor: one region in, one row of radiomics features out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from hybridrad import __version__
from hybridrad._checks import check_choice
from hybridrad.errors import FeatureError, MissingDependencyError, RunError
from hybridrad.features.blocks import SEPARATOR
from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.pyradiomics_import import HOW_TO_INSTALL
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.features.rows import Row

if TYPE_CHECKING:
    import SimpleITK as sitk

    from hybridrad.imaging.roi import Roi

STAGE = "radiomics"
ENGINES = ("native", "pyradiomics")
# Settings that say how PyRadiomics is to treat its input or output, not what it measures.
_WITHOUT_EFFECT = ("geometryTolerance", "correctMask", "label_channel", "additionalInfo")
_FILTER_PACKAGES = (("LBP2D", "scikit-image"), ("LBP3D", "scipy"), ("LBP3D", "trimesh"))
_WHOLE_IMAGE = ("Square", "SquareRoot", "Logarithm", "Exponential")
_NOTE_WHOLE_IMAGE = (
    "{what} use scalars of the whole image (or of the resampled part): these features depend on the field of view."
)


class RadiomicsExtractor:
    """Extract PyRadiomics features from regions.

    Parameters
    ----------
    settings : RadiomicsSettings, path or mapping, optional
        A path is read as a PyRadiomics parameter file. Default: PyRadiomics' defaults.
    engine : {"native", "pyradiomics"}
        What computes the features: the library itself, or PyRadiomics 3.0.1, which has to be installed for it. Names
        and values are the same.
    name : str
        Name of the block, the prefix of its columns.
    image, mask : str
        Columns of the cohort table to read.
    channel : int or "luminance", optional
        What to measure of colour images: 0 red, 1 green, 2 blue, or the luminance; without it they fail.

    Attributes
    ----------
    batched : bool
        False: the whole work on a case is done by ``extract``.

    Raises
    ------
    RunError
        ``E_CONFIG``: the settings or the engine are unknown or contradictory.

    See Also
    --------
    hybridrad.features.radiomics.settings.RadiomicsSettings : all settings.

    References
    ----------
    van Griethuysen JJM et al. Computational radiomics system to decode the radiographic phenotype. Cancer Res
    2017;77:e104.

    Examples
    --------
    >>> extractor = RadiomicsExtractor({"binWidth": 10, "featureClass": {"firstorder": ["Mean", "Range"]}})
    >>> extractor.columns(3)
    ['radiomics__original_firstorder_Mean', 'radiomics__original_firstorder_Range']
    """

    batched = False

    def __init__(
        self,
        settings: RadiomicsSettings | str | PathLike[str] | Mapping[str, Any] | None = None,
        *,
        engine: str = "native",
        name: str = "radiomics",
        image: str = "image",
        mask: str = "mask",
        channel: int | Literal["luminance"] | None = None,
    ) -> None:
        try:
            check_choice(engine, ENGINES, name="engine")
            check_choice(channel, (None, 0, 1, 2, "luminance"), name="channel")
        except ValueError as err:
            raise RunError(str(err)) from err
        if not name or SEPARATOR in name:
            raise RunError(f"name={name!r} must be a word without {SEPARATOR!r}, which ends it in column names.")
        self.settings = _read_settings(settings)
        self.engine, self.name, self.image, self.mask, self.channel = engine, name, image, mask, channel

    def __repr__(self) -> str:
        return f"RadiomicsExtractor(name={self.name!r}, engine={self.engine!r}, settings={self.settings!r})"

    def columns(self, dimension: int) -> list[str]:
        """Return the columns every case of that dimension gets, block prefix included.

        Parameters
        ----------
        dimension : {2, 3}

        Raises
        ------
        RunError
            The settings ask for something that does not exist in that dimension.
        """
        return [f"{self.name}{SEPARATOR}{feature}" for feature in self.settings.promised_columns(dimension)]

    def describe(self) -> dict[str, Any]:
        """Return everything that changes values, as plain JSON-able data.

        Raises
        ------
        MissingDependencyError
            The engine is not installed.
        """
        params = self.settings.to_pyradiomics()
        params["setting"] = {key: value for key, value in params["setting"].items() if key not in _WITHOUT_EFFECT}
        return {
            "kind": "radiomics",
            "name": self.name,
            "image": self.image,
            "mask": self.mask,
            "channel": self.channel,
            "engine": self.engine,
            "settings": params,
            "versions": _versions(self.engine, params["imageType"]),
            "notes": _notes(params),
        }

    def extract(self, roi: Roi) -> Row:
        """Return the features of one region.

        Parameters
        ----------
        roi : Roi
            As ``hybridrad.imaging.roi.read_roi`` gives it.

        Returns
        -------
        Row
            Values in the order of ``columns(roi.dimension)``, all finite, and what was noticed on the way.

        Raises
        ------
        FeatureError
            The features cannot be computed as promised; the code says why.
        ImageError
            ``E_IMAGE_COLOUR``: the image is coloured and no channel was named.
        MissingDependencyError
            The engine is not installed.
        """
        # Not at the top: the engines import SimpleITK, which a look at settings and columns does not need.
        image, promised = roi.grey(channel=self.channel), self._promised(roi)
        if self.engine == "native":
            from hybridrad.features.radiomics import engine_native

            found = engine_native.measure(image, roi.mask, self.settings, promised=promised, case_id=roi.case_id)
        else:
            from hybridrad.features.radiomics import engine_pyradiomics

            params = self.settings.to_pyradiomics()
            found = engine_pyradiomics.measure(image, roi.mask, params, promised=promised, case_id=roi.case_id)
        return Row(*found)

    def extract_one(
        self,
        image: str | PathLike[str] | sitk.Image,
        mask: str | PathLike[str] | sitk.Image,
        *,
        case_id: str = "case",
        mask_label: int | None = None,
    ) -> pd.Series:
        """Return the features of one region as a named row, without a cohort.

        Parameters
        ----------
        image, mask : path-like or SimpleITK.Image
            2D or 3D, on one grid.
        case_id : str
            Name of the row, and of the case in errors.
        mask_label : int, optional
            Value of the region in the mask; without it the label of the settings if that is not 1, else the only
            non-zero value, or 1 of several.

        Returns
        -------
        pandas.Series
            One value per column.

        Raises
        ------
        CaseError
            The case cannot be read or measured.

        Examples
        --------
        >>> import numpy as np, SimpleITK as sitk
        >>> image = sitk.GetImageFromArray(np.arange(12**3, dtype=np.int16).reshape(12, 12, 12))
        >>> mask = sitk.Image([12, 12, 12], sitk.sitkUInt8)
        >>> mask[4:8, 4:8, 4:8] = 1
        >>> extractor = RadiomicsExtractor({"featureClass": {"firstorder": ["Minimum", "Maximum"]}})
        >>> extractor.extract_one(image, mask, case_id="007").to_list()
        [628.0, 1099.0]
        """
        from hybridrad.imaging.roi import read_roi

        if mask_label is None and self.settings.label != 1:
            mask_label = self.settings.label
        roi = read_roi(image, mask, case_id=case_id, mask_label=mask_label)
        return pd.Series(self.extract(roi).values, index=self.columns(roi.dimension), name=case_id, dtype=float)

    def _promised(self, roi: Roi) -> list[str]:
        settings, problem = self.settings, None
        try:
            promised = settings.promised_columns(roi.dimension)
        except RunError as err:
            raise FeatureError(err.code, case_id=roi.case_id, stage=STAGE, message=err.message, hint=err.hint) from err
        if settings.label not in (1, roi.label):
            problem = (
                "E_CONFIG",
                f"the settings name label {settings.label} and the region was read from label {roi.label}.",
                f"Give the case mask_label {settings.label}, or take the label out of the settings.",
            )
        elif any(settings.resampled_pixel_spacing or ()) and not roi.has_spacing:
            problem = (
                "E_NO_SPACING",
                "resampling to millimetres needs a spacing and the image file states none.",
                "Leave the spacing out of the settings, or write it into the file.",
            )
        if problem is not None:
            code, message, hint = problem
            raise FeatureError(code, case_id=roi.case_id, stage=STAGE, message=message, hint=hint)
        return promised


def _read_settings(given: RadiomicsSettings | str | PathLike[str] | Mapping[str, Any] | None) -> RadiomicsSettings:
    if given is None:
        return RadiomicsSettings()
    if isinstance(given, RadiomicsSettings):
        return given
    if isinstance(given, Mapping):
        return RadiomicsSettings.from_dict(given)
    if isinstance(given, str | PathLike):
        return RadiomicsSettings.from_yaml(Path(given))
    raise TypeError(f"settings must be RadiomicsSettings, a path or a mapping, got {type(given).__name__}.")


def _versions(engine: str, image_types: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    if engine == "native":
        # A run that cannot measure should fail before its first case.
        load_kernels()
        found["hybridrad"] = __version__
    packages = ["pyradiomics"] if engine == "pyradiomics" else []
    packages += ["SimpleITK", "numpy", "PyWavelets"]
    packages += [package for filter_name, package in _FILTER_PACKAGES if filter_name in image_types]
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError as err:
            hint = HOW_TO_INSTALL if package == "pyradiomics" else f"Install it with: pip install {package}"
            raise MissingDependencyError(
                f"{package} is not installed.", code="E_MISSING_DEPENDENCY", hint=hint
            ) from err
    return found


def _notes(params: Mapping[str, Any]) -> list[str]:
    what = [name for name in params["imageType"] if name in _WHOLE_IMAGE]
    if params["setting"]["normalize"]:
        what.append("normalize")
    return [f"N_FILTER_WHOLE_IMAGE: {_NOTE_WHOLE_IMAGE.format(what=', '.join(what))}"] if what else []
