"""Sections on complementarity, readers and the steps of a priority arm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.comparison.complementarity import complementarity_table
from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.complementarity import complementarity_grid, complementarity_section
from hybridrad.reporting.readers import readers_grid, readers_section
from hybridrad.reporting.report import write_report
from hybridrad.reporting.steps import steps_section
from hybridrad.study_readers import READER_COLUMNS, ReaderStudy
from hybridrad.study_steps import STEP_COLUMNS

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(name="readers")
def made_up_readers():
    """Return a comparison of two arms with a reader whose name must be escaped."""
    keys = [(HOSTILE, m, k) for m in ("deep", "hedge") for k in ("roc_auc", "sensitivity", "specificity")]
    index = pd.MultiIndex.from_tuples(keys, names=["reader", "model", "metric"])
    row = (0.81, 0.9, -0.09, -0.15, -0.03, 0.004, 3.0, 20.0, 50, 60, "exploratory: exact McNemar")
    table = pd.DataFrame([row] * 6, index=index, columns=READER_COLUMNS)
    table.loc[(HOSTILE, "deep", "sensitivity"), READER_COLUMNS[:8]] = np.nan
    columns = ["sensitivity", "specificity"]
    for k in ("specificity", "sensitivity"):
        columns += [f"model_{k}", f"{k}_gain", f"{k}_low", f"{k}_high"]
    points = pd.DataFrame(
        [(0.95, 0.77, 0.55, -0.22, -0.4, -0.1, 0.89, -0.06, -0.09, -0.03)],
        index=pd.MultiIndex.from_tuples([(HOSTILE, "hedge", "4")], names=["reader", "model", "grade"]),
        columns=columns,
    )
    settings = {"readers": [{"column": HOSTILE, "threshold": "4", "order": None}]}
    return ReaderStudy(comparisons=table, points=points, settings=settings)


@pytest.fixture(name="whole")
def study_with_everything(make_study):
    study = make_study()
    singles = [a.name for a in ordered_arms(study) if a.role == "single"]
    study.complementarity = complementarity_table(study.predictions, models=singles)
    rows = [(1, 15, 15, 0.05, 0.7, 0.6, 0.8, np.nan, np.nan, np.nan, np.nan, "mean of folds")]
    rows += [(2, 9, 15, 0.02, 0.75, 0.66, 0.84, 0.05, -0.01, 0.11, 0.09, "exploratory: corrected paired t")]
    index = pd.MultiIndex.from_product([["priority"], ["size", HOSTILE]], names=["model", "block"])
    study.steps = pd.DataFrame(rows, index=index, columns=STEP_COLUMNS)
    return study


def test_pairs_stand_in_the_order_of_the_arms_with_the_numbers_of_the_table(whole):
    arms = ordered_arms(whole)
    grid = complementarity_grid(whole, arms)
    assert [(r.cells[0].text, r.cells[1].text) for r in grid.rows[:2]] == [("size", "clinical"), ("size", "radiomics")]
    row = whole.complementarity.loc[("size", "radiomics")]
    assert grid.rows[1].cells[4].text == f"{100 * row['double_fault']:.0f} %"
    assert grid.rows[1].cells[6].text == f"{row['logit_correlation']:.2f}"


def test_steps_show_gain_and_how_often_a_block_was_kept(whole):
    rows = steps_section(whole)["grids"][0].rows
    assert rows[0].cells[3].text == "–"
    assert rows[1].cells[1].text == "9 of 15"
    assert rows[1].cells[3].text == "+0.050 (−0.010 to 0.110)"


def test_calls_that_could_not_be_compared_show_no_numbers(readers):
    grid = readers_grid(readers.comparisons.loc[HOSTILE], HOSTILE, ("sensitivity", "specificity"))
    assert [c.text for c in grid.rows[0].cells[2:]] == [
        "not available",
        "not available",
        "not available",
        "–",
        "–",
        "none",
    ]
    assert grid.rows[1].cells[5].text == "3"
    assert "McNemar" in grid.note


def test_without_tables_there_are_no_sections(make_study):
    study = make_study()
    assert complementarity_section(study, ordered_arms(study)) is None
    assert steps_section(study) is None
    assert readers_section(None, ordered_arms(study)) is None


def test_the_page_holds_all_sections_with_every_name_escaped(whole, readers, tmp_path):
    html = write_report(whole, tmp_path / "report.html", figures=False, readers=readers).read_text(encoding="utf-8")
    for section in ("complementarity", "readers", "steps"):
        assert f'<section id="{section}">' in html
        assert f'href="#{section}"' in html
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert "A reading of 4 or more is a positive call" in html
