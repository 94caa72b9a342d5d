from __future__ import annotations

import numpy as np
import pytest

from hybridrad.comparison.verdicts import resolvable_difference, verdict


@pytest.mark.parametrize(
    ("gain", "p", "low", "interval_90", "margin", "word"),
    [
        (0.10, 0.01, 0.05, (0.06, 0.14), 0.05, "better"),
        (-0.10, 0.01, -0.15, (-0.14, -0.06), 0.05, "worse"),
        (-0.02, 0.01, -0.03, (-0.03, -0.01), 0.05, "worse"),
        (0.00, 0.90, -0.03, (-0.02, 0.02), 0.05, "equivalent"),
        (0.00, 0.90, -0.06, (-0.04, 0.04), 0.05, "equivalent"),
        (0.04, 0.20, -0.02, (-0.01, 0.09), 0.05, "non-inferior"),
        (0.04, 0.20, -0.06, (-0.04, 0.12), 0.05, "inconclusive"),
        (0.00, 0.90, -0.03, (-0.02, 0.02), None, "inconclusive"),
        (0.10, np.nan, np.nan, (np.nan, np.nan), 0.05, "inconclusive"),
    ],
)
def test_the_first_rule_that_holds_gives_the_word(gain, p, low, interval_90, margin, word):
    low_90, high_90 = interval_90
    assert verdict(gain, p_value=p, low=low, low_90=low_90, high_90=high_90, margin=margin) == word


def test_a_proven_small_loss_is_not_hidden_by_equivalence():
    assert verdict(-0.01, p_value=0.001, low=-0.015, low_90=-0.014, high_90=-0.006, margin=0.05) == "worse"


def test_what_a_cohort_can_resolve_is_as_documented():
    assert resolvable_difference(60) == pytest.approx(0.18, abs=0.01)
    assert resolvable_difference(150) == pytest.approx(0.10, abs=0.01)


def test_more_patients_resolve_more_and_imbalance_resolves_less():
    assert resolvable_difference(300) < resolvable_difference(150) < resolvable_difference(60)
    assert resolvable_difference(150, prevalence=0.2) > resolvable_difference(150)


def test_three_folds_resolve_less_than_five():
    assert resolvable_difference(60, n_folds=3) > resolvable_difference(60, n_folds=5)


def test_the_formula_is_the_half_width_seen_in_a_simulation():
    # Two scores with AUC 0.75 on folds of 12 patients; a correlation of 0.7 between the scores makes one of about 0.65
    # between their AUCs.
    from scipy.stats import norm

    from hybridrad.evaluation.metrics import roc_auc

    rng, y = np.random.default_rng(0), np.tile([0, 1], 6)
    shift = norm.ppf(0.75) * np.sqrt(2)
    differences = []
    for _ in range(1500):
        a = rng.normal(size=12)
        b = 0.7 * a + np.sqrt(1 - 0.7**2) * rng.normal(size=12)
        differences.append(roc_auc(y, a + shift * y) - roc_auc(y, b + shift * y))
    half = 2.776445 * np.std(differences) * np.sqrt(1 / 50 + 1 / 4)
    assert resolvable_difference(60) == pytest.approx(half, rel=0.15)


@pytest.mark.parametrize(
    "wrong", [{"n_patients": 5}, {"n_patients": 60, "prevalence": 0.0}, {"n_patients": 60, "n_folds": 1}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"less than one|must lie|at least two"):
        resolvable_difference(**wrong)
