from __future__ import annotations

import logging

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import FeatureError
from hybridrad.features.radiomics.engine_pyradiomics import measure
from hybridrad.features.radiomics.settings import RadiomicsSettings

pytest.importorskip("radiomics")
FIRSTORDER = ["firstorder"]


def measured(image, mask, settings=None, dimension=None):
    settings = settings or RadiomicsSettings(feature_classes=FIRSTORDER)
    promised = settings.promised_columns(dimension or image.GetDimension())
    values, findings = measure(image, mask, settings.to_pyradiomics(), promised=promised, case_id="007")
    return dict(zip(promised, values, strict=True)), {finding.code: finding for finding in findings}


def block(shape=(8, 9, 10), low=0.0, high=400.0, dtype=np.float32, seed=0, margin=2):
    """An image of random intensities with a box in it."""
    values = np.random.default_rng(seed).uniform(low, high, size=shape).astype(dtype)
    inside = np.zeros(shape, np.uint8)
    inside[tuple(slice(min(margin, n // 3), n - min(margin, n // 3)) for n in shape)] = 1
    return sitk.GetImageFromArray(values), sitk.GetImageFromArray(inside)


def failing(image, mask, **settings):
    with pytest.raises(FeatureError) as caught:
        measured(image, mask, RadiomicsSettings(**{"feature_classes": FIRSTORDER, **settings}))
    assert caught.value.case_id == "007"
    assert caught.value.stage == "radiomics"
    return caught.value


CONFIGURATIONS_3D = {
    "defaults": {},
    "binning": {"bin_count": 16, "distances": [1, 2], "gldm_a": 1, "voxel_array_shift": 300, "symmetrical_glcm": False},
    "weights": {"weighting_norm": "euclidean", "bin_width": 40},
    "resampled": {"resampled_pixel_spacing": [1, 1, 1], "bin_width": 50},
    "resampled in plane": {"resampled_pixel_spacing": [1.3, 1.3, 0], "interpolator": "sitkLinear", "pad_distance": 2},
    "cropped": {"pre_crop": True, "pad_distance": 2, "image_types": ["Original", "Wavelet"]},
    "normalised": {"normalize": True, "normalize_scale": 100, "remove_outliers": 2.5, "bin_width": 5},
    "resegmented": {"resegment_range": [-1.5, 1.5], "resegment_mode": "sigma", "resegment_shape": True},
    "slices": {"force_2d": True, "image_types": {"Original": {}, "Wavelet": {}, "LBP2D": {"bin_width": 1}}},
    "redundant": {"feature_classes": {"shape": ["Compactness1", "Elongation"], "firstorder": ["StandardDeviation"]}},
    "wavelets": {"image_types": {"Wavelet": {"level": 2, "start_level": 1, "wavelet": "haar", "binWidth": 60}}},
    "edges": {"image_types": {"LoG": {"sigma": [1.0, 2]}, "Gradient": {"gradient_use_spacing": False}}},
    "pointwise": {"image_types": ["Square", "SquareRoot", "Logarithm", "Exponential", "Original"]},
}
CONFIGURATIONS_2D = {
    "defaults": {},
    "binning": {"bin_count": 16, "distances": [1, 2], "weighting_norm": "infinity"},
    "resampled": {"resampled_pixel_spacing": [0.7, 1.3]},
    "wavelets": {"image_types": {"Wavelet": {}, "Original": {}}},
    "edges": {"image_types": {"LoG": {"sigma": [1.5]}, "Gradient": {}, "LBP2D": {"bin_width": 1, "lbp_2d_radius": 2}}},
    "pointwise": {"image_types": ["Exponential", "Square", "SquareRoot"], "normalize": True, "bin_width": 0.5},
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS_3D)
def test_values_and_order_are_those_of_pyradiomics_in_3d(configuration, volume, direct):
    settings = RadiomicsSettings(**CONFIGURATIONS_3D[configuration])
    expected = direct(*volume, settings.to_pyradiomics())
    found, _ = measured(*volume, settings)
    assert list(found) == list(expected)
    assert found == expected


@pytest.mark.parametrize("configuration", CONFIGURATIONS_2D)
def test_values_and_order_are_those_of_pyradiomics_in_2d(configuration, picture, direct):
    image, mask = picture
    settings = RadiomicsSettings(**CONFIGURATIONS_2D[configuration])
    expected = direct(image, mask, settings.to_pyradiomics(), label=255)
    found, _ = measured(image, mask == 255, settings)
    assert list(found) == list(expected)
    assert found == expected


def test_stored_pixel_types_are_kept(volume, direct):
    image, mask = volume
    settings = RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1), feature_classes=["firstorder", "glcm"])
    rows = []
    for pixel_type in (sitk.sitkInt16, sitk.sitkFloat32, sitk.sitkFloat64):
        cast = sitk.Cast(image, pixel_type)
        found, _ = measured(cast, mask, settings)
        assert found == direct(cast, mask, settings.to_pyradiomics())
        rows.append(found)
    assert rows[0] != rows[1], "resampling an integer image rounds"


def test_shape2d_of_a_single_slice_is_measured_with_force_2d(volume, direct):
    image, mask = volume
    slice_only = sitk.Image(mask)
    slice_only[:, :, :6] = 0
    slice_only[:, :, 7:] = 0
    settings = RadiomicsSettings(force_2d=True, feature_classes=["shape2D", "glcm"])
    found, _ = measured(image, slice_only, settings)
    assert found == direct(image, slice_only, settings.to_pyradiomics())
    err = failing(image, mask, force_2d=True, feature_classes=["shape2D"])
    assert err.code == "E_CONFIG"
    assert "single slice" in err.hint


def test_bright_8_bit_regions_keep_their_grey_levels(picture, direct):
    # With an integer bin width PyRadiomics' upper edge overflows to 255 + 50 - 256 here, and one grey level remains.
    image, mask = picture
    settings = RadiomicsSettings(bin_width=25, feature_classes=["firstorder", "glcm"])
    wide = direct(sitk.Cast(image, sitk.sitkInt16), mask, settings.to_pyradiomics(), label=255)
    found, _ = measured(image, mask == 255, settings)
    assert found == wide
    assert found["original_firstorder_Entropy"] > 3


def test_a_region_that_fills_the_image_is_measured():
    image, _ = block()
    full = sitk.GetImageFromArray(np.ones((8, 9, 10), np.uint8))
    found, _ = measured(image, full, RadiomicsSettings())
    assert found["original_shape_VoxelVolume"] == 720
    assert found["original_firstorder_Mean"] == pytest.approx(float(sitk.GetArrayViewFromImage(image).mean()))


def test_the_same_call_gives_the_same_numbers(volume):
    settings = RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1), image_types={"LoG": {"sigma": [1.0]}})
    assert measured(*volume, settings)[0] == measured(*volume, settings)[0]


