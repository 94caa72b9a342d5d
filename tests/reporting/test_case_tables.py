from __future__ import annotations

import pandas as pd

from hybridrad.reporting.case_tables import LONGEST, cases_grid, codes_grid


def test_codes_are_counted_by_case_with_meaning_and_hint(study):
    rows = codes_grid(study.findings, caption="").rows
    assert [r.cells[0].text for r in rows] == ["W_ROI_SMALL", "N_MASK_VALUE"]
    assert (rows[0].cells[2].small, rows[1].cells[3].text) == ("Look at the mask.", "60")


def test_long_lists_are_cut_with_the_count_and_the_file():
    rows = [(f"c{i}", "W_ROI_SMALL", "warning", "mask", "41 voxels.", "") for i in range(LONGEST + 5)]
    columns = ["case_id", "code", "severity", "stage", "message", "hint"]
    table = pd.DataFrame(rows, columns=columns).set_index(["case_id", "code"])
    grid = cases_grid(table, caption="", file="findings.csv")
    assert len(grid.rows) == LONGEST
    assert grid.note == f"The first {LONGEST} of {LONGEST + 5} rows; see findings.csv for all."


def test_notes_are_counted_but_not_listed_case_by_case(study):
    grid = cases_grid(study.findings, caption="", file="findings.csv")
    assert len(grid.rows) == 3
    assert grid.note == "60 notes not listed here; see findings.csv."
