from __future__ import annotations

import pickle

import pytest

from hybridrad.errors import RunError
from hybridrad.features.radiomics.settings import RadiomicsSettings

PARAMETER_FILE = """
# written for PyRadiomics
setting:
  binWidth: 10
  label: 1
  interpolator: 'sitkBSpline'
  resampledPixelSpacing: [2, 2, 2]
  weightingNorm:
imageType:
  Original: {}
  LoG:
    sigma: [1.0, 3]
    binWidth: 5
  Wavelet:
featureClass:
  shape:
  firstorder: []
  glcm:
    - 'Contrast'
    - 'Autocorrelation'
"""


@pytest.fixture
def parameter_file(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(PARAMETER_FILE)
    return file


def test_a_parameter_file_is_read_unchanged(parameter_file):
    settings = RadiomicsSettings.from_yaml(parameter_file)
    assert settings.bin_width == 10
    assert settings.resampled_pixel_spacing == (2, 2, 2)
    assert settings.in_force("LoG")["sigma"] == (1.0, 3)
    assert settings.in_force("LoG")["bin_width"] == 5
    assert settings.in_force("Wavelet")["bin_width"] == 10
    assert settings.classes() == {"shape": (), "firstorder": (), "glcm": ("Contrast", "Autocorrelation")}


def test_an_error_in_a_parameter_file_names_the_file(tmp_path):
    file = tmp_path / "ct.yaml"
    file.write_text("setting: {binwidht: 25}")
    said = r"ct\.yaml: setting: unknown setting 'binwidht'\. Did you mean binWidth\?"
    with pytest.raises(RunError, match=said) as caught:
        RadiomicsSettings.from_yaml(file)
    assert caught.value.code == "E_CONFIG"


def test_the_parameters_given_to_pyradiomics_read_back_as_the_same_settings(parameter_file):
    settings = RadiomicsSettings.from_yaml(parameter_file)
    assert RadiomicsSettings.from_dict(settings.to_pyradiomics()).to_pyradiomics() == settings.to_pyradiomics()


def test_pyradiomics_accepts_the_parameters(parameter_file, direct):
    pytest.importorskip("radiomics")
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    from hybridrad.features.radiomics.pyradiomics_import import listen

    with listen():
        extractor = RadiomicsFeatureExtractor(RadiomicsSettings.from_yaml(parameter_file).to_pyradiomics())
    assert extractor.settings["binWidth"] == 10


def test_defaults_are_those_of_pyradiomics():
    pytest.importorskip("radiomics")
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    theirs = RadiomicsFeatureExtractor._getDefaultSettings()
    ours = RadiomicsSettings().to_pyradiomics()["setting"]
    assert {key: ours.get(key) for key in theirs} == theirs


def test_both_spellings_and_both_layouts_mean_the_same():
    sections = {"setting": {"binWidth": 5, "force2D": True}, "imageType": {"LoG": {"sigma": [2.0]}}}
    flat = RadiomicsSettings(bin_width=5, force_2d=True, image_types={"LoG": {"sigma": [2.0]}})
    assert RadiomicsSettings.from_dict(sections) == flat
    assert RadiomicsSettings.from_dict({"binWidth": 5, "force2D": True, "imageType": {"LoG": {"sigma": [2.0]}}}) == flat


def test_an_integer_bin_width_becomes_a_float():
    # PyRadiomics adds it to the largest value of the region in the pixel type, which overflows for integers.
    params = RadiomicsSettings(bin_width=25, image_types={"Square": {"bin_width": 5}}).to_pyradiomics()
    assert isinstance(params["setting"]["binWidth"], float)
    assert isinstance(params["imageType"]["Square"]["binWidth"], float)
    assert isinstance(RadiomicsSettings().to_pyradiomics()["setting"]["binWidth"], float)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bin_width": 0}, "binWidth: .*greater than 0"),
        ({"bin_width": -1.0}, "binWidth: .*greater than 0"),
        ({"bin_width": float("nan")}, "binWidth: .*finite"),
        ({"bin_width": "25"}, "binWidth: .*valid number"),
        ({"bin_width": True}, "binWidth: .*valid number"),
        ({"bin_count": 0}, "binCount"),
        ({"interpolator": "bspline"}, "Did you mean sitkBSpline"),
        ({"interpolator": 11}, "interpolator=11 is not one of"),
        ({"resegment_range": [5, 1]}, "lower value first"),
        ({"resegment_range": [1, 2, 3]}, "resegmentRange: .*at most 2"),
        ({"resegment_range": []}, "resegmentRange: .*at least 1"),
        ({"resegment_mode": "relativ"}, "resegmentMode: .*'relative'"),
        ({"resampled_pixel_spacing": [1]}, "resampledPixelSpacing: .*at least 2"),
        ({"resampled_pixel_spacing": [1, 1, 1, 1]}, "resampledPixelSpacing: .*at most 3"),
        ({"resampled_pixel_spacing": [1, 1, -1]}, "resampledPixelSpacing: .*greater than or equal to 0"),
        ({"resampled_pixel_spacing": [1, 1, 1], "interpolator": None}, "no resampling"),
        ({"sigma": [1.0, -2.0]}, "sigma: .*greater than 0"),
        ({"image_types": ["LoG"]}, "LoG needs sigma"),
        ({"image_types": {"LoG": {"sigma": []}}}, "LoG needs sigma"),
        ({"image_types": {"LoG": {"sigma": [0]}}}, "sigma of image type LoG: .*greater than 0"),
        ({"image_types": {"LoG": {"sigma": 1.0}}}, "sigma of image type LoG: .*list"),
        ({"image_types": {"LoG": {"sigma": [1, 1.0]}}}, "twice"),
        ({"image_types": {"log": {"sigma": [1]}}}, "Did you mean LoG"),
        ({"image_types": {"Wavelet": {"sigma": [1]}}}, "no effect on this image type"),
        ({"image_types": {"Wavelet": {"padDistance": 9}}}, "no effect there"),
        ({"image_types": {"Wavelet": {"binWidht": 9}}}, "Did you mean binWidth"),
        ({"image_types": {"Wavelet": 3}}, "wanted settings or nothing"),
        ({"image_types": "Wavelet"}, "wanted names"),
        ({"wavelet": "coiff1"}, "Did you mean coif1"),
        ({"wavelet": "morl"}, "unknown wavelet"),
        ({"feature_classes": ["GLCM"]}, "Did you mean glcm"),
        ({"feature_classes": {"glcm": ["Contrats"]}}, "Did you mean Contrast"),
        ({"feature_classes": {"glcm": ["Homogeneity1"]}}, "no longer computes Homogeneity1. Id says the same"),
        ({"feature_classes": {"glcm": "Contrast"}}, "wanted a list"),
        ({"weighting_norm": "manhatan"}, "weightingNorm: .*'manhattan'"),
        ({"distances": []}, "distances: .*at least 1"),
        ({"force_2d_dimension": 3}, "force2Ddimension"),
        ({"minimum_roi_dimensions": 4}, "minimumROIDimensions"),
        ({"label": 0}, "label"),
        ({"label_channel": 1}, "several channels"),
        ({"geometry_tolerance": 1000.0}, "mask that lies elsewhere"),
        ({"correct_mask": True}, "other tissue"),
        ({"setting": 3}, "section setting"),
        ({"inputImage": {"Original": {}}}, "unknown section 'inputImage'"),
        ({"voxelSetting": {"kernelRadius": 1}}, "feature maps"),
    ],
)
def test_settings_that_would_be_ignored_or_fail_later_are_refused(given, said):
    with pytest.raises(RunError, match=said) as caught:
        RadiomicsSettings.from_dict(given)
    assert caught.value.code == "E_CONFIG"


