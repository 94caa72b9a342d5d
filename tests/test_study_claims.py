"""What a cohort can carry, from the tables of a study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.evaluation.calibration import calibration, calibration_error
from hybridrad.evaluation.explained_variation import cox_snell, nagelkerke
from hybridrad.evaluation.sample_size import development_sample_size, validation_sample_size
from hybridrad.models.boosted import BoostedTrees
from hybridrad.study_claims import FEWEST_FOR_ICI, claims_table, decision_curves
from tests.made_up_outcomes import regression_table, survival_table
from tests.made_up_run import tables

NAMES = ["model", "repeat", "fold", "case_id"]
NO_SCORES = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["model", "metric"]))
NO_IMPORTANCE = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["model", "feature"]))


def predictions(n=240, *, repeats=2, strength=1.5, seed=0):
    rng = np.random.default_rng(seed)
    y, ids = np.arange(n) % 2, [f"c{i:03d}" for i in range(n)]
    parts = []
    for repeat in range(repeats):
        index = pd.MultiIndex.from_arrays([["arm"] * n, [repeat] * n, np.arange(n) // 2 % 5, ids], names=NAMES)
        p = expit(strength * (y - 0.5) + rng.normal(0, 0.8, n))
        parts.append(pd.DataFrame({"patient_id": ids, "y_true": y, "y_score": p}, index=index))
    return pd.concat(parts)


def claims(table, *, n_features=12, importance=NO_IMPORTANCE, auc=np.nan, task="classification", **options):
    scores = pd.DataFrame({"value": [auc]}, pd.MultiIndex.from_tuples([("arm", "roc_auc")], names=["model", "metric"]))
    found = claims_table(
        table,
        importance,
        scores,
        arms={"arm": {"n_features": n_features}},
        primary_metric="roc_auc",
        task=task,
        **options,
    )
    return found.loc["arm"]


def test_numbers_of_calibration_and_explained_variation_are_means_over_repeats():
    table = predictions()
    found = claims(table)["value"]
    repeats = [part for _, part in table.groupby(level="repeat")]
    for quantity, function in (
        ("calibration_in_the_large", lambda y, p: calibration(y, p).citl),
        ("ici", lambda y, p: calibration_error(y, p).ici),
        ("cox_snell_r2", cox_snell),
        ("nagelkerke_r2", nagelkerke),
    ):
        assert found[quantity] == pytest.approx(np.mean([function(r["y_true"], r["y_score"]) for r in repeats])), (
            quantity
        )
    assert "lowess" in claims(table).loc["ici", "method"]
    assert claims(table).loc["calibration_in_the_large", "low"] < found["calibration_in_the_large"]


def test_the_ici_needs_a_hundred_events_and_non_events():
    assert "ici" in claims(predictions(2 * FEWEST_FOR_ICI)).index
    assert "ici" not in claims(predictions(2 * FEWEST_FOR_ICI - 2)).index


def test_parameters_and_sample_sizes_follow_from_what_was_found():
    found = claims(predictions(), auc=0.8)["value"]
    assert (found["parameters"], found["events_per_parameter"]) == (12, 10.0)
    developed = development_sample_size(12, prevalence=0.5, cox_snell=found["cox_snell_r2"]).n
    assert found["patients_for_development"] == developed
    assert found["patients_for_validation"] == validation_sample_size(prevalence=0.5, auc=0.8).n


def test_where_nothing_is_explained_there_is_no_size():
    found = claims(predictions(strength=0.0), auc=0.48)
    assert found.loc["cox_snell_r2", "value"] < 0
    assert not {"patients_for_development", "patients_for_validation"} & set(found.index)


def test_an_arm_without_columns_of_its_own_has_no_parameters():
    assert not {"parameters", "events_per_parameter"} & set(claims(predictions(), n_features=None).index)


def test_stability_is_told_of_arms_that_select_and_of_no_others():
    index = pd.MultiIndex.from_product([["arm"], list("abcde")], names=["model", "feature"])
    few = pd.DataFrame({"folds_selected": [10, 5, 0, 0, 0]}, index)
    value = claims(predictions(), importance=few).loc["selection_stability", "value"]
    assert value == pytest.approx(1 - 10 / 9 * (0.25 / 5) / (0.3 * 0.7))
    for times in ([10] * 5, [0] * 5, [10, 10, 10, 10, 9]):
        all_used = pd.DataFrame({"folds_selected": times}, index)
        assert "selection_stability" not in claims(predictions(), importance=all_used).index


def test_decision_curves_are_for_two_classes():
    curves = decision_curves(predictions(), task="classification")
    assert curves.index.unique("threshold").tolist() == pytest.approx(np.arange(1, 20) / 20)
    assert decision_curves(predictions(), task="survival").empty
    assert decision_curves(predictions().rename(columns={"y_score": "y_score_0"}), task="classification").empty


def test_a_study_carries_claims_with_the_optimism_of_its_arms():
    cohort_table, features = tables(60)
    cohort = cohort_from_frame(cohort_table, images=False)
    models = {"size": hr.BlockModel("size"), "xgb": hr.BlockModel("radiomics", estimator=BoostedTrees())}
    study = hr.compare_models(models, features, cohort, cv=hr.NestedCV(3, 1, 3), baseline="size")
    of_xgb = study.claims.loc["xgb", "value"]
    assert of_xgb["apparent"] > 0.8
    assert of_xgb["optimism"] == pytest.approx(of_xgb["apparent"] - study.scores.loc[("xgb", "roc_auc"), "value"])
    # The apparent score by hand, in the first fold.
    part = study.splits.loc[(0, 0), "role"]
    train, y = part.index[part == "train"], cohort.y
    fitted = hr.BlockModel("size", inner=3, random_state=0).fit(features.loc[train], y[train], groups=train)
    aucs = study.claims.loc[("size", "apparent"), "value"]
    assert abs(roc_auc_score(y[train], fitted.predict_proba(features.loc[train])[:, 1]) - aucs) < 0.15
    assert study.net_benefit.index.unique("model").tolist() == ["size", "xgb"]


@pytest.mark.parametrize(
    ("made", "task", "per"), [(survival_table, "survival", "events"), (regression_table, "regression", "patients")]
)
def test_other_tasks_have_parameters_and_optimism_only(made, task, per):
    features, table = made(48)
    cohort = cohort_from_frame(table, images=False)
    models = hr.standard_models(features, names=["size"], task=task)
    study = hr.compare_models(models, features, cohort, task=task, cv=hr.NestedCV(3, 1, 3))
    assert set(study.claims.index.unique("quantity")) == {"parameters", f"{per}_per_parameter", "apparent", "optimism"}
    assert study.net_benefit.empty
