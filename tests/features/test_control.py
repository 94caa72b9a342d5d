from __future__ import annotations

import copy

import pytest

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.features.control import CONTROL_NAMES, ControlExtractor, extract_control
from hybridrad.features.runner import extract_features
from hybridrad.imaging.controls import CONTROLS
from tests.features.stand_ins import BatchedSum, MeanInRoi


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return hr.make_cohort(tmp_path_factory.mktemp("cohort"), n_patients=3, random_state=0)


def both(tmp_path):
    return [MeanInRoi(trace=str(tmp_path / "trace")), BatchedSum()]


def test_the_names_are_those_of_the_controls():
    assert tuple(CONTROLS) == CONTROL_NAMES


@pytest.mark.parametrize("control", CONTROL_NAMES)
def test_a_control_run_gives_the_same_columns_and_cases(cohort, tmp_path, control):
    real = extract_features(cohort, both(tmp_path), store=tmp_path / "run", progress=False)
    run = extract_control(cohort, both(tmp_path), control=control, store=tmp_path / "control", progress=False)
    assert run.features.columns.equals(real.features.columns)
    assert run.features.index.equals(real.features.index)
    mean, deep = "radiomics__mean_3d", "deep__sum"
    if control == "shuffled_voxels":
        assert run.features[mean].to_numpy() == pytest.approx(real.features[mean].to_numpy())
    else:  # lung instead of soft tissue
        assert (run.features[mean] < real.features[mean] - 200).all()
        assert (run.features[deep] < real.features[deep]).all()
    assert run.features["size__volume_ml"].equals(real.features["size__volume_ml"])
    assert run.extractors[0]["control"] == {"kind": control, "random_state": 0}


def test_rows_of_a_control_are_never_mixed_with_real_ones(cohort, tmp_path):
    extract_features(cohort, both(tmp_path), store=tmp_path / "run", progress=False)
    with pytest.raises(RunError, match="extracted with other settings"):
        extract_control(cohort, both(tmp_path), control="shuffled_voxels", store=tmp_path / "run", progress=False)


def test_it_travels_to_worker_processes():
    # A deep copy asks for the same state as a pickle does.
    again = copy.deepcopy(ControlExtractor(BatchedSum(), "background_only", random_state=3))
    assert (again.name, again.batched, again.batch_size, again.random_state) == ("deep", True, 3, 3)


def test_an_unknown_control_is_refused_with_a_guess():
    with pytest.raises(ValueError, match="Did you mean shuffled_voxels"):
        ControlExtractor(BatchedSum(), "shuffled_voxel")
