from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.survival.baseline import breslow_baseline

ORACLES = Path(__file__).parents[1] / "oracles"
BETA = np.array([0.8, -0.5, 0.3, 0.1, -0.1, 0.0])
CASES = np.array([[0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [-1, 0.5, 2, 0, 0, 1]])


def test_survival_and_hazard_are_those_of_survfit_in_r():
    data, theirs = pd.read_csv(ORACLES / "cox_data.csv"), pd.read_csv(ORACLES / "cox_survival.csv")
    risk = data.filter(like="X").to_numpy() @ BETA
    baseline = breslow_baseline(data["event"].to_numpy() == 1, data["time"].to_numpy(), risk)
    survival = baseline.survival(CASES @ BETA, theirs["time"])
    np.testing.assert_allclose(survival.T, theirs.filter(like="X"), atol=1e-9)
    np.testing.assert_allclose(-np.log(baseline.survival(np.zeros(1), theirs["time"])[0]), theirs["hazard"], atol=1e-9)


def test_a_shift_of_all_risks_changes_no_probability():
    event, time, risk = np.array([True, False, True, True]), np.array([2.0, 2.0, 3.0, 5.0]), np.arange(4.0)
    one, other = (breslow_baseline(event, time, risk + shift).survival(risk + shift, [0, 2, 4]) for shift in (0, 90.0))
    np.testing.assert_allclose(one, other, atol=1e-12)
    assert (one[:, 0] == 1.0).all()


@pytest.mark.parametrize("times", [[6.0], [-1.0], [np.nan], [[1.0]]])
def test_times_about_which_nothing_is_known_are_refused(times):
    baseline = breslow_baseline(np.array([True, False]), np.array([1.0, 5.0]), np.zeros(2))
    with pytest.raises(ValueError, match="time"):
        baseline.survival(np.zeros(1), times)


def test_without_an_event_everybody_survives():
    baseline = breslow_baseline(np.zeros(2, bool), np.array([1.0, 5.0]), np.zeros(2))
    assert baseline.survival(np.zeros(2), [1.0, 5.0]).tolist() == [[1.0, 1.0], [1.0, 1.0]]
