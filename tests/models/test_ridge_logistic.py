from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hybridrad.models.ridge_logistic import (
    coordinates_of_cases,
    log_loss,
    orthogonalising_basis,
    ridge_logistic_logits,
    ridge_logistic_path,
)
from hybridrad.models.ridge_path import PENALTIES


@pytest.mark.parametrize(("n", "p", "n_classes"), [(120, 6, 2), (60, 200, 2), (90, 40, 4)])
def test_the_path_agrees_with_scikit_learn_at_every_penalty(n, p, n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5)) @ rng.normal(size=(5, p)) + 0.5 * rng.normal(size=(n, p))
    y = np.digitize(X[:, 0] + rng.normal(size=n), np.linspace(-2, 2, n_classes + 1)[1:-1])
    path = ridge_logistic_path(X, y, n_classes=n_classes, penalties=PENALTIES)
    for i in (0, 6, 11):
        theirs = LogisticRegression(C=PENALTIES[i], solver="newton-cholesky", tol=1e-12, max_iter=500).fit(X, y)
        ours = X @ path.coefs[i] + path.intercepts[i]
        assert np.abs(ours - theirs.decision_function(X).reshape(n, -1)).max() < 1e-6


def test_perfectly_separated_classes_converge():
    X = np.linspace(-1, 1, 40)[:, None] * 1000.0
    path = ridge_logistic_path(X, (X[:, 0] > 0).astype(int), n_classes=2, penalties=[1e-5, 3.0])
    assert np.isfinite(path.coefs).all()


def test_a_design_without_columns_gives_the_prevalence():
    path = ridge_logistic_path(np.zeros((4, 0)), np.array([0, 1, 1, 1]), n_classes=2, penalties=[1.0])
    assert path.intercepts[0, 0] == pytest.approx(np.log(3))


def test_log_loss_is_that_of_the_textbook():
    logits, y = np.array([0.3, -2.0]), np.array([1, 0])
    p = 1 / (1 + np.exp(-logits))
    assert log_loss(logits, y) == pytest.approx(-np.mean([np.log(p[0]), np.log(1 - p[1])]))
    assert log_loss(np.column_stack([0 * logits, logits]), y) == pytest.approx(log_loss(logits, y))


@pytest.mark.parametrize(("n", "p"), [(40, 300), (120, 300), (60, 5)])
def test_the_basis_is_orthonormal_spans_the_rows_and_makes_the_columns_orthogonal(n, p):
    rng = np.random.default_rng(0)
    design = rng.normal(size=(n, p)) * np.geomspace(1e-4, 1.0, p)
    design[:, -1] = design[:, -2] * (1 + 1e-9 * rng.normal(size=n))
    design -= design.mean(axis=0)
    basis = orthogonalising_basis(design)
    reduced = design @ basis
    gram = reduced.T @ reduced
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-13)
    np.testing.assert_allclose(reduced @ basis.T, design, atol=1e-7 * np.abs(design).max())
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0.0, atol=1e-12 * gram.max())


@pytest.mark.parametrize(("n", "p", "n_classes"), [(60, 5, 2), (60, 300, 2), (40, 90, 3)])
@pytest.mark.parametrize("outlier", [1.0, 1e6])
@pytest.mark.parametrize("with_offset", [False, True])
def test_logits_of_other_cases_are_those_of_the_coefficients(n, p, n_classes, outlier, with_offset):
    rng = np.random.default_rng(0)
    X, others = rng.normal(size=(n, p)), rng.normal(size=(7, p))
    X[0, 0] *= outlier
    X[:, -1] = X[:, -2] * (1 + 1e-9 * rng.normal(size=n))
    y = np.arange(n) % n_classes
    offset = rng.normal(size=n if n_classes == 2 else (n, n_classes)) if with_offset else None
    known = {"n_classes": n_classes, "penalties": PENALTIES, "offset": offset}
    path = ridge_logistic_path(X, y, **known)
    logits = ridge_logistic_logits(X, y, others, **known)
    np.testing.assert_allclose(logits, others @ path.coefs + path.intercepts[:, None, :], atol=1e-6)


def test_products_of_cases_are_left_where_their_rounding_would_show():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 50))
    assert coordinates_of_cases(X, weakest_ridge=0.3) is not None
    X[0, 0] = 1e6
    assert coordinates_of_cases(X, weakest_ridge=0.3) is None
    assert coordinates_of_cases(X[:, :20], weakest_ridge=0.3) is None
