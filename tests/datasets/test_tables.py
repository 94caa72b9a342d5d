from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from hybridrad.datasets import TABLE_SCENARIOS, make_table, oracle_auc

SMALL = {"n_radiomics": 24, "n_deep": 48}


def block(features, name):
    return features[[c for c in features if c.startswith(f"{name}__")]]


def auc_of(scenario, *blocks, **options):
    """Test AUC of a plain ridge model of some blocks: trained on one sample, tested on another of the population."""
    X, cohort = make_table(800, scenario=scenario, **SMALL, **options)
    X_test, test = make_table(2000, scenario=scenario, random_state=1, **SMALL, **options)
    model = make_pipeline(StandardScaler(), PowerTransformer(), LogisticRegression(C=0.05, max_iter=500))

    def columns(table, of):
        parts = [of.clinical_table().select_dtypes("number") if b == "clinical" else block(table, b) for b in blocks]
        return pd.concat(parts, axis=1).to_numpy()

    fitted = model.fit(columns(X, cohort), cohort.y)
    return roc_auc_score(test.y, fitted.decision_function(columns(X_test, test)))


def test_the_same_call_gives_the_same_table_and_another_seed_other_patients():
    one, cohort = make_table(30, scenario="both", **SMALL)
    two, again = make_table(30, scenario="both", **SMALL)
    other, _ = make_table(30, scenario="both", random_state=1, **SMALL)
    assert_frame_equal(one, two)
    assert_frame_equal(cohort.table, again.table)
    assert list(one.columns) == list(other.columns)
    assert not np.isclose(one, other)[(one > 0).to_numpy()].any()


def test_a_row_depends_on_its_patient_alone_not_on_the_rest_of_the_sample():
    few, few_cohort = make_table(20, scenario="site_confounded", **SMALL)
    many, many_cohort = make_table(50, scenario="site_confounded", **SMALL)
    assert_frame_equal(few, many.iloc[:20])
    known = ["age", "sex", "marker_1", "site", "true_log_odds"]
    assert_frame_equal(few_cohort.table[known], many_cohort.table[known].iloc[:20])


def test_two_samples_of_a_population_share_their_loadings_and_another_population_does_not():
    def correlations(**options):
        features, _ = make_table(3000, scenario="none", **SMALL, **options)
        return np.corrcoef(block(features, "radiomics").rank().T)

    first, second, other = correlations(), correlations(random_state=1), correlations(population=1)
    assert np.abs(first - second).max() < 0.1
    assert np.abs(first - other).max() > 0.3


@pytest.mark.parametrize("scenario", ["radiomics", "deep", "noise_blocks", "overconfident"])
def test_the_signal_is_in_the_block_the_scenario_names_and_only_there(scenario):
    signal, noise = ("deep", "radiomics") if scenario == "deep" else ("radiomics", "deep")
    assert auc_of(scenario, signal) > 0.75
    assert 0.45 < auc_of(scenario, noise) < 0.55
    assert 0.45 < auc_of(scenario, "size") < 0.55


def test_clinical_signal_is_in_the_clinical_columns_alone():
    assert auc_of("clinical", "clinical") > 0.75
    assert auc_of("clinical", "radiomics", "deep", "size") < 0.56


def test_both_complement_each_other_and_redundant_blocks_do_not():
    single = max(auc_of("both", "radiomics"), auc_of("both", "deep"))
    assert auc_of("both", "radiomics", "deep") > single + 0.05
    single = max(auc_of("redundant", "radiomics"), auc_of("redundant", "deep"))
    assert single > 0.75
    assert auc_of("redundant", "radiomics", "deep") < single + 0.03


def test_joint_signal_shows_when_both_blocks_are_read_together():
    assert 0.45 < auc_of("joint", "deep") < 0.55
    assert auc_of("joint", "radiomics", "deep") > auc_of("joint", "radiomics") + 0.05


def test_in_none_there_is_nothing_and_its_oracle_is_chance():
    assert 0.46 < auc_of("none", "size", "radiomics", "deep", "clinical") < 0.54
    assert oracle_auc(make_table(200, scenario="none", **SMALL)[1]) == 0.5


def test_every_weak_block_says_a_little():
    weak = [auc_of("all_weak", b) for b in ("size", "radiomics", "deep", "clinical")]
    assert 0.54 < min(weak) < max(weak) < 0.72
    assert auc_of("all_weak", "size", "radiomics", "deep", "clinical") > max(weak)


