from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from hybridrad.models import ridge_newton
from hybridrad.models.ridge_newton import LogisticLikelihood, newton_path

RIDGES = np.array([1e4, 10.0, 1.0, 0.1])


def cases(n_classes: int, *, offset: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    columns, y = rng.normal(size=(40, 6)), rng.integers(0, n_classes, 40)
    targets = y[None].astype(float) if n_classes == 2 else np.eye(n_classes)[y].T
    return columns, targets, (rng.normal(size=targets.shape) if offset else np.zeros((len(targets), 1)))


def plain_loss(flat: np.ndarray, columns: np.ndarray, targets: np.ndarray, offset: np.ndarray, ridge: float) -> float:
    """The textbook's objective, case by case."""
    coef = flat.reshape(len(targets), -1)
    logits = coef[:, :-1] @ columns.T + coef[:, -1:] + offset
    if len(targets) == 1:
        logits, targets = np.vstack([0 * logits, logits]), np.vstack([1 - targets, targets])
    return float(-np.sum(targets * log_softmax(logits, axis=0)) + 0.5 * ridge * np.sum(coef[:, :-1] ** 2))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("offset", [False, True])
def test_every_fit_of_a_path_is_at_the_optimum_of_the_plain_objective(n_classes, offset):
    columns, targets, known = cases(n_classes, offset=offset)
    found = newton_path(LogisticLikelihood.of(columns, targets, known), np.zeros((len(targets), 7)), RIDGES)
    for ridge, coef in zip(RIDGES, found, strict=True):
        given = (columns, targets, known, ridge)
        slow = minimize(plain_loss, np.zeros(coef.size), args=given, options={"gtol": 1e-7})
        assert plain_loss(coef.ravel(), *given) <= slow.fun + 1e-9
        np.testing.assert_allclose(coef[:, :-1], slow.x.reshape(coef.shape)[:, :-1], atol=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_fit_does_not_depend_on_the_other_penalties_of_its_path(n_classes):
    likelihood, start = LogisticLikelihood.of(*cases(n_classes)), np.zeros((n_classes if n_classes > 2 else 1, 7))
    together = newton_path(likelihood, start, RIDGES)
    for ridge, coef in zip(RIDGES, together, strict=True):
        np.testing.assert_allclose(newton_path(likelihood, start, np.array([ridge]))[0], coef, atol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_start_where_all_probabilities_are_0_or_1_ends_at_the_same_optimum(n_classes):
    likelihood = LogisticLikelihood.of(*cases(n_classes))
    start = np.zeros((len(likelihood.targets), 7))
    far, near = (newton_path(likelihood, at, RIDGES) for at in (start + 30.0 * np.eye(len(start), 7), start))
    np.testing.assert_allclose(far[:, :, :-1], near[:, :, :-1], atol=1e-6)


def test_known_logits_of_fifty_leave_the_fit_finite():
    columns, targets, _ = cases(2)
    sure = 50.0 * (2 * targets - 1)
    assert np.isfinite(newton_path(LogisticLikelihood.of(columns, targets, sure), np.zeros((1, 7)), RIDGES)).all()
    found = newton_path(LogisticLikelihood.of(columns, targets, -sure), np.zeros((1, 7)), RIDGES)
    given = (columns, targets, -sure, 10.0)
    slow = minimize(plain_loss, found[1].ravel(), args=given, options={"gtol": 1e-7})
    assert plain_loss(found[1].ravel(), *given) <= slow.fun + 1e-8


def test_known_logits_that_leave_nothing_to_explain_are_no_error():
    targets = np.array([[0.0, 0.0, 0.0, 1.0, 1.0]])
    known = np.array([[-14.0, -300.0, -20.0, 60.0, 900.0]])
    columns = np.random.default_rng(0).normal(size=(5, 3))
    found = newton_path(LogisticLikelihood.of(columns, targets, known), np.zeros((1, 4)), RIDGES)
    assert np.abs(found[:, :, :-1]).max() < 1e-3


def test_fits_that_do_not_end_are_an_error(monkeypatch):
    monkeypatch.setattr(ridge_newton, "MAX_NEWTON_STEPS", 1)
    with pytest.raises(RuntimeError, match="did not converge in 1"):
        newton_path(LogisticLikelihood.of(*cases(2)), np.zeros((1, 7)), RIDGES)


def test_a_fit_that_is_exact_at_once_leaves_the_others_as_they_are():
    columns, targets, known = cases(2)
    columns[:, 1:] = 0.0  # one column: a single step of conjugate gradients is exact
    together = newton_path(LogisticLikelihood.of(columns, targets, known), np.zeros((1, 7)), RIDGES)
    alone = [
        newton_path(LogisticLikelihood.of(columns, targets, known), np.zeros((1, 7)), RIDGES[[i]]) for i in range(4)
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-8)
    assert np.isfinite(together).all()
