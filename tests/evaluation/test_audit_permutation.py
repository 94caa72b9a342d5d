from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hybridrad.evaluation.audit_null import NullRuns
from hybridrad.evaluation.audit_permutation import permutation_check, permutation_p_value

CHANCE = np.linspace(0.35, 0.65, 99)


def test_p_is_exact_under_the_null():
    rng = np.random.default_rng(0)
    p_values = np.array([permutation_p_value(rng.normal(), rng.normal(size=99)) for _ in range(4000)])
    for level in (0.01, 0.05, 0.2):
        assert stats.binomtest(int((p_values <= level).sum()), 4000, level).pvalue > 0.001
    assert p_values.min() >= 0.01


def test_it_agrees_with_scikit_learn_on_the_same_permutations():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import permutation_test_score

    rng, y = np.random.default_rng(0), np.arange(40) % 2
    X = rng.normal(size=(40, 2)) + y[:, None]
    score, permuted, p_value = permutation_test_score(LogisticRegression(), X, y, cv=3, n_permutations=19)
    assert permutation_p_value(score, permuted) == pytest.approx(p_value)


@pytest.mark.parametrize(
    ("observed", "runs", "verdict"),
    [
        (0.8, NullRuns(CHANCE), "pass"),
        (0.55, NullRuns(CHANCE), "cannot be judged"),
        (0.95, NullRuns(CHANCE + 0.3, 0.0, leaks=True), "cannot be judged"),
        (0.8, NullRuns(np.array([]), error="ValueError: no."), "cannot be judged"),
    ],
)
def test_a_score_is_judged_only_where_permutations_can_judge_it(observed, runs, verdict):
    assert permutation_check(observed, runs).verdict == verdict


def test_a_score_that_chance_reaches_is_called_no_fault():
    check = permutation_check(0.5, NullRuns(CHANCE))
    assert "cannot be told from chance" in check.message
    assert check.p_value == pytest.approx(0.51)
