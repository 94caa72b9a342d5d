"""Errors keep what they know across processes and become rows."""

from __future__ import annotations

import pickle

import pytest

from hybridrad.errors import (
    CATALOGUE,
    CaseError,
    FeatureError,
    Finding,
    GeometryError,
    HybridradError,
    ImageError,
    MaskError,
    MissingDependencyError,
    RunError,
    WeightsError,
)

CASE_ERRORS = [CaseError, ImageError, GeometryError, MaskError, FeatureError]


@pytest.mark.parametrize("kind", CASE_ERRORS)
def test_a_case_error_survives_the_way_out_of_a_worker_process(kind):
    err = kind(
        "E_MASK_EMPTY", case_id="007", stage="mask", message="zero.", hint="Draw one.", details={"labels": [1, 2]}
    )
    back = pickle.loads(pickle.dumps(err))  # noqa: S301 - our own bytes
    assert type(back) is kind
    assert vars(back) == vars(err)
    assert str(back) == "007: E_MASK_EMPTY: zero. Draw one."


@pytest.mark.parametrize("kind", [RunError, WeightsError, MissingDependencyError])
def test_a_run_error_survives_the_way_out_of_a_worker_process(kind):
    back = pickle.loads(pickle.dumps(kind("no weights.", hint="Fetch them.")))  # noqa: S301 - our own bytes
    assert type(back) is kind
    assert str(back) == "no weights. Fetch them."


def test_weights_errors_have_their_own_code():
    assert WeightsError("none.").code == "E_WEIGHTS"


def test_a_missing_package_can_be_caught_as_import_error():
    with pytest.raises(ImportError, match="Install it"):
        raise MissingDependencyError("timm is not installed.", code="E_MISSING_DEPENDENCY", hint="Install it.")


@pytest.mark.parametrize("make", [
    lambda: CaseError("E_TYPO", case_id="a", stage="mask", message=""),
    lambda: Finding("a", "E_TYPO", stage="mask", message=""),
    lambda: RunError("", code="E_TYPO"),
])  # fmt: skip
def test_a_code_that_is_not_in_the_catalogue_is_refused_at_once(make):
    with pytest.raises(ValueError, match="E_TYPO"):
        make()


def test_the_prefix_of_a_code_says_how_grave_it_is():
    letters = {"error": "E_", "warning": "W_", "note": "N_"}
    assert all(name.startswith(letters[code.severity]) for name, code in CATALOGUE.items())
    assert all(code.meaning.endswith(".") for code in CATALOGUE.values())


def test_a_case_error_becomes_a_finding():
    err = MaskError("E_MASK_EMPTY", case_id="007", stage="mask", message="zero.", hint="Draw one.")
    assert err.as_finding() == Finding("007", "E_MASK_EMPTY", "mask", "zero.", "Draw one.")


def test_a_finding_is_a_row_with_its_severity():
    row = Finding("007", "W_ROI_SMALL", stage="mask", message="12 voxels.").as_row()
    assert row == {
        "case_id": "007",
        "code": "W_ROI_SMALL",
        "severity": "warning",
        "stage": "mask",
        "message": "12 voxels.",
        "hint": "",
    }


def test_all_errors_share_one_root():
    assert issubclass(CaseError, HybridradError)
    assert issubclass(RunError, HybridradError)


def test_details_are_not_shared_between_an_error_and_its_maker():
    details = {"n": 1}
    err = CaseError("E_MASK_EMPTY", case_id="a", stage="mask", message="", details=details)
    details["n"] = 2
    assert err.details == {"n": 1}
