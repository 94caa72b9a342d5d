from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from hybridrad.errors import FeatureError, ImageError, MissingDependencyError, RunError
from hybridrad.features.radiomics.extractor import ENGINES, RadiomicsExtractor
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.imaging.roi import read_roi

pytest.importorskip("radiomics")
pytest.importorskip("hybridrad.features.radiomics._kernels")
MEANS = {"featureClass": {"firstorder": ["Mean", "Entropy"]}}


def test_a_row_has_the_promised_columns_and_the_name_of_the_case(volume):
    row = RadiomicsExtractor().extract_one(*volume, case_id="007")
    assert list(row.index) == RadiomicsExtractor().columns(3)
    assert row.index.str.startswith("radiomics__original_").all()
    assert (len(row), row.name, row.dtype) == (107, "007", np.float64)


@pytest.mark.parametrize("engine", ENGINES)
def test_values_from_files_are_those_of_pyradiomics(engine, volume, picture, direct, tmp_path):
    for (image, mask), suffix, label in [(volume, ".nii.gz", 1), (volume, ".nrrd", 1), (picture, ".png", 255)]:
        paths = [str(tmp_path / f"{name}{suffix}") for name in ("image", "mask")]
        sitk.WriteImage(image, paths[0])
        sitk.WriteImage(mask, paths[1])
        row = RadiomicsExtractor(engine=engine).extract_one(*paths)
        expected = list(direct(*paths, RadiomicsSettings().to_pyradiomics(), label=label).values())
        assert row.to_list() == (expected if engine == "pyradiomics" else pytest.approx(expected, rel=1e-8))


