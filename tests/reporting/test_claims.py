from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.claims import claims_of, claims_section, net_benefit_of, with_calibration
from hybridrad.reporting.report import write_report

HOSTILE = "<script>alert(1)</script>"


def text_of(study, **further):
    section = claims_section(study, ordered_arms(study), claims_of(study), **further)
    return " ".join(section["paragraphs"])


def test_an_older_study_gets_its_claims_and_decision_curves_from_its_tables(study):
    assert study.claims.empty
    assert {"parameters", "nagelkerke_r2"} <= set(claims_of(study).index.unique("quantity"))
    assert len(net_benefit_of(study).index.unique("threshold")) == 19
    study.settings.update(unit="patient", aggregate="largest")  # the sizes that this needs are not stored
    assert claims_of(study).empty
    assert net_benefit_of(study).empty


def test_the_verdict_on_the_size_carries_its_assumption(study):
    text = text_of(study)
    assert "hedge: 30 patients of the smallest class for 10 candidate parameters, 3.00 for each." in text
    assert "assumed: R² of Cox and Snell" in text
    assert "the study has 60: not met" in text
    assert "was not computed (hybridrad curves RUN)" in text
    assert "hybridrad audit RUN --permutations 99" in text


def test_a_model_that_explains_nothing_is_said_to(study):
    study.predictions["y_score"] = 1 - study.predictions["y_score"]
    assert "Out of fold it explains nothing" in text_of(study)


def test_learning_curve_and_permutation_are_said_where_they_were_made(study):
    fits = pd.DataFrame({"a": [0.9], "b": [1.0], "c": [0.5]}, index=pd.Index(["hedge"], name="model"))
    sizes = pd.MultiIndex.from_tuples([("hedge", 50), ("hedge", 100)], names=["model", "n_patients"])
    learning = SimpleNamespace(fits=fits, points=pd.DataFrame({"value": [0.7, 0.8]}, index=sizes))
    row = {"verdict": ["pass"], "p_value": [0.01], "message": ["AUC 0.8; 99 permutations gave 0.5, p = 0.010."]}
    audit = pd.DataFrame(row, index=pd.Index(["A_LABEL_PERMUTATION"], name="code"))
    audit.attrs["model"] = "deep"
    text = text_of(study, learning=learning, audit=audit)
    assert f"50 training patients more than 100 would change the AUC of hedge by about +{0.1 - 150**-0.5:.3f}" in text
    assert "the whole procedure of deep refitted each time: AUC 0.8; 99 permutations gave 0.5, p = 0.010." in text
    fits.loc["hedge"] = np.nan
    assert "has no fit" in text_of(study, learning=learning)


def test_calibration_in_the_large_takes_the_place_of_the_intercept(study):
    shown = with_calibration(study.scores, claims_of(study))
    there = set(shown.index.unique("metric"))
    assert "calibration_in_the_large" in there
    assert not {"calibration_intercept", "ici"} & there


@pytest.mark.parametrize(("n_patients", "there"), [(60, False), (240, True)])
def test_the_report_shows_an_ici_only_with_a_hundred_of_each_class(make_study, tmp_path, n_patients, there):
    made = make_study(n_patients=n_patients, repeats=2, arms=("radiomics", "deep", "hedge"))
    html = write_report(made, tmp_path / "report.html", figures=False).read_text(encoding="utf-8")
    assert ("ICI (lowess)" in html) == there
    assert ("no more is read off calibration" in html) != there
    assert 'id="claims"' in html
    assert 'id="figure-decision_curves"' in html


def test_hostile_names_are_only_text(make_study, tmp_path):
    made = make_study(repeats=2, arms=("radiomics", "hedge"))
    made.claims = claims_of(made).rename(index={"radiomics": HOSTILE}, level="model")
    made.claims["method"] = HOSTILE
    made.scores = made.scores.rename(index={"radiomics": HOSTILE}, level="model")
    row = {"verdict": [HOSTILE], "p_value": [np.nan], "message": [HOSTILE]}
    audit = pd.DataFrame(row, index=pd.Index(["A_LABEL_PERMUTATION"], name="code"))
    html = write_report(made, tmp_path / "r.html", figures=False, audit=audit).read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


def test_more_classes_have_parameters_and_no_decision_curves(make_study):
    made = make_study(classes=3, repeats=2, arms=("radiomics", "deep", "hedge"))
    assert net_benefit_of(made).empty
    assert "20 patients of the smallest class" in text_of(made)


def test_a_column_that_no_arm_of_the_table_has_is_left_out(study):
    claims = claims_of(study)
    late = pd.MultiIndex.from_tuples([("late", "selection_stability")], names=claims.index.names)
    with_late = pd.concat([claims, pd.DataFrame({"value": [0.4]}, index=late)])
    heads = [cell.text for cell in claims_section(study, ordered_arms(study), with_late)["grid"].head]
    assert "Candidate parameters" in heads
    assert "Stability of selection" not in heads


@pytest.mark.parametrize(("metric", "words"), [("r2", "the R² of hedge"), ("concordance", "the concordance of hedge")])
def test_what_more_patients_would_bring_is_said_of_the_metric_of_the_task(study, metric, words):
    claims = claims_of(study)
    study.settings.update(primary_metric=metric, task={"r2": "regression", "concordance": "survival"}[metric])
    assert "was not computed (hybridrad curves RUN)" in " ".join(
        claims_section(study, ordered_arms(study), claims)["paragraphs"]
    )
    fits = pd.DataFrame({"a": [0.9], "b": [1.0], "c": [0.5]}, index=pd.Index(["hedge"], name="model"))
    sizes = pd.MultiIndex.from_tuples([("hedge", 100)], names=["model", "n_patients"])
    learning = SimpleNamespace(fits=fits, points=pd.DataFrame({"value": [0.8]}, index=sizes))
    section = claims_section(study, ordered_arms(study), claims, learning=learning)
    assert f"would change {words} by about" in " ".join(section["paragraphs"])
