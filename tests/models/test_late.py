from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models.late import LateFusion, held


@pytest.mark.parametrize("data", ["table", "three_classes"])
@pytest.mark.parametrize("stretch", [1.0, 1e4])
def test_contributions_add_up_also_where_logits_are_held(data, stretch, request):
    X, y, groups = request.getfixturevalue(data)
    model = LateFusion(["radiomics", "deep"]).fit(X, y, groups=groups)
    far = X * stretch
    total = model.shap_values(far).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(far), atol=1e-8)
    assert np.abs(model.decision_function(far)).max() < 9.3


def test_held_probabilities_stay_between_their_limits():
    logits = np.random.default_rng(0).normal(scale=30, size=(50, 4))
    p = np.exp(held(logits))
    p /= p.sum(axis=1, keepdims=True)
    assert p.min() > 0.99e-4
    inside = 0.1 * logits / np.abs(logits).max()
    np.testing.assert_allclose(held(inside), inside - inside.mean(axis=1, keepdims=True))


def test_no_member_outvotes_the_others(table):
    X, y, groups = table
    model = LateFusion(["radiomics", "deep"]).fit(X, y, groups=groups)
    mean = np.mean([held(m.decision_function(X)) for m in model.members_.values()], axis=0)
    np.testing.assert_allclose(model.decision_function(X), mean)
    np.testing.assert_allclose(
        model.oof_logits_, np.mean([held(m.oof_logits_) for m in model.members_.values()], axis=0)
    )
