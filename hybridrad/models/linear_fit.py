"""A linear model of an outcome: preparation and ridge path, the penalty chosen by patient-grouped inner folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.outcome import Outcome, Target
from hybridrad.models.preparation import Preparation, column_contributions
from hybridrad.models.ridge_path import TIE
from hybridrad.splits import Fold

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear model of raw columns; a value that does not change.

    ``coef`` (n_design,) belongs to the design; ``oof_predictions`` (n_train,) are those of the inner folds at the
    chosen penalty, or with offsets what it adds to them; ``inner_losses`` holds one mean loss per penalty.
    """

    preparation: Preparation
    coef: Array
    intercept: float
    penalty: float
    inner_losses: Array
    oof_predictions: Array

    @property
    def expected(self) -> float:
        """The prediction for the training mean; designs are centred, so it is the intercept."""
        return self.intercept

    def predict(self, X: Array) -> Array:
        """Return predictions, shape (n_cases,)."""
        return np.asarray(self.preparation.scaled(X) @ self.coef + self.intercept)

    def contributions(self, X: Array) -> Array:
        """Return what each raw column adds to the prediction, shape (n_cases, n_columns, 1)."""
        return column_contributions(self.preparation, X, self.coef[:, None])


def fit_linear(
    X: Array,
    y: Target,
    groups: NDArray[np.intp],
    *,
    outcome: Outcome,
    folds: Sequence[Fold],
    preparation: Preparation,
    penalties: Sequence[float],
    offsets: Array | None = None,
) -> LinearFit:
    """Choose the penalty by the loss of the inner folds and refit on all rows.

    The preparation is refitted in every inner fold, so that rows left out influence nothing that is applied to them.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        Raw columns; text as codes.
    y : ndarray of shape (n_cases,)
    groups : int ndarray of shape (n_cases,)
    outcome : Outcome
    folds : list of (train, test)
    preparation : Preparation
        Unfitted.
    penalties : sequence of float
        Descending.
    offsets : ndarray of shape (n_folds, n_cases), optional
        What is predicted already, as each fold knows it; the model adds to it, and losses are those of the sum. The fit
        to all rows takes for each case the offset of the fold that leaves it out.
    """
    oof, losses, known = np.empty((len(penalties), len(y))), np.zeros(len(penalties)), np.zeros(len(y))
    for k, (train, test) in enumerate(folds):
        before = np.zeros(len(y)) if offsets is None else offsets[k]
        known[test] = before[test]
        fitted = preparation.fresh()
        design = fitted.fit_scaled(X[train], y[train], groups[train])
        on_top_of = None if offsets is None else before[train]
        coefs, intercepts = outcome.path(design, y[train], penalties, offset=on_top_of)
        predictions = coefs @ fitted.scaled(X).T + intercepts[:, None]
        losses += [outcome.held_out_loss(of_penalty + before, y, train, test) for of_penalty in predictions]
        oof[:, test] = predictions[:, test]
    losses /= outcome.n_terms(y)
    best = int(np.flatnonzero(losses <= losses.min() + TIE * abs(losses.min()))[0])
    fitted = preparation.fresh()
    design = fitted.fit_scaled(X, y, groups)
    on_top_of = None if offsets is None else known
    coefs, intercepts = outcome.path(design, y, penalties[: best + 1], offset=on_top_of)
    return LinearFit(fitted, coefs[-1], float(intercepts[-1]), float(penalties[best]), losses, oof[best].copy())
