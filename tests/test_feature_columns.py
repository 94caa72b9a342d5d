from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.cohort import cohort_from_frame
from hybridrad.errors import RunError
from hybridrad.feature_columns import looks_like_pyradiomics, name_features, notes_of, with_notes, with_size

PYRADIOMICS = (
    *("original_firstorder_10Percentile", "original_shape_VoxelVolume", "original_shape2D_PixelSurface"),
    *("wavelet-LLH_glszm_ZoneEntropy", "log-sigma-1-0-mm-3D_ngtdm_Busyness", "lbp-3D-m1_gldm_DependenceEntropy"),
    *("squareroot_glrlm_RunEntropy", "glcm_Contrast", "T2_original_glcm_Imc1"),
)
OTHERS = ("diagnostics_Image-original_Mean", "age", "glcm_mean", "shape", "firstorder_", "glcm_Contrast mean", "Image")


def told(notes):
    return {note.code: note.message for note in notes}


def names(columns, *, numbers=(), **options):
    return name_features(columns, is_number=lambda column: column in numbers, **options)


@pytest.mark.parametrize("column", PYRADIOMICS)
def test_names_of_pyradiomics_are_known(column):
    assert looks_like_pyradiomics(column)


@pytest.mark.parametrize("column", OTHERS)
def test_other_names_are_not_taken_for_them(column):
    assert not looks_like_pyradiomics(column)


def test_columns_with_a_block_keep_it_and_others_that_look_like_pyradiomics_become_radiomics():
    found, notes = names(["case_id", "deep__0", "original_glcm_Contrast", "kvp", "diagnostics_a", "diagnostics_b"])
    assert found == {"deep__0": "deep__0", "original_glcm_Contrast": "radiomics__original_glcm_Contrast"}
    assert "1 column without a block" in told(notes)["N_COLUMNS_NAMED"]
    assert "3 columns left out, being no features: kvp; 2 named diagnostics_*." in told(notes)["N_COLUMN_LEFT_OUT"]


def test_with_a_block_all_numbers_are_taken_but_what_is_something_else():
    columns = ["case_id", "patient_id", "site", "grade", "entropy", "original_glcm_Contrast", "scanner"]
    found, notes = names(columns, block="ct", not_features=["grade"], numbers={*columns} - {"scanner"})
    assert list(found.values()) == ["ct__entropy", "ct__original_glcm_Contrast"]
    assert "scanner" in told(notes)["N_COLUMN_LEFT_OUT"]


def test_a_table_without_features_has_nothing_to_say_of_its_columns():
    assert names(["case_id", "label", "birads"]) == ({}, ())


def test_two_columns_of_one_feature_are_refused():
    with pytest.raises(RunError, match="original_glcm_Contrast and radiomics__original_glcm_Contrast would both"):
        names(["original_glcm_Contrast", "radiomics__original_glcm_Contrast"])


@pytest.mark.parametrize("block", ["", "a__b", "size", "clinical"])
def test_a_block_needs_a_name_of_its_own(block):
    with pytest.raises(ValueError, match="no name for a block"):
        names(["a"], block=block)


@pytest.mark.parametrize(
    ("columns", "size", "value"),
    [
        (["a__original_shape_MeshVolume", "a__original_shape_VoxelVolume"], "size__volume_ml", 0.002),
        (["a__T1_original_shape_MeshVolume"], "size__volume_ml", 0.001),
        (["a__original_shape2D_MeshSurface"], "size__area_mm2", 1.0),
    ],
)
def test_size_is_the_voxel_volume_in_millilitres_or_the_next_best(columns, size, value):
    table, (note,) = with_size(pd.DataFrame([np.arange(1.0, 1 + len(columns))], columns=columns))
    assert table[size].tolist() == pytest.approx([value])
    assert columns[-1] in note.message


def test_a_size_that_is_there_or_cannot_be_had_is_left_as_it_is():
    for columns in (["size__ml", "a__original_shape_VoxelVolume"], ["a__original_shape_Sphericity"]):
        table = pd.DataFrame([[1.0] * len(columns)], columns=columns)
        assert with_size(table) == (table, ())


def test_notes_travel_with_the_table_and_through_parquet(tmp_path):
    cohort = cohort_from_frame(
        pd.DataFrame({"case_id": ["a"], "label": [1], "kvp": [120], "glcm_Idn": [0.5]}), images=False
    )
    table = cohort.features()
    assert [n.code for n in notes_of(table.loc[["a"]])] == ["N_COLUMNS_NAMED", "N_COLUMN_LEFT_OUT"]
    table.to_parquet(tmp_path / "t.parquet")
    assert notes_of(pd.read_parquet(tmp_path / "t.parquet")) == notes_of(table)
    assert len(notes_of(with_notes(table, notes_of(table)))) == 4
