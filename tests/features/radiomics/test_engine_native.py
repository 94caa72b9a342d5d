"""The library's own engine against PyRadiomics: the same values, findings and errors for the same case."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridrad.errors import FeatureError
from hybridrad.features.radiomics import engine_native, engine_pyradiomics
from hybridrad.features.radiomics.settings import RadiomicsSettings

pytest.importorskip("radiomics")
pytest.importorskip("hybridrad.features.radiomics._kernels")
PER_IMAGE = ["Square", "SquareRoot", "Logarithm", "Exponential", "Gradient", "Wavelet", "LBP2D"]
ALL_IMAGES = {"Original": {}, "LoG": {"sigma": [1.0, 2]}} | {name: {"bin_width": 20} for name in PER_IMAGE}
REDUNDANT = {
    "shape": ["Compactness1", "Compactness2", "SphericalDisproportion", "Elongation"],
    "shape2D": ["SphericalDisproportion", "Perimeter"],
    "firstorder": ["StandardDeviation", "Mean"],
}
CONFIGURATIONS_3D = {
    "defaults": {},
    "all images": {"image_types": ALL_IMAGES},
    "binning": {"bin_count": 16, "distances": [1, 2], "gldm_a": 1, "voxel_array_shift": 300, "symmetrical_glcm": False},
    "euclidean": {"weighting_norm": "euclidean", "bin_width": 40, "distances": [1, 3]},
    "manhattan": {"weighting_norm": "manhattan"},
    "infinity": {"weighting_norm": "infinity"},
    "no weighting": {"weighting_norm": "no_weighting"},
    "resampled": {"resampled_pixel_spacing": [1, 1, 1], "bin_width": 50, "image_types": ALL_IMAGES},
    "resampled in plane": {"resampled_pixel_spacing": [1.3, 1.3, 0], "interpolator": "sitkLinear", "pad_distance": 2},
    "cropped": {"pre_crop": True, "pad_distance": 2, "image_types": ALL_IMAGES},
    "normalised": {"normalize": True, "normalize_scale": 100, "remove_outliers": 2.5, "bin_width": 5},
    "resegmented": {"resegment_range": [-1.5, 1.5], "resegment_mode": "sigma", "image_types": ALL_IMAGES},
    "shape resegmented": {"resegment_range": [-100, 300], "resegment_shape": True},
    "resegmented by the maximum": {"resegment_range": [0.2], "resegment_mode": "relative"},
    "slices": {"force_2d": True, "image_types": ALL_IMAGES},
    "slices across y": {"force_2d": True, "force_2d_dimension": 1, "distances": [1, 2]},
    "redundant": {"feature_classes": REDUNDANT},
    "wavelets": {"image_types": {"Wavelet": {"level": 2, "start_level": 1, "wavelet": "haar", "binWidth": 60}}},
    "many levels": {"bin_width": 4, "feature_classes": ["firstorder", "glcm", "glrlm"]},
    "small bins for one image": {"image_types": {"Original": {}, "Gradient": {"bin_count": 40, "gldm_a": 2}}},
}
CONFIGURATIONS_2D = {
    "defaults": {},
    "all images": {"image_types": ALL_IMAGES},
    "binning": {"bin_count": 16, "distances": [1, 2], "weighting_norm": "infinity", "symmetrical_glcm": False},
    "resampled": {"resampled_pixel_spacing": [0.7, 1.3], "image_types": ALL_IMAGES},
    "normalised": {"image_types": ["Exponential", "Square", "Original"], "normalize": True, "bin_width": 0.5},
    "redundant": {"feature_classes": REDUNDANT},
}


def run(engine, image, mask, given):
    """Return values by name and codes of findings, or the code of the error."""
    promised = given.promised_columns(image.GetDimension())
    params = given if engine is engine_native else given.to_pyradiomics()
    try:
        values, findings = engine.measure(image, mask, params, promised=promised, case_id="007")
    except FeatureError as err:
        return err.code, None
    return dict(zip(promised, values, strict=True)), [(f.code, f.message, f.hint) for f in findings]


def check(image, mask, given):
    expected, expected_findings = run(engine_pyradiomics, image, mask, given)
    found, findings = run(engine_native, image, mask, given)
    if isinstance(expected, str):
        assert found == expected, "another error"
        return
    assert findings == expected_findings
    assert list(found) == list(expected)
    different = {
        name: (found[name], value)
        for name, value in expected.items()
        if not abs(found[name] - value) <= 1e-8 * abs(value) + 1e-10 * natural_scale(name, expected)
    }
    assert not different


def natural_scale(name, row):
    """What a rounding error of a feature is to be compared with: its terms, where they may cancel out."""
    image, _, feature = name.rpartition("_")[0].rpartition("_")[0], None, name.rpartition("_")[2]
    largest = max((abs(row.get(f"{image}_firstorder_{end}", 0.0)) for end in ("Minimum", "Maximum")), default=0.0)
    if feature in ("Mean", "Median", "10Percentile", "90Percentile", "MeanAbsoluteDeviation"):
        return largest
    if feature == "RobustMeanAbsoluteDeviation" or feature == "InterquartileRange" or feature == "StandardDeviation":
        return largest
    if feature == "Variance":
        return largest**2
    if feature == "ClusterShade":
        return abs(row.get(f"{image}_glcm_ClusterProminence", 1.0)) ** 0.75
    return 1.0


@pytest.mark.parametrize("configuration", CONFIGURATIONS_3D)
def test_values_and_findings_are_those_of_pyradiomics_in_3d(configuration, volume):
    check(*volume, RadiomicsSettings(**CONFIGURATIONS_3D[configuration]))


@pytest.mark.parametrize("pixel_type", [sitk.sitkUInt16, sitk.sitkInt32, sitk.sitkFloat32, sitk.sitkFloat64])
def test_pixel_types_are_kept(volume, pixel_type):
    image, mask = volume
    check(sitk.Cast(image + 700, pixel_type), mask, RadiomicsSettings(image_types=ALL_IMAGES))
    check(sitk.Cast(image + 700, pixel_type), mask, RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1)))


@pytest.mark.parametrize("configuration", CONFIGURATIONS_2D)
def test_values_and_findings_are_those_of_pyradiomics_in_2d(configuration, picture):
    image, mask = picture
    check(image, mask == 255, RadiomicsSettings(**CONFIGURATIONS_2D[configuration]))


def test_shape2d_of_a_single_slice_with_force_2d(volume):
    image, mask = volume
    with_shape = RadiomicsSettings(force_2d=True, feature_classes=["shape2D", "glcm"])
    for first, last in ((6, 7), (6, 8)):
        part = sitk.Image(mask)
        part[:, :, :first] = 0
        part[:, :, last:] = 0
        check(image, part, with_shape)
    check(image, mask, with_shape.replace(force_2d_dimension=2))
    check(image, mask, with_shape.replace(force_2d_dimension=1))


REGIONS = ("scattered", "box", "plane", "line", "voxel", "border", "whole", "holes")


@st.composite
def regions(draw, n_axes):
    shape = tuple(draw(st.integers(5, 11)) for _ in range(n_axes))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    box = np.zeros(shape, bool)
    box[tuple(slice(1, max(3, n - draw(st.integers(1, 3)))) for n in shape)] = True
    kind = draw(st.sampled_from(REGIONS))
    if kind == "scattered":
        inside = rng.random(shape) < draw(st.sampled_from([0.1, 0.3, 0.6]))
    elif kind in ("plane", "line", "voxel"):
        inside = box.copy()
        for axis in range({"plane": 1, "line": n_axes - 1, "voxel": n_axes}[kind]):
            where = [slice(None)] * n_axes
            where[axis] = [i for i in range(shape[axis]) if i != shape[axis] // 2]
            inside[tuple(where)] = False
    elif kind == "border":
        inside = ~box
    elif kind == "whole":
        inside = np.ones(shape, bool)
    else:
        inside = box if kind == "box" else box & (rng.random(shape) < 0.8)
    inside.flat[0] |= not inside.any()
    return inside, rng


@st.composite
def cases(draw, n_axes):
    inside, rng = draw(regions(n_axes))
    kind = draw(st.sampled_from(["wide", "narrow", "two levels", "constant", "negative", "fractions"]))
    values = {
        "wide": lambda: rng.integers(0, 900, inside.shape),
        "narrow": lambda: rng.integers(90, 120, inside.shape),
        "two levels": lambda: rng.integers(0, 2, inside.shape) * 40,
        "constant": lambda: np.where(inside, 50, rng.integers(0, 500, inside.shape)),
        "negative": lambda: rng.integers(-1000, -300, inside.shape),
        "fractions": lambda: rng.normal(0, 80, inside.shape),
    }[kind]()
    dtype = draw(st.sampled_from([np.float32, np.float64] if kind == "fractions" else [np.int16, np.float32]))
    image, mask = sitk.GetImageFromArray(values.astype(dtype)), sitk.GetImageFromArray(inside.astype(np.uint8))
    spacing = [draw(st.sampled_from([0.5, 0.703125, 1.0, 2.5])) for _ in range(n_axes)]
    for each in (image, mask):
        each.SetSpacing(spacing)
    return image, mask


FEW_IMAGES = {"Original": {}, "Wavelet": {}, "LoG": {"sigma": [0.5]}, "Square": {}, "Gradient": {}}
HOW = st.sampled_from(
    [
        {},
        {"image_types": FEW_IMAGES, "bin_width": 20},
        {"bin_count": 8, "minimum_roi_dimensions": 1},
        {"distances": [1, 2], "gldm_a": 1, "symmetrical_glcm": False, "image_types": FEW_IMAGES},
        {"weighting_norm": "euclidean", "minimum_roi_dimensions": 1},
        {"normalize": True, "bin_width": 0.25},
        {"resegment_range": [0, 300], "minimum_roi_size": 8},
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(3), HOW | st.just({"force_2d": True}) | st.just({"resampled_pixel_spacing": [0.9, 0.9, 0]}))
def test_any_region_in_3d_gets_what_pyradiomics_gives_it(case, how):
    check(*case, RadiomicsSettings(**how))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(2), HOW)
def test_any_region_in_2d_gets_what_pyradiomics_gives_it(case, how):
    check(*case, RadiomicsSettings(**how))


def test_the_same_call_gives_the_same_bits(volume):
    how = RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1), normalize=True, bin_width=0.2, image_types=ALL_IMAGES)
    assert run(engine_native, *volume, how) == run(engine_native, *volume, how)


def test_original_wavelet_and_gradient_do_not_depend_on_the_volume_out_of_reach(volume):
    image, mask = volume
    how = RadiomicsSettings(image_types=["Original", "Wavelet", "Gradient"])
    values = sitk.GetArrayFromImage(image)
    inside = np.argwhere(sitk.GetArrayViewFromImage(mask))
    near = np.zeros(values.shape, bool)
    near[tuple(slice(max(0, a - 3), b + 4) for a, b in zip(inside.min(0), inside.max(0), strict=True))] = True
    values[~near] = 30_000
    changed = sitk.GetImageFromArray(values)
    changed.CopyInformation(image)
    assert run(engine_native, changed, mask, how) == run(engine_native, image, mask, how)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"image_types": {"Original": {}, "LoG": {"sigma": [1.0, 90.0]}}}, "E_FEATURES_MISSING"),
        ({"bin_width": 0.01}, "E_TOO_MANY_BINS"),
        ({"bin_count": 1001}, "E_TOO_MANY_BINS"),
        ({"image_types": {"Original": {}, "Gradient": {"bin_width": 0.001}}}, "E_TOO_MANY_BINS"),
        ({"minimum_roi_size": 10_000}, "E_ROI_TOO_SMALL"),
        ({"resegment_range": [1e6, 2e6]}, "E_ROI_TOO_SMALL"),
        ({"resampled_pixel_spacing": [90, 90, 90]}, "E_ROI_LOST_IN_RESAMPLING"),
        ({"force_2d": True, "feature_classes": ["shape2D"]}, "E_CONFIG"),
    ],
    ids=str,
)
def test_errors_have_the_codes_of_the_other_engine(volume, how, code):
    for engine in (engine_native, engine_pyradiomics):
        assert run(engine, *volume, RadiomicsSettings(**how))[0] == code


def test_lbp3d_needs_a_function_scipy_removed_in_pyradiomics_only(volume, monkeypatch):
    import scipy.special

    pytest.importorskip("trimesh")
    monkeypatch.delattr(scipy.special, "sph_harm", raising=False)
    settings = RadiomicsSettings(image_types=["LBP3D"], feature_classes=["firstorder"])
    assert run(engine_pyradiomics, *volume, settings)[0] == "E_FEATURES_MISSING"
    assert list(run(engine_native, *volume, settings)[0]) == settings.promised_columns(3)


def test_intensities_that_filters_cannot_scale_are_an_error(volume):
    _, mask = volume
    zeros = sitk.Image(mask.GetSize(), sitk.sitkInt16)
    zeros.CopyInformation(mask)
    for image_type in ("Square", "Logarithm", "Exponential"):
        for engine in (engine_native, engine_pyradiomics):
            how = RadiomicsSettings(image_types=[image_type])
            assert run(engine, zeros, mask, how)[0] == "E_NONFINITE_IN_ROI"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("image_type", ["Original", "LoG", "Wavelet", "Gradient", "Square", "Logarithm"])
def test_a_value_that_is_not_finite_far_from_the_region_does_what_it_does_in_pyradiomics(image_type, value):
    values = np.random.default_rng(0).normal(300, 80, (60, 30, 30)).astype(np.float32)
    values[58, 28, 28] = value
    inside = np.zeros(values.shape, np.uint8)
    inside[4:9, 5:12, 5:12] = 1
    given = RadiomicsSettings(image_types={image_type: {"sigma": [0.5]} if image_type == "LoG" else {}})
    check(sitk.GetImageFromArray(values), sitk.GetImageFromArray(inside), given)


@pytest.mark.parametrize("spread", [0.0, 1.0, 40.0, 1e14])
@pytest.mark.parametrize("how", [{"bin_count": 8}, {"bin_width": 25}, {"bin_width": 1e13}], ids=str)
def test_intensities_whose_rounding_is_wider_than_their_bins_do_what_they_do_in_pyradiomics(volume, how, spread):
    image, mask = volume
    check(sitk.Cast(image, sitk.sitkFloat64) * spread + 1e17, mask, RadiomicsSettings(**how))


def test_an_engine_that_runs_out_of_memory_says_so(volume, monkeypatch):
    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr(engine_native, "measured_images", exhausted)
    assert run(engine_native, *volume, RadiomicsSettings())[0] == "E_MEMORY"


def test_a_filter_that_fails_is_an_error_of_the_case(volume, monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("ITK said no")

    monkeypatch.setattr(engine_native, "measured_images", failing)
    assert run(engine_native, *volume, RadiomicsSettings())[0] == "E_RADIOMICS"
