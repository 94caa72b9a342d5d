from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hybridrad.evaluation.icc import icc


@pytest.mark.parametrize("table", ["shrout_fleiss", "negative"])
def test_all_six_forms_agree_with_psych(r_numbers, table):
    wanted = r_numbers[table]
    result = icc(wanted["table"])
    assert result.index.tolist() == wanted["type"]
    assert_allclose(result["value"], wanted["icc"], rtol=1e-12)
    assert_allclose(result["p_value"], wanted["p"], rtol=1e-9)
    assert_allclose(result[["low", "high"]].loc[["ICC1", "ICC2", "ICC3"]].T, [wanted["low"][:3], wanted["high"][:3]])
    if table == "shrout_fleiss":
        assert_allclose(result[["low", "high"]].T, [wanted["low"], wanted["high"]], rtol=1e-9)


def test_published_interval_of_absolute_agreement(r_numbers):
    result = icc(r_numbers["shrout_fleiss"]["table"])
    assert result.loc["ICC2", ["low", "high"]].tolist() == pytest.approx([0.01879, 0.76108], abs=1e-5)
    assert result.loc["ICC3", ["low", "high"]].tolist() == pytest.approx([0.34246, 0.94586], abs=1e-5)


def test_raters_that_agree_give_one_and_a_shift_costs_absolute_agreement_alone():
    x = np.arange(6.0)
    assert icc(np.column_stack([x, x]))["value"].tolist() == [1.0] * 6
    noisy = np.column_stack([x, x + 3 + np.array([0.1, -0.1, 0.1, -0.1, 0.1, -0.1])])
    values = icc(noisy)["value"]
    assert values["ICC3"] > 0.99
    assert values["ICC2"] < 0.7


def test_the_interval_covers_the_true_value():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        ratings = rng.normal(0, 1, (20, 1)) + rng.normal(0, 0.5, 3) + rng.normal(0, 0.7, (20, 3))
        row = icc(ratings).loc["ICC2"]
        covered += row["low"] <= 1 / (1 + 0.25 + 0.49) <= row["high"]
    assert 0.92 <= covered / 300 <= 0.99


def test_nothing_that_varies_has_no_value():
    assert icc(np.ones((4, 3))).isna().all(axis=None)


@pytest.mark.parametrize("table", [[[1, 2]], [[1], [2]], [[1, np.nan], [2, 3]]])
def test_tables_that_are_too_small_or_have_gaps_are_refused(table):
    with pytest.raises(ValueError, match="ratings must be finite"):
        icc(table)
