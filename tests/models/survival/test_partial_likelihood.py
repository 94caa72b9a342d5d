from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.priority_steps import clustered_standard_error
from hybridrad.models.survival.partial_likelihood import PartialLikelihood

ORACLES = Path(__file__).parents[1] / "oracles"
BETA = np.array([0.8, -0.5, 0.3, 0.1, -0.1, 0.0])


def made_up(n: int = 25, *, seed: int = 0, event_share: float = 0.7) -> tuple:
    rng = np.random.default_rng(seed)
    return rng.random(n) < event_share, rng.integers(1, 8, n).astype(float), rng.normal(size=n)


def plain_value(event, time, risk, ties) -> float:
    total = 0.0
    for t in np.unique(time[event]):
        dead = event & (time == t)
        at_risk, tied = np.exp(risk[time >= t]).sum(), np.exp(risk[dead]).sum()
        for number in range(dead.sum()):
            gone = number / dead.sum() if ties == "efron" else 0.0
            total -= np.log(at_risk - gone * tied)
        total += risk[dead].sum()
    return float(total)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_values_are_those_of_survival_in_r(ties):
    data = pd.read_csv(ORACLES / "cox_data.csv")
    theirs = pd.read_csv(ORACLES / "cox_likelihoods.csv").set_index("ties").loc[ties]
    likelihood = PartialLikelihood(data["event"].to_numpy() == 1, data["time"].to_numpy(), ties=ties)
    assert likelihood.value(data.filter(like="X").to_numpy() @ BETA) == pytest.approx(theirs["at_beta"], abs=1e-9)
    assert likelihood.value(np.zeros(len(data))) == pytest.approx(theirs["zero"], abs=1e-9)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("event_share", [0.3, 1.0])
def test_value_gradient_and_curvature_are_those_of_a_plain_sum_over_risk_sets(ties, event_share):
    event, time, risk = made_up(event_share=event_share)
    likelihood = PartialLikelihood(event, time, ties=ties)
    assert likelihood.value(risk) == pytest.approx(plain_value(event, time, risk, ties), abs=1e-11)
    gradient, curvature = likelihood.local(risk)
    direction, step = np.random.default_rng(1).normal(size=len(risk)), 1e-5
    for i in range(len(risk)):
        bump = step * np.eye(len(risk))[i]
        slope = (plain_value(event, time, risk + bump, ties) - plain_value(event, time, risk - bump, ties)) / (2 * step)
        assert gradient[i] == pytest.approx(slope, abs=1e-8)
    ahead, behind = (likelihood.gradient(risk + s * direction) for s in (step, -step))
    np.testing.assert_allclose(curvature.times(direction), (behind - ahead) / (2 * step), atol=1e-8)


def test_adding_a_constant_changes_nothing_and_huge_risks_do_not_overflow():
    event, time, risk = made_up()
    likelihood = PartialLikelihood(event, time)
    assert likelihood.value(risk + 1000.0) == pytest.approx(likelihood.value(risk), abs=1e-9)
    assert np.isfinite(likelihood.value(1e6 * risk))


def test_a_risk_set_of_vanishing_hazards_has_a_curvature():
    likelihood = PartialLikelihood(np.ones(3, bool), np.arange(1.0, 4.0))
    _, curvature = likelihood.local(np.array([0.0, -500.0, -500.0]))  # squared, their hazards would be zero
    np.testing.assert_allclose(curvature.times(np.array([0.0, 1.0, 0.0])), [0.0, 0.25, -0.25], atol=1e-12)


def test_without_an_event_there_is_nothing_to_learn():
    likelihood = PartialLikelihood(np.zeros(3, bool), np.arange(1.0, 4.0))
    gradient, curvature = likelihood.local(np.arange(3.0))
    assert likelihood.value(np.arange(3.0)) == 0.0
    assert not gradient.any()
    assert not curvature.times(np.ones(3)).any()


def test_other_ties_are_refused():
    with pytest.raises(ValueError, match="ties"):
        PartialLikelihood(np.ones(2, bool), np.arange(1.0, 3.0), ties="exact")


def weighted_plain_value(event, time, risk, weight) -> float:
    """Return Breslow's log partial likelihood of cases with weights."""
    total = 0.0
    for i in np.flatnonzero(event):
        total += weight[i] * (risk[i] - np.log(np.sum((weight * np.exp(risk))[time >= time[i]])))
    return float(total)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_parts_of_the_cases_sum_to_the_value_and_do_not_depend_on_their_order(ties):
    event, time, risk = made_up(40)
    likelihood = PartialLikelihood(event, time, ties=ties)
    assert likelihood.by_case(risk).sum() == pytest.approx(likelihood.value(risk), abs=1e-10)
    turned = PartialLikelihood(event[::-1], time[::-1], ties=ties).by_case(risk[::-1])
    np.testing.assert_allclose(turned[::-1], likelihood.by_case(risk), atol=1e-12)
    assert not PartialLikelihood(np.zeros(40, bool), time).by_case(risk).any()


def test_the_part_of_a_case_is_what_a_little_more_weight_would_change():
    event, time, risk = made_up()
    parts = PartialLikelihood(event, time, ties="breslow").by_case(risk) - event
    step = 1e-6
    for i in range(len(risk)):
        bump = step * np.eye(len(risk))[i]
        ahead, behind = (weighted_plain_value(event, time, risk, 1.0 + s * bump) for s in (1, -1))
        assert parts[i] == pytest.approx((ahead - behind) / (2 * step), abs=1e-7)


def test_the_spread_of_the_parts_is_that_of_the_value_over_cohorts():
    values, spreads = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        score, noise = rng.normal(size=(2, 150))
        time, end = rng.exponential(size=150) / np.exp(score), rng.exponential(2.0, size=150)
        likelihood = PartialLikelihood(time <= end, np.minimum(time, end))
        terms = likelihood.event.astype(float)
        parts = likelihood.by_case(score) - likelihood.by_case(0.5 * noise)
        values.append(parts.sum() / terms.sum())
        spreads.append(clustered_standard_error(parts, np.arange(150), terms=terms))
    assert np.mean(spreads) == pytest.approx(np.std(values), rel=0.12)
