from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from hybridrad.models.block_model import BlockModel
from hybridrad.models.elastic_net import LogisticLoss, elastic_net_path
from hybridrad.models.held_signs import penalised_value
from hybridrad.models.tuned_elastic_net import TunedElasticNet

PENALTIES = (0.01, 0.1, 1.0, 10.0)


def problem(n_columns, n_classes, *, n=70, seed=0):
    """Correlated columns, of which the first three carry the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    hidden = rng.normal(size=(n, 8))
    hidden[:, :3] += 0.7 * y[:, None]
    X = hidden @ rng.normal(size=(8, n_columns)) + rng.normal(size=(n, n_columns))
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def targets_of(y, n_classes):
    return np.eye(n_classes)[y] if n_classes > 2 else y[:, None].astype(float)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_columns", [15, 120])
@pytest.mark.parametrize("l1_ratio", [0.2, 0.8, 1.0])
def test_the_objective_is_at_least_as_low_as_that_of_saga(n_columns, n_classes, l1_ratio):
    X, y = problem(n_columns, n_classes)
    targets = targets_of(y, n_classes)
    path = elastic_net_path(X, y, n_classes=n_classes, penalties=PENALTIES, l1_ratio=l1_ratio)
    for C, coef, intercept in zip(PENALTIES, path.coefs, path.intercepts, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            saga = LogisticRegression(solver="saga", l1_ratio=l1_ratio, C=C, max_iter=300, random_state=0).fit(X, y)
        penalty = {"absolute": l1_ratio / C, "squared": (1 - l1_ratio) / C}
        ours = penalised_value(LogisticLoss(targets), X @ coef + intercept, coef, **penalty)
        theirs = penalised_value(LogisticLoss(targets), X @ saga.coef_.T + saga.intercept_, saga.coef_.T, **penalty)
        assert ours <= theirs * (1 + 1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_columns", [15, 120])
def test_the_conditions_of_optimality_hold(n_columns, n_classes):
    X, y = problem(n_columns, n_classes, seed=1)
    path = elastic_net_path(X, y, n_classes=n_classes, penalties=PENALTIES, l1_ratio=0.5)
    for C, coef, intercept in zip(PENALTIES, path.coefs, path.intercepts, strict=True):
        eta = X @ coef + intercept
        residual = (softmax(eta, axis=1) if n_classes > 2 else expit(eta)) - targets_of(y, n_classes)
        gradient = X.T @ residual + 0.5 / C * coef
        assert np.abs(residual.sum(axis=0)).max() < 1e-6
        np.testing.assert_allclose(gradient[coef != 0], -0.5 / C * np.sign(coef[coef != 0]), atol=1e-5 / C)
        assert np.abs(gradient[coef == 0]).max(initial=0.0) <= 0.5 / C * (1 + 1e-6)


def test_a_converged_saga_finds_the_same_coefficients():
    X, y = problem(15, 2)
    path = elastic_net_path(X, y, n_classes=2, penalties=[0.1, 1.0], l1_ratio=0.5)
    saga = LogisticRegression(solver="saga", l1_ratio=0.5, C=1.0, max_iter=200_000, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(path.coefs[1, :, 0], saga.coef_[0], atol=1e-7)
    assert path.intercepts[1, 0] == pytest.approx(saga.intercept_[0], abs=1e-7)


def test_a_path_ends_where_a_single_fit_ends():
    X, y = problem(120, 2, seed=2)
    path = elastic_net_path(X, y, n_classes=2, penalties=PENALTIES, l1_ratio=0.5)
    alone = elastic_net_path(X, y, n_classes=2, penalties=PENALTIES[-1:], l1_ratio=0.5)
    np.testing.assert_allclose(path.coefs[-1], alone.coefs[0], atol=1e-6)


def test_separated_classes_and_equal_columns_are_no_trouble():
    X, y = problem(15, 2)
    X = np.hstack([X, X, 10.0 * (y[:, None] - 0.5), np.zeros((70, 1))])
    path = elastic_net_path(X, y, n_classes=2, penalties=[0.01, 100.0], l1_ratio=1.0)
    assert np.isfinite(path.coefs).all()
    assert path.coefs[-1, -1, 0] == 0.0
    assert ((X @ path.coefs[-1] + path.intercepts[-1])[:, 0] > 0).astype(int).tolist() == y.tolist()


def test_a_pure_ridge_is_refused():
    with pytest.raises(ValueError, match="fit a ridge"):
        elastic_net_path(np.eye(2), np.array([0, 1]), n_classes=2, penalties=[1.0], l1_ratio=0.0)


def test_contributions_add_up_and_are_sparse(table, three_classes):
    for X, y, groups in (table, three_classes):
        model = BlockModel("deep", estimator=TunedElasticNet(C=(0.03, 0.1), l1_ratio=(0.8,)))
        model.fit(X, y, groups=groups)
        shap = model.shap_values(X)
        total = shap.sum(axis=1) + model.expected_logit_
        np.testing.assert_allclose(total, model.decision_function(X), atol=1e-9)
        used = np.abs(shap).reshape(len(y), X.shape[1], -1).max(axis=(0, 2)) > 0
        assert 0 < used.sum() < 30
