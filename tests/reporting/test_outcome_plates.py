"""The report of values and of survival: what is shown, what is absent, and numbers that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.evaluation.kaplan_meier import kaplan_meier
from hybridrad.reporting.outcome_plates import beside_scores
from hybridrad.reporting.survival_panels import groups_in_folds, risk_group_curves, survival_calibration
from hybridrad.reporting.value_panels import agreement
from tests.made_up_outcomes import regression_table, stand_in_arms, stand_in_roles, survival_table
from tests.reporting.test_report import Page


def study_of(task):
    features, table = survival_table(45) if task == "survival" else regression_table(45)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hybridrad.models.standard.describe_arm", stand_in_roles)
        cv = hr.NestedCV(outer=3, repeats=2, inner=3)
        cohort = cohort_from_frame(table, images=False)
        return hr.compare_models(stand_in_arms(task), features, cohort, task=task, cv=cv, baseline="deep")


@pytest.fixture(scope="module")
def studies():
    return {task: study_of(task) for task in ("survival", "regression")}


@pytest.fixture(scope="module")
def reports(studies, tmp_path_factory):
    return {
        task: hr.write_report(study, tmp_path_factory.mktemp(task) / "report.html") for task, study in studies.items()
    }


FIGURES = {
    "survival": {"risk_groups", "scores_over_time", "survival_calibration"},
    "regression": {"predicted_observed", "residuals"},
}


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_a_report_has_the_figures_of_its_task_and_none_of_classes(reports, task):
    drawn = {path.stem for path in (reports[task].parent / "figures").glob("*.svg")}
    other = {"survival": "regression", "regression": "survival"}[task]
    assert FIGURES[task] <= drawn
    assert not (FIGURES[other] | {"roc_curves", "calibration"}) & drawn


@pytest.mark.parametrize("task", ["survival", "regression"])
def test_a_report_does_not_speak_of_classes(reports, task):
    text = Page(reports[task].read_text(encoding="utf-8")).text
    absent = ("ROC", "ensitivity", "Positive class", "logit", "stratified by class", "more than two classes", "DeLong")
    assert [word for word in absent if word in text] == []
    assert "his cohort can resolve differences of about" in text


def test_the_report_of_survival_says_what_its_numbers_rest_on(reports, studies):
    text = Page(reports["survival"].read_text(encoding="utf-8")).text
    assert "knows no feature, has an integrated Brier score of" in text
    assert "inverse probability of censoring" in text
    assert "stratified by event" in text
    main = studies["survival"].settings["horizons"][4]
    assert f"that at time {main:g}" in text


def test_the_brier_score_without_features_is_that_of_the_table(studies):
    study = studies["survival"]
    horizons = study.settings["horizons"]
    of_curve = study.horizons["value"].xs("(Kaplan-Meier)", level="model").xs("brier", level="metric")
    mean = trapezoid(of_curve.to_numpy(float), horizons) / (horizons[-1] - horizons[0])
    assert f"{mean:.3f}" in beside_scores(study)[1]


def test_risk_groups_are_thirds_of_every_fold_and_hold_all_cases(studies):
    of_arm = studies["survival"].predictions.loc["radiomics"].xs(0, level="repeat")
    sizes = groups_in_folds(of_arm).groupby(level="fold").value_counts()
    assert sizes.max() - sizes.min() <= 2
    curves = risk_group_curves(of_arm)
    assert sum(curve.at_risk[0] for curve in curves) == len(of_arm)
    at = float(of_arm["time"].median())
    assert curves[0].at([at])[0] > curves[2].at([at])[0]


def test_observed_survival_in_a_group_is_its_kaplan_meier_curve():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"event": rng.random(40) < 0.7, "time": rng.exponential(5, 40), "survival_3": 0.6})
    table["survival_3"] = np.repeat([0.2, 0.4, 0.6, 0.8], 10)
    found = survival_calibration(table, 3.0)
    assert found["predicted"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    first = kaplan_meier(table["event"][:10], table["time"][:10]).at([3.0])[0]
    assert found["observed"].iloc[0] == pytest.approx(first)
    assert (found["low"] <= found["observed"]).all()
    assert (found["observed"] <= found["high"]).all()


def test_limits_of_agreement_are_mean_and_196_deviations():
    y, p = pd.Series([1.0, 2.0, 4.0, 7.0]), pd.Series([1.0, 1.0, 5.0, 5.0])
    mean, low, high = agreement(y, p)
    assert mean == pytest.approx(0.5)
    assert (high - low) / 2 == pytest.approx(1.96 * np.std([0, 1, -1, 2], ddof=1))
