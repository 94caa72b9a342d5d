from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from hybridrad.errors import RunError
from hybridrad.feature_columns import notes_of
from hybridrad.features.table_file import read_feature_table


def written(tmp_path, text):
    (tmp_path / "features.csv").write_text(text, encoding="utf-8")
    return tmp_path / "features.csv"


def test_a_table_that_radiomics_software_made_is_read_and_all_that_became_of_it_is_told(tmp_path):
    header = "case_id,label,Image,diagnostics_Versions_PyRadiomics,original_glcm_Contrast,original_shape_MeshVolume\n"
    table = read_feature_table(written(tmp_path, header + "007,1,a.nii,3.0.1,0.1,1500\n008,0,b.nii,3.0.1,,900\n"))
    assert table.loc["007"].to_dict() == {
        "radiomics__original_glcm_Contrast": 0.1,
        "radiomics__original_shape_MeshVolume": 1500.0,
        "size__volume_ml": 1.5,
    }
    assert np.isnan(table.loc["008", "radiomics__original_glcm_Contrast"])
    assert [n.code for n in notes_of(table)] == ["N_COLUMNS_NAMED", "N_COLUMN_LEFT_OUT", "N_SIZE_DERIVED"]
    assert "Image; 1 named diagnostics_*" in notes_of(table)[1].message


def test_other_columns_are_features_where_a_block_is_named_but_for_those_of_the_cohort(tmp_path):
    path = written(tmp_path, "case_id;grade;age;entropy;kurtosis\na;1;60;0,5;2\nb;2;70;1,5;3\n")
    table = read_feature_table(path, block="mr", not_features=["grade", "age"])
    assert table.to_dict("list") == {"mr__entropy": [0.5, 1.5], "mr__kurtosis": [2.0, 3.0]}


def test_a_table_without_any_feature_names_its_columns_and_the_way_out(tmp_path):
    with pytest.raises(RunError, match=r"it has entropy, kurtosis.*--block NAME"):
        read_feature_table(written(tmp_path, "case_id,entropy,kurtosis\na,1,2\n"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id,deep__0\na,1\n", "no column case_id; it begins with id, deep__0. Name the column"),
        ("case_id,deep__0\na,x\n", "column deep__0, case a: x is not a finite number"),
        ("case_id,glcm_Idn\na,<1\n", "column glcm_Idn, case a"),
        ("case_id,deep__0,deep__0\na,1,2\n", "stands twice"),
    ],
)
def test_a_table_with_a_fault_is_refused(tmp_path, text, match):
    with pytest.raises(RunError, match=match):
        read_feature_table(written(tmp_path, text))
    with pytest.raises(RunError, match="does not exist"):
        read_feature_table(tmp_path / "none.csv")


def test_an_id_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="case_id 'a' stands twice"):
        read_feature_table(written(tmp_path, "case_id,deep__0\na,1\na,2\n"))


def test_parquet_comes_back_as_it_was_written_ids_as_text(tmp_path):
    table = pd.DataFrame({"deep__0": [0.1, np.nan]}, pd.Index(["1", "2"], name="case_id"))
    table["clinical__sex"] = pd.Series(["f", None], table.index, dtype=object)
    table.to_parquet(tmp_path / "f.parquet")
    assert_frame_equal(read_feature_table(tmp_path / "f.parquet"), table, check_index_type=False)
    table.set_axis(pd.Index([1, 2], name="case_id")).reset_index().to_parquet(tmp_path / "numbers.parquet")
    assert read_feature_table(tmp_path / "numbers.parquet").index.tolist() == ["1", "2"]
