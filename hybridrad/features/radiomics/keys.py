"""The one table between PyRadiomics' camelCase keys and the snake_case names used here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hybridrad._checks import did_you_mean
from hybridrad.errors import RunError

# snake_case -> PyRadiomics' key. Settings that may differ from one image type to the next come first.
PER_IMAGE_KEYS = {
    "bin_width": "binWidth",
    "bin_count": "binCount",
    "distances": "distances",
    "weighting_norm": "weightingNorm",
    "symmetrical_glcm": "symmetricalGLCM",
    "gldm_a": "gldm_a",
    "voxel_array_shift": "voxelArrayShift",
    "force_2d": "force2D",
    "force_2d_dimension": "force2Ddimension",
    "sigma": "sigma",
    "start_level": "start_level",
    "level": "level",
    "wavelet": "wavelet",
    "gradient_use_spacing": "gradientUseSpacing",
    "lbp_2d_radius": "lbp2DRadius",
    "lbp_2d_samples": "lbp2DSamples",
    "lbp_2d_method": "lbp2DMethod",
    "lbp_3d_levels": "lbp3DLevels",
    "lbp_3d_icosphere_radius": "lbp3DIcosphereRadius",
    "lbp_3d_icosphere_subdivision": "lbp3DIcosphereSubdivision",
}
GLOBAL_KEYS = {
    "normalize": "normalize",
    "normalize_scale": "normalizeScale",
    "remove_outliers": "removeOutliers",
    "resampled_pixel_spacing": "resampledPixelSpacing",
    "interpolator": "interpolator",
    "pad_distance": "padDistance",
    "pre_crop": "preCrop",
    "resegment_range": "resegmentRange",
    "resegment_mode": "resegmentMode",
    "resegment_shape": "resegmentShape",
    "minimum_roi_dimensions": "minimumROIDimensions",
    "minimum_roi_size": "minimumROISize",
    "label": "label",
    "label_channel": "label_channel",
    "geometry_tolerance": "geometryTolerance",
    "correct_mask": "correctMask",
    "additional_info": "additionalInfo",
}
SECTION_KEYS = {"image_types": "imageType", "feature_classes": "featureClass"}
KEYS = PER_IMAGE_KEYS | GLOBAL_KEYS

# Filter settings mean something to their own filter only.
FILTER_KEYS: dict[str, tuple[str, ...]] = {
    "LoG": ("sigma",),
    "Wavelet": ("start_level", "level", "wavelet"),
    "Gradient": ("gradient_use_spacing",),
    "LBP2D": ("lbp_2d_radius", "lbp_2d_samples", "lbp_2d_method"),
    "LBP3D": ("lbp_3d_levels", "lbp_3d_icosphere_radius", "lbp_3d_icosphere_subdivision"),
}
_ALL_FILTER_KEYS = {name for names in FILTER_KEYS.values() for name in names}
TEXTURE_KEYS = tuple(name for name in PER_IMAGE_KEYS if name not in _ALL_FILTER_KEYS)

VOXEL_KEYS = ("kernelRadius", "maskedKernel", "initValue", "voxelBatch", "voxelBased")
VOXEL_REASON = (
    "belongs to PyRadiomics' feature maps, voxel by voxel; here a region gives one row of features. Remove it."
)

_TO_SNAKE = {camel: snake for snake, camel in (KEYS | SECTION_KEYS).items()}
_VOXEL_NAMES = {key.lower() for key in VOXEL_KEYS} | {"kernel_radius", "masked_kernel", "init_value", "voxel_batch"}


def to_snake_case(given: Mapping[Any, Any], *, where: str, allowed: Iterable[str]) -> dict[str, Any]:
    """Return ``given`` with snake_case keys, whichever of the two spellings it used.

    Parameters
    ----------
    given : mapping
    where : str
        Named in errors, e.g. ``setting``.
    allowed : iterable of str
        The snake_case names that mean something there.

    Raises
    ------
    RunError
        ``E_CONFIG``: a key is unknown, stands in both spellings, or has no effect there.

    Examples
    --------
    >>> to_snake_case({"binWidth": 10, "force_2d": True}, where="setting", allowed=KEYS)
    {'bin_width': 10, 'force_2d': True}
    """
    allowed = list(allowed)
    read: dict[str, Any] = {}
    for key, value in given.items():
        snake = _TO_SNAKE.get(key, key)
        if str(key).lower() in _VOXEL_NAMES:
            raise RunError(f"{where}: {key} {VOXEL_REASON}")
        if snake not in allowed:
            if snake in PER_IMAGE_KEYS:
                raise RunError(f"{where}: {key} has no effect on this image type.")
            if snake in KEYS:
                raise RunError(f"{where}: {key} has no effect there; PyRadiomics reads it from the section setting.")
            # Suggest in the spelling the user writes: camelCase unless underscores say otherwise.
            spelled = allowed if "_" in str(key) else [(KEYS | SECTION_KEYS).get(name, name) for name in allowed]
            raise RunError(f"{where}: unknown setting {key!r}.{did_you_mean(str(key), spelled)}")
        if snake in read:
            raise RunError(f"{where}: {snake} stands twice, as {snake} and {KEYS.get(snake, snake)}.")
        read[snake] = value
    return read


def to_camel_case(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``given`` with PyRadiomics' keys and plain lists where values are tuples.

    Examples
    --------
    >>> to_camel_case({"distances": (1, 2)})
    {'distances': [1, 2]}
    """
    return {KEYS[name]: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
