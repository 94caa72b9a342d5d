from __future__ import annotations

import numpy as np

from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.tables import comparison_grid, score_grid


def test_a_score_stands_above_its_interval_and_the_note_says_n_and_method(study):
    grid = score_grid(study, ordered_arms(study), metrics=["roc_auc", "calibration_intercept"])
    row = study.scores.loc[("size", "roc_auc")]
    assert grid.rows[0].cells[1].text == f"{row['value']:.3f}"
    assert grid.rows[0].cells[1].small == f"{row['low']:.3f} to {row['high']:.3f}"
    assert grid.rows[0].cells[2].text.startswith("\u2212")
    assert "n = 56 patients, 60 cases" in grid.note


def test_an_arm_that_was_not_scored_is_named_with_the_reason(study):
    study.scores.loc[("late", "roc_auc"), ["value", "low", "high"]] = np.nan
    study.scores.loc[("late", "roc_auc"), "method"] = "not scored: no value in 1 of 15 folds"
    grid = score_grid(study, ordered_arms(study), metrics=["roc_auc"])
    assert "late (ROC AUC): not scored: no value in 1 of 15 folds." in grid.note


def test_small_p_values_are_printed_as_bounds(study):
    grid = comparison_grid(study.comparisons.loc[[("hedge", "clinical", "roc_auc")]], caption="")
    assert [c.text for c in grid.rows[0].cells[-3:]] == ["< 0.001", "< 0.001", "better"]


def test_the_column_of_adjusted_p_is_left_out_where_nothing_is_adjusted(study):
    grid = comparison_grid(study.comparisons.loc[["late"]], caption="")
    assert "p (Holm)" not in [c.text for c in grid.head]
