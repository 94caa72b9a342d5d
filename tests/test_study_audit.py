from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.evaluation.audit_table import CHECKS
from hybridrad.run_folder import load_study, save_study


def made_up(n=60, *, seed=0, signal=2.0, size_signal=0.0):
    """Return features and cohort: signal in radiomics, and in size as told; two sites without effect."""
    rng = np.random.default_rng(seed)
    ids, y = [f"{i:03d}" for i in range(n)], np.arange(n) % 2
    columns = {"size__volume_ml": np.exp(rng.normal(size=n) + size_signal * y)}
    columns |= {f"radiomics__f{j}": rng.normal(size=n) + signal * y * (j < 2) for j in range(8)}
    columns |= {f"deep__n_{j:04d}": rng.normal(size=n) for j in range(10)}
    features = pd.DataFrame(columns, index=pd.Index(ids, name="case_id"))
    table = pd.DataFrame({"case_id": ids, "patient_id": ids, "label": y, "age": rng.normal(60, 8, n)})
    table["site"] = np.array(["north", "south"])[np.arange(n) % 4 // 2]
    return features, cohort_from_frame(table, images=False, clinical=["age"])


ARMS = ["size", "clinical", "radiomics", "deep", "hedge"]


def compared(features, cohort, **options):
    models = hr.standard_models(features, clinical=["age"], names=ARMS)
    return hr.compare_models(models, features, cohort, cv=hr.NestedCV(5, 1, 3), explain=False, **options)


@pytest.fixture(scope="module")
def data():
    return made_up()


@pytest.fixture(scope="module")
def study(data):
    return compared(*data)


def test_an_honest_study_passes_whatever_can_be_judged(study, data):
    table = hr.audit(study, *data)
    assert table.index.tolist() == [c for c in CHECKS if "NULL" not in c and c != "A_LABEL_PERMUTATION"]
    assert table.index[table["verdict"] == "cannot be judged"].tolist() == [
        *("A_SAME_IMAGE", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY")
    ]
    assert (table["verdict"] != "fail").all()
    assert table.loc["A_POISONED_TEST", "message"].startswith("5 arms")


def test_without_features_only_the_tables_of_the_study_are_judged(study):
    table = hr.audit(study)
    assert table.index[table["verdict"] == "pass"].tolist() == ["A_PATIENT_FOLDS", "A_SIZE_ONLY"]
    assert table.loc["A_NEAR_DUPLICATE", "hint"] == "Give it: features=... (--features TABLE)."


def test_without_the_cohort_arms_with_clinical_columns_are_left_out(study, data):
    table = hr.audit(study, data[0])
    assert table.loc["A_POISONED_TEST", "message"].startswith("4 arms")
    assert table.loc["A_POISONED_TEST", "message"].endswith("Not refitted: clinical.")
    assert table.loc["A_SITE", "verdict"] == "cannot be judged"


def test_a_study_read_back_from_its_folder_is_audited_alike(study, data, tmp_path):
    save_study(study, tmp_path)
    back = hr.audit(load_study(tmp_path), *data)
    assert_frame_equal(back, hr.audit(study, *data), rtol=1e-9)


def test_a_score_that_size_reaches_alone_fails():
    features, cohort = made_up(signal=0.0, size_signal=2.5)
    assert hr.audit(compared(features, cohort), features, cohort).loc["A_SIZE_ONLY", "verdict"] == "fail"


def test_size_is_fitted_where_the_study_had_no_such_arm(data):
    features, cohort = data
    study = hr.compare_models({"radiomics": hr.BlockModel("radiomics")}, features, cohort, cv=hr.NestedCV(5, 1, 3))
    assert "with size alone" in hr.audit(study, features, cohort).loc["A_SIZE_ONLY", "message"]


@pytest.mark.parametrize(("keep", "verdict"), [(True, "fail"), (False, "pass")])
def test_control_features_that_score_as_well_fail(study, data, keep, verdict):
    features, _ = data
    control = features + 1e-3 if keep else features.sample(frac=1, random_state=0).set_axis(features.index)
    table = hr.audit(study, *data, controls={"shuffled_voxels": control}, model="radiomics")
    assert table.loc["A_SHUFFLED_VOXELS", "verdict"] == verdict


def test_a_control_that_lacks_cases_cannot_be_judged(study, data):
    table = hr.audit(study, *data, controls={"background_only": data[0].iloc[3:]})
    assert "3 cases of the study have no control features" in table.loc["A_BACKGROUND_ONLY", "message"]


def test_permuted_labels_are_asked_for_and_judged(study, data):
    table = hr.audit(study, *data, model="radiomics", permutations=19)
    assert table.loc["A_LABEL_PERMUTATION", ["verdict", "p_value"]].tolist() == ["pass", 0.05]
    assert table.loc["A_NULL_LABELS", "verdict"] == "pass"


def test_arms_of_the_caller_are_audited_when_they_are_given(data):
    features, cohort = data
    own = {"own": LogisticRegression(max_iter=1000)}
    study = hr.compare_models(own, features.drop(columns="size__volume_ml"), cohort, cv=hr.NestedCV(3, 1, 3))
    features = features.drop(columns="size__volume_ml")
    assert "not known" in hr.audit(study, features, cohort).loc["A_POISONED_TEST", "message"]
    assert hr.audit(study, features, cohort, models=own).loc["A_POISONED_TEST", "verdict"] == "pass"


def test_patients_are_audited_as_they_were_scored(data):
    features, cohort = data
    study = compared(features, cohort, unit="patient", aggregate="largest")
    assert hr.audit(study, features, cohort).loc["A_SIZE_ONLY", "verdict"] == "pass"
    assert hr.audit(study).loc["A_SIZE_ONLY", "verdict"] == "pass"


def test_three_classes_are_audited():
    features, cohort = made_up(90)
    table = cohort.table.reset_index().assign(label=np.array(["a", "b", "c"])[np.arange(90) % 3])
    cohort = cohort_from_frame(table, images=False, clinical=["age"])
    found = hr.audit(compared(features, cohort), features, cohort)
    assert found.loc[["A_PATIENT_FOLDS", "A_POISONED_TEST"], "verdict"].tolist() == ["pass", "pass"]


def test_tables_of_another_study_are_refused(study, data):
    features, cohort = data
    with pytest.raises(RunError, match="not those of the study"):
        hr.audit(study, features + 1.0, cohort)
    with pytest.raises(RunError, match="1 cases of the study are not in the feature table"):
        hr.audit(study, features.iloc[1:])


@pytest.mark.parametrize("wrong", [{"model": "hegde"}, {"controls": {"shuffled_voxel": None}}])
def test_unknown_names_are_refused_with_a_guess(study, wrong):
    with pytest.raises(ValueError, match="Did you mean"):
        hr.audit(study, **wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "verdict"), [("radiomics", "pass"), ("volume", "fail")])
def test_controls_tell_texture_from_size_on_images_with_a_known_truth(scenario, verdict, tmp_path):
    cohort = hr.make_cohort(tmp_path, n_patients=60, scenario=scenario, random_state=1)
    classes = {"firstorder": [], "glcm": [], "glrlm": [], "shape": []}
    extractors = [hr.RadiomicsExtractor({"binWidth": 25, "featureClass": classes})]
    run = hr.extract_features(cohort, extractors, store=tmp_path / "run", progress=False)
    controls = {
        name: hr.extract_control(cohort, extractors, control=name, store=tmp_path / name, progress=False).features
        for name in ("shuffled_voxels", "background_only")
    }
    models = hr.standard_models(run.features, names=["size", "radiomics"])
    study = hr.compare_models(models, run.features, cohort, cv=hr.NestedCV(5, 4, 3), explain=False)
    table = hr.audit(study, run.features, cohort, model="radiomics", controls=controls)
    assert set(table.loc[["A_SIZE_ONLY", "A_SHUFFLED_VOXELS", "A_BACKGROUND_ONLY"], "verdict"]) == {verdict}
