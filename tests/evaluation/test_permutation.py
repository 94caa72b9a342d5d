from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from hybridrad.errors import RunError
from hybridrad.evaluation.nested import NestedCV
from hybridrad.evaluation.permutation import nested_auc, permutation_p, permutation_test, permuted_labels


def test_p_is_exact_at_99_permutations():
    assert permutation_p(1.0, np.zeros(99)) == 0.01
    assert permutation_p(0.5, np.linspace(0, 1, 99)) == (1 + 50) / 100
    assert permutation_p(0.3, np.full(99, 0.3 - 1e-16)) == 1.0


def test_labels_move_between_patients_and_never_inside_one():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), [1, 2, 3] * 4)
    y = (groups % 2).astype(int)
    for _ in range(20):
        new = permuted_labels(y, groups, rng)
        by_patient = [set(new[groups == p]) for p in range(12)]
        assert all(len(labels) == 1 for labels in by_patient)
        assert sum(labels == {1} for labels in by_patient) == 6


def test_patients_with_several_labels_exchange_them_with_their_like():
    groups, y = np.repeat(np.arange(6), 2), np.array([0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1])
    rng = np.random.default_rng(1)
    for _ in range(20):
        new = permuted_labels(y, groups, rng).reshape(6, 2)
        assert sorted(new.sum(axis=1)) == sorted(y.reshape(6, 2).sum(axis=1))


def test_permutation_within_strata_keeps_the_number_of_labels_of_each():
    site = np.repeat(["a", "b"], 10)
    y = np.r_[np.ones(8, int), np.zeros(12, int)]
    new = permuted_labels(y, np.arange(20), np.random.default_rng(0), strata=site)
    assert (new[site == "a"].sum(), new[site == "b"].sum()) == (8, 0)
    assert not np.array_equal(new, y)


def test_p_is_uniform_without_signal_though_features_are_selected():
    rng = np.random.default_rng(5)
    y, counts = np.arange(30) % 2, np.zeros(5)
    for seed in range(250):
        X = rng.normal(size=(30, 20))

        def of_best_feature(labels, X=X):
            # The selection is part of the statistic; outside of it, the observed value would win nearly always.
            return float(np.abs(X[labels == 1].mean(axis=0) - X[labels == 0].mean(axis=0)).max())

        p = permutation_test(of_best_feature, y, np.arange(30), n_permutations=19, random_state=seed).p_value
        counts[int(np.ceil(p * 5 - 1e-9)) - 1] += 1
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_patient_in_two_strata_is_refused():
    with pytest.raises(ValueError, match="several strata"):
        permuted_labels([0, 1], ["p", "p"], np.random.default_rng(0), strata=["a", "b"])


def test_selection_inside_the_folds_does_not_make_noise_significant():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(40, 60))).add_prefix("radiomics__")
    X.index = pd.Index([f"c{i:02d}" for i in range(40)], name="case_id")
    y, groups = np.arange(40) % 2, X.index.to_numpy()
    procedure = make_pipeline(SelectKBest(k=3), LogisticRegression())
    honest = permutation_test(nested_auc(procedure, X, groups, cv=NestedCV(4, 1, 2)), y, groups, n_permutations=19)
    assert honest.p_value > 0.05
    assert 0.4 < honest.null.mean() < 0.6
    X["radiomics__0"] += 3 * y
    found = permutation_test(nested_auc(procedure, X, groups, cv=NestedCV(4, 1, 2)), y, groups, n_permutations=19)
    assert found.p_value == 0.05


def test_a_procedure_that_fails_is_no_statistic():
    X = pd.DataFrame(
        {"radiomics__a": np.full(24, np.nan)}, index=pd.Index([f"c{i}" for i in range(24)], name="case_id")
    )
    with pytest.raises(RunError, match=r"failed"):
        nested_auc(LogisticRegression(), X, X.index, cv=NestedCV(3, 1, 2))(np.arange(24) % 2)