def test_deep_knows_the_site_where_sites_confound_and_nothing_within_a_site():
    assert auc_of("site_confounded", "deep") > 0.62
    X, cohort = make_table(1500, scenario="site_confounded", **SMALL)
    north = (cohort.table["site"] == "north").to_numpy()
    assert abs(cohort.y[north].mean() - cohort.y[~north].mean()) > 0.2
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(block(X[~north], "deep"), cohort.y[~north])
    within = roc_auc_score(cohort.y[north], model.decision_function(block(X[north], "deep")))
    assert 0.42 < within < 0.58


def test_volume_says_all_that_there_is_and_many_radiomics_columns_follow_it():
    features, cohort = make_table(1000, scenario="volume")
    size = features["size__volume_ml"]
    assert roc_auc_score(cohort.y, size) == pytest.approx(oracle_auc(cohort), abs=1e-12)
    follow = block(features, "radiomics").corrwith(size, method="spearman").abs() > 0.7
    assert 0.2 < follow.mean() < 0.5


def test_columns_have_the_shapes_that_real_ones_have():
    features, _ = make_table(600, scenario="none")
    radiomics, deep = block(features, "radiomics"), block(features, "deep")
    assert radiomics.shape[1] == 107
    assert deep.shape[1] == 512
    correlations = np.abs(np.corrcoef(radiomics.rank().T)) - np.eye(107)
    assert (correlations > 0.9).any(axis=1).mean() > 0.5
    assert 0.3 < (radiomics.skew().abs() > 1).mean() < 0.7
    assert deep.min().min() == 0
    assert 0.2 < (deep == 0).mean().mean() < 0.3
    assert 2 < deep.skew().median() < 4


def test_cases_of_a_patient_share_the_label_and_resemble_each_other():
    features, cohort = make_table(200, scenario="both", cases_per_patient=3, **SMALL)
    assert list(features.index[:3]) == ["case_00001_1", "case_00001_2", "case_00001_3"]
    labels = cohort.y.to_numpy().reshape(200, 3)
    assert np.array_equal(labels.min(axis=1), labels.max(axis=1))
    size = np.log(features["size__volume_ml"].to_numpy().reshape(200, 3))
    within = size.var(axis=1, ddof=1).mean() / size.var(ddof=1)
    assert within == pytest.approx(0.09, abs=0.02)


def test_the_prevalence_is_kept_to_the_patient():
    _, cohort = make_table(101, scenario="radiomics", prevalence=0.2, cases_per_patient=2, **SMALL)
    assert cohort.summary()["patients"].to_dict() == {0: 81, 1: 20}


def test_effect_scales_the_truth_and_no_effect_leaves_nothing():
    weak = oracle_auc(make_table(2000, scenario="deep", effect=0.5, **SMALL)[1])
    full = oracle_auc(make_table(2000, scenario="deep", **SMALL)[1])
    assert 0.65 < weak < full - 0.08
    assert oracle_auc(make_table(2000, scenario="deep", effect=0.0, **SMALL)[1]) == 0.5


def test_the_oracle_is_the_auc_of_the_true_log_odds_over_patients():
    _, cohort = make_table(300, scenario="both", cases_per_patient=2, **SMALL)
    first = cohort.table.drop_duplicates("patient_id")
    assert oracle_auc(cohort) == pytest.approx(roc_auc_score(first["label"], first["true_log_odds"]), abs=1e-12)


@pytest.mark.parametrize("scenario", TABLE_SCENARIOS)
def test_every_scenario_gives_a_complete_finite_table(scenario):
    features, cohort = make_table(40, scenario=scenario, **SMALL)
    assert np.isfinite(features.to_numpy()).all()
    assert features.columns.is_unique
    assert list(features.index) == list(cohort.table.index)
    assert list(cohort.clinical) == ["age", "sex", "marker_1", "marker_2"]
    assert sum(c.startswith("noise_") for c in features) == (3 * 48 if scenario == "noise_blocks" else 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scenario": "magic"}, "scenario"),
        ({"prevalence": 0.001}, "one class empty"),
        ({"n_radiomics": 5}, "n_radiomics"),
        ({"cases_per_patient": 1.5}, "cases_per_patient"),
        ({"effect": np.inf}, "effect"),
    ],
)
def test_impossible_arguments_are_refused_by_name(change, says):
    with pytest.raises(ValueError, match=says):
        make_table(**{"n_patients": 40, "scenario": "both", **change})


def test_a_cohort_without_the_truth_has_no_oracle():
    _, cohort = make_table(40, scenario="both", **SMALL)
    without = type(cohort)(cohort.table.drop(columns="true_log_odds"))
    with pytest.raises(ValueError, match="true_log_odds"):
        oracle_auc(without)
