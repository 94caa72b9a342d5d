"""What a table says about itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.cohort_checks import (
    alike_findings,
    class_findings,
    column_findings,
    first_of,
    id_findings,
    shared_file_findings,
)


def table(ids, patients=None, labels=None, **columns):
    cells = {"patient_id": patients or ids, "label": labels or [0] * len(ids), **columns}
    return pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in cells.items()}).set_axis(
        pd.Index(ids, name="case_id")
    )


def listed(findings):
    return [(f.case_id, f.code) for f in findings]


def test_long_lists_are_cut():
    assert first_of("abc", 3) == "a, b, c"
    assert first_of("abcd", 3) == "a, b, c and 1 more"


def test_a_duplicate_id_is_listed_once():
    assert listed(id_findings(table(["a", "b", "a", "a"]), label="label"))[0] == ("a", "E_DUPLICATE_ID")


@pytest.mark.parametrize("twin", ["A1", "a 1", "a01", "\uff411", "a\u00a01"])
def test_ids_that_differ_only_in_writing_are_suspicious(twin):
    (finding,) = alike_findings(["a1", "b", twin, "a1"], list("wxyz"), what="case_id", code="W_ID_ALIKE")
    assert finding.case_id == "w"
    assert repr(twin) in finding.message


@pytest.mark.parametrize("other", ["a2", "a10", "a-1", "a11", "a1b"])
def test_ids_that_differ_in_substance_are_not(other):
    assert alike_findings(["a1", other], ["x", "y"], what="case_id", code="W_ID_ALIKE") == []


def test_zeros_inside_a_number_are_substance():
    assert alike_findings(["1001", "11", "101"], list("abc"), what="case_id", code="W_ID_ALIKE") == []


def test_patients_alike_would_be_split_apart_and_are_named():
    found = id_findings(table(["x", "y"], ["P1", "p1"]), label="label")
    assert listed(found) == [("x", "W_ID_ALIKE")]
    assert found[0].message.startswith("patient_id 'P1', 'p1'")


def test_missing_patients_and_labels_are_listed_case_by_case():
    found = id_findings(table(["a", "b"], ["p", None], [None, 1]), label="label")
    assert listed(found) == [("b", "E_PATIENT_MISSING"), ("a", "E_LABEL_MISSING")]


def classes(frame):
    patients = frame["patient_id"].groupby(frame["label"])
    counts = pd.DataFrame({"cases": patients.size(), "patients": patients.nunique()})
    return class_findings(frame, counts, label="label")


def many(n, **columns):
    return table([f"c{i}" for i in range(n)], **columns)


def test_twelve_patients_in_two_classes_are_enough():
    assert classes(many(12, labels=[0, 1] * 6)) == []


def test_few_patients_are_counted_as_patients_and_not_as_cases():
    found = classes(many(12, labels=[0, 1] * 6, patients=["p", "q"] + [str(i) for i in range(8)] + ["p", "q"]))
    assert [f.code for f in found] == ["E_FEW_PATIENTS"]
    assert "0 (5), 1 (5)" in found[0].message


@pytest.mark.parametrize(("labels", "what"), [([3] * 8, "only 3"), ([None] * 8, "no value")])
def test_one_class_or_none_is_an_error(labels, what):
    found = classes(many(8, labels=labels))
    assert [f.code for f in found] == ["E_ONE_CLASS"]
    assert what in found[0].message


def test_a_patient_with_two_labels_is_a_note_about_the_cohort():
    (found,) = classes(many(14, labels=[0, 1] * 7, patients=["p", "p"] + [str(i) for i in range(12)]))
    assert (found.case_id, found.code, found.severity) == ("(cohort)", "N_PATIENT_TWO_LABELS", "note")
    assert "1 of 13 patients" in found.message


def test_labels_that_differ_only_in_case_are_two_classes_by_mistake():
    found = classes(many(18, labels=["benign", "Benign", "malignant"] * 6))
    assert [f.code for f in found] == ["W_LABEL_ALIKE"]


def test_an_image_of_two_patients_leaks():
    shared = table(["a", "b", "c"], ["p", "q", "q"], image=["1.nii", "1.nii", "2.nii"])
    assert listed(shared_file_findings(shared)) == [("a", "W_IMAGE_SHARED")]


def test_two_regions_of_one_image_of_one_patient_are_fine():
    assert shared_file_findings(table(["a", "b"], ["p", "p"], image=["1.nii", "1.nii"])) == []


@pytest.fixture
def labels():
    return [0, 1] * 30


def columns(**values):
    return pd.DataFrame({f"radiomics__{k}": v for k, v in values.items()})


def test_sound_columns_give_no_finding(labels):
    noise = np.random.default_rng(0).normal(size=(2, 60))
    assert column_findings(columns(a=noise[0], b=noise[1]), labels) == []
    assert column_findings(pd.DataFrame(index=range(60)), labels) == []


def test_constant_twin_and_missing_columns_are_named(labels):
    noise = np.random.default_rng(0).normal(size=60)
    noise[3] = np.nan
    found = {f.code: f.message for f in column_findings(columns(a=noise, b=noise, c=1.0), labels)}
    assert found == {
        "N_VALUE_MISSING": "2 cells are empty, in 1 cases and the columns radiomics__a, radiomics__b.",
        "W_COLUMN_CONSTANT": "1 of 3 columns are constant: radiomics__c.",
        "W_COLUMN_TWIN": "1 of 3 columns repeat another: radiomics__a = radiomics__b.",
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_that_tells_the_label_alone_is_a_possible_leak(labels, sign):
    leak = sign * np.array(labels) + np.random.default_rng(0).normal(scale=0.1, size=60)
    (found,) = column_findings(columns(score=leak), labels)
    assert found.code == "W_POSSIBLE_LEAK"
    assert "radiomics__score" in found.message


def test_a_category_that_tells_the_label_alone_is_a_possible_leak(labels):
    words = ["benign" if v == 0 else "malignant" for v in labels]
    assert [f.code for f in column_findings(columns(histology=words), labels)] == ["W_POSSIBLE_LEAK"]


def test_free_text_that_differs_for_every_case_is_no_leak(labels):
    assert column_findings(columns(remark=[f"text {i}" for i in range(60)]), labels) == []


def test_perfect_separation_of_a_handful_is_chance():
    assert column_findings(columns(a=np.arange(20.0)), [0] * 10 + [1] * 10) == []


def test_cases_without_label_do_not_disturb_the_search_for_leaks(labels):
    leak = np.array(labels, dtype=float) + np.arange(60) / 1000
    found = column_findings(columns(score=np.append(leak, 7.0)), [*labels, None])
    assert [f.code for f in found] == ["W_POSSIBLE_LEAK"]


def test_leaks_of_one_of_several_classes_are_found():
    labels = ["a", "b", "c"] * 25
    leak = [float(v == "b") + i / 1000 for i, v in enumerate(labels)]
    assert [f.code for f in column_findings(columns(score=leak), labels)] == ["W_POSSIBLE_LEAK"]