def test_neither_log_nor_tolerance_nor_warnings_of_the_process_change(volume, caplog, capfd, recwarn):
    logger = logging.getLogger("radiomics")
    before = (logger.handlers[:], logger.level, logger.propagate)
    tolerance = sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance()
    with caplog.at_level(logging.DEBUG):
        measured(*volume, RadiomicsSettings(geometry_tolerance=1e-3, image_types=["LBP2D"], feature_classes=FIRSTORDER))
    assert (logger.handlers, logger.level, logger.propagate) == before
    assert sitk.ProcessObject.GetGlobalDefaultCoordinateTolerance() == tolerance
    assert not [record for record in caplog.records if record.name.startswith("radiomics")]
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_lbp3d_fails_with_the_reason_when_scipy_has_no_sph_harm(volume, monkeypatch):
    import scipy.special

    monkeypatch.delattr(scipy.special, "sph_harm", raising=False)
    err = failing(*volume, image_types=["Original", "LBP3D"])
    assert err.code == "E_FEATURES_MISSING"
    assert "sph_harm" in err.message


def test_log_on_fewer_than_four_slices_fails_with_the_reason():
    image, mask = block(shape=(3, 12, 12))
    err = failing(image, mask, image_types={"Original": {}, "LoG": {"sigma": [1.0]}})
    assert err.code == "E_FEATURES_MISSING"
    assert "12 x 12 x 3" in err.message


def test_a_log_filter_wider_than_the_image_fails_with_the_reason():
    err = failing(*block(), image_types={"LoG": {"sigma": [1.0, 9.0]}})
    assert err.code == "E_FEATURES_MISSING"
    assert "sigma 9 mm" in err.message


def test_features_that_pyradiomics_could_not_compute_are_an_error():
    image, _ = block()
    scattered = np.zeros((8, 9, 10), np.uint8)
    scattered[1::3, 1::3, 1::3] = 1  # no two voxels touch, so there is nothing to co-occur
    err = failing(image, sitk.GetImageFromArray(scattered), feature_classes=["glcm"])
    assert err.code == "E_FEATURES_MISSING"
    assert "are not finite" in err.message
    assert len(err.details["not_finite"]) > 10


def test_small_regions_are_refused_as_pyradiomics_refuses_them():
    image, _ = block()
    one, line = np.zeros((2, 8, 9, 10), np.uint8)
    one[4, 4, 4] = 1
    line[4, 4, 2:7] = 1
    assert failing(image, sitk.GetImageFromArray(one)).code == "E_ROI_TOO_SMALL"
    assert failing(image, sitk.GetImageFromArray(line)).code == "E_ROI_TOO_SMALL"
    assert failing(*block(), minimum_roi_size=10_000).code == "E_ROI_TOO_SMALL"
    assert failing(*block(), resegment_range=[1e6, 2e6]).code == "E_ROI_TOO_SMALL"


def test_a_region_lost_in_resampling_says_so():
    image, _ = block(shape=(12, 12, 12))
    speck = np.zeros((12, 12, 12), np.uint8)
    speck[4:6, 4:6, 4:6] = 1  # the new grid has its points at 2, 7 and 12
    err = failing(image, sitk.GetImageFromArray(speck), resampled_pixel_spacing=[5, 5, 5], feature_classes=["shape"])
    assert err.code == "E_ROI_LOST_IN_RESAMPLING"
    assert "8 voxels" in err.message


