"""Validators say what came and what was wanted."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from hybridrad._checks import (
    check_choice,
    check_features,
    check_positive,
    check_table,
    did_you_mean,
    findings_table,
    require,
)
from hybridrad.errors import Finding, MissingDependencyError


@pytest.fixture
def features():
    index = pd.Index(["a", "b"], name="case_id")
    return pd.DataFrame({"size__volume_ml": [1.0, np.nan], "deep__0": [1, 2]}, index=index)


def test_a_missing_package_is_named_with_the_extra_that_brings_it():
    with pytest.raises(MissingDependencyError, match=r'no_such_package is not.*pip install "hybridrad\[timm\]"'):
        require("no_such_package", extra="timm")


def test_a_missing_package_without_extra_is_installed_by_its_own_name():
    with pytest.raises(MissingDependencyError, match=r"pip install no_such_package$"):
        require("no_such_package")


def test_a_package_that_lacks_a_package_of_its_own_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import something_else_again\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else_again"):
        require("half_installed")
    sys.modules.pop("half_installed", None)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3)])
def test_positive_numbers_of_any_kind_pass(value):
    assert check_positive(value, name="margin_mm") is value


@pytest.mark.parametrize("value", [0, -1, True, "1", None, np.nan, np.inf])
def test_what_is_not_a_positive_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match="margin_mm must be a positive number"):
        check_positive(value, name="margin_mm")


def test_a_wrong_choice_lists_the_right_ones():
    assert check_choice("case", ["case", "patient"], name="unit") == "case"
    with pytest.raises(ValueError, match=r"unit='patients' is not one of case, patient\. Did you mean patient\?"):
        check_choice("patients", ["case", "patient"], name="unit")


def test_nothing_is_suggested_for_what_resembles_nothing():
    assert did_you_mean("zzz", ["age", 7]) == ""


def test_findings_become_a_table_even_when_there_are_none():
    table = findings_table([])
    assert table.index.names == ["case_id", "code"]
    assert list(table.columns) == ["severity", "stage", "message", "hint"]
    rows = findings_table([Finding("a", "W_ROI_SMALL", "mask", "12 voxels."), Finding("a", "N_MASK_VALUE", "mask", "")])
    assert rows["severity"].tolist() == ["warning", "note"]


def test_a_feature_table_passes_unchanged(features):
    assert check_features(features) is features


def test_categories_are_welcome_in_the_clinical_block_alone(features):
    check_features(features.assign(clinical__sex=["f", None]))
    with pytest.raises(ValueError, match=r"deep__sex.*wanted numbers"):
        check_features(features.assign(deep__sex=["f", None]))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.rename_axis("id"), "wanted \\['case_id'\\]"),
        (lambda t: t.set_axis(pd.Index(["a", "a"], name="case_id")), "'a' stands twice"),
        (lambda t: t.set_axis(pd.Index([1, 2], name="case_id")), "wanted text"),
        (lambda t: t.rename(columns={"deep__0": "deep_0"}), "<block>__<feature>"),
        (lambda t: t.rename(columns={"deep__0": "size__volume_ml"}), "stands twice"),
        (lambda t: t.assign(deep__1=[1.0, -np.inf]), "case b: not finite"),
    ],
)
def test_a_table_that_is_no_feature_table_is_refused(features, change, match):
    with pytest.raises(ValueError, match=match):
        check_features(change(features))


def test_a_table_lists_the_columns_it_lacks(features):
    with pytest.raises(ValueError, match=r"\['y_true'\] are missing"):
        check_table(features, index=["case_id"], columns=["y_true"], name="predictions")
    with pytest.raises(TypeError, match="DataFrame"):
        check_table([1], index=["case_id"], columns=[], name="predictions")
