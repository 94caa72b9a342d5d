from __future__ import annotations

import importlib.util

import pytest
import SimpleITK as sitk

from hybridrad.errors import FeatureError
from hybridrad.features.radiomics.requirements import check_filter_packages, check_log_size


def test_filters_that_need_nothing_pass():
    check_filter_packages({"Original": {}, "LoG": {}}, case_id="007", pyradiomics=True)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FeatureError, match="LBP2D needs scikit-image") as caught:
        check_filter_packages({"LBP2D": {}}, case_id="007", pyradiomics=False)
    assert caught.value.code == "E_FEATURES_MISSING"


@pytest.mark.parametrize(("size", "sigma", "fits"), [(4, 3, True), (4, 3.1, False), (3, 1, False), (20, 5, True)])
def test_log_needs_a_long_enough_image(size, sigma, fits):
    image = sitk.Image([30, 30, size], sitk.sitkInt16)
    if fits:
        check_log_size(image, {"sigma": [sigma]}, general_sigma=[], case_id="007")
    else:
        with pytest.raises(FeatureError, match=f"30 x 30 x {size}"):
            check_log_size(image, {"sigma": [sigma]}, general_sigma=[], case_id="007")


def test_the_general_sigma_counts_where_log_has_none_of_its_own():
    image = sitk.Image([9, 9, 9], sitk.sitkInt16)
    with pytest.raises(FeatureError, match="sigma 20 mm"):
        check_log_size(image, {}, general_sigma=[20], case_id="007")
    check_log_size(image, None, general_sigma=[20], case_id="007")