def test_tolerances_no_wider_than_the_librarys_own_are_read():
    assert RadiomicsSettings(geometry_tolerance=1e-6, correct_mask=False).geometry_tolerance == 1e-6


def test_numbered_interpolators_are_those_of_pyradiomics_documentation():
    assert RadiomicsSettings(interpolator=3).interpolator == "sitkBSpline"
    assert RadiomicsSettings(interpolator=10).interpolator == "sitkBlackmanWindowedSinc"


def test_settings_are_frozen_and_change_by_copy():
    settings = RadiomicsSettings(bin_width=10)
    with pytest.raises(ValueError, match="frozen"):
        settings.bin_width = 5.0
    changed = settings.replace(force_2d=True)
    assert (changed.bin_width, changed.force_2d, settings.force_2d) == (10, True, False)
    with pytest.raises(RunError, match="Did you mean bin_width"):
        settings.replace(bin_widht=3)


def test_settings_survive_pickling():
    settings = RadiomicsSettings(image_types={"LoG": {"sigma": [1, 2.0]}})
    again = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own bytes
    assert again == settings
    assert again.promised_columns(3) == settings.promised_columns(3)


def test_a_spacing_is_added_and_a_contradiction_is_refused(parameter_file):
    assert RadiomicsSettings().with_spacing((1, 1, 0)).resampled_pixel_spacing == (1, 1, 0)
    settings = RadiomicsSettings.from_yaml(parameter_file)
    assert settings.with_spacing((2, 2, 2)) == settings
    with pytest.raises(RunError, match="1 x 1 x 1 contradicts resampledPixelSpacing 2 x 2 x 2"):
        settings.with_spacing((1, 1, 1))
    with pytest.raises(RunError, match="no resampling"):
        RadiomicsSettings(interpolator=None).with_spacing((1, 1, 1))


def test_default_settings_promise_107_features_in_3d_and_102_in_2d():
    settings = RadiomicsSettings()
    assert len(settings.promised_columns(3)) == 107
    assert len(settings.promised_columns(2)) == 102
    assert settings.promised_columns(2)[0] == "original_shape2D_Elongation"


def test_what_a_dimension_cannot_give_is_refused_if_named_alone():
    for wanted, dimension in [("shape2D", 3), ("shape", 2)]:
        with pytest.raises(RunError, match=f"{wanted} cannot be had from {dimension}D images") as caught:
            RadiomicsSettings(feature_classes=[wanted, "firstorder"]).promised_columns(dimension)
        assert caught.value.code == "E_FEATURES_MISSING"
    with pytest.raises(RunError, match="LBP3D needs 3D"):
        RadiomicsSettings(image_types=["LBP3D"]).promised_columns(2)


def test_with_both_shape_classes_named_each_dimension_takes_its_own():
    settings = RadiomicsSettings(feature_classes={"shape": ["Elongation"], "shape2D": ["Perimeter"]})
    assert settings.promised_columns(3) == ["original_shape_Elongation"]
    assert settings.promised_columns(2) == ["original_shape2D_Perimeter"]
    assert len(settings.replace(force_2d=True).promised_columns(3)) == 2


def test_settings_that_do_not_fit_the_dimension_are_refused():
    with pytest.raises(RunError, match="one axis only"):
        RadiomicsSettings(force_2d=True).promised_columns(2)
    with pytest.raises(RunError, match="3 values and the image has 2 dimensions"):
        RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1)).promised_columns(2)
    with pytest.raises(ValueError, match="dimension must be 2 or 3"):
        RadiomicsSettings().promised_columns(4)
