from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.reporting.importance import embedding_blocks, share_table, top_features


def test_an_embedding_is_one_bar_and_its_dimensions_are_never_named(study):
    whole = embedding_blocks(study.importance, study.settings)
    bars = top_features(study.importance, study.importance_cases, "hedge", whole=whole)
    assert [b.label for b in bars if b.block == "deep"] == ["deep: all 16 dimensions together"]


def test_an_embedding_is_known_by_its_numbered_columns_when_no_extractor_is_recorded(study):
    assert embedding_blocks(study.importance, {}) == {"deep"}


def test_the_bar_of_an_embedding_is_the_mean_absolute_sum_not_the_sum_of_importances(study):
    bars = top_features(study.importance, study.importance_cases, "hedge", whole={"deep"})
    (bar,) = [b for b in bars if b.block == "deep"]
    cases = study.importance_cases.loc["hedge"].filter(like="deep__")
    assert bar.value == pytest.approx(np.abs(cases.sum(axis=1)).mean())
    assert bar.value < study.importance.loc["hedge"].query("block == 'deep'")["mean_abs_shap"].sum()


def test_shares_of_a_model_sum_to_one_and_unexplained_models_are_left_out(study):
    shares = share_table(study.importance_cases, ["hedge", "concat", "own_model"])
    assert list(shares.index) == ["hedge", "concat"]
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_a_block_that_no_shown_model_uses_has_no_column(study):
    assert "clinical" not in share_table(study.importance_cases, ["hedge", "concat"]).columns


def test_with_three_classes_the_rows_of_a_case_are_taken_together(study):
    per_class = pd.concat({0: study.importance_cases, 1: -study.importance_cases}, names=["class"])
    per_class = per_class.reorder_levels(["model", "case_id", "class"])
    shares = share_table(per_class, ["hedge"])
    pd.testing.assert_frame_equal(shares, share_table(study.importance_cases, ["hedge"]))
