from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hybridrad.evaluation.delong import delong_covariance, delong_test, delong_variance

Y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1])
A = np.array([0.1, 0.4, 0.35, 0.8, 0.2, 0.5, 0.6, 0.9, 0.35, 0.7, 0.3, 0.8])
B = np.array([0.2, 0.1, 0.6, 0.3, 0.3, 0.4, 0.9, 0.5, 0.3, 0.2, 0.7, 0.8])


def win(x, y):
    return 1.0 if x > y else 0.5 if x == y else 0.0


def covariance_by_counting_pairs(y, scores):
    """Slow plain twin: placements of every case by comparing all pairs."""
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    v10 = np.array([[np.mean([win(s[i], s[j]) for j in negatives]) for i in positives] for s in scores])
    v01 = np.array([[np.mean([win(s[i], s[j]) for i in positives]) for j in negatives] for s in scores])
    m, n, k = len(positives), len(negatives), len(scores)
    cov = np.empty((k, k))
    for r in range(k):
        for q in range(k):
            s10 = sum((v10[r] - v10[r].mean()) * (v10[q] - v10[q].mean())) / (m - 1)
            s01 = sum((v01[r] - v01[r].mean()) * (v01[q] - v01[q].mean())) / (n - 1)
            cov[r, q] = s10 / m + s01 / n
    return v10.mean(axis=1), cov


def clustered_variance_by_sums(y, s, groups):
    """Slow plain twin of Obuchowski's variance, one patient after the other."""
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    v10 = {i: np.mean([win(s[i], s[j]) for j in negatives]) for i in positives}
    v01 = {j: np.mean([win(s[i], s[j]) for i in positives]) for j in negatives}
    auc, m, n = np.mean(list(v10.values())), len(positives), len(negatives)
    s10 = s01 = s11 = 0.0
    patients = sorted(set(groups))
    for patient in patients:
        rows = np.flatnonzero(groups == patient)
        d10 = sum(v10[i] - auc for i in rows if y[i] == 1)
        d01 = sum(v01[j] - auc for j in rows if y[j] == 0)
        s10, s01, s11 = s10 + d10**2, s01 + d01**2, s11 + d10 * d01
    i10, i01, i = len(set(groups[positives])), len(set(groups[negatives])), len(patients)
    s10, s01, s11 = s10 * i10 / ((i10 - 1) * m), s01 * i01 / ((i01 - 1) * n), s11 * i / (i - 1)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def test_covariance_equals_that_of_counting_all_pairs():
    auc, cov = delong_covariance(Y, [A, B])
    slow_auc, slow_cov = covariance_by_counting_pairs(Y, [A, B])
    assert_allclose(auc, slow_auc, rtol=1e-12)
    assert_allclose(cov, slow_cov, rtol=1e-12)


def test_clustered_variance_equals_the_plain_sums_over_patients():
    groups = np.array(list("abcabcdefgdh"))
    assert delong_variance(Y, A, groups=groups)[1] == pytest.approx(clustered_variance_by_sums(Y, A, groups), rel=1e-12)


def test_one_case_per_patient_gives_the_plain_variance():
    assert_allclose(delong_covariance(Y, [A, B], groups=np.arange(12))[1], delong_covariance(Y, [A, B])[1], rtol=1e-12)


def test_every_case_twice_as_a_patient_of_two_brings_no_information():
    plain = delong_variance(Y, A)
    doubled = delong_variance(np.tile(Y, 2), np.tile(A, 2), groups=np.tile(np.arange(12), 2))
    assert doubled == pytest.approx(plain, rel=1e-12)
    assert delong_variance(np.tile(Y, 2), np.tile(A, 2))[1] < 0.6 * plain[1]


def test_identical_curves_do_not_differ():
    result = delong_test(Y, A, A)
    assert (result.difference, result.z, result.p_value) == (0.0, 0.0, 1.0)


def test_order_of_the_scores_only_turns_the_sign():
    ab, ba = delong_test(Y, A, B), delong_test(Y, B, A)
    assert (ab.difference, ab.low, ab.p_value) == pytest.approx((-ba.difference, -ba.high, ba.p_value))


def test_a_monotone_transformation_changes_nothing():
    assert delong_variance(Y, A) == pytest.approx(delong_variance(Y, np.exp(3 * A)))


@pytest.mark.parametrize("y", [np.ones(12), np.r_[1, np.zeros(11)], np.arange(12)])
def test_too_few_or_foreign_labels_are_refused(y):
    with pytest.raises(ValueError, match=r"y_true|at least two"):
        delong_variance(y, A)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        delong_variance(Y, np.where(A > 0.8, np.nan, A))


def test_two_correlated_curves_are_compared_as_proc_does(r_numbers):
    table, r = r_numbers["made_up"], r_numbers["made_up"]["reader"]
    auc, _ = delong_covariance(table["y"], [table["grade"], table["x2"]])
    assert_allclose(auc, [r["auc_reader"], r["auc_model"]], rtol=1e-12)
    test = delong_test(table["y"], table["grade"], table["x2"])
    assert_allclose([test.z, test.p_value, test.low, test.high], [r[k] for k in ("z", "p", "low", "high")], rtol=1e-9)


@pytest.mark.shared_data
def test_values_agree_with_r(oracles):
    table, r = pd.read_csv(oracles / "binary80.csv"), json.loads((oracles / "binary80_R.json").read_text())
    auc, cov = delong_covariance(table["y"], [table["s1"], table["s2"]])
    assert_allclose(auc, r["auc"], rtol=1e-12)
    assert_allclose([*np.diag(cov), cov[0, 1]], [*r["var"], r["cov"]], rtol=1e-10)
    test = delong_test(table["y"], table["s1"], table["s2"])
    assert_allclose(
        [test.z, test.p_value, test.low, test.high], [r["delong_z"], r["delong_p"], *r["delong_ci"]], rtol=1e-9
    )
