"""Files of a case lie below the root, or the case carries the reason."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from hybridrad.case import Case, cases_of, is_path_column
from hybridrad.errors import CaseError


def table(**columns):
    cells = {"patient_id": ["p"], "image": ["a.nii"], "mask": ["m.nii"], **columns}
    return pd.DataFrame(cells, index=pd.Index(["a"], name="case_id"), dtype=object)


def only(root, *, allow=False, **columns):
    (case,) = cases_of(table(**columns), root=root, allow_outside_root=allow)
    return case


def test_paths_are_resolved_below_the_root(tmp_path):
    case = only(tmp_path, **{"image:ADC": ["x/../adc.nii"], "mask:ring": [None]})
    assert case.error is None
    assert dict(case.paths) == {
        "image": tmp_path / "a.nii",
        "mask": tmp_path / "m.nii",
        "image:ADC": tmp_path / "adc.nii",
    }


@pytest.mark.parametrize("path", ["../a.nii", "x/../../a.nii", "/etc/passwd", "link/a.nii"])
def test_a_path_that_leaves_the_root_is_the_fault_of_its_case(tmp_path, path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    assert only(root, image=[path]).error.code == "E_PATH_OUTSIDE_ROOT"
    assert only(root, image=[path], allow=True).error is None


def test_a_folder_whose_name_begins_like_the_root_is_outside(tmp_path):
    (tmp_path / "root").mkdir()
    assert only(tmp_path / "root", image=["../root2/a.nii"]).error.code == "E_PATH_OUTSIDE_ROOT"


def test_an_absolute_path_inside_the_root_is_fine(tmp_path):
    assert only(tmp_path, image=[str(tmp_path / "a.nii")]).error is None


def test_a_root_that_is_itself_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    case = only(tmp_path / "link")
    assert case.paths["image"] == tmp_path / "real" / "a.nii"


def test_without_root_paths_are_taken_as_they_are():
    assert str(only(None, image=["/somewhere/a.nii"]).path("image")) == "/somewhere/a.nii"


def test_a_path_that_cannot_be_resolved_fails_its_case_only(tmp_path):
    assert only(tmp_path, image=["a\0.nii"]).error.code == "E_FILE_UNREADABLE"


def test_links_in_a_circle_do_not_raise(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path / "y")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    case = only(tmp_path, image=["x/a.nii"])  # from Python 3.13 on the path stays as it is, and is then not found
    assert case.error is not None or not case.paths["image"].exists()


@pytest.mark.parametrize("column", ["image", "mask"])
def test_an_empty_image_or_mask_cell_fails_the_case(tmp_path, column):
    case = only(tmp_path, **{column: [None]})
    assert case.error.code == "E_FILE_MISSING"
    assert column in str(case.error)


def test_an_empty_further_column_fails_only_who_asks_for_it(tmp_path):
    case = only(tmp_path, **{"image:ADC": [None]})
    assert case.path("mask").name == "m.nii"
    with pytest.raises(CaseError, match="no file under 'image:ADC'; it names image, mask"):
        case.path("image:ADC")


def test_a_case_with_an_error_gives_no_path(tmp_path):
    with pytest.raises(CaseError, match="E_PATH_OUTSIDE_ROOT"):
        only(tmp_path, mask=["../m.nii"]).path("image")


@pytest.mark.parametrize(("text", "value"), [(None, None), ("2", 2), ("2.0", 2)])
def test_the_mask_label_is_a_whole_number_or_nothing(tmp_path, text, value):
    assert only(tmp_path, mask_label=[text]).mask_label == value


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "tumour"])
def test_another_mask_label_fails_the_case(tmp_path, text):
    assert only(tmp_path, mask_label=[text]).error.code == "E_CONFIG"


def test_a_case_travels_to_worker_processes_with_its_error(tmp_path):
    case = only(tmp_path, image=["../a.nii"], patient_id=[None])
    back = pickle.loads(pickle.dumps(case))  # noqa: S301 - our own bytes
    assert isinstance(back, Case)
    assert (back.case_id, back.patient_id, back.error.code) == ("a", "", "E_PATH_OUTSIDE_ROOT")


def test_path_columns_are_known_by_name():
    found = [c for c in ["image", "mask", "image:T1", "mask:ring", "imaged", "mask_label"] if is_path_column(c)]
    assert found == ["image", "mask", "image:T1", "mask:ring"]
