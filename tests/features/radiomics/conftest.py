"""Small synthetic regions, and a direct call of PyRadiomics to compare with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.pyradiomics_import import listen

Pair = tuple[sitk.Image, sitk.Image]


@pytest.fixture(scope="session")
def volume() -> Pair:
    """A smooth int16 volume with an ellipsoid in it, spacing 0.8 x 0.9 x 1.5 mm, label 1."""
    rng = np.random.default_rng(0)
    noise = sitk.GetImageFromArray(rng.normal(size=(13, 21, 24)) * 400)
    image = sitk.Cast(sitk.DiscreteGaussian(noise, 0.7), sitk.sitkInt16)
    z, y, x = np.ogrid[:13, :21, :24]
    inside = ((z - 6) / 4) ** 2 + ((y - 10) / 6) ** 2 + ((x - 11) / 7) ** 2 < 1
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    for each in (image, mask):
        each.SetSpacing((0.8, 0.9, 1.5))
        each.SetOrigin((-20.0, 3.0, 7.0))
    return image, mask


@pytest.fixture(scope="session")
def picture() -> Pair:
    """An 8-bit 2D image that uses the whole range of its type, with a disc of label 255."""
    rng = np.random.default_rng(1)
    image = sitk.GetImageFromArray(rng.integers(0, 256, size=(37, 40)).astype(np.uint8))
    y, x = np.ogrid[:37, :40]
    mask = sitk.GetImageFromArray((((y - 17) ** 2 + (x - 20) ** 2 < 130) * 255).astype(np.uint8))
    return image, mask


@pytest.fixture(scope="session")
def direct() -> Callable[..., dict[str, float]]:
    """Features as PyRadiomics itself gives them: its own schema, loading and order."""

    def call(image: Any, mask: Any, params: Mapping[str, Any], *, label: int = 1) -> dict[str, float]:
        with listen(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from radiomics.featureextractor import RadiomicsFeatureExtractor

            found = RadiomicsFeatureExtractor(dict(params)).execute(image, mask, label=label)
        return {name: float(value) for name, value in found.items() if not name.startswith("diagnostics_")}

    return call
