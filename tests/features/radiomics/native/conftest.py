"""PyRadiomics' own feature classes, called on arrays."""

from __future__ import annotations

import warnings
from importlib import import_module

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.keys import TEXTURE_KEYS, to_camel_case
from hybridrad.features.radiomics.pyradiomics_import import listen

CLASS_NAMES = {"firstorder": "FirstOrder", "shape": "Shape", "shape2D": "Shape2D"}


@pytest.fixture(scope="session")
def reference():
    """Features of one class as PyRadiomics computes them from a crop; deprecated ones too where it has values."""
    pytest.importorskip("radiomics")

    def features(name, values, mask, spacing, settings=None):
        image, region = sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask.astype(np.uint8))
        for each in (image, region):
            each.SetSpacing([float(s) for s in spacing[::-1]])
        given = {key: (settings or {}).get(key) for key in TEXTURE_KEYS}
        given = to_camel_case({key: value for key, value in given.items() if value is not None})
        with listen(), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            module = import_module(f"radiomics.{name}")
            found = getattr(module, f"Radiomics{CLASS_NAMES.get(name, name.upper())}")(image, region, **given)
            for feature in found.featureNames:
                found.enabledFeatures[feature] = True
            return {feature: float(value) for feature, value in found.execute().items()}

    return features


@pytest.fixture(scope="session")
def assert_same():
    """Every feature of the reference within 1e-8 of it, or 1e-10 of its natural scale; NaN where it is NaN."""

    def check(found, expected, *, scales=None):
        assert set(expected) <= set(found)
        for name, value in expected.items():
            tolerance = 1e-8 * abs(value) + 1e-10 * (scales or {}).get(name, 1.0)
            same = np.isnan(found[name]) if np.isnan(value) else abs(found[name] - value) <= tolerance
            assert same, f"{name}: {found[name]!r}, reference {value!r}"

    return check


@pytest.fixture(scope="session")
def cropped():
    """Cut arrays to the bounding box of the mask, which comes first."""

    def crop(mask, *others):
        places = np.argwhere(mask)
        box = tuple(slice(a, b) for a, b in zip(places.min(0), places.max(0) + 1, strict=True))
        return tuple(np.ascontiguousarray(each[box]) for each in (mask, *others))

    return crop
