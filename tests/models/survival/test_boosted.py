from __future__ import annotations

import numpy as np
import pytest

import hybridrad as hr
from tests.models.test_outcome_models import outcome_table, quality


def aft(**options):
    return hr.BoostedSurvival(objective="aft", **options)


@pytest.mark.parametrize("distribution", ["normal", "logistic", "extreme"])
def test_a_high_risk_is_a_short_predicted_time(distribution):
    X, y, _ = outcome_table("survival", 80)
    new, truth, _ = outcome_table("survival", 80, seed=7)
    model = aft(aft_distribution=distribution).fit(X, y)
    assert quality("survival", truth, model.predict(new)) > 0.3
    total = model.shap_values(new).sum(axis=1) + model.expected_prediction_
    np.testing.assert_allclose(total, model.predict(new), atol=1e-5)


def test_the_unit_of_time_changes_no_accelerated_failure_time():
    X, y, _ = outcome_table("survival")
    months = hr.survival_targets(y["event"], 12.0 * y["time"])
    one, other = (aft(n_estimators=50).fit(X, t).predict(X) for t in (y, months))
    np.testing.assert_allclose(one, other, atol=1e-3)  # trees are grown in single precision


def test_in_a_block_its_risk_is_brought_to_the_scale_of_log_hazards():
    X, y, patient = outcome_table("survival", 80)
    model = hr.BlockSurvival("radiomics", estimator=aft(n_estimators=50)).fit(X, y, groups=patient)
    slopes = np.linspace(0.5, 1.5, 11)
    losses = [model._outcome.loss(s * model.oof_predictions_, y) for s in slopes]
    assert slopes[np.argmin(losses)] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"aft_distribution": "norml"}, "Did you mean normal"), ({"aft_scale": 0.0}, "aft_scale")],
)
def test_wrong_settings_are_refused(options, message):
    X, y, _ = outcome_table("survival")
    with pytest.raises(ValueError, match=message):
        aft(**options).fit(X, y)
