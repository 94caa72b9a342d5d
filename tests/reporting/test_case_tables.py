from __future__ import annotations

import pandas as pd

from hybridrad.reporting.case_tables import LONGEST, cases_grid, codes_grid
from hybridrad.reporting.sections import page_content


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


def findings_of(*rows):
    columns = ["case_id", "code", "severity", "stage", "message", "hint"]
    return pd.DataFrame(rows, columns=columns).set_index(["case_id", "code"])


def test_what_a_fitted_model_noted_of_itself_is_told_and_counted_as_no_case():
    table = findings_of(
        ("(study)", "N_FIT_DEPARTURE", "note", "priority", "priority, in 3 folds: Block deep was left out", ""),
        ("c1", "N_MASK_VALUE", "note", "mask", "the region has the value 255.", ""),
    )
    grid = cases_grid(table, caption="", file="findings.csv")
    assert [row.cells[3].text for row in grid.rows] == ["priority, in 3 folds: Block deep was left out"]
    assert grid.note == "1 note not listed here; see findings.csv."
    assert [row.cells[3].text for row in codes_grid(table, caption="").rows] == ["study", "1"]


def test_a_hint_that_differs_from_case_to_case_is_told_as_an_example():
    table = findings_of(
        ("c1", "W_BINS_FEW", "warning", "radiomics", "only 6 grey levels.", "A bin width of 4.3 would give about 32."),
        ("c2", "W_BINS_FEW", "warning", "radiomics", "only 3 grey levels.", "A bin width of 2.1 would give about 32."),
    )
    cell = codes_grid(table, caption="").rows[0].cells[2]
    assert cell.small == "c1, for example: A bin width of 4.3 would give about 32."


def test_notes_alone_leave_no_empty_table(study):
    study.findings = findings_of(("c1", "N_MASK_VALUE", "note", "mask", "the region has the value 255.", ""))
    shown = page_content(study, lambda *_: None, files=False)["sections"]["findings"]
    assert shown["findings"] is None
    assert shown["unlisted"] == "1 note not listed here; see findings.csv."
