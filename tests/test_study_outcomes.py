"""Values and the time to an event through the one call that compares models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.evaluation.survival_metrics import concordance
from hybridrad.run_folder import load_study, save_study
from tests.made_up_outcomes import (
    StandInRegressor,
    regression_table,
    stand_in_arms,
    stand_in_roles,
    survival_table,
)

CV = hr.NestedCV(outer=3, repeats=2, inner=3)


def compared(task, features, table, **options):
    cohort = cohort_from_frame(table, images=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hybridrad.models.standard.describe_arm", stand_in_roles)
        options = {"cv": CV, "task": "auto" if task == "survival" else task, "baseline": "deep", **options}
        return hr.compare_models(stand_in_arms(task), features, cohort, **options)


@pytest.fixture(scope="module")
def of_survival():
    return compared("survival", *survival_table())


@pytest.fixture(scope="module")
def of_values():
    return compared("regression", *regression_table())


def test_survival_is_found_by_its_columns_and_scored_by_concordance(of_survival):
    assert of_survival.settings["task"] == "survival"
    assert of_survival.settings["primary_metric"] == "concordance"
    assert of_survival.scores.index.unique("metric").tolist() == ["concordance", "uno_auc", "integrated_brier"]
    assert of_survival.scores.loc[("radiomics", "concordance"), "value"] > 0.7
    assert of_survival.scores["method"].str.contains("corrected t interval").all()


def test_the_concordance_of_a_study_is_the_mean_of_its_folds(of_survival):
    of_arm = of_survival.predictions.loc["radiomics"]
    folds = [concordance(p["event"], p["time"], p["y_score"]) for _, p in of_arm.groupby(level=["repeat", "fold"])]
    assert of_survival.scores.loc[("radiomics", "concordance"), "value"] == pytest.approx(np.mean(folds))


def test_predictions_of_survival_hold_the_outcome_the_risk_and_every_horizon(of_survival):
    horizons = of_survival.settings["horizons"]
    columns = of_survival.predictions.columns.tolist()
    assert columns[:4] == ["patient_id", "event", "time", "y_score"]
    assert columns[4:] == [f"survival_{t:g}" for t in horizons]
    falls = of_survival.predictions[columns[4:]].diff(axis=1).iloc[:, 1:]
    assert (falls <= 0).all(axis=None)


def test_scores_over_time_stand_beside_the_curve_without_features(of_survival):
    table = of_survival.horizons["value"]
    middle = f"{of_survival.settings['horizons'][4]:g}"
    assert table[("radiomics", "brier", middle)] < table[("(Kaplan-Meier)", "brier", middle)]
    auc = of_survival.scores.loc[("radiomics", "uno_auc"), "value"]
    assert table[("radiomics", "uno_auc", middle)] == pytest.approx(auc)


def test_values_are_scored_by_explained_variation(of_values):
    metrics = ["r2", "mae", "rmse", "spearman", "linear_slope", "linear_intercept"]
    assert of_values.scores.index.unique("metric").tolist() == metrics
    of_arm = of_values.predictions.loc["hedge"]
    folds = [r2_score(p["y_true"], p["y_score"]) for _, p in of_arm.groupby(level=["repeat", "fold"])]
    assert of_values.scores.loc[("hedge", "r2"), "value"] == pytest.approx(np.mean(folds))
    assert of_values.predictions.columns.tolist() == ["patient_id", "y_true", "y_score"]
    assert of_values.settings["threshold"] is None


@pytest.mark.parametrize("study", ["of_survival", "of_values"])
def test_family_regret_and_importance_are_made_on_the_primary_metric(study, request):
    study = request.getfixturevalue(study)
    primary = study.settings["primary_metric"]
    family = study.comparisons[study.comparisons["p_adjusted"].notna()]
    assert set(family.index) == {("hedge", single, primary) for single in ("size", "radiomics", "deep")}
    assert study.regret.index.unique("metric").tolist() == [primary]
    worst = study.comparisons.loc[("hedge", "size", primary)]
    assert worst["verdict"] == "better"
    assert study.settings["resolvable_difference"] > 0.1
    assert "Assumed before the run" in study.settings["resolvable_basis"]
    assert set(study.importance.index.unique("model")) == {"size", "radiomics", "deep", "hedge"}


def test_errors_are_better_when_lower(of_values):
    row = of_values.comparisons.loc[("hedge", "size", "mae")]
    assert row["difference"] < 0
    assert row["verdict"] == "better"


@pytest.mark.parametrize("study", ["of_survival", "of_values"])
def test_the_tables_come_back_from_the_run_folder(study, request, tmp_path):
    study = request.getfixturevalue(study)
    save_study(study, tmp_path)
    again = load_study(tmp_path)
    assert_frame_equal(again.predictions, study.predictions)
    assert_frame_equal(again.horizons, study.horizons, check_dtype=False)
    assert (tmp_path / "horizons.csv").exists() == (study.settings["task"] == "survival")


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_noise_is_not_flattered(task):
    features, table = survival_table() if task == "survival" else regression_table()
    shuffled = features.sample(frac=1.0, random_state=0).set_axis(features.index)
    values = compared(task, shuffled, table, explain=False).scores["value"]
    if task == "survival":
        assert 0.35 < values[("hedge", "concordance")] < 0.65
    else:
        assert values[("hedge", "r2")] < 0.05


def test_patients_are_scored_once_where_they_are_the_unit():
    features, table = survival_table()
    study = compared("survival", features, table, unit="patient", aggregate="max", explain=False)
    row = study.scores.loc[("hedge", "concordance")]
    assert row["n_patients"] == table["patient_id"].nunique() < row["n_cases"] == len(table)
    assert study.scores["value"].notna().all()


@pytest.mark.parametrize("task", ["survival", "regression"])
@pytest.mark.parametrize("cv", [hr.LeaveOneSiteOut(inner=3), hr.FixedSplit(inner=3)], ids=["site", "split"])
def test_sites_and_a_fixed_split_work_for_every_task(task, cv):
    features, table = survival_table(90) if task == "survival" else regression_table(90)
    number = table["patient_id"].str[1:].astype(int)
    table = table.assign(site=(number % 3).map(lambda i: "ABC"[i]), split=np.where(number < 60, "train", "test"))
    study = compared(task, features, table, cv=cv, explain=False)
    primary = study.settings["primary_metric"]
    row = study.scores.loc[("radiomics", primary)]
    assert row["low"] < row["value"] < row["high"]
    assert "corrected" not in row["method"]
    assert study.comparisons.loc[("hedge", "size", primary), "difference"] > 0.1


def test_models_without_survival_are_scored_by_their_risk_alone():
    features, table = survival_table()
    arms = {"size": stand_in_arms("survival")["size"], "own": StandInWithoutSurvival(("radiomics",))}
    cohort = cohort_from_frame(table, images=False)
    study = hr.compare_models(arms, features, cohort, cv=CV, explain=False)
    assert study.scores.loc[("own", "concordance"), "value"] > 0.7
    assert np.isnan(study.scores.loc[("own", "integrated_brier"), "value"])
    assert study.scores.loc[("size", "integrated_brier"), "value"] > 0


class StandInWithoutSurvival(StandInRegressor):
    def fit(self, X, y, groups=None):
        return self._fit(X, -y["time"])


def test_declared_horizons_are_used_and_those_outside_the_follow_up_refused():
    features, table = survival_table()
    study = compared("survival", features, table, horizons=[5, 10, 15], explain=False)
    assert study.settings["horizons"] == [5.0, 10.0, 15.0]
    assert "survival_10" in study.predictions
    with pytest.raises(RunError, match="the horizon 400 cannot be judged"):
        compared("survival", features, table, horizons=[5, 400])
    with pytest.raises(RunError, match="horizons are for survival"):
        compared("regression", *regression_table(), horizons=[5])


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("time", 0.0, "case c003: time is 0; a positive number is wanted"),
        ("time", None, "case c003: time is empty"),
        ("time", "soon", "case c003: time is 'soon'"),
        ("event", 2, "case c003: event is '2'; 1 \\(event\\) or 0 \\(censored\\) is wanted"),
        ("event", None, "case c003: event is empty"),
    ],
)
def test_what_is_no_survival_is_refused_by_case(column, value, words):
    features, table = survival_table()
    table[column] = table[column].astype(object)
    table.loc[3, column] = value
    with pytest.raises(RunError, match=words):
        compared("survival", features, table)
    findings = cohort_from_frame(table, images=False).check()
    assert ("c003", "E_OUTCOME") in findings.index


@pytest.mark.parametrize(
    ("value", "words"), [("high", "case c003: label is 'high', which is not a finite number"), (None, "label is empty")]
)
def test_what_is_no_value_is_refused_by_case(value, words):
    features, table = regression_table()
    table["label"] = table["label"].astype(object)
    table.loc[3, "label"] = value
    with pytest.raises(RunError, match=words):
        compared("regression", features, table)
    assert "c003" in cohort_from_frame(table, images=False).check(task="regression").index.get_level_values("case_id")


def test_a_constant_value_and_too_few_events_are_refused():
    features, table = regression_table()
    with pytest.raises(RunError, match="no two different values"):
        compared("regression", features, table.assign(label=1.5))
    features, table = survival_table()
    few = table.assign(event=(table["patient_id"].isin(["p001", "p002", "p003"])).astype(int))
    with pytest.raises(RunError, match="3 patients have an event"):
        compared("survival", features, few)
    codes = cohort_from_frame(few, images=False).check().index.get_level_values("code")
    assert "E_FEW_PATIENTS" in codes


def test_the_outcome_cannot_be_a_clinical_variable_and_models_must_predict():
    features, table = survival_table()
    cohort = cohort_from_frame(table, images=False, clinical=["time"])
    with pytest.raises(RunError, match="'time' is the outcome"):
        hr.compare_models(stand_in_arms("survival"), features, cohort, cv=CV)
    labelled = cohort_from_frame(
        regression_table()[1].assign(label=lambda t: (t["label"] > 50).astype(int)), images=False
    )
    with pytest.raises(ValueError, match="no predict_proba"):
        hr.compare_models({"a": StandInRegressor()}, features, labelled, cv=CV)
    with pytest.raises(RunError, match="classification needs a label"):
        hr.compare_models({"a": LogisticRegression()}, features, cohort, task="classification")


OF_ANY_OUTCOME = ["A_PATIENT_FOLDS", "A_NEAR_DUPLICATE", "A_POISONED_TEST"]


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_patients_copies_and_poison_are_audited_of_any_outcome(task, of_survival, of_values):
    study = {"survival": of_survival, "regression": of_values}[task]
    features, table = {"survival": survival_table, "regression": regression_table}[task]()
    cohort = cohort_from_frame(table, images=False)
    found = hr.audit(study, features, cohort, models=stand_in_arms(task), permutations=9)
    assert found.index[found["verdict"] == "pass"].tolist() == OF_ANY_OUTCOME
    assert found.loc["A_POISONED_TEST", "message"].startswith("4 arms")
    others = found.drop(index=[*OF_ANY_OUTCOME, "A_SAME_IMAGE"])
    assert set(others["message"]) == {f"it asks for classes; the study is one of {task}."}
    assert {"A_SIZE_ONLY", "A_LABEL_PERMUTATION", "A_SITE"} <= set(others.index)


def test_copies_under_two_patients_fail_in_a_study_of_survival(of_survival):
    features, table = survival_table()
    alike = pd.concat([features, features.iloc[[0]].set_axis(["copy"])])
    more = pd.concat([table, table.iloc[[0]].assign(case_id="copy", patient_id="another")])
    study = compared("survival", alike.rename_axis("case_id"), more)
    found = hr.audit(study, alike.rename_axis("case_id"), models=stand_in_arms("survival"))
    assert "rows c000 and copy are exact copies" in found.loc["A_NEAR_DUPLICATE", "message"]


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_the_arms_of_the_library_are_poisoned_for_any_outcome(task):
    features, table = {"survival": survival_table, "regression": regression_table}[task]()
    models = hr.standard_models(features, names=["size", "radiomics", "hedge"], task=task)
    cohort = cohort_from_frame(table, images=False)
    study = hr.compare_models(models, features, cohort, task=task, cv=hr.NestedCV(2, 1, 2), explain=False)
    found = hr.audit(study, features, cohort)
    assert found.loc["A_POISONED_TEST", "message"] == "3 arms fitted the same, to the last bit."


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_learning_curves_are_drawn_of_the_primary_metric(task, of_survival, of_values):
    study = {"survival": of_survival, "regression": of_values}[task]
    features, table = {"survival": survival_table, "regression": regression_table}[task]()
    options = {"sizes": [20, 38], "draws": 2, "inner": 3, "n_bootstrap": 10, "random_state": 3}
    arms, cohort = stand_in_arms(task), cohort_from_frame(table, images=False)
    curves = hr.learning_curves(arms, features, cohort, task=task, **options)
    assert curves.settings["metric"] == study.settings["primary_metric"]
    score = curves.points["value"].xs(38, level="n_patients")
    assert score["radiomics"] > score["size"]
    last = curves.predictions.loc["radiomics"].xs(1, level="fold")
    of_draw = {
        "survival": lambda p: concordance(p["event"], p["time"], p["y_score"]),
        "regression": lambda p: r2_score(p["y_true"], p["y_score"]),
    }[task]
    assert score["radiomics"] == pytest.approx(np.mean([of_draw(p) for _, p in last.groupby(level="repeat")]))
    assert curves.differences("size").index.unique("model").tolist() == ["radiomics", "deep", "hedge"]


def test_a_cohort_of_values_is_not_taken_for_classes_in_silence():
    _, table = regression_table()
    findings = cohort_from_frame(table, images=False).check()
    hint = findings.xs("E_FEW_PATIENTS", level="code")["hint"].iloc[0]
    assert 'task="regression"' in hint
    assert pd.api.types.is_float_dtype(cohort_from_frame(table, images=False).values)
