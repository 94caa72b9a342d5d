from __future__ import annotations

import numpy as np
import pytest

from hybridrad.evaluation.selection_stability import selection_stability

RUNS = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 1]])


def by_pairs(z):
    """Slow plain twin for runs that select equally many: mean chance-corrected overlap of all pairs (Kuncheva)."""
    m, d = z.shape
    k = z[0].sum()
    values = [((z[i] & z[j]).sum() - k**2 / d) / (k - k**2 / d) for i in range(m) for j in range(i)]
    return np.mean(values)


def variance_by_loops(z):
    """Slow plain twin of the published variance, term by term."""
    m, d = z.shape
    p, k = z.mean(axis=0), z.sum(axis=1)
    mean, value = k.mean(), selection_stability(z).value
    phi = []
    for i in range(m):
        inner = sum(z[i, f] * p[f] for f in range(d)) / d - k[i] * mean / d**2
        inner += value / 2 * (2 * k[i] * mean / d**2 - k[i] / d - mean / d + 1)
        phi.append(inner / (mean / d * (1 - mean / d)))
    return 4 / m**2 * sum((x - np.mean(phi)) ** 2 for x in phi)


def test_the_published_example():
    assert selection_stability(RUNS).value == pytest.approx(13 / 33)


def test_equal_numbers_of_features_give_the_mean_overlap_of_pairs():
    rng = np.random.default_rng(0)
    z = np.zeros((7, 12), int)
    for row in z:
        row[rng.choice(12, 4, replace=False)] = 1
    assert selection_stability(z).value == pytest.approx(by_pairs(z))


def test_the_variance_is_the_published_one():
    assert selection_stability(RUNS).variance == pytest.approx(variance_by_loops(RUNS))


def test_the_interval_covers_the_stability_of_many_runs():
    rng = np.random.default_rng(1)
    chance = np.r_[np.full(5, 0.9), np.full(35, 0.1)]
    truth = selection_stability(rng.random((20000, 40)) < chance).value
    results = [selection_stability(rng.random((30, 40)) < chance) for _ in range(300)]
    covered = np.mean([r.low <= truth <= r.high for r in results])
    assert 0.90 <= covered <= 0.99


def test_identical_runs_are_stable_and_random_ones_are_not():
    assert selection_stability(np.tile(RUNS[0], (5, 1)))[:3] == (1.0, 1.0, 1.0)
    random = np.random.default_rng(2).random((200, 50)) < 0.2
    assert abs(selection_stability(random).value) < 0.02


@pytest.mark.parametrize("z", [np.ones((3, 4)), np.zeros((3, 4)), RUNS[:1], RUNS * 2])
def test_what_leaves_no_choice_is_refused(z):
    with pytest.raises(ValueError, match=r"selected must|no choice"):
        selection_stability(z)
