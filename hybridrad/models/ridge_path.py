"""A block model's heart: preparation and ridge logistic path, the penalty chosen by patient-grouped inner folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.preparation import Preparation, column_contributions
from hybridrad.models.ridge_logistic import level_of_known, log_loss, ridge_logistic_logits, ridge_logistic_path
from hybridrad.splits import Fold

Array = NDArray[np.float64]

PENALTIES: tuple[float, ...] = tuple(float(c) for c in np.geomspace(1e-5, 3.0, 12))
TIE = 1e-9  # losses closer than this are equal, and the stronger penalty is taken


@dataclass(frozen=True)
class RidgeFit:
    """A fitted linear model of raw columns; a value that does not change.

    ``coef`` belongs to the design, shape (n_design, n_outputs); ``oof_logits`` are those of the inner folds at the
    chosen penalty, shape (n_train,) or (n_train, n_classes); ``inner_losses`` one mean log loss per penalty.
    """

    preparation: Preparation
    coef: Array
    intercept: Array
    penalty: float
    inner_losses: Array
    oof_logits: Array

    @property
    def expected_logit(self) -> Array:
        """The logit of the training mean; designs are centred, so it is the intercept."""
        return self.intercept

    def logits(self, X: Array) -> Array:
        """Return logits of shape (n,) or (n, n_classes)."""
        out = self.preparation.scaled(X) @ self.coef + self.intercept
        return out[:, 0] if out.shape[1] == 1 else out

    def contributions(self, X: Array) -> Array:
        """Return what each raw column adds to the logit, shape (n, n_columns, n_outputs)."""
        return column_contributions(self.preparation, X, self.coef)


def fit_ridge(
    X: Array,
    y: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    folds: Sequence[Fold],
    preparation: Preparation,
    penalties: Sequence[float] = PENALTIES,
    offset: Array | None = None,
    offsets_of_folds: Sequence[Array] | None = None,
) -> RidgeFit:
    """Choose the penalty by the mean log loss of the inner folds and refit on all rows.

    The preparation is refitted in every inner fold, so that rows left out influence nothing that is applied to them.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        Raw columns; text as codes.
    y, groups : int ndarray of shape (n_cases,)
    n_classes : int
    folds : list of (train, test)
    preparation : Preparation
        Unfitted.
    penalties : sequence of float
        Values of C, ascending.
    offset : ndarray of shape (n_cases,) or (n_cases, n_classes), optional
        Logits known before, to which the model adds; losses are those of the sum, ``oof_logits`` are what it adds.
        Its intercept counts from the level at which the known logits alone fit these rows best. Out-of-fold logits of
        the training rows are the lower the more positive cases are among the rows left out; an intercept that makes up
        for this would move the logits of the rows left out away from them.
    offsets_of_folds : sequence of ndarray, optional
        What is known of the training rows of each fold, where that is not ``offset`` of these rows.
    """
    n_outputs = 1 if n_classes == 2 else n_classes
    oof = np.empty((len(penalties), len(y), n_outputs))
    for k, (train, test) in enumerate(folds):
        fitted = preparation.fresh()
        design = fitted.fit_scaled(X[train], y[train], groups[train])
        of_rows = None if offset is None else offset[train]
        known = of_rows if offsets_of_folds is None else offsets_of_folds[k]
        oof[:, test] = ridge_logistic_logits(
            design, y[train], fitted.scaled(X[test]), n_classes=n_classes, penalties=penalties, offset=known
        )
        if known is not None:
            oof[:, test] -= level_of_known(known, y[train], n_classes=n_classes)
    logits = oof[:, :, 0] if n_outputs == 1 else oof
    losses = np.array([log_loss(one if offset is None else one + offset, y) for one in logits])
    best = int(np.flatnonzero(losses <= losses.min() + TIE)[0])
    fitted = preparation.fresh()
    design = fitted.fit_scaled(X, y, groups)
    path = ridge_logistic_path(design, y, n_classes=n_classes, penalties=penalties[best : best + 1], offset=offset)
    intercept = path.intercepts[0]
    if offset is not None:
        intercept = intercept - level_of_known(offset, y, n_classes=n_classes)
    return RidgeFit(fitted, path.coefs[0], intercept, float(penalties[best]), losses, logits[best].copy())
