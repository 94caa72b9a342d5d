from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hybridrad.evaluation.audit_null import NullRuns, mean_above_half, null_check, null_runs


def draws(mean, seed=0, sd=0.08, n_runs=20):
    return null_runs(lambda rng: rng.normal(mean, sd), n_runs=n_runs, seed=(seed,))


def test_the_p_value_is_that_of_a_one_sided_t_test():
    aucs = np.random.default_rng(0).normal(0.53, 0.1, 15)
    expected = stats.ttest_1samp(aucs, 0.51, alternative="greater").pvalue
    assert mean_above_half(aucs) == pytest.approx(expected)


def test_an_honest_procedure_is_accused_once_in_a_hundred_audits_at_most():
    # Mean 0.5 and not 0.51: the tolerance makes it rarer still.
    accused = np.mean([draws(0.5, seed).leaks for seed in range(1000)])
    assert accused <= 0.01
    at_the_limit = np.mean([draws(0.51, seed).leaks for seed in range(1000)])
    assert at_the_limit <= 0.02


def test_a_leak_of_the_stated_resolution_is_noticed_as_often_as_stated():
    resolution = np.median([draws(0.5, seed).resolution for seed in range(100)])
    caught = np.mean([draws(0.5 + resolution, seed).leaks for seed in range(400)])
    assert 0.90 <= caught <= 0.99


def test_a_strong_leak_stops_the_runs_early():
    runs = draws(0.9)
    assert (runs.leaks, len(runs.aucs)) == (True, 5)
    assert len(draws(0.5).aucs) == 20


def test_the_same_seed_gives_the_same_runs_and_another_seed_others():
    assert np.array_equal(draws(0.5, 3).aucs, draws(0.5, 3).aucs)
    assert not np.array_equal(draws(0.5, 3).aucs, draws(0.5, 4).aucs)


def test_a_procedure_that_breaks_is_no_verdict_but_a_reason():
    def broken(rng):
        raise ArithmeticError("log of a negative number")

    check = null_check("A_NULL_LABELS", null_runs(broken, n_runs=8, seed=(0,)), what="x", suspect="y.", hint="z.")
    assert check.verdict == "cannot be judged"
    assert "ArithmeticError: log of a negative number" in check.message


def test_runs_without_an_auc_are_no_verdict():
    runs = null_runs(lambda rng: np.nan, n_runs=8, seed=(0,))
    assert "only 0 of 8 runs" in runs.error
    assert np.isnan(runs.resolution)


@pytest.mark.parametrize(("auc", "leaks"), [(1.0, True), (0.5, False), (0.3, False)])
def test_aucs_that_are_all_the_same_are_judged_by_their_value(auc, leaks):
    assert null_runs(lambda rng: auc, n_runs=8, seed=(0,)).leaks is leaks


def test_a_pass_says_what_would_have_been_noticed():
    check = null_check("A_NULL_LABELS", NullRuns(np.linspace(0.4, 0.6, 20), 0.5), what="noise", suspect="x.", hint="y.")
    assert check.verdict == "pass"
    assert "would have been noticed" in check.message
    assert not check.hint
