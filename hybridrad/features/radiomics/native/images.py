"""The images a region is measured in: the original and those the filters make of it, each only where the region is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.gradient import gradient_magnitude
from hybridrad.features.radiomics.native.lbp import lbp_2d, lbp_3d
from hybridrad.features.radiomics.native.log import laplacian_of_gaussian
from hybridrad.features.radiomics.native.pointwise import POINTWISE
from hybridrad.features.radiomics.native.prepare import PreparedCase
from hybridrad.features.radiomics.native.wavelet import wavelet_bands
from hybridrad.features.radiomics.settings import RadiomicsSettings


@dataclass(frozen=True, eq=False)
class MeasuredImage:
    """An image in the box of a region.

    Parameters
    ----------
    name : str
        As in PyRadiomics' feature names, e.g. ``log-sigma-1-0-mm-3D``.
    values : ndarray
        In the number type PyRadiomics has there; it decides how intensities are binned.
    settings : mapping
        In force for this image, snake_case.
    """

    name: str
    values: NDArray[Any]
    settings: Mapping[str, Any]


def measured_images(case: PreparedCase, settings: RadiomicsSettings) -> Iterator[MeasuredImage]:
    """Yield the images of a case, in the order of the settings, one at a time.

    Parameters
    ----------
    case : PreparedCase
    settings : RadiomicsSettings
    """
    for image_type in settings.image_types:
        in_force = settings.in_force(image_type)
        for name, values in _FILTERS[image_type](case, in_force):
            yield MeasuredImage(name, values, in_force)


Named = Iterator[tuple[str, NDArray[Any]]]


def _original(case: PreparedCase, _: Mapping[str, Any]) -> Named:
    yield "original", np.ascontiguousarray(case.values[case.box])


def _pointwise(image_type: str) -> Callable[[PreparedCase, Mapping[str, Any]], Named]:
    def images(case: PreparedCase, _: Mapping[str, Any]) -> Named:
        values = np.asarray(case.values[case.box], dtype=np.float64)
        yield image_type.lower(), POINTWISE[image_type](values, largest=case.largest_absolute)

    return images


def _gradient(case: PreparedCase, settings: Mapping[str, Any]) -> Named:
    use_spacing = settings["gradient_use_spacing"]
    yield "gradient", gradient_magnitude(case.values, case.box, spacing=case.spacing, use_spacing=use_spacing)


def _log(case: PreparedCase, settings: Mapping[str, Any]) -> Named:
    # A recursive filter carries one NaN along its line, and after three axes everywhere, as far away as it may be.
    finite = np.issubdtype(case.values.dtype, np.integer) or np.isfinite(case.largest_absolute)
    for sigma in settings["sigma"]:
        name = f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D"
        if finite:
            yield name, laplacian_of_gaussian(case.values, case.box, spacing=case.spacing, sigma=sigma)
        else:
            yield name, np.full(case.inside.shape, np.nan, dtype=np.float32)


def _wavelet(case: PreparedCase, settings: Mapping[str, Any]) -> Named:
    axes = list(reversed(range(case.values.ndim)))
    if settings["force_2d"]:
        axes.remove(settings["force_2d_dimension"])
    yield from wavelet_bands(
        case.values,
        case.box,
        wavelet=settings["wavelet"],
        level=settings["level"],
        start_level=settings["start_level"],
        axes=axes,
    )


def _lbp_2d(case: PreparedCase, settings: Mapping[str, Any]) -> Named:
    found = lbp_2d(
        case.values,
        case.box,
        radius=settings["lbp_2d_radius"],
        samples=settings["lbp_2d_samples"],
        method=settings["lbp_2d_method"],
        axis=settings["force_2d_dimension"],
    )
    yield "lbp-2D", found


def _lbp_3d(case: PreparedCase, settings: Mapping[str, Any]) -> Named:
    found = lbp_3d(
        case.values,
        case.inside,
        case.box,
        levels=settings["lbp_3d_levels"],
        radius=settings["lbp_3d_icosphere_radius"],
        subdivision=settings["lbp_3d_icosphere_subdivision"],
    )
    yield from found.items()


_FILTERS: Mapping[str, Callable[[PreparedCase, Mapping[str, Any]], Named]] = {
    "Original": _original,
    "LoG": _log,
    "Wavelet": _wavelet,
    "Gradient": _gradient,
    "LBP2D": _lbp_2d,
    "LBP3D": _lbp_3d,
    **{image_type: _pointwise(image_type) for image_type in POINTWISE},
}
