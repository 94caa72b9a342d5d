from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hybridrad.evaluation.audit_run import OutOfFold, cell_auc, out_of_fold

X, Y, GROUPS = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1]), np.arange(6)


def auc_by_counting_pairs(y, scores, cells):
    """The slow, obvious twin: look at every pair of the same cell."""
    won = pairs = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            if cells[i] == cells[j]:
                pairs += 1
                won += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
    return won / pairs


def test_a_procedure_cannot_change_the_data_of_the_caller():
    def spoils(X, y, groups):
        X[:], y[:], groups[:] = 0, 0, 0
        return np.arange(6.0)

    before = X.copy(), Y.copy(), GROUPS.copy()
    out_of_fold(spoils, *(a := (X.copy(), Y.copy(), GROUPS.copy())))
    assert all(np.array_equal(one, other) for one, other in zip(a, before, strict=True))


def test_a_table_arrives_as_the_table_it_was():
    table = pd.DataFrame(X, columns=["a", "b"], index=list("uvwxyz"))

    def looks(X, y, groups):
        pd.testing.assert_frame_equal(X, table)
        return X["a"]

    assert out_of_fold(looks, table, Y, GROUPS).scores.tolist() == X[:, 0].tolist()


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (np.zeros(5), ValueError, r"shape \(5,\), wanted \(6,\)"),
        (np.zeros((6, 2)), ValueError, r"shape \(6, 2\), wanted \(6,\)"),
        (np.array([np.nan, 0, 0, 0, 0, np.inf]), ValueError, "not finite for 2 cases"),
        (["a"] * 6, TypeError, "returned list"),
        ((np.zeros(6), np.zeros(6), 1), TypeError, "tuple of 3"),
        ((np.zeros(6), np.zeros(5)), ValueError, "one fold per case"),
        ((np.zeros(6), [0, 1, None, 0, 1, 0]), ValueError, "one fold per case"),
    ],
)
def test_anything_but_one_score_per_case_is_refused(returned, error, message):
    with pytest.raises(error, match=message):
        out_of_fold(lambda X, y, groups: returned, X, Y, GROUPS)


def test_more_classes_need_a_column_each():
    y = np.array([0, 1, 2, 0, 1, 2])
    assert out_of_fold(lambda X, y, groups: np.eye(3)[y], X, y, GROUPS).scores.shape == (6, 3)
    with pytest.raises(ValueError, match=r"wanted \(6, 3\)"):
        out_of_fold(lambda X, y, groups: y, X, y, GROUPS)


def test_only_pairs_of_one_fold_and_stratum_count():
    rng = np.random.default_rng(0)
    y, scores = rng.integers(0, 2, 60), rng.integers(0, 8, 60).astype(float)
    fold, stratum = rng.integers(0, 4, 60), rng.integers(0, 2, 60)
    found = cell_auc(y, OutOfFold(scores, fold), np.arange(60), stratum=stratum)
    assert found == pytest.approx(auc_by_counting_pairs(y, scores, 10 * fold + stratum))


def test_without_folds_it_is_the_auc_of_scikit_learn():
    rng = np.random.default_rng(1)
    y, scores = rng.integers(0, 2, 50), rng.normal(size=50)
    assert cell_auc(y, OutOfFold(scores, None), np.arange(50)) == pytest.approx(roc_auc_score(y, scores))
    y, scores = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), size=50)
    expected = roc_auc_score(y, scores, multi_class="ovr")
    assert cell_auc(y, OutOfFold(scores, None), np.arange(50)) == pytest.approx(expected)


def test_patients_are_scored_by_the_mean_of_their_cases():
    groups, y = np.array(["a", "a", "b", "c"]), np.array([1, 1, 0, 1])
    scores = np.array([0.0, 1.0, 0.4, 0.3])
    # a has 0.5 > 0.4, c has 0.3 < 0.4.
    assert cell_auc(y, OutOfFold(scores, None), groups, by_patient=True) == 0.5


def test_cases_that_could_not_exchange_labels_are_left_out():
    y, scores = np.array([0, 1, 1]), np.array([0.5, 0.9, 0.1])
    assert cell_auc(y, OutOfFold(scores, None), np.arange(3), stratum=np.array([0, 0, -1])) == 1.0
    assert np.isnan(cell_auc(y, OutOfFold(scores, None), np.arange(3), stratum=np.array([0, -1, -1])))
