from __future__ import annotations

import pytest
from pandas.testing import assert_frame_equal

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.study_curves import curves_of_study
from tests.made_up_run import study_and_data

FEW = {"sizes": [16, 40], "draws": 2, "n_bootstrap": 20}


@pytest.fixture(scope="module")
def data():
    return study_and_data(clinical=("age",))


def test_the_curves_are_those_of_the_arms_of_the_study(data):
    study, features, cohort = data
    found = curves_of_study(study, features, cohort, **FEW)
    models = hr.standard_models(features, clinical=["age"], names=["size", "radiomics", "clinical"])
    wanted = hr.learning_curves(models, features, cohort, inner=3, **FEW)
    assert_frame_equal(found.points, wanted.points)
    assert found.settings["not_refitted"] == []
    assert found.settings["study"]["data_sha256"] == study.settings["data_sha256"]


def test_without_the_cohort_arms_with_clinical_columns_are_left_out_and_named(data):
    study, features, _ = data
    found = curves_of_study(study, features, **FEW)
    assert found.points.index.unique("model").tolist() == ["size", "radiomics"]
    assert found.settings["not_refitted"] == ["clinical"]


def test_one_arm_can_be_asked_for(data):
    study, features, _ = data
    assert curves_of_study(study, features, models=["size"], **FEW).points.index.unique("model").tolist() == ["size"]


@pytest.mark.parametrize(
    ("models", "match"), [(["sise"], "no arm 'sise'.*'size'"), (["clinical"], "cannot be made again.*clinical")]
)
def test_arms_that_cannot_be_refitted_are_refused(models, match, data):
    study, features, _ = data
    with pytest.raises(RunError, match=match):
        curves_of_study(study, features, models=models, **FEW)


def test_other_features_are_refused(data):
    study, features, cohort = data
    with pytest.raises(RunError, match="not those of the study"):
        curves_of_study(study, features + 1.0, cohort, **FEW)


def test_the_same_seed_gives_the_same_curves_twice_and_another_seed_others(data):
    study, features, _ = data
    first, again, other = (curves_of_study(study, features, random_state=seed, **FEW).points for seed in (3, 3, 4))
    assert_frame_equal(first, again)
    assert not first["value"].equals(other["value"])
