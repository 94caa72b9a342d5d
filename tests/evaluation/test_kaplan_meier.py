from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.kaplan_meier import censoring_curve, kaplan_meier

ORACLES = Path(__file__).parent / "oracles"
TABLE = pd.read_csv(ORACLES / "survival_data.csv")
SKSURV = json.loads((ORACLES / "survival_sksurv.json").read_text())["kaplan_meier"]
R = json.loads((ORACLES / "survival_R.json").read_text())["km"]


def test_the_curve_its_limits_and_numbers_at_risk_are_those_of_r_with_ties():
    curve = kaplan_meier(TABLE["event"], np.ceil(TABLE["time"]))
    at_events = curve.events > 0
    low, high = curve.interval()
    assert curve.times[at_events] == pytest.approx(R["time"])
    assert curve.survival[at_events] == pytest.approx(R["survival"], abs=1e-10)
    assert low[at_events] == pytest.approx(R["low"], abs=1e-10)
    assert high[at_events] == pytest.approx(R["high"], abs=1e-10)
    assert curve.at_risk[at_events].tolist() == R["at_risk"]
    assert curve.events[at_events].tolist() == R["events"]


def test_the_curve_is_that_of_scikit_survival():
    assert kaplan_meier(TABLE["event"], TABLE["time"]).at(SKSURV["times"]) == pytest.approx(SKSURV["survival"])


def test_a_step_belongs_to_its_time_and_not_to_the_moment_before():
    curve = kaplan_meier([True, True], [1.0, 2.0])
    assert curve.at([1.0, 2.0]).tolist() == [0.5, 0.0]
    assert curve.before([1.0, 2.0]).tolist() == [1.0, 0.5]
    assert curve.interval()[0][1] == 0.0


def test_survival_and_censoring_share_out_the_cases_still_under_observation():
    curve, lost = kaplan_meier(TABLE["event"], TABLE["time"]), censoring_curve(TABLE["event"], TABLE["time"])
    seen = [(TABLE["time"] > t).mean() for t in (1.0, 3.0, 6.0)]
    assert curve.at([1.0, 3.0, 6.0]) * lost.at([1.0, 3.0, 6.0]) == pytest.approx(seen)


@pytest.mark.parametrize(("event", "time"), [([True], [0.0]), ([True], [np.nan]), ([2], [1.0]), ([], [])])
def test_what_is_no_survival_time_is_refused(event, time):
    with pytest.raises(ValueError, match="must"):
        kaplan_meier(event, time)
