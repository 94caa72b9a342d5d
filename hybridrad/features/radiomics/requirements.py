"""What a filter needs and PyRadiomics only mentions in its log: packages, and enough voxels."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import Any

import SimpleITK as sitk

from hybridrad.errors import FeatureError

STAGE = "radiomics"
MIN_LOG_AXIS = 4


def check_filter_packages(image_types: Mapping[str, Any], *, case_id: str, pyradiomics: bool) -> None:
    """Raise if a filter that was asked for cannot run with the packages at hand.

    Parameters
    ----------
    image_types : mapping
    case_id : str
    pyradiomics : bool
        Whether PyRadiomics does the filtering: its LBP3D calls a function that SciPy 1.17 removed.

    Raises
    ------
    FeatureError
        ``E_FEATURES_MISSING`` with the reason.
    """
    reasons = []
    if "LBP2D" in image_types and not _has("skimage"):
        reasons.append("LBP2D needs scikit-image, which is not installed")
    if "LBP3D" in image_types:
        reasons += [f"LBP3D needs {name}, which is not installed" for name in ("trimesh",) if not _has(name)]
        reasons += _missing_from_scipy() if pyradiomics else []
    if reasons:
        raise FeatureError(
            "E_FEATURES_MISSING",
            case_id=case_id,
            stage=STAGE,
            message=f"{'; '.join(reasons)}.",
            hint="Install what is missing or leave the image type out.",
        )


def check_log_size(
    image: sitk.Image, own_settings: Mapping[str, Any] | None, *, general_sigma: Sequence[float], case_id: str
) -> None:
    """Raise if the LoG filter was asked for and the image, as resampled or cropped, is too small for it.

    Parameters
    ----------
    image : SimpleITK.Image
    own_settings : mapping or None
        Settings of the image type LoG; None if it was not asked for.
    general_sigma : sequence of float
        Used where the image type has no widths of its own.

    Raises
    ------
    FeatureError
        ``E_FEATURES_MISSING``.
    """
    if own_settings is None:
        return
    size, spacing = image.GetSize(), image.GetSpacing()
    shape = " x ".join(map(str, size))
    if min(size) < MIN_LOG_AXIS:
        raise FeatureError(
            "E_FEATURES_MISSING",
            case_id=case_id,
            stage=STAGE,
            message=f"LoG needs {MIN_LOG_AXIS} voxels along every axis and the image has {shape}.",
            hint="Resample to a finer spacing or leave LoG out.",
        )
    for sigma in own_settings.get("sigma", general_sigma):
        if any(n < math.ceil(sigma / step) + 1 for n, step in zip(size, spacing, strict=True)):
            raise FeatureError(
                "E_FEATURES_MISSING",
                case_id=case_id,
                stage=STAGE,
                message=f"LoG with sigma {sigma:g} mm needs an image longer than that along every axis; it has {shape} "
                f"voxels of {' x '.join(f'{step:g}' for step in spacing)} mm.",
                hint="Use a smaller sigma or a larger padDistance.",
            )


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _missing_from_scipy() -> list[str]:
    import scipy
    import scipy.special

    if hasattr(scipy.special, "sph_harm"):
        return []
    gone = f"scipy.special.sph_harm, which SciPy {scipy.__version__} no longer has (1.16 is the last)"
    return [f"PyRadiomics' LBP3D needs {gone}; engine='native' does without it"]
