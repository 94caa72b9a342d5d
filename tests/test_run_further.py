from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.run_further import (
    load_audit,
    load_learning_curves,
    load_readers,
    save_audit,
    save_learning_curves,
    save_readers,
)
from hybridrad.study_curves import curves_of_study
from hybridrad.study_readers import Readings, compare_readers
from tests.made_up_run import study_and_data


@pytest.fixture(scope="module")
def data():
    return study_and_data()


@pytest.fixture(scope="module")
def curves(data):
    study, features, _ = data
    return curves_of_study(study, features, sizes=[14, 20, 30, 45], draws=3, n_bootstrap=30)


@pytest.fixture(scope="module")
def readers(data):
    study, _, cohort = data
    return compare_readers(study, cohort.table, [Readings("birads", "4")], n_draws=20)


def other_data(study: hr.Comparison) -> hr.Comparison:
    return replace(study, settings={**study.settings, "data_sha256": "another"})


def test_learning_curves_come_back_as_they_were(data, curves, tmp_path):
    save_learning_curves(curves, tmp_path)
    again = load_learning_curves(tmp_path, data[0])
    for name in ("points", "fits", "crossings", "predictions", "splits"):
        assert_frame_equal(getattr(again, name), getattr(curves, name), check_dtype=False)
    assert again.settings == curves.settings
    assert again.failures.columns.tolist() == curves.failures.columns.tolist()


def test_readers_come_back_as_they_were(data, readers, tmp_path):
    save_readers(readers, tmp_path)
    again = load_readers(tmp_path, data[0])
    assert_frame_equal(again.comparisons, readers.comparisons, check_dtype=False)
    assert_frame_equal(again.points, readers.points, check_dtype=False)


def test_a_failure_is_kept_with_its_message(data, tmp_path):
    study, features, cohort = data
    models = {"size": hr.BlockModel("size"), "gone": hr.BlockModel("nowhere")}
    failed = hr.learning_curves(models, features, cohort, sizes=[16, 40], draws=2, inner=2, n_bootstrap=10)
    mark = curves_of_study(study, features, models=["size"], sizes=[16, 40], draws=2, n_bootstrap=5).settings["study"]
    save_learning_curves(replace(failed, settings={**failed.settings, "study": mark}), tmp_path)
    again = load_learning_curves(tmp_path, study)
    assert again.failures["model"].unique().tolist() == ["gone"]
    assert again.points.loc["gone", "value"].isna().all()


def test_an_empty_folder_holds_none(data, tmp_path):
    assert load_learning_curves(tmp_path, data[0]) is None
    assert load_readers(tmp_path, data[0]) is None


def test_what_belongs_to_other_data_is_not_shown(data, curves, readers, tmp_path):
    save_learning_curves(curves, tmp_path)
    save_readers(readers, tmp_path)
    assert load_learning_curves(tmp_path, other_data(data[0])) is None
    assert load_readers(tmp_path, other_data(data[0])) is None


def test_a_missing_table_is_an_error_and_not_a_missing_section(data, curves, tmp_path):
    save_learning_curves(curves, tmp_path)
    (tmp_path / "learning_fits.csv").unlink()
    with pytest.raises(RunError, match=r"learning_fits\.csv is missing"):
        load_learning_curves(tmp_path, data[0])


def test_an_audit_comes_back_and_that_of_other_data_does_not(data, tmp_path):
    study = data[0]
    table = pd.DataFrame(
        {"verdict": ["pass"], "statistic": [0.8], "p_value": [0.01], "message": ["=found"], "hint": ["-"]},
        index=pd.Index(["A_LABEL_PERMUTATION"], name="code"),
    )
    assert load_audit(tmp_path, study) is None
    save_audit(table, study, tmp_path)
    assert_frame_equal(load_audit(tmp_path, study), table, check_dtype=False)
    assert load_audit(tmp_path, other_data(study)) is None
