from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridrad.exports import defuse, write_atomically, write_csv


def test_a_formula_in_a_text_cell_is_defused_and_numbers_stay_numbers(tmp_path):
    table = pd.DataFrame({"case_id": ["=cmd()", "007"], "message": ["+1 more", "-1.5"], "value": [-1.5, 2.0]})
    write_csv(table.set_index("case_id"), tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text()
    assert text.splitlines() == ["case_id,message,value", "'=cmd(),'+1 more,-1.5", "007,-1.5,2.0"]


@given(st.text())
def test_no_defused_text_starts_a_formula_unless_it_is_a_number_or_a_lone_sign(text):
    cell = defuse(text)
    if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and cell not in ("+", "-"):
        float(cell)


def test_a_lone_sign_stays_readable():
    assert [defuse(sign) for sign in ("+", "-", "=", "@")] == ["+", "-", "'=", "'@"]


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["t.txt"]
