from __future__ import annotations

import pytest

from hybridrad.features.radiomics.columns import FEATURES, IMAGE_TYPES, ON_REQUEST, RETIRED, image_names


def test_the_names_are_those_of_the_installed_pyradiomics_in_its_order():
    radiomics = pytest.importorskip("radiomics")
    for name, feature_class in radiomics.getFeatureClasses().items():
        theirs = feature_class.getFeatureNames()
        assert list(FEATURES[name]) == [feature for feature, deprecated in theirs.items() if not deprecated]
        redundant = {feature for feature, deprecated in theirs.items() if deprecated}
        assert redundant == {*ON_REQUEST.get(name, ()), *RETIRED.get(name, {})}
    assert set(FEATURES) == set(radiomics.getFeatureClasses())


def test_the_image_types_are_those_of_the_installed_pyradiomics():
    radiomics = pytest.importorskip("radiomics")
    assert sorted(IMAGE_TYPES) == sorted(radiomics.getImageTypes())


def test_deeper_wavelet_levels_are_numbered_and_only_the_last_keeps_its_approximation():
    names = image_names("Wavelet", dimension=2, settings={"level": 2, "force_2d": False})
    assert names == [
        *("wavelet-LH", "wavelet-HL", "wavelet-HH"),
        *("wavelet2-LH", "wavelet2-HL", "wavelet2-HH", "wavelet2-LL"),
    ]


def test_a_width_keeps_the_form_in_which_it_was_written():
    names = image_names("LoG", dimension=3, settings={"sigma": (1, 1.5, 10.0)})
    assert names == ["log-sigma-1-mm-3D", "log-sigma-1-5-mm-3D", "log-sigma-10-0-mm-3D"]
