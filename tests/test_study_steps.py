from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.run_folder import load_study, save_study
from hybridrad.study_steps import STEP_COLUMNS
from tests.made_up_outcomes import regression_table, survival_table


def made_up(n_patients=60, *, classes=2, sites=None):
    """Return features and cohort: signal in size and radiomics, none in deep."""
    rng = np.random.default_rng(0)
    ids, y = [f"c{i:03d}" for i in range(n_patients)], np.arange(n_patients) % classes
    columns = {"size__volume_ml": rng.normal(size=n_patients) + 0.8 * y}
    columns |= {f"radiomics__{j}": rng.normal(size=n_patients) + 1.2 * y * (j == 0) for j in range(3)}
    columns |= {f"deep__{j}": rng.normal(size=n_patients) for j in range(4)}
    table = pd.DataFrame({"case_id": ids, "label": y})
    if sites is not None:
        table["site"] = np.array(sites)[np.arange(n_patients) // 2 % len(sites)]
    return pd.DataFrame(columns, index=pd.Index(ids, name="case_id")), cohort_from_frame(table, images=False)


def study_of(features, cohort, cv=None, **options):
    models = hr.standard_models(features, names=["size", "radiomics", "priority"])
    return hr.compare_models(models, features, cohort, cv=cv or hr.NestedCV(4, 2, 3), explain=False, **options)


@pytest.fixture(scope="module")
def study():
    return study_of(*made_up())


def test_each_block_has_a_row_in_the_order_of_priority(study):
    assert study.steps.index.tolist() == [("priority", b) for b in ("size", "radiomics", "deep")]
    assert study.steps.columns.tolist() == STEP_COLUMNS
    assert (study.steps["n_folds"] == 8).all()
    assert study.steps.loc[("priority", "size"), "kept_folds"] == 8
    assert np.isnan(study.steps.loc[("priority", "size"), "gain"])


def test_a_block_with_signal_adds_and_noise_does_not(study):
    gain = study.steps["gain"].droplevel("model").astype(float)
    assert gain["radiomics"] > 0.03
    assert abs(gain["deep"]) < 0.03


def test_gains_are_differences_of_the_areas_and_the_last_step_is_the_arm(study):
    auc = study.steps["roc_auc"].astype(float).to_numpy()
    np.testing.assert_allclose(study.steps["gain"].astype(float).to_numpy()[1:], np.diff(auc), atol=1e-12)
    assert auc[-1] == pytest.approx(study.scores.loc[("priority", "roc_auc"), "value"])
    assert auc[0] == pytest.approx(study.scores.loc[("size", "roc_auc"), "value"])


def test_the_last_area_is_that_of_the_stored_predictions_fold_by_fold(study):
    folds = study.predictions.loc["priority"].groupby(level=["repeat", "fold"])
    by_hand = np.mean([roc_auc_score(part["y_true"], part["y_score"]) for _, part in folds])
    assert study.steps["roc_auc"].iloc[-1] == pytest.approx(by_hand)


def test_steps_and_complementarity_come_back_from_the_run_folder(study, tmp_path):
    save_study(study, tmp_path)
    again = load_study(tmp_path)
    assert_frame_equal(again.steps, study.steps, check_dtype=False)
    assert_frame_equal(again.complementarity, study.complementarity)
    assert study.complementarity.index.tolist() == [("size", "radiomics")]


def test_without_a_priority_arm_there_are_no_steps_and_no_file(tmp_path):
    features, cohort = made_up()
    models = hr.standard_models(features, names=["radiomics"])
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), explain=False)
    assert study.steps.empty
    assert study.complementarity.empty
    save_study(study, tmp_path)
    assert not {"steps.csv", "complementarity.csv"} & {p.name for p in tmp_path.iterdir()}
    assert load_study(tmp_path).steps.empty


@pytest.mark.parametrize("unit", ["case", "patient"])
def test_several_classes_and_patient_scores_have_steps_too(unit):
    features, cohort = made_up(classes=3)
    study = study_of(features, cohort, hr.NestedCV(3, 1, 3), unit=unit)
    assert study.steps["roc_auc"].iloc[-1] == pytest.approx(study.scores.loc[("priority", "roc_auc"), "value"])


def test_sites_left_out_have_random_effects_steps():
    study = study_of(*made_up(90, sites=["A", "B", "C"]), hr.LeaveOneSiteOut(inner=3))
    assert study.steps["roc_auc"].iloc[-1] == pytest.approx(study.scores.loc[("priority", "roc_auc"), "value"])
    assert "random effects" in study.steps["method"].iloc[1]


@pytest.fixture(scope="module", params=["regression", "survival"])
def other_task(request):
    features, table = {"regression": regression_table, "survival": survival_table}[request.param]()
    models = hr.standard_models(features, names=["size", "radiomics", "priority"], task=request.param)
    cohort = cohort_from_frame(table, images=False)
    return hr.compare_models(
        models, features, cohort, task=request.param, cv=hr.NestedCV(3, 2, 3), baseline="radiomics", explain=False
    )


def test_values_and_times_have_steps_by_their_primary_metric(other_task, tmp_path):
    steps, metric = other_task.steps, other_task.settings["primary_metric"]
    assert steps.index.tolist() == [("priority", b) for b in ("size", "radiomics", "deep")]
    assert steps.columns.tolist() == [metric if c == "roc_auc" else c for c in STEP_COLUMNS]
    value = steps[metric].astype(float).to_numpy()
    assert value[0] == pytest.approx(other_task.scores.loc[("size", metric), "value"])
    assert value[-1] == pytest.approx(other_task.scores.loc[("priority", metric), "value"])
    np.testing.assert_allclose(steps["gain"].astype(float).to_numpy()[1:], np.diff(value), atol=1e-12)
    assert steps["gain"].astype(float).iloc[1] > 0.1
    save_study(other_task, tmp_path)
    assert_frame_equal(load_study(tmp_path).steps, steps, check_dtype=False)


def test_the_report_of_another_task_names_its_metric(other_task, tmp_path):
    text = hr.write_report(other_task, tmp_path / "report.html").read_text(encoding="utf-8")
    word = {"r2": "R²", "concordance": "Concordance"}[other_task.settings["primary_metric"]]
    assert f"{word} so far (95 % interval)" in text
    assert "Inner loss falls by" in text
    assert "compared with one prediction for all" in text
