from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hybridrad.icc import FORMS, KINDS, icc, icc_interval, intraclass_correlation

ORACLES = Path(__file__).parent / "evaluation" / "oracles" / "oracles.json"
# Table 2 and the results of Shrout & Fleiss 1979: six targets, four judges.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
PUBLISHED = dict(zip(KINDS, [0.16574, 0.28976, 0.71484, 0.44280, 0.62005, 0.90932], strict=True))


@pytest.fixture(scope="module")
def r_numbers():
    """What R's psych computed of small tables."""
    return json.loads(ORACLES.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_correlations_are_those_of_shrout_and_fleiss(kind):
    assert intraclass_correlation(RATINGS, kind=kind) == pytest.approx(PUBLISHED[kind], abs=5e-6)


@pytest.mark.parametrize(("kind", "limits"), [("2,1", (0.01879, 0.76108)), ("3,1", (0.34246, 0.94586))])
def test_intervals_are_those_of_shrout_and_fleiss(kind, limits):
    assert [float(v) for v in icc_interval(RATINGS, kind=kind)] == pytest.approx(limits, abs=1e-5)


def test_features_are_judged_one_by_one():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(20, 1, 5)) + 0.5 * rng.normal(size=(20, 3, 5))
    for kind in ("2,1", "3,1"):
        alone = [float(intraclass_correlation(cube[:, :, j], kind=kind)) for j in range(5)]
        np.testing.assert_allclose(intraclass_correlation(cube, kind=kind), alone)
        np.testing.assert_allclose(icc_interval(cube, kind=kind)[0][2], icc_interval(cube[:, :, 2], kind=kind)[0])


def test_it_estimates_the_share_of_the_variance_between_cases():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(4000, 1)) * 3.0 + rng.normal(size=(4000, 2))
    assert intraclass_correlation(cube, kind="2,1") == pytest.approx(0.9, abs=0.01)
    low, high = icc_interval(cube, kind="2,1")
    assert low < 0.9 < high


def test_a_constant_difference_is_forgiven_by_consistency_alone():
    x = np.arange(8.0)
    shifted = np.column_stack([x, x + 5.0])
    assert intraclass_correlation(shifted, kind="3,1") == 1.0
    assert intraclass_correlation(shifted, kind="2,1") < 0.5


def test_where_nothing_varies_there_is_none():
    assert np.isnan(intraclass_correlation(np.full((5, 2), 0.1)))
    exact = np.repeat(np.arange(5.0)[:, None] * 0.1, 2, axis=1)
    assert intraclass_correlation(exact) == 1.0
    assert [float(v) for v in icc_interval(exact)] == [1.0, 1.0]


@pytest.mark.parametrize("ratings", [np.ones((1, 3)), np.ones((3, 1)), [[1.0, np.nan], [2.0, 3.0]]])
def test_tables_that_say_nothing_are_refused(ratings):
    with pytest.raises(ValueError, match=r"at least two|missing"):
        intraclass_correlation(ratings)


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


def test_the_table_of_forms_holds_what_the_functions_for_many_features_give():
    rng = np.random.default_rng(3)
    cube = rng.normal(size=(15, 1, 4)) + 0.7 * rng.normal(size=(15, 3, 4))
    for j in range(4):
        table = icc(cube[:, :, j])
        for form, kind in FORMS.items():
            low, high = icc_interval(cube, kind=kind)
            wanted = [intraclass_correlation(cube, kind=kind)[j], low[j], high[j]]
            assert_allclose(table.loc[form, ["value", "low", "high"]].astype(float), wanted, rtol=1e-12)


def test_the_table_of_forms_is_for_one_feature():
    with pytest.raises(ValueError, match="one column per rater"):
        icc(np.ones((4, 3, 2)))
