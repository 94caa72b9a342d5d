from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import FeatureError
from hybridrad.features.radiomics.case_checks import CaseChecks
from hybridrad.features.radiomics.native.prepare import prepare
from hybridrad.features.radiomics.settings import RadiomicsSettings

SHAPE = (10, 14, 16)


def prepared(inside=(slice(3, 6), slice(4, 9), slice(5, 11)), values=None, **settings):
    if values is None:
        values = np.random.default_rng(0).integers(-500, 900, size=SHAPE).astype(np.int16)
    drawn = np.zeros(values.shape, np.uint8)
    drawn[inside] = 1
    checks = CaseChecks("007")
    pair = map(sitk.GetImageFromArray, (values, drawn))
    return prepare(*pair, RadiomicsSettings(**settings), checks), checks


def failing(*given, **settings):
    with pytest.raises(FeatureError) as caught:
        prepared(*given, **settings)
    assert (caught.value.case_id, caught.value.stage) == ("007", "radiomics")
    return caught.value


def test_without_settings_the_image_stays_whole_and_the_box_is_that_of_the_region():
    case, checks = prepared()
    assert case.box == (slice(3, 6), slice(4, 9), slice(5, 11))
    assert case.values.shape == SHAPE
    assert case.values.dtype == np.int16
    assert case.inside.all()
    assert case.inside_for_shape is case.inside
    assert not checks.findings


def test_cropping_leaves_a_margin_as_far_as_the_image_reaches():
    case, _ = prepared(pre_crop=True, pad_distance=4)
    assert case.values.shape == (10, 13, 14)
    assert case.box == (slice(3, 6), slice(4, 9), slice(4, 10))
    whole, _ = prepared()
    np.testing.assert_array_equal(case.values[case.box], whole.values[whole.box])


def test_a_spacing_the_image_already_has_only_crops():
    case, _ = prepared(resampled_pixel_spacing=[1, 0, 1], pad_distance=2)
    assert case.values.shape == (7, 9, 10)


def test_resegmentation_shrinks_the_box_of_the_shape_too_but_not_the_region_in_it():
    values = np.zeros(SHAPE, np.int16)
    values[4, 5:8, 6:9] = 100
    values[4, 6, 7] = 0
    case, _ = prepared(values=values, resegment_range=[50, 150])
    assert case.box == (slice(4, 5), slice(5, 8), slice(6, 9))
    assert (case.inside.sum(), case.inside_for_shape.sum()) == (8, 9)
    case, _ = prepared(values=values, resegment_range=[50, 150], resegment_shape=True)
    assert case.inside_for_shape.sum() == 8


def test_regions_that_are_or_become_too_small_are_refused():
    assert failing((4, 4, 4)).code == "E_ROI_TOO_SMALL"
    assert "1 of 2 wanted dimensions" in failing((4, 4, slice(2, 7))).message
    prepared((4, 4, slice(2, 7)), minimum_roi_dimensions=1)
    assert failing((4, slice(2, 5), slice(2, 7)), minimum_roi_dimensions=3).code == "E_ROI_TOO_SMALL"
    assert "90 voxels; more than 90" in failing(minimum_roi_size=90).message
    prepared(minimum_roi_size=89)
    assert "left 0 of 90" in failing(resegment_range=[5000, 6000]).message
    assert failing((4, 4, slice(2, 7)), pre_crop=True).code == "E_ROI_TOO_SMALL"


def test_a_region_lost_in_resampling_says_so():
    err = failing((slice(4, 6),) * 3, resampled_pixel_spacing=[5, 5, 5])
    assert err.code == "E_ROI_LOST_IN_RESAMPLING"
    assert "8 voxels" in err.message


def test_thin_axes_are_padded_for_bspline_and_noticed():
    values = np.random.default_rng(0).integers(0, 200, size=(2, 14, 14)).astype(np.int16)
    thin = (slice(0, 2), slice(4, 10), slice(4, 10))
    cases = [prepared(thin, values, resampled_pixel_spacing=[0.8, 0.8, 0.8]) for _ in range(3)]
    assert [finding.code for finding in cases[0][1].findings] == ["W_THIN_AXIS"]
    for case, _ in cases[1:]:
        np.testing.assert_array_equal(case.values, cases[0][0].values)
    linear = prepared(thin, values, resampled_pixel_spacing=[0.8, 0.8, 0.8], interpolator="sitkLinear")
    assert not linear[1].findings


def test_normalising_a_constant_image_is_refused():
    assert failing(values=np.full(SHAPE, 5, np.int16), normalize=True).code == "E_RADIOMICS"


def test_a_log_filter_needs_an_image_that_is_large_enough():
    err = failing((slice(1, 3), slice(4, 8), slice(4, 8)), np.zeros((3, 12, 12)), image_types={"LoG": {"sigma": [1.0]}})
    assert (err.code, "12 x 12 x 3" in err.message) == ("E_FEATURES_MISSING", True)
    assert "sigma 30 mm" in failing(image_types={"LoG": {}}, sigma=[1, 30]).message
