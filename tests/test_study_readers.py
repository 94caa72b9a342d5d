from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.run_folder import load_study, save_study
from hybridrad.study_readers import READER_COLUMNS, Readings, compare_readers
from tests.made_up_run import study_and_data


@pytest.fixture(scope="module")
def data():
    return study_and_data()


@pytest.fixture(scope="module")
def result(data):
    study, _, cohort = data
    return compare_readers(study, cohort.table, [Readings("birads", "4")], n_draws=100)


def first_repeat(study, model):
    return study.predictions.loc[model].loc[0].droplevel("fold")


def test_there_is_a_row_for_every_arm_and_metric(result):
    assert result.comparisons.columns.tolist() == READER_COLUMNS
    assert result.comparisons.index.names == ["reader", "model", "metric"]
    assert result.comparisons.loc["birads"].index.tolist() == [
        (model, metric) for model in ("size", "radiomics") for metric in ("roc_auc", "sensitivity", "specificity")
    ]


def test_areas_are_means_over_folds_of_model_and_reader_on_the_same_cases(data, result):
    study, _, cohort = data
    row = result.comparisons.loc[("birads", "radiomics", "roc_auc")]
    folds = study.predictions.loc["radiomics"].groupby(level=["repeat", "fold"])
    birads = cohort.table["birads"].astype(float)
    of_model, of_reader = (
        np.mean([roc_auc_score(part["y_true"], score(part)) for _, part in folds])
        for score in (lambda part: part["y_score"], lambda part: birads[part.index.get_level_values("case_id")])
    )
    assert row["model_value"] == pytest.approx(of_model)
    assert row["model_value"] == pytest.approx(study.scores.loc[("radiomics", "roc_auc"), "value"])
    assert row["reader_value"] == pytest.approx(of_reader)
    assert row["difference"] == pytest.approx(of_model - of_reader)


def test_calls_are_counted_case_by_case_and_tested_by_the_exact_binomial(data, result):
    study, _, cohort = data
    part = first_repeat(study, "size")
    sick = part[part["y_true"] == 1]
    model = (sick["y_score"] >= sick["threshold"]).to_numpy()
    reader = (cohort.table.loc[sick.index, "birads"].astype(int) >= 4).to_numpy()
    row = result.comparisons.loc[("birads", "size", "sensitivity")]
    assert (row["model_value"], row["reader_value"]) == pytest.approx((model.mean(), reader.mean()))
    only_model, only_reader = int((model & ~reader).sum()), int((reader & ~model).sum())
    assert (row["only_model"], row["only_reader"]) == (only_model, only_reader)
    assert row["p_value"] == pytest.approx(stats.binomtest(only_model, only_model + only_reader).pvalue)
    assert row["low"] <= row["difference"] <= row["high"]
    assert row["n_cases"] == len(sick)


def test_several_cases_of_a_patient_are_one_unit_in_the_test():
    study, _, cohort = study_and_data(n_patients=40, cases=2)
    row = compare_readers(study, cohort.table, [Readings("birads", "4")], n_draws=50).comparisons.loc[
        ("birads", "size", "specificity")
    ]
    part = first_repeat(study, "size")
    well = part[part["y_true"] == 0]
    right = (well["y_score"] < well["threshold"]).astype(int)
    surplus = right - (cohort.table.loc[well.index, "birads"].astype(int) < 4).astype(int)
    of_patient = surplus.groupby(well["patient_id"]).sum()
    wanted = stats.chi2.sf(of_patient.sum() ** 2 / (of_patient**2).sum(), 1)
    assert row["p_value"] == pytest.approx(wanted)
    assert "clustered" in row["method"]
    assert (row["n_patients"], row["n_cases"]) == (20, 40)


def test_operating_points_are_those_of_the_baseline_and_named_by_the_reading(result):
    assert result.points.index.tolist() == [("birads", "size", "3"), ("birads", "size", "4"), ("birads", "size", "5")]
    assert result.points["sensitivity"].is_monotonic_decreasing


def test_readings_in_words_with_an_order_give_the_same_as_numbers(data, result):
    study, _, cohort = data
    words = compare_readers(study, cohort.table, [Readings.parse("words:4A:2,3,4A,4B")], n_draws=100)
    numbers = result.comparisons.loc["birads"].drop(columns="method").astype(float)
    np.testing.assert_allclose(words.comparisons.loc["words"].drop(columns="method").astype(float), numbers)


def test_without_a_threshold_areas_alone_are_compared(data):
    study, _, cohort = data
    found = compare_readers(study, cohort.table, [Readings("birads")], n_draws=20).comparisons
    assert set(found.index.unique("metric")) == {"roc_auc"}


def test_two_readers_are_compared_side_by_side(data):
    study, _, cohort = data
    both = [Readings("birads"), Readings("words", None, ("2", "3", "4A", "4B"))]
    assert compare_readers(study, cohort.table, both, n_draws=20).comparisons.index.unique("reader").tolist() == [
        "birads",
        "words",
    ]


def test_sites_left_out_are_compared_also_when_read_from_files(tmp_path):
    study, _, cohort = study_and_data(n_patients=90, cv=hr.LeaveOneSiteOut(inner=3))
    save_study(study, tmp_path)
    readers = [Readings("birads", "4")]
    found, again = (compare_readers(s, cohort.table, readers, n_draws=20) for s in (study, load_study(tmp_path)))
    pd.testing.assert_frame_equal(found.comparisons, again.comparisons)
    row = found.comparisons.loc[("birads", "radiomics", "roc_auc")]
    assert row["model_value"] == pytest.approx(study.scores.loc[("radiomics", "roc_auc"), "value"])
    assert "random effects" in row["method"]


@pytest.mark.parametrize(
    ("readers", "match"),
    [
        (Readings("biRads"), "no column 'biRads'.*birads"),
        (Readings("words"), "need an order"),
        (Readings("birads", "4A"), "is no number"),
        (Readings("birads", "1"), "calls all cases alike"),
        (Readings("words", "6", ("2", "3", "4A", "4B")), "'6' is not among"),
    ],
)
def test_readings_that_cannot_be_compared_are_refused(readers, match, data):
    study, _, cohort = data
    with pytest.raises(RunError, match=match):
        compare_readers(study, cohort.table, [readers])


def test_a_cohort_without_some_of_the_cases_is_refused(data):
    study, _, cohort = data
    with pytest.raises(RunError, match="1 predicted cases are not in the cohort table, first 'c000-0'"):
        compare_readers(study, cohort.table.iloc[1:], [Readings("birads")])


def test_more_classes_are_refused():
    ids, y = [f"c{i:02d}" for i in range(60)], np.arange(60) % 3
    cohort = cohort_from_frame(pd.DataFrame({"case_id": ids, "label": y, "birads": y + 2}), images=False)
    features = pd.DataFrame({"size__ml": np.random.default_rng(0).normal(size=60) + y}, pd.Index(ids, name="case_id"))
    study = hr.compare_models({"size": hr.BlockModel("size")}, features, cohort, cv=hr.NestedCV(3, 1, 3))
    with pytest.raises(RunError, match="two-class"):
        compare_readers(study, cohort.table, [Readings("birads")])


def test_what_is_typed_is_read_or_refused():
    assert Readings.parse(" birads ") == Readings("birads")
    assert Readings.parse("birads::2,3").order == ("2", "3")
    for text in ("", ":4", "a:b:c:d"):
        with pytest.raises(ValueError, match="is not COLUMN"):
            Readings.parse(text)
