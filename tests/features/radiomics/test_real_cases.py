"""Real images beside the project: equal to PyRadiomics, and to the values it was released with."""

from __future__ import annotations

import ast

import pandas as pd
import pytest
import SimpleITK as sitk

from hybridrad.features.radiomics.extractor import ENGINES, RadiomicsExtractor
from hybridrad.features.radiomics.settings import RadiomicsSettings

pytest.importorskip("radiomics")
pytest.importorskip("hybridrad.features.radiomics._kernels")
pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize("number", [0, 150, 400])
def test_lung_nodules_equal_pyradiomics(shared_data, direct, number):
    folder = shared_data / "lidc_dev"
    case = pd.read_csv(folder / "cohort.csv").query("size_z >= 4").iloc[number]
    settings = RadiomicsSettings(resampled_pixel_spacing=(1, 1, 1))
    files = [str(folder / case[column]) for column in ("image", "mask")]
    expected = list(direct(*files, settings.to_pyradiomics()).values())
    assert RadiomicsExtractor(settings, engine="pyradiomics").extract_one(*files).to_list() == expected
    assert RadiomicsExtractor(settings).extract_one(*files).to_list() == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("number", [0, 500])
def test_breast_ultrasound_equals_pyradiomics(shared_data, direct, number):
    folder = shared_data / "busbra_dev"
    case = pd.read_csv(folder / "cohort.csv").iloc[number]
    paths = [str(folder / case[column]) for column in ("image", "mask")]
    expected = list(direct(*paths, RadiomicsSettings().to_pyradiomics(), label=255).values())
    assert RadiomicsExtractor(engine="pyradiomics").extract_one(*paths).to_list() == expected
    assert RadiomicsExtractor().extract_one(*paths).to_list() == pytest.approx(expected, rel=1e-8, abs=1e-12)
    assert len(expected) == 102


@pytest.mark.parametrize("engine", ENGINES)
def test_thin_nodules_give_the_same_numbers_every_time(shared_data, engine):
    folder = shared_data / "lidc_dev"
    case = pd.read_csv(folder / "cohort.csv").query("size_z < 4").iloc[0]
    settings = {"resampledPixelSpacing": [1, 1, 1], "featureClass": {"firstorder": None}}
    extractor = RadiomicsExtractor(settings, engine=engine)
    rows = [extractor.extract_one(folder / case["image"], folder / case["mask"]).to_list() for _ in range(3)]
    assert rows[0] == rows[1] == rows[2]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("feature_class", ["firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape"])
def test_values_are_those_pyradiomics_was_released_with(shared_data, feature_class, engine):
    folder = shared_data / "reference" / "pyradiomics_data"
    baseline = pd.read_csv(folder / "baseline" / f"baseline_{feature_class}.csv", index_col=0)
    # The flat region has a bin width wider than the whole image, which is refused here.
    columns = baseline.filter(regex="^brain1").columns
    columns = [column for column in columns if not column.endswith(("flatRegion", "2d"))]
    assert len(columns) >= 2
    # In what comes from the surface mesh PyRadiomics 3.0.1 itself is 0.1 % away from these values of a 2.x version.
    relative = 2e-3 if feature_class == "shape" else 1e-8
    for column in columns:
        settings = ast.literal_eval(baseline.loc["diagnostics_Configuration_Settings", column])
        case = column.split("_")[0]
        extractor = RadiomicsExtractor({"setting": settings, "featureClass": {feature_class: None}}, engine=engine)
        row = extractor.extract_one(folder / f"{case}_image.nrrd", folder / f"{case}_label.nrrd")
        expected = [float(baseline.loc[str(name).removeprefix("radiomics__"), column]) for name in row.index]
        assert row.to_list() == pytest.approx(expected, rel=relative, abs=1e-12), column


def test_a_region_in_memory_equals_the_same_region_from_files(shared_data):
    folder = shared_data / "reference" / "pyradiomics_data"
    paths = [folder / "brain1_image.nrrd", folder / "brain1_label.nrrd"]
    extractor = RadiomicsExtractor({"featureClass": ["firstorder", "shape"]})
    in_memory = extractor.extract_one(*[sitk.ReadImage(str(path)) for path in paths])
    pd.testing.assert_series_equal(in_memory, extractor.extract_one(*paths))
