"""Table files are read as text first, and a number is only what is surely one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridrad.errors import RunError
from hybridrad.tables import as_labels, as_numbers, as_text, as_variable, read_table, with_decimal_points


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="cohort.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write_file


@pytest.mark.parametrize(("separator", "comma"), [(",", False), (";", True), ("\t", True)])
def test_the_separator_is_found_from_the_header(write, separator, comma):
    rows = [["case_id", "note"], ["007", "a"], ["008", ""]]
    table, decimal_comma = read_table(write("\r\n".join(separator.join(r) for r in rows)))
    assert table.to_dict("list") == {"case_id": ["007", "008"], "note": ["a", ""]}
    assert decimal_comma is comma


def test_the_separator_that_shows_case_id_wins_over_the_more_frequent_one(write):
    table, _ = read_table(write('case_id;"age, in years, at scan"\n007;61\n'))
    assert list(table) == ["case_id", "age, in years, at scan"]


def test_a_byte_order_mark_quotes_and_blank_lines_do_no_harm(write):
    table, _ = read_table(write(b'\xef\xbb\xbf"case_id","note"\n"a","x, y\nz"\n\n,\nb,"say ""so"""\n'))
    assert table["case_id"].tolist() == ["a", "b"]
    assert table["note"].tolist() == ["x, y\nz", 'say "so"']


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "holds no cases"),
        ("case_id,label\n", "holds no cases"),
        ("case_id,label\na,1\nb\n", "line 3: 1 cells, the header has 2"),
        ("case_id,label\na,1,0\n", "line 2: 3 cells, the header has 2"),
        ('case_id,label\n"a,1\n', "line 2"),
        ("case_id,label\nä,1\n".encode("latin-1"), "UTF-8"),
        ("case_id,label\na,1\n".encode("utf-16"), "UTF-8"),
        (b"case_id,label\na\0,1\n", "zero bytes"),
        (b"PK\x03\x04 and so on", "Excel"),
        (b"PAR1 and no more", "damaged Parquet"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(write, content, match):
    with pytest.raises(RunError, match=match):
        read_table(write(content))


def test_a_missing_file_is_named_with_its_nearest_neighbour(write):
    file = write("case_id,label\na,1\n", name="cohort_v2.csv")
    with pytest.raises(RunError, match=r"does not exist\. Did you mean cohort_v2\.csv\?"):
        read_table(file.with_name("cohort_v.csv"))
    with pytest.raises(RunError, match="is a folder"):
        read_table(file.parent)
    with pytest.raises(RunError, match="does not exist"):
        read_table(file.parent / "absent" / "cohort.csv")


def test_parquet_is_known_by_its_content_and_keeps_its_types(tmp_path):
    pd.DataFrame({"case_id": [7, 8], "size__volume_ml": [0.1, 0.2]}).to_parquet(tmp_path / "cohort.bin")
    table, decimal_comma = read_table(tmp_path / "cohort.bin")
    assert table.dtypes.astype(str).tolist() == ["int64", "float64"]
    assert not decimal_comma


def test_whole_numbers_become_text_without_a_decimal_point():
    cells = [7, 7.0, np.int32(7), np.float32(7), "7.0", " 007 ", 0.5, True, np.bool_(True)]
    assert as_text(cells) == ["7", "7", "7", "7", "7.0", "007", "0.5", "True", "True"]


@pytest.mark.parametrize("cell", [None, np.nan, pd.NA, pd.NaT, "", "  ", "NA", "NaN", "#N/A", "NULL"])
def test_missing_cells_are_none_however_they_are_written(cell):
    assert as_text([cell]) == [None]


def test_none_is_a_word():
    assert as_text(["None", "none"]) == ["None", "none"]


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["1", "0", ""], [1, 0, None]),
        ([1.0, 0.0], [1, 0]),
        ([" 1", "1.0"], [1, 1]),
        (["0.5", "1"], [0.5, 1.0]),
        (["1", "high"], ["1", "high"]),
        (["1e400", "1"], [np.inf, 1.0]),
        ([True, False], ["True", "False"]),
        ([None], [None]),
    ],
)
def test_labels_are_numbers_only_if_all_are(cells, labels):
    found = as_labels(cells)
    assert found == labels
    assert [type(v) for v in found] == [type(v) for v in labels]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1))
def test_numbers_survive_the_way_through_text_to_the_last_bit(values):
    text = pd.Series(["" if np.isnan(v) else repr(v) for v in values], name="size__x")
    np.testing.assert_array_equal(as_numbers(text), np.array(values))


@pytest.mark.parametrize("cell", ["12o", "inf", "1_000", "1,5", "0x10", "١", "<5", "1e999"])
def test_a_cell_that_is_no_number_is_named_with_column_and_case(cell):
    column = pd.Series(["1", cell, cell], index=["a", "b", "c"], name="size__x")
    with pytest.raises(RunError, match=r"column size__x, case b: .* not a finite number \(2 such cells\)"):
        as_numbers(column)


def test_infinite_values_of_a_parquet_file_are_refused():
    with pytest.raises(RunError, match="case 1: inf"):
        as_numbers(pd.Series([1.0, np.inf], name="size__x"))


def test_nullable_and_boolean_columns_become_floats():
    assert as_numbers(pd.Series([1, None], dtype="Int64")).tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert as_variable(pd.Series([True, False])).tolist() == [1.0, 0.0]


def test_a_variable_of_words_stays_words_and_grades_may_mix():
    assert as_variable(pd.Series(["f", " m", "NA"])).tolist() == ["f", "m", None]
    assert as_variable(pd.Series(["1", "2", "4a", "4b"])).dtype == object


def test_a_measurement_with_a_typing_error_does_not_become_a_category():
    ages = pd.Series([str(40 + i) for i in range(20)] + ["6l"], name="age")
    with pytest.raises(RunError, match="column age, case 20: 6l"):
        as_variable(ages)


def test_an_empty_variable_is_a_column_of_missing_numbers():
    assert as_variable(pd.Series([None, ""], dtype=object)).isna().all()


def numbers(**columns):
    return pd.DataFrame(columns, dtype=object)


def test_decimal_commas_become_points_column_by_column():
    table = numbers(age=["61,5", None, "70"], sex=["f", "m", "f"], hb=["1,25e2", "130", ""])
    found = with_decimal_points(table, ["age", "sex", "hb"], decimal_comma=True)
    assert found["age"].tolist() == ["61.5", None, "70"]
    assert found["hb"].tolist() == ["1.25e2", "130", None]
    assert found["sex"].tolist() == ["f", "m", "f"]


def test_decimals_below_one_are_no_thousands():
    assert with_decimal_points(numbers(x=["0,123"]), ["x"], decimal_comma=True)["x"].tolist() == ["0.123"]


@pytest.mark.parametrize(
    ("columns", "decimal_comma", "match"),
    [
        ({"x": ["1,234", "5"]}, True, "thousands"),
        ({"x": ["1,234,567", "5"]}, True, "thousands"),
        ({"x": ["1,5"], "y": ["2.5"]}, True, "column y holds decimal points"),
        ({"x": ["1,5"]}, False, "not a decimal sign"),
    ],
)
def test_a_comma_that_could_mean_two_things_is_refused(columns, decimal_comma, match):
    with pytest.raises(RunError, match=match):
        with_decimal_points(numbers(**columns), list(columns), decimal_comma=decimal_comma)


def test_columns_nobody_named_are_not_looked_at():
    table = numbers(x=["1,234"], y=["2.5"])
    assert with_decimal_points(table, ["y"], decimal_comma=True) is table
