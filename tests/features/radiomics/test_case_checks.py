from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.errors import FeatureError
from hybridrad.features.radiomics.case_checks import CaseChecks, interpolates


def looked_at(values, *, name="original", bin_width=25.0, bin_count=None, whole=None):
    checks = CaseChecks("007")
    values = np.asarray(values)
    whole = np.arange(0.0, 1000.0) if whole is None else whole
    checks.check_intensities(values, name, bin_width=bin_width, bin_count=bin_count, whole=whole)
    return [finding.code for finding in checks.findings]


def refused(*given, **settings):
    with pytest.raises(FeatureError) as caught:
        looked_at(*given, **settings)
    assert (caught.value.case_id, caught.value.stage) == ("007", "radiomics")
    return caught.value


def test_ordinary_intensities_are_no_finding():
    assert looked_at(np.linspace(0, 800, 50)) == []


def test_few_many_and_equal_intensities_are_noted_for_the_original_image_only():
    few, many, flat = np.linspace(0, 60, 9), np.linspace(0, 9000, 900), np.full(9, 3.0)
    assert [looked_at(each) for each in (few, many, flat)] == [["W_BINS_FEW"], ["W_BINS_MANY"], ["W_FLAT_ROI"]]
    assert [looked_at(each, name="gradient") for each in (few, many, flat)] == [[], [], []]
    assert looked_at(few, bin_count=4) == []


def test_intensities_that_are_not_finite_and_too_many_levels_are_refused_in_every_image():
    assert refused([1.0, np.nan], name="square").code == "E_NONFINITE_IN_ROI"
    err = refused([0.0, 1e6], name="square")
    assert (err.code, err.details) == ("E_TOO_MANY_BINS", {"image": "square", "grey_levels": 40001})
    assert refused([0.0, 1.0], bin_count=1001).hint == "Use fewer bins."


def test_a_width_that_swallows_the_whole_image_is_refused_and_one_that_swallows_the_region_is_not():
    region = np.linspace(1, 20, 9)
    assert refused(region, whole=np.array([0.0, 90.0, np.nan])).code == "E_ONE_BIN"
    assert looked_at(region) == ["W_BINS_FEW"]


def test_a_constant_image_cannot_be_normalised():
    with pytest.raises(FeatureError, match="all intensities of the image are 4"):
        CaseChecks("007").refuse_constant(sitk.Image([3, 3], sitk.sitkInt16) + 4)


def test_a_thin_axis_is_padded_once_and_noted():
    checks, mask = CaseChecks("007"), sitk.Image([6, 6, 2], sitk.sitkUInt8)
    assert checks.pad_for_bspline(sitk.Image([6, 6, 2], sitk.sitkInt16), mask).GetSize() == (6, 6, 4)
    assert [finding.code for finding in checks.findings] == ["W_THIN_AXIS"]


def test_a_region_of_which_nothing_is_left_is_refused():
    before, after = sitk.Image([4, 4], sitk.sitkUInt8) + 1, sitk.Image([2, 2], sitk.sitkUInt8)
    with pytest.raises(FeatureError, match="16 voxels of 1 x 1 and none"):
        CaseChecks("007").refuse_lost_region(before, after)
    CaseChecks("007").refuse_lost_region(before, before)


def test_interpolation_is_foreseen_as_pyradiomics_decides_it():
    image, mask = sitk.Image([10, 9, 6], sitk.sitkInt16), sitk.Image([10, 9, 6], sitk.sitkUInt8)
    mask[2:8, 2:7, 2:4] = 1
    assert not interpolates(image, mask, (1, 1, 1))
    assert not interpolates(image, mask, (0, 1, 0))
    assert interpolates(image, mask, (1, 1, 2))
    mask[:, :, 3:] = 0
    assert not interpolates(image, mask, (1, 1, 2))
