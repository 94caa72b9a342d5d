from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hybridrad.evaluation.net_benefit import net_benefit, net_benefit_table, net_benefit_treat_all

Y, P = np.array([0, 0, 0, 1, 1, 0, 1, 1]), np.array([0.1, 0.3, 0.6, 0.4, 0.9, 0.2, 0.7, 0.5])


def test_it_counts_true_positives_minus_weighted_false_positives():
    assert net_benefit(Y, P, [0.5]).item() == pytest.approx(3 / 8 - 1 / 8 * 1.0)
    assert net_benefit(Y, P, [0.2]).item() == pytest.approx(4 / 8 - 3 / 8 * 0.25)


def test_treating_all_is_worth_nothing_at_the_prevalence():
    assert net_benefit_treat_all(Y, [0.5]).item() == pytest.approx(0.0)


def test_curves_are_averaged_over_repeats():
    names = ["model", "repeat", "fold", "case_id"]
    index = pd.MultiIndex.from_product([["a"], [0, 1], [0], list("stuvwxyz")], names=names)
    table = pd.DataFrame({"y_true": np.tile(Y, 2), "y_score": np.r_[P, 1 - P]}, index=index)
    curve = net_benefit_table(table, [0.5])["net_benefit"].item()
    assert curve == pytest.approx((net_benefit(Y, P, [0.5]) + net_benefit(Y, 1 - P, [0.5])).item() / 2)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_at_the_ends_are_refused(threshold):
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit(Y, P, [threshold])


def test_net_benefit_agrees_with_r(r_numbers):
    r = r_numbers["made_up"]
    assert_allclose(net_benefit(r["y"], r["off"], r["thresholds"]), r["net_benefit"], rtol=1e-12, atol=1e-15)
    assert_allclose(net_benefit_treat_all(r["y"], r["thresholds"]), r["treat_all"], rtol=1e-12)


@pytest.mark.shared_data
def test_values_agree_with_r(oracles):
    table, r = pd.read_csv(oracles / "binary80.csv"), json.loads((oracles / "binary80_R.json").read_text())
    r = r["netbenefit"]
    assert_allclose(net_benefit(table["y"], table["p"], r["pt"]), r["nb"], rtol=1e-12)
    assert_allclose(net_benefit_treat_all(table["y"], r["pt"]), r["all"], rtol=1e-12)
