from __future__ import annotations

import copy
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hybridrad as hr
from hybridrad.features.repeats import PerturbedExtractor, extract_repeats
from hybridrad.features.runner import extract_features
from hybridrad.imaging.perturb import Perturbation
from tests.features.stand_ins import BatchedSum, MeanInRoi

DOCS = Path(__file__).resolve().parents[2] / "docs" / "steps.md"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return hr.make_cohort(tmp_path_factory.mktemp("cohort"), n_patients=3, random_state=0)


def both(tmp_path):
    return [MeanInRoi(trace=str(tmp_path / "trace")), BatchedSum()]


def test_there_is_a_row_for_each_case_and_repetition_and_the_first_is_the_real_one(cohort, tmp_path):
    real = extract_features(cohort, both(tmp_path), store=tmp_path / "run", progress=False)
    repeats = extract_repeats(
        cohort,
        both(tmp_path),
        Perturbation(noise=1.0, growth_voxels=1),
        repetitions=2,
        store=tmp_path / "r",
        progress=False,
    )
    assert repeats.features.index.names == ["case_id", "repetition"]
    assert repeats.features.index.tolist() == [(c, r) for c in real.features.index for r in range(3)]
    assert list(repeats.features.columns) == ["radiomics__mean_3d", "radiomics__sd", "deep__sum"]
    pd.testing.assert_frame_equal(repeats.features.xs(0, level="repetition"), real.features[repeats.features.columns])
    assert (repeats.features.groupby("case_id").nunique() == 3).all(axis=None)
    assert [e["perturbation"] and e["perturbation"]["repetition"] for e in repeats.extractors] == [
        None,
        None,
        1,
        1,
        2,
        2,
    ]


def test_the_same_seed_gives_the_same_table_and_another_another(cohort, tmp_path):
    def table(folder, **options):
        found = extract_repeats(
            cohort,
            [BatchedSum()],
            Perturbation(noise=1.0),
            repetitions=1,
            store=tmp_path / folder,
            progress=False,
            **options,
        )
        return found.features

    assert table("a").equals(table("b"))
    assert not table("a").equals(table("c", random_state=1))


def test_a_case_that_one_perturbation_breaks_is_a_row_of_failures(cohort, tmp_path):
    repeats = extract_repeats(
        cohort, [BatchedSum()], Perturbation(growth_voxels=200), repetitions=2, store=tmp_path, progress=False
    )
    lost = set(repeats.failures.index.get_level_values("case_id"))
    assert lost
    assert not lost & set(repeats.features.index.get_level_values("case_id"))
    assert set(repeats.failures["code"]) == {"E_MASK_EMPTY"}


def test_the_icc_filter_keeps_what_comes_out_alike(tmp_path):
    cohort = hr.make_cohort(tmp_path / "cohort", n_patients=8, random_state=0)
    radiomics = hr.RadiomicsExtractor({"featureClass": {"firstorder": ["Mean", "Minimum"], "shape": ["VoxelVolume"]}})
    repeats = extract_repeats(
        cohort, [radiomics], Perturbation(contour_voxels=0.5), repetitions=3, store=tmp_path / "repeats", progress=False
    ).features
    X = repeats.xs(0, level="repetition")
    kept = hr.ICCFilter(repeats=repeats).fit(X)
    assert kept.n_repeated_ == 8
    icc = dict(zip(X.columns, kept.icc_, strict=True))
    assert icc["radiomics__original_shape_VoxelVolume"] > 0.9
    assert icc["radiomics__original_firstorder_Minimum"] < 0.5  # one voxel of lung at the rim decides it
    trained = hr.ICCFilter(repeats=repeats).fit(X.iloc[:5])
    assert trained.n_repeated_ == 5


def test_the_identity_is_refused_for_it_would_repeat_nothing(cohort, tmp_path):
    with pytest.raises(ValueError, match="the perturbation is none"):
        extract_repeats(cohort, [BatchedSum()], Perturbation(), store=tmp_path, progress=False)


def test_it_travels_to_worker_processes():
    again = copy.deepcopy(PerturbedExtractor(BatchedSum(), Perturbation(noise=2.0), 3, random_state=5))
    assert (again.name, again.batched, again.repetition, again.random_state) == ("deep~3", True, 3, 5)
    assert again.columns(3) == ["deep~3__sum"]
    assert again.describe()["name"] == "deep~3"


def test_the_example_in_the_documentation_runs_from_images_to_a_study(tmp_path, monkeypatch):
    (example,) = re.findall(r"```python\n(# Repeated extractions.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(example, names)
    study, repeats = names["study"], names["repeats"]
    assert {"radiomics", "radiomics_stable"} == set(study.predictions.index.unique("model"))
    assert np.isfinite(study.scores.loc[("radiomics_stable", "roc_auc"), "value"])
    assert repeats.failures.empty
