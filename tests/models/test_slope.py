from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from hybridrad.models.ridge_logistic import log_loss
from hybridrad.models.slope import SMALLEST_SLOPE, apply_slope, shrinking_slope


@pytest.fixture
def calibrated() -> tuple:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=400)
    return logits, (rng.random(400) < expit(logits)).astype(int)


def test_an_overconfident_logit_gets_the_slope_of_logistic_regression(calibrated):
    logits, y = calibrated
    slope, intercept = shrinking_slope(4 * logits - 1, y)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(4 * logits[:, None] - 1, y)
    assert slope == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert intercept[0] == pytest.approx(theirs.intercept_[0], rel=1e-2, abs=1e-3)


def test_a_timid_logit_is_not_made_surer(calibrated):
    logits, y = calibrated
    assert shrinking_slope(0.1 * logits, y)[0] == 1.0


def test_a_logit_that_points_the_wrong_way_keeps_its_ranking(calibrated):
    logits, y = calibrated
    slope, intercept = shrinking_slope(-logits, y)
    assert slope == SMALLEST_SLOPE
    assert len(np.unique(apply_slope(-logits, slope, intercept))) == len(np.unique(logits))


@pytest.mark.parametrize("seed", range(6))
def test_newton_steps_find_what_a_search_over_slopes_finds(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1, 1], 20)
    logits = 10.0 ** rng.uniform(-2, 2) * rng.normal(size=60) + rng.uniform(0, 3) * y
    found = {largest: shrinking_slope(logits, y, largest=largest) for largest in (1.0, 10.0)}
    monkeypatch.setattr("hybridrad.models.slope._newton_line", lambda *arguments: None)
    for largest, line in found.items():
        searched = shrinking_slope(logits, y, largest=largest)
        assert line[0] == pytest.approx(searched[0], rel=1e-5)
        assert log_loss(apply_slope(logits, *line), y) <= log_loss(apply_slope(logits, *searched), y) + 1e-14


def test_more_than_two_classes_are_shrunk_towards_their_prevalence():
    rng = np.random.default_rng(0)
    y = rng.choice(3, size=300, p=[0.6, 0.3, 0.1])
    slope, intercept = shrinking_slope(20 * rng.normal(size=(300, 3)), y)
    share = np.bincount(y) / 300
    assert slope < 0.02
    assert log_loss(np.tile(intercept, (300, 1)), y) == pytest.approx(-np.sum(share * np.log(share)), abs=0.01)