def test_settings_come_from_an_object_a_mapping_or_a_file(volume, tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(json.dumps(MEANS | {"setting": {"binWidth": 7}}))
    settings = RadiomicsSettings(bin_width=7, feature_classes=MEANS["featureClass"])
    given = (file, str(file), MEANS | {"binWidth": 7}, settings)
    rows = [RadiomicsExtractor(each).extract_one(*volume) for each in given]
    for row in rows[1:]:
        pd.testing.assert_series_equal(row, rows[0])
    with pytest.raises(TypeError, match="settings must be"):
        RadiomicsExtractor(3)


def test_the_block_takes_the_name_of_the_extractor():
    assert RadiomicsExtractor(MEANS, name="radiomics_adc").columns(2)[0] == "radiomics_adc__original_firstorder_Mean"
    with pytest.raises(RunError, match="name"):
        RadiomicsExtractor(name="a__b")


def test_an_engine_that_is_not_there_is_refused():
    with pytest.raises(RunError, match="engine='ibsi' is not one of native, pyradiomics") as caught:
        RadiomicsExtractor(engine="ibsi")
    assert caught.value.code == "E_CONFIG"


def test_an_extractor_survives_pickling(volume):
    extractor = RadiomicsExtractor(MEANS)
    again = pickle.loads(pickle.dumps(extractor))  # noqa: S301 - our own bytes
    pd.testing.assert_series_equal(again.extract_one(*volume), extractor.extract_one(*volume))
    assert again.describe() == extractor.describe()


def test_the_description_is_json_and_names_settings_and_versions():
    given = {"bin_width": 7, "image_types": ["Square", "LBP2D"]}
    for engine, package in (("native", "hybridrad"), ("pyradiomics", "pyradiomics")):
        described = RadiomicsExtractor(given, engine=engine).describe()
        assert json.loads(json.dumps(described)) == described
        assert described["engine"] == engine
        assert described["settings"]["setting"]["binWidth"] == 7
        assert set(described["versions"]) == {package, "SimpleITK", "numpy", "PyWavelets", "scikit-image"}
    assert described["notes"][0].startswith("N_FILTER_WHOLE_IMAGE: Square use")


def test_the_description_does_not_depend_on_settings_without_effect():
    assert RadiomicsExtractor({"geometryTolerance": 1e-4}).describe() == RadiomicsExtractor().describe()
    assert RadiomicsExtractor({"binWidth": 24}).describe() != RadiomicsExtractor().describe()


def test_without_pyradiomics_one_sentence_says_how_to_get_it(volume, monkeypatch):
    import sys
    from importlib.metadata import PackageNotFoundError

    def absent(package):
        raise PackageNotFoundError(package)

    monkeypatch.setitem(sys.modules, "radiomics", None)
    monkeypatch.delitem(sys.modules, "radiomics.featureextractor", raising=False)
    monkeypatch.setattr("hybridrad.features.radiomics.extractor.version", absent)
    extractor = RadiomicsExtractor(engine="pyradiomics")
    for call in (lambda: extractor.extract_one(*volume), extractor.describe):
        with pytest.raises(MissingDependencyError, match=r"no-build-isolation pyradiomics==3\.0\.1"):
            call()


def test_without_the_compiled_kernels_one_sentence_names_the_other_engine(volume, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "hybridrad.features.radiomics._kernels", None)
    for call in (lambda: RadiomicsExtractor().extract_one(*volume), RadiomicsExtractor().describe):
        with pytest.raises(MissingDependencyError, match=r"engine=.pyradiomics."):
            call()
    assert len(RadiomicsExtractor(MEANS, engine="pyradiomics").extract_one(*volume)) == 2


def test_a_label_of_the_settings_chooses_the_region(volume):
    image, mask = volume
    two = sitk.Image(mask)
    two[9:13, 9:13, 5:8] = 2
    small = RadiomicsExtractor({"label": 2, "featureClass": {"shape": ["VoxelVolume"]}})
    assert small.extract_one(image, two).iloc[0] == pytest.approx(48 * 0.8 * 0.9 * 1.5)
    with pytest.raises(FeatureError, match="label 2 and the region was read from label 1"):
        small.extract(read_roi(image, two, case_id="007", mask_label=1))


def test_colour_is_measured_by_a_named_channel_only(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, size=(20, 20, 3)).astype(np.uint8)
    image = sitk.GetImageFromArray(colours, isVector=True)
    mask = sitk.GetImageFromArray(np.pad(np.ones((12, 12), np.uint8), 4))
    with pytest.raises(ImageError) as caught:
        RadiomicsExtractor(MEANS).extract_one(image, mask)
    assert caught.value.code == "E_IMAGE_COLOUR"
    red = RadiomicsExtractor(MEANS, channel=0).extract_one(image, mask)
    assert red.iloc[0] == pytest.approx(colours[4:16, 4:16, 0].mean())
    grey = RadiomicsExtractor(MEANS, channel="luminance").extract_one(image, mask)
    assert grey.iloc[0] == pytest.approx((colours[4:16, 4:16] @ [0.299, 0.587, 0.114]).mean())


def test_resampling_to_millimetres_needs_a_spacing(picture, tmp_path):
    paths = [tmp_path / "image.png", tmp_path / "mask.png"]
    for image, path in zip(picture, paths, strict=True):
        sitk.WriteImage(image, str(path))
    with pytest.raises(FeatureError) as caught:
        RadiomicsExtractor(MEANS | {"resampled_pixel_spacing": [1, 1]}).extract_one(*paths)
    assert caught.value.code == "E_NO_SPACING"
    assert len(RadiomicsExtractor(MEANS | {"resampled_pixel_spacing": [0, 0]}).extract_one(*paths)) == 2


def test_settings_that_do_not_fit_the_dimension_fail_the_case(picture):
    with pytest.raises(FeatureError, match="3 values and the image has 2 dimensions"):
        RadiomicsExtractor(MEANS | {"resampled_pixel_spacing": [1, 1, 1]}).extract_one(*picture)
    with pytest.raises(FeatureError) as caught:
        RadiomicsExtractor({"featureClass": ["shape"]}).extract_one(*picture)
    assert caught.value.code == "E_FEATURES_MISSING"


def test_a_row_does_not_depend_on_what_was_measured_before(volume, picture):
    extractor = RadiomicsExtractor({"imageType": {"Original": {}, "Wavelet": {}}})
    alone = extractor.extract_one(*volume)
    RadiomicsExtractor({"binWidth": 3, "normalize": True}).extract_one(*picture)
    pd.testing.assert_series_equal(extractor.extract_one(*volume), alone)
