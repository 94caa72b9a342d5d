"""Every image of the engine against PyRadiomics' own, voxel by voxel inside the region, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.case_checks import CaseChecks
from hybridrad.features.radiomics.native.images import measured_images
from hybridrad.features.radiomics.native.prepare import prepare
from hybridrad.features.radiomics.pyradiomics_import import import_pyradiomics, listen
from hybridrad.features.radiomics.settings import RadiomicsSettings

pytest.importorskip("hybridrad.features.radiomics._kernels")
ALL = {
    "Original": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
    "Wavelet": {},
    "LoG": {"sigma": [1.0, 2]},
    "LBP2D": {},
}
PREPARATIONS = {
    "as stored": {},
    "normalised": {"normalize": True, "normalize_scale": 100, "remove_outliers": 1.5},
    "resampled": {"resampled_pixel_spacing": [1, 1, 1]},
    "resampled in plane": {"resampled_pixel_spacing": [1.3, 1.3, 0], "interpolator": "sitkLinear", "pad_distance": 2},
    "normalised and resampled": {"normalize": True, "resampled_pixel_spacing": [0, 0, 1]},
    "cropped": {"pre_crop": True, "pad_distance": 3},
    "cropped for a spacing it has": {"resampled_pixel_spacing": [0, 0, 0]},
    "resegmented": {"resegment_range": [-1.0, 1.0], "resegment_mode": "sigma"},
    "resegmented by the maximum": {"resegment_range": [0.1], "resegment_mode": "relative"},
    "slices": {"force_2d": True, "force_2d_dimension": 1},
}
FILTERS = {
    "wavelets": {"Wavelet": {"wavelet": "db3", "level": 2, "start_level": 1}},
    "gradient per voxel": {"Gradient": {"gradient_use_spacing": False}},
    "patterns": {"LBP2D": {"lbp_2d_method": "ror", "lbp_2d_radius": 2, "lbp_2d_samples": 6}},
}


def images_of_pyradiomics(image, mask, settings):
    """What PyRadiomics hands to its feature classes, and the region there."""
    extractor = import_pyradiomics().RadiomicsFeatureExtractor()
    params = settings.to_pyradiomics()
    extractor.settings = params["setting"] | {"additionalInfo": False}
    extractor.enabledImagetypes, extractor.enabledFeatures = params["imageType"], {}
    seen = {}

    def keep(cropped, region, name, **_):
        seen[name] = sitk.GetArrayFromImage(cropped), sitk.GetArrayFromImage(region) == 1
        return {}

    extractor.computeFeatures = keep
    with listen():
        extractor.execute(image, mask)
    return seen


def check(image, mask, settings):
    expected = images_of_pyradiomics(image, mask, settings)
    case = prepare(image, mask, settings, CaseChecks("007"))
    found = {each.name: each.values for each in measured_images(case, settings)}
    assert set(found) == set(expected)
    for name, (values, inside) in expected.items():
        np.testing.assert_array_equal(case.inside, inside)
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name][inside], values[inside], err_msg=name)


@pytest.mark.parametrize("pixel_type", [sitk.sitkInt16, sitk.sitkFloat32], ids=["int16", "float32"])
@pytest.mark.parametrize("preparation", PREPARATIONS)
def test_all_images_of_a_volume(volume, preparation, pixel_type):
    image, mask = volume
    check(sitk.Cast(image, pixel_type), mask, RadiomicsSettings(image_types=ALL, **PREPARATIONS[preparation]))


@pytest.mark.parametrize("filters", FILTERS)
def test_filters_with_settings_of_their_own(volume, filters):
    check(*volume, RadiomicsSettings(image_types=FILTERS[filters]))


@pytest.mark.parametrize("preparation", [{}, {"resampled_pixel_spacing": [0.7, 1.3]}, {"normalize": True}], ids=str)
def test_all_images_of_a_picture(picture, preparation):
    image, mask = picture
    check(image, mask == 255, RadiomicsSettings(image_types=ALL, **preparation))


def test_a_region_that_touches_every_border(volume):
    image, mask = volume
    corners = sitk.Image(mask)
    for index in ((0, 0, 0), (23, 20, 12), (0, 20, 12), (23, 0, 0)):
        corners[index] = 1
    check(image, corners, RadiomicsSettings(image_types=ALL))