def test_too_many_grey_levels_are_refused_with_a_better_width():
    err = failing(*block(), bin_width=0.01)
    assert err.code == "E_TOO_MANY_BINS"
    assert "A bin width of 12 " in err.hint
    assert failing(*block(), bin_count=1001).code == "E_TOO_MANY_BINS"


def test_too_many_grey_levels_of_a_filtered_image_are_refused_too():
    err = failing(*block(), image_types={"Original": {}, "Gradient": {"bin_width": 0.001}})
    assert err.code == "E_TOO_MANY_BINS"
    assert "'gradient'" in err.message


def test_few_and_many_grey_levels_are_noticed():
    _, few = measured(*block(high=100))
    assert "A bin width of 3" in few["W_BINS_FEW"].hint
    _, many = measured(*block(), RadiomicsSettings(bin_width=1, feature_classes=FIRSTORDER))
    assert "W_BINS_MANY" in many
    assert not measured(*block())[1]


def test_an_image_that_fits_into_one_grey_level_is_refused():
    err = failing(*block(high=1.0))
    assert err.code == "E_ONE_BIN"
    assert "A bin width of 0.031" in err.hint


def test_a_homogeneous_region_of_an_ordinary_image_is_only_noticed():
    image, mask = block()
    values = sitk.GetArrayFromImage(image)
    inside = sitk.GetArrayFromImage(mask) == 1
    values[inside] = np.linspace(101, 120, inside.sum())
    changed = sitk.GetImageFromArray(values)
    assert "W_BINS_FEW" in measured(changed, mask)[1]
    values[inside] = 110
    assert list(measured(sitk.GetImageFromArray(values), mask)[1]) == ["W_FLAT_ROI"]


def test_normalising_a_constant_image_is_refused():
    image, mask = block(low=5, high=5)
    assert failing(image, mask, normalize=True).code == "E_RADIOMICS"


def test_filters_that_divide_by_zero_are_an_error():
    image, mask = block(low=0, high=0)
    err = failing(image, mask, image_types=["Square"])
    assert err.code == "E_NONFINITE_IN_ROI"
    assert "'square'" in err.message


def test_thin_axes_are_padded_for_bspline_and_noticed():
    image, mask = block(shape=(2, 14, 14), margin=3)
    settings = RadiomicsSettings(resampled_pixel_spacing=(0.8, 0.8, 0.8), feature_classes=["firstorder", "shape"])
    rows = [measured(image, mask, settings) for _ in range(5)]
    assert all(row == rows[0][0] for row, _ in rows)
    assert "W_THIN_AXIS" in rows[0][1]
    values = sitk.GetArrayViewFromImage(image)
    assert rows[0][0]["original_firstorder_Maximum"] < values.max() + 200


def test_a_single_slice_gives_the_numbers_of_pyradiomics(direct):
    # With one voxel ITK needs no neighbours along the axis, so the padding must not show.
    image, mask = block(shape=(1, 14, 14), margin=3)
    settings = RadiomicsSettings(resampled_pixel_spacing=(0.8, 0.8, 0), feature_classes=["firstorder", "glcm", "shape"])
    found, findings = measured(image, mask, settings)
    assert found == pytest.approx(direct(image, mask, settings.to_pyradiomics()), rel=1e-6)
    assert "W_THIN_AXIS" in findings


def test_padding_a_thin_axis_leaves_the_region_where_it_is(direct):
    # Along a ramp in x nothing changes with z, so the padded result must equal that of a thick image.
    ramp = np.broadcast_to(np.arange(16.0) * 50, (2, 16, 16)).copy()
    inside = np.zeros(ramp.shape, np.uint8)
    inside[:, 4:12, 5:11] = 1
    settings = RadiomicsSettings(resampled_pixel_spacing=(0.7, 0.7, 0), feature_classes=["firstorder", "glcm", "shape"])
    found, findings = measured(sitk.GetImageFromArray(ramp), sitk.GetImageFromArray(inside), settings)
    thick = [np.concatenate([a, a[-1:] * keep, a[-1:] * keep]) for a, keep in ((ramp, 1), (inside, 0))]
    expected = direct(*map(sitk.GetImageFromArray, thick), settings.to_pyradiomics())
    assert "W_THIN_AXIS" in findings
    assert found == pytest.approx(expected, rel=1e-12)


def test_thin_axes_are_left_alone_where_nothing_is_interpolated_by_bspline(direct):
    image, mask = block(shape=(2, 14, 14), margin=3)
    for settings in (
        RadiomicsSettings(feature_classes=FIRSTORDER),
        RadiomicsSettings(resampled_pixel_spacing=(1, 1, 0), feature_classes=FIRSTORDER),
        RadiomicsSettings(resampled_pixel_spacing=(2, 2, 0), interpolator="sitkLinear", feature_classes=FIRSTORDER),
    ):
        found, findings = measured(image, mask, settings)
        assert found == direct(image, mask, settings.to_pyradiomics())
        assert not findings
