"""A cohort table is read as it was meant, or refused with the reason."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from hybridrad.cohort import Cohort, cohort_from_frame, read_cohort
from hybridrad.errors import RunError

ROWS = (
    "case_id,patient_id,image,mask,label,mask_label,site,age,sex,grade\n"
    "007,01,i/007.nii,m/007.nii,0,,A,61.5,f,1\n"
    "008,01,i/008.nii,m/008.nii,1,2,A,,m,2\n"
    "8.0,02,i/009.nii,m/009.nii,1,,B,70,,4a\n"
)


@pytest.fixture
def write(tmp_path):
    def write_table(text=ROWS, name="cohort.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write_table


def plain(labels, **columns):
    ids = [f"c{i}" for i in range(len(labels))]
    return pd.DataFrame({"case_id": ids, "label": labels, **columns})


def plain_cohort(labels, *, label="label", positive=None, clinical=(), **columns):
    return cohort_from_frame(plain(labels, **columns), images=False, label=label, positive=positive, clinical=clinical)


def codes(cohort):
    return cohort.check().reset_index()["code"].tolist()


def test_ids_stay_text_as_they_were_written(write):
    cohort = read_cohort(write())
    assert list(cohort.table.index) == ["007", "008", "8.0"]
    assert cohort.patient_id.to_dict() == {"007": "01", "008": "01", "8.0": "02"}


def test_cases_carry_resolved_paths_and_mask_labels(write):
    file = write()
    cases = read_cohort(file).cases()
    assert cases[0].paths == {"image": file.parent / "i" / "007.nii", "mask": file.parent / "m" / "007.nii"}
    assert [c.mask_label for c in cases] == [None, 2, None]
    assert all(c.error is None for c in cases)


def test_a_path_outside_the_root_leaves_the_other_cases_usable(write):
    file = write(ROWS.replace("i/008.nii", "../008.nii"))
    assert [c.error and c.error.code for c in read_cohort(file).cases()] == [None, "E_PATH_OUTSIDE_ROOT", None]
    assert all(c.error is None for c in read_cohort(file, allow_outside_root=True).cases())


def test_clinical_columns_are_numbers_or_categories(write):
    table = read_cohort(write(), clinical=["age", "sex", "grade"]).clinical_table()
    assert list(table) == ["clinical__age", "clinical__sex", "clinical__grade"]
    np.testing.assert_array_equal(table["clinical__age"], [61.5, np.nan, 70.0])
    assert table["clinical__sex"].tolist() == ["f", "m", None]
    assert table["clinical__grade"].tolist() == ["1", "2", "4a"]


def test_a_subset_keeps_the_type_of_a_clinical_column(write):
    subset = read_cohort(write(), clinical=["grade"]).subset(["008", "007"])
    assert subset.clinical_table()["clinical__grade"].to_dict() == {"008": "2", "007": "1"}


def test_a_german_table_reads_like_an_english_one(write):
    german = ROWS.replace(",", ";").replace("61.5", "61,5")
    one, other = read_cohort(write(), clinical=["age"]), read_cohort(write(german, "de.csv"), clinical=["age"])
    assert_frame_equal(one.table, other.table)


def test_parquet_and_csv_give_the_same_cohort(write, tmp_path):
    table = pd.DataFrame({"case_id": [7, 8], "label": [1.0, np.nan], "deep__0": [0.1, np.nan], "site": ["A", None]})
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False)
    one, other = (read_cohort(tmp_path / f"t.{kind}", images=False) for kind in ("parquet", "csv"))
    assert list(one.table.index) == ["7", "8"]
    assert_frame_equal(one.features(), other.features())
    assert one.label_values.tolist() == other.label_values.tolist() == [1, None]


def test_the_index_written_by_pandas_is_ignored(write):
    cohort = read_cohort(write(",case_id,label\n0,a,1\n1,b,0\n"), images=False)
    assert list(cohort.table.columns) == ["label", "patient_id"]


def test_without_patients_each_case_is_its_own_and_the_check_says_so():
    cohort = plain_cohort([0, 1])
    assert cohort.patient_id.tolist() == ["c0", "c1"]
    assert "N_PATIENT_ASSUMED" in codes(cohort)


def test_white_space_around_ids_goes_with_a_note(write):
    cohort = read_cohort(write("case_id,patient_id,label\n a ,p,1\nb,p ,0\n"), images=False)
    assert cohort.patient_id.to_dict() == {"a": "p", "b": "p"}
    assert cohort.check().loc[("(cohort)", "N_ID_STRIPPED"), "message"].startswith("2 ids")


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        ([0, 1], None, [0, 1]),
        (["1", "0.0"], None, [0, 1]),
        ([1.0, 0.0], "0", [1, 0]),
        ([0, 1], 0, [1, 0]),
        ([0, 1], True, [0, 1]),
        (["yes", "no"], None, ["no", "yes"]),
        (["yes", "no"], " no", ["yes", "no"]),
        (["10", "9"], None, [9, 10]),
        (["b", "c", "a"], None, ["a", "b", "c"]),
        (["b", "c", "a"], "a", ["b", "c", "a"]),
    ],
)
def test_the_positive_class_is_the_larger_label_or_the_one_named(labels, positive, classes):
    cohort = plain_cohort(labels, positive=positive)
    assert cohort.classes == classes
    assert cohort.y.tolist() == [classes.index(v) for v in cohort.label_values]
    assert cohort.positive == (None if len(classes) > 2 and positive is None else classes[-1])


def test_a_positive_class_that_does_not_occur_is_refused_with_the_ones_that_do():
    with pytest.raises(RunError, match=r"'malignent' does not occur in label; it has .*Did you mean malignant"):
        plain_cohort(["benign", "malignant"], positive="malignent")


def test_y_is_refused_while_a_label_is_missing_and_a_subset_mends_it():
    cohort = plain_cohort([0, None, 1])
    with pytest.raises(RunError, match="1 of 3 cases have no label: c1"):
        _ = cohort.y
    assert cohort.subset(["c2", "c0"]).y.to_dict() == {"c2": 1, "c0": 0}
    assert cohort.check().index.tolist()[1] == ("c1", "E_LABEL_MISSING")


def test_patients_are_refused_while_one_is_missing():
    cohort = plain_cohort([0, 1], patient_id=["p", "NA"])
    with pytest.raises(RunError, match="1 of 2 cases have no patient_id: c1"):
        _ = cohort.patient_id
    assert "E_PATIENT_MISSING" in codes(cohort)


def test_another_column_can_be_the_label():
    cohort = plain_cohort([0, 1, 1], label="site_of_body", site_of_body=["wrist", "elbow", ""])
    assert cohort.classes == ["elbow", "wrist"]
    assert cohort.subset(["c0", "c1"]).y.tolist() == [1, 0]


def test_duplicate_ids_can_be_checked_but_not_used():
    cohort = cohort_from_frame(plain([0, 1]).assign(case_id="a", deep__0=1.0), images=False)
    assert ("a", "E_DUPLICATE_ID") in cohort.check().index
    uses = [cohort.cases, cohort.features, cohort.clinical_table, lambda: cohort.subset(["a"])]
    for use in [*uses, lambda: cohort.y, lambda: cohort.patient_id]:
        with pytest.raises(RunError, match="case ids stand in several rows: a"):
            use()


def test_features_are_the_block_columns_as_numbers():
    cohort = plain_cohort([0, 1], deep__0=["0.1", ""], age__years=["1", "2"], note=["x", "y"], clinical=["age__years"])
    np.testing.assert_array_equal(cohort.features(), [[0.1], [np.nan]])
    assert list(cohort.features()) == ["deep__0"]
    assert cohort.features().index.name == "case_id"


def test_a_feature_that_is_no_number_is_named_with_column_and_case():
    with pytest.raises(RunError, match="column deep__0, case c1: abc is not a finite number"):
        plain_cohort([0, 1], deep__0=["0.1", "abc"]).features()


def test_a_table_without_features_says_how_they_are_named():
    with pytest.raises(RunError, match="<block>__<feature>"):
        plain_cohort([0, 1], volume=[1, 2]).features()


def test_a_thousand_features_are_read_to_the_last_bit(tmp_path):
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 1000))).add_prefix("deep__")
    pd.concat([plain([0, 1] * 15), values], axis=1).to_csv(tmp_path / "t.csv", index=False)
    np.testing.assert_array_equal(read_cohort(tmp_path / "t.csv", images=False).features(), values)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"clinical": ["aeg"]}, "no column 'aeg'.*Did you mean age"),
        ({"clinical": ["age", "age"]}, "twice"),
        ({"label": "Label"}, "no column 'Label'.*Did you mean label"),
        ({"label": "patient_id"}, "cannot be the label"),
        ({"label": "image"}, "cannot be the label"),
        *[
            ({"clinical": [c]}, "cannot be a clinical")
            for c in ("label", "case_id", "patient_id", "mask_label", "mask")
        ],
        ({"label": "grade", "clinical": ["grade"]}, "cannot be a clinical"),
        ({"label": "grade", "clinical": ["label"]}, "cannot be a clinical"),
    ],
)
def test_a_column_that_cannot_be_what_it_was_named_for_is_refused(write, options, match):
    with pytest.raises(RunError, match=match):
        read_cohort(write(), **options)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("case_id,", "Case_ID,", r"no column 'case_id'.*Did you mean Case_ID\?"),
        ("case_id,", "id,", "no column 'case_id'.*Name the column that tells the cases apart case_id"),
        (",label,", ",outcome,", "no column 'label'.*--label COLUMN"),
        (",image,", ",img,", "no column 'image'.*images=False"),
        (",mask,", ",Mask,", "no column 'mask'.*Did you mean Mask"),
        (",sex,", ",age,", "'age' stands twice"),
        ("\n008,", "\n,", "case_id is empty in row 2"),
    ],
)
def test_a_table_with_a_fault_in_its_columns_is_refused(write, old, new, match):
    with pytest.raises(RunError, match=match):
        read_cohort(write(ROWS.replace(old, new)))


def test_a_variable_is_not_proposed_in_place_of_the_image(write):
    with pytest.raises(RunError, match="no column 'image'") as refused:
        read_cohort(write(ROWS.replace(",image,", ",site_file,")))
    assert "Did you mean age" not in str(refused.value)


def test_a_table_of_further_sequences_needs_no_column_named_image(write):
    file = write("case_id,image:ADC,mask:ring,label\na,a.nii,m.nii,1\n")
    assert list(read_cohort(file).cases()[0].paths) == ["image:ADC", "mask:ring"]


@pytest.mark.parametrize("ids", [[1.5, 2.0], [float(2**60), 1.0]])
def test_ids_that_lost_digits_as_numbers_are_refused(ids):
    with pytest.raises(RunError, match="ids must be text or whole numbers"):
        cohort_from_frame(plain([0, 1]).assign(case_id=ids), images=False)


def test_a_frame_may_have_the_ids_as_index_and_is_not_changed():
    table = plain([0, 1]).set_index("case_id")
    before = table.copy()
    assert list(cohort_from_frame(table, images=False).table.index) == ["c0", "c1"]
    assert_frame_equal(table, before)


def test_what_is_no_frame_or_holds_no_rows_is_refused():
    with pytest.raises(TypeError, match="DataFrame"):
        cohort_from_frame([1], images=False)
    with pytest.raises(RunError, match="no cases"):
        cohort_from_frame(plain([]), images=False)


def test_a_subset_of_unknown_cases_shows_both_sides():
    with pytest.raises(RunError, match=r"1 of 2 case ids are not in .*: C0; it holds 2: c0, c1\..*Did you mean c0"):
        plain_cohort([0, 1]).subset(["c1", "C0"])
    with pytest.raises(RunError, match="twice: c1"):
        plain_cohort([0, 1]).subset(["c1", "c1"])


def test_a_cohort_introduces_itself_in_a_line(write):
    shown = repr(read_cohort(write(ROWS.replace("8.0,02", "9,02")), clinical=["age"]).subset(["007", "008"]))
    assert shown == "Cohort(cohort.csv: 2 cases of 1 patients; label: 0 (1 case), 1 (1 case, positive); clinical: age)"
    assert "none (1 case)" in repr(plain_cohort([0, None]))


def test_the_summary_counts_cases_and_patients_by_class():
    summary = plain_cohort([1, 0, 0], patient_id=["p", "p", "p"]).summary()
    assert summary.to_dict("index") == {0: {"cases": 2, "patients": 1}, 1: {"cases": 1, "patients": 1}}


def test_a_cohort_travels_to_other_processes():
    back = pickle.loads(pickle.dumps(plain_cohort([0, 1])))  # noqa: S301 - our own bytes
    assert isinstance(back, Cohort)
    assert back.y.tolist() == [0, 1]


def test_the_check_of_a_feature_table_looks_at_its_columns():
    cohort = plain_cohort([0, 1] * 30, deep__0=[0.0, 1.0] * 30, deep__1=[1.0] * 60)
    assert codes(cohort) == ["N_PATIENT_ASSUMED", "W_COLUMN_CONSTANT", "W_POSSIBLE_LEAK"]


def test_the_check_lists_bad_rows_beside_bad_files(write):
    findings = read_cohort(write(ROWS.replace("i/008.nii", "../008.nii"))).check()
    assert ("008", "E_PATH_OUTSIDE_ROOT") in findings.index
    assert ("008", "E_FILE_MISSING") not in findings.index
    missing = findings.loc[("007", "E_FILE_MISSING"), "message"]
    assert "image: " in missing
    assert "mask: " in missing


def test_reading_a_table_loads_no_imaging_library(write):
    code = f"import sys, hybridrad.cohort as c; c.read_cohort({str(write())!r}); sys.exit('SimpleITK' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())})


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "label", "n_cases", "n_patients", "n_classes"),
    [
        ("lidc_dev", "label", 605, 332, 2),
        ("busbra_dev", "label", 1127, 638, 2),
        ("fracture_dev", "label", 800, 400, 2),
        ("fracture_dev", "site_of_body", 800, 400, 6),
    ],
)
def test_the_measurement_cohorts_are_read(shared_data, name, label, n_cases, n_patients, n_classes):
    cohort = read_cohort(shared_data / name / "cohort.csv", label=label)
    assert (len(cohort), cohort.patient_id.nunique(), len(cohort.classes)) == (n_cases, n_patients, n_classes)
    assert all(case.error is None for case in cohort.cases())


def test_a_table_without_labels_is_enough_to_extract_features():
    table = pd.DataFrame({"case_id": ["a", "b"], "image": ["a.png", "b.png"], "mask": ["ma.png", "mb.png"]})
    cohort = cohort_from_frame(table, label=None)
    assert [case.case_id for case in cohort.cases()] == ["a", "b"]
    assert cohort.classes == []
    with pytest.raises(RunError, match="label"):
        _ = cohort.y
    with pytest.raises(RunError, match="no column 'label'"):
        cohort_from_frame(table)


def test_without_asking_for_labels_they_are_not_missed_but_used_if_there():
    table = pd.DataFrame({"case_id": ["a", "b"], "label": [0, 1]})
    assert cohort_from_frame(table, images=False, label=None).y.tolist() == [0, 1]
    bare = cohort_from_frame(table[["case_id"]], images=False, label=None)
    assert not {"E_LABEL_MISSING", "E_ONE_CLASS"} & set(bare.check().index.get_level_values("code"))
