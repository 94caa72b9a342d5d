"""Bad files are listed, all of them, and harm no other case."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
import SimpleITK as sitk

from hybridrad.case import Case
from hybridrad.cohort import read_cohort
from hybridrad.imaging import inspection
from hybridrad.imaging.inspection import inspect_case, inspect_cases


def save(array, path, *, spacing=None):
    image = sitk.GetImageFromArray(array)
    if spacing:
        image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(100, 10, size=(12, 16, 16)).astype(np.int16)


@pytest.fixture
def mask():
    mask = np.zeros((12, 16, 16), np.uint8)
    mask[3:9, 4:12, 4:12] = 1
    return mask


@pytest.fixture
def case(tmp_path, image, mask):
    """Write a case; what is given replaces the sound arrays."""

    def make(case_id="a", *, mask_label=None, mask_spacing=None, suffix="nii", **arrays):
        paths = {}
        for column, array in ({"image": image, "mask": mask} | arrays).items():
            spacing = mask_spacing if column == "mask" else None
            name = f"{case_id}_{column.replace(':', '_')}.{suffix}"
            paths[column] = save(array, tmp_path / name, spacing=spacing)
        return Case(case_id, "p", paths, mask_label)

    return make


def codes(findings):
    return [f.code for f in findings]


def test_a_sound_case_gives_no_finding(case):
    assert inspect_case(case()) == []


def test_both_files_are_reported_when_both_are_missing(tmp_path):
    found = inspect_case(Case("a", "p", {"image": tmp_path / "i.nii", "mask": tmp_path / "m.nii"}))
    assert codes(found) == ["E_FILE_MISSING", "E_FILE_MISSING"]
    assert [f.message.split(":")[0] for f in found] == ["image", "mask"]


def test_a_bad_mask_is_found_behind_a_bad_image(case):
    bad = case()
    bad.paths["image"].write_bytes(b"")
    bad.paths["mask"].unlink()
    assert codes(inspect_case(bad)) == ["E_FILE_UNREADABLE", "E_FILE_MISSING"]


def test_geometry_empty_mask_and_absent_label_are_found(case, mask):
    assert codes(inspect_case(case(mask_spacing=(2.0, 2.0, 2.0)))) == ["E_GEOMETRY"]
    assert codes(inspect_case(case(mask=0 * mask))) == ["E_MASK_EMPTY"]
    assert codes(inspect_case(case(mask_label=3))) == ["E_MASK_LABEL_ABSENT"]


def test_what_read_roi_notices_is_passed_on(case, mask):
    mask[:] = 0
    mask[5, :3, :3] = 255
    found = codes(inspect_case(case(mask=mask)))
    assert set(found) == {"N_MASK_VALUE", "N_SINGLE_SLICE", "W_ROI_AT_BORDER", "W_ROI_SMALL"}


def test_values_that_are_not_finite_in_the_region_are_found(case, image):
    image = image.astype(np.float32)
    image[5, 6, 6] = np.nan
    assert codes(inspect_case(case(image=image, suffix="nrrd"))) == ["E_NONFINITE_IN_ROI"]


def test_a_reader_that_fails_in_an_unforeseen_way_is_a_finding(case, monkeypatch):
    def fail(*args, **kwargs):
        raise OverflowError("out of all bounds")

    monkeypatch.setattr(inspection, "read_roi", fail)
    (found,) = inspect_case(case())
    assert found.code == "E_UNEXPECTED"
    assert "OverflowError: out of all bounds" in found.message


@pytest.mark.parametrize(
    ("columns", "pairs"),
    [
        (["image", "mask"], [("image", "mask")]),
        (["image", "image:ADC", "mask", "mask:ADC"], [("image", "mask"), ("image:ADC", "mask:ADC")]),
        (["image", "image:ADC", "mask"], [("image", "mask"), ("image:ADC", "mask")]),
        (["image", "mask", "mask:ring"], [("image", "mask"), ("image", "mask:ring")]),
        (["image:T1", "mask:ring"], [("image:T1", "mask:ring")]),
        (["image"], []),
        ([], []),
    ],
)
def test_every_column_is_looked_at_once(columns, pairs):
    assert inspection._pairs(columns) == pairs


def test_findings_of_a_further_sequence_name_its_columns(case, mask):
    (found,) = inspect_case(case(**{"mask:ring": 0 * mask}))
    assert (found.code, found.message[:10]) == ("E_MASK_EMPTY", "image, mas")


def test_2d_and_3d_images_in_one_cohort_are_reported(case, image, mask):
    cases = [case("a"), case("b", image=image[0], mask=mask[5]), case("c")]
    (found,) = inspect_cases(cases)
    assert (found.case_id, found.code) == ("(cohort)", "E_COHORT_DIM_MIX")
    assert "1 images are 2D (b), 2 are 3D (a, c)" in found.message


def test_worker_processes_find_the_same_as_one_process(case, mask):
    cases = [case("a"), case("b", mask=0 * mask), case("c", mask=7 * mask)]
    assert inspect_cases(cases, n_jobs=2) == inspect_cases(cases, n_jobs=1)


def test_a_worker_that_dies_or_hangs_costs_its_own_case_only(case, mask, monkeypatch):
    monkeypatch.setattr(inspection, "CASE_LIMIT_S", 3.0)
    # Looking through these paths ends the process, or never ends.
    dies, hangs = Case("dies", "p", map(os._exit, [3])), Case("hangs", "p", map(time.sleep, [60]))
    found = inspect_cases([dies, case("b", mask=0 * mask), hangs, case("c")], n_jobs=2)
    assert [(f.case_id, f.code) for f in found] == [
        ("dies", "E_CRASH"),
        ("b", "E_MASK_EMPTY"),
        ("hangs", "E_TIMEOUT"),
    ]
    assert "exit code 3" in found[0].message


@pytest.mark.parametrize("n_jobs", [0, -2, 1.5, True, "2"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(n_jobs):
    with pytest.raises(ValueError, match="n_jobs must be"):
        inspect_cases([], n_jobs=n_jobs)


def test_the_check_of_a_cohort_reads_its_files(case, tmp_path, mask):
    rows = ["case_id,patient_id,image,mask,label"]
    for i in range(12):
        paths = case(f"c{i}", mask=mask * (i != 3)).paths
        rows.append(f"c{i},p{i},{paths['image'].name},{paths['mask'].name},{i % 2}")
    (tmp_path / "cohort.csv").write_text("\n".join(rows))
    assert read_cohort(tmp_path / "cohort.csv").check().index.tolist() == [("c3", "E_MASK_EMPTY")]
