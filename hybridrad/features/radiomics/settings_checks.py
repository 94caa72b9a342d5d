"""What pydantic cannot say about radiomics settings: names, contradictions, and what fits 2D or 3D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hybridrad._checks import check_choice, did_you_mean
from hybridrad.errors import RunError
from hybridrad.features.radiomics.columns import FEATURES, IMAGE_TYPES, ON_REQUEST, RETIRED
from hybridrad.features.radiomics.keys import FILTER_KEYS, KEYS, TEXTURE_KEYS, to_snake_case

if TYPE_CHECKING:
    from hybridrad.features.radiomics.settings import RadiomicsSettings

# In the order of the numbers 1 to 10 of PyRadiomics' documentation; SimpleITK has since given B-spline another number.
INTERPOLATORS = (
    "sitkNearestNeighbor",
    "sitkLinear",
    "sitkBSpline",
    "sitkGaussian",
    "sitkLabelGaussian",
    "sitkHammingWindowedSinc",
    "sitkCosineWindowedSinc",
    "sitkWelchWindowedSinc",
    "sitkLanczosWindowedSinc",
    "sitkBlackmanWindowedSinc",
)
MAX_TOLERANCE = 1e-3
"""Largest difference of image and mask, in voxels, that the reading of a case accepts."""


def read_interpolator(value: Any) -> str | None:
    """Return the name of an interpolator given by name or by number; an unknown one is not replaced by B-spline.

    Examples
    --------
    >>> read_interpolator(3)
    'sitkBSpline'
    """
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(INTERPOLATORS):
        return INTERPOLATORS[value - 1]
    return str(check_choice(value, INTERPOLATORS, name="interpolator"))


def read_wavelet(value: Any) -> str:
    """Return the name of a discrete wavelet that PyWavelets knows."""
    import pywt

    names = pywt.wavelist(kind="discrete")
    if value not in names:
        raise ValueError(f"unknown wavelet.{did_you_mean(str(value), names)}")
    return str(value)


def read_settings(given: Mapping[Any, Any]) -> dict[str, Any]:
    """Return settings with snake_case names.

    A value left out in a file (``weightingNorm:`` with nothing behind it) reads as None and means the default.
    """
    read = to_snake_case(given, where="setting", allowed=KEYS)
    return {name: value for name, value in read.items() if value is not None or name == "interpolator"}


def read_image_types(given: Any) -> dict[str, dict[str, Any]]:
    """Return image type -> its own settings in snake_case, from a mapping or a list of types.

    Raises
    ------
    RunError
        ``E_CONFIG``: an unknown type, or a setting that has no effect on it.

    Examples
    --------
    >>> read_image_types({"LoG": {"sigma": [1.0], "binWidth": 5}})
    {'LoG': {'sigma': [1.0], 'bin_width': 5}}
    """
    read = {}
    for name, own in _as_mapping(given, name="imageType").items():
        if name not in IMAGE_TYPES:
            raise RunError(
                f"imageType: {name!r} is not one of {', '.join(IMAGE_TYPES)}.{did_you_mean(str(name), IMAGE_TYPES)}"
            )
        if own is not None and not isinstance(own, Mapping):
            raise RunError(f"imageType {name}: wanted settings or nothing, got {own!r}.")
        allowed = (*TEXTURE_KEYS, *FILTER_KEYS.get(name, ()))
        read[name] = to_snake_case(own or {}, where=f"imageType {name}", allowed=allowed)
        for filter_setting in read[name]:
            if read[name][filter_setting] is None and filter_setting not in ("bin_count", "weighting_norm"):
                raise RunError(f"imageType {name}: {filter_setting} has no value.")
    return read


def read_feature_classes(given: Any) -> dict[str, tuple[str, ...]]:
    """Return feature class -> features asked for (an empty tuple: all), from a mapping or a list of classes.

    Raises
    ------
    RunError
        ``E_CONFIG``: an unknown class or feature, or one that PyRadiomics no longer computes.

    Examples
    --------
    >>> read_feature_classes({"firstorder": ["Mean"], "glcm": None})
    {'firstorder': ('Mean',), 'glcm': ()}
    """
    read: dict[str, tuple[str, ...]] = {}
    for name, features in _as_mapping(given, name="featureClass").items():
        if name not in FEATURES:
            raise RunError(
                f"featureClass: {name!r} is not one of {', '.join(FEATURES)}.{did_you_mean(str(name), FEATURES)}"
            )
        if features is not None and not isinstance(features, list | tuple):
            raise RunError(f"featureClass {name}: wanted a list of features or nothing, got {features!r}.")
        for feature in features or ():
            _check_feature(name, feature)
        read[name] = tuple(features or ())
    return read


def check_settings(settings: RadiomicsSettings) -> None:
    """Refuse settings that contradict each other or ask for what the reading of a case does not do."""
    if settings.label_channel:
        raise RunError(f"label_channel={settings.label_channel}: masks with several channels are not read.")
    if settings.geometry_tolerance is not None and settings.geometry_tolerance > MAX_TOLERANCE:
        raise RunError(
            f"geometryTolerance={settings.geometry_tolerance:g} would let a mask that lies elsewhere pass; image and "
            f"mask may differ by {MAX_TOLERANCE:g} voxels.",
            hint="Remove the setting; resample the masks of cases that are then refused.",
        )
    if settings.correct_mask:
        raise RunError(
            "correctMask would move masks onto the image's grid unseen, and may measure other tissue.",
            hint="Remove the setting; resample the masks of cases that are then refused, and look at them.",
        )
    if settings.resampled_pixel_spacing is not None and settings.interpolator is None:
        raise RunError("resampledPixelSpacing is given, but interpolator is None, which means no resampling.")
    if settings.resegment_range is not None and list(settings.resegment_range) != sorted(settings.resegment_range):
        raise RunError(f"resegmentRange={list(settings.resegment_range)} must hold the lower value first.")
    for image_type in settings.image_types:
        if image_type == "LoG":
            _check_sigma(settings.in_force(image_type)["sigma"])


def check_dimension(settings: RadiomicsSettings, dimension: int) -> None:
    """Raise ``RunError`` where the settings do not fit images of that dimension."""
    if dimension not in (2, 3):
        raise ValueError(f"dimension must be 2 or 3, got {dimension!r}.")
    spacing = settings.resampled_pixel_spacing
    if spacing is not None and len(spacing) != dimension:
        raise RunError(f"resampledPixelSpacing has {len(spacing)} values and the image has {dimension} dimensions.")
    if dimension == 2:
        flattened = [name for name in settings.image_types if settings.in_force(name)["force_2d"]]
        if flattened:
            raise RunError(
                f"force2D ({', '.join(flattened)}) is meant for 3D images; of a 2D image it would leave texture along "
                "one axis only.",
                hint="Remove the setting; 2D images are measured in 2D anyway.",
            )
        if "LBP3D" in settings.image_types:
            raise RunError("LBP3D needs 3D images and the image is 2D.", code="E_FEATURES_MISSING")


def shape_classes(settings: RadiomicsSettings, dimension: int) -> list[str]:
    """Return which of ``shape`` and ``shape2D`` are computed in that dimension.

    Where both are named, each dimension takes its own. One that is named alone and cannot be had is an error.
    """
    named = [name for name in settings.classes() if name.startswith("shape")]
    fitting = {2: ["shape2D"], 3: ["shape", "shape2D"] if settings.force_2d else ["shape"]}[dimension]
    found = [name for name in named if name in fitting]
    if named and not found:
        how = "Add shape2D." if dimension == 2 else "Add shape, or set force2D for regions of a single slice."
        raise RunError(f"{named[0]} cannot be had from {dimension}D images.", code="E_FEATURES_MISSING", hint=how)
    return found


def _check_sigma(sigma: tuple[float, ...]) -> None:
    if not sigma:
        raise RunError("the image type LoG needs sigma, its widths in mm.", hint='E.g. {"LoG": {"sigma": [1.0, 3.0]}}.')
    if len(set(sigma)) != len(sigma):
        raise RunError(f"sigma={list(sigma)} holds a width twice.")


def _check_feature(name: str, feature: Any) -> None:
    known = (*FEATURES[name], *ON_REQUEST.get(name, ()))
    if feature in known:
        return
    retired = RETIRED.get(name, {})
    if feature in retired:
        instead = f" {retired[feature]} says the same." if retired[feature] else ""
        raise RunError(f"featureClass {name}: PyRadiomics no longer computes {feature}.{instead}")
    raise RunError(f"featureClass {name}: unknown feature {feature!r}.{did_you_mean(str(feature), known)}")


def _as_mapping(given: Any, *, name: str) -> Mapping[Any, Any]:
    if isinstance(given, Mapping):
        return given
    if isinstance(given, list | tuple):
        return dict.fromkeys(given)
    raise RunError(f"{name}: wanted names, got {given!r}.")
