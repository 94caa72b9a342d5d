from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from hybridrad.models.ridge_logistic import log_loss
from hybridrad.models.simplex import simplex_weights


def members(n_members: int, *, n_classes: int = 2, seed: int = 0, n: int = 120) -> tuple:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    strength = np.linspace(0.0, 1.5, n_members)
    if n_classes == 2:
        return rng.normal(size=(n, n_members)) + np.outer(y - 0.5, strength), y
    return rng.normal(size=(n, n_classes, n_members)) + np.eye(n_classes)[y][:, :, None] * strength, y


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("shrinkage", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_global(n_classes, shrinkage, seed):
    scores, y = members(5, n_classes=n_classes, seed=seed)
    found = simplex_weights(scores, y, shrinkage=shrinkage)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1)
    assert found.kkt_residual < 1e-9

    def objective(w):
        return log_loss(scores @ w, y) + shrinkage * np.sum((w - 0.2) ** 2)

    theirs = minimize(
        objective,
        np.full(5, 0.2),
        method="SLSQP",
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )
    assert found.objective == pytest.approx(objective(found.weights), abs=1e-12)
    assert found.objective <= theirs.fun + 1e-12


def test_counts_stand_for_copies_of_cases():
    scores, y = members(3)
    counts = np.random.default_rng(1).integers(0, 3, len(y))
    weighted = simplex_weights(scores, y, shrinkage=0.1, case_weights=counts.astype(float))
    copied = simplex_weights(np.repeat(scores, counts, axis=0), np.repeat(y, counts), shrinkage=0.1)
    np.testing.assert_allclose(weighted.weights, copied.weights, atol=1e-9)


def test_strong_shrinkage_gives_equal_weights():
    scores, y = members(4)
    np.testing.assert_allclose(simplex_weights(scores, y, shrinkage=1e6).weights, 0.25, atol=1e-5)


def test_one_member_takes_all_and_huge_logits_are_no_problem():
    scores, y = members(1)
    assert simplex_weights(scores, y, shrinkage=0.0).weights.tolist() == [1.0]
    scores, y = members(3)
    scores[:, 1] *= 1e4
    found = simplex_weights(scores, y, shrinkage=0.0)
    assert found.kkt_residual < 1e-6
    assert found.weights[1] < 0.01
