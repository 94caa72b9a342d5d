"""Offsets that have not seen a label of the rows they are judged on: one more level of inner folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.priority_steps import left_out
from hybridrad.models.ridge_logistic import ridge_logistic_path
from hybridrad.models.ridge_path import PENALTIES, RidgeFit, fit_ridge
from hybridrad.splits import Fold, inner_splits

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OffsetFold:
    """One inner fold with the logits of the blocks so far.

    ``of_train`` are out of fold within the training rows of this fold alone (``folds``), ``of_test`` are made by models
    fitted on these rows: no label of ``test`` is in either.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    folds: list[Fold]
    of_train: Array
    of_test: Array


def can_be_nested(y: NDArray[np.intp], groups: NDArray[np.intp], folds: Sequence[Fold]) -> bool:
    """Return whether the training rows of every fold hold two patients of each class, so that they can be split.

    Examples
    --------
    >>> halves = [(np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1]))]
    >>> can_be_nested(np.array([0, 1, 0, 1]), np.arange(4), halves)
    False
    """
    classes = np.unique(y)
    return all(min(len(np.unique(groups[train][y[train] == k])) for k in classes) >= 2 for train, _ in folds)


def first_logits(
    fit: RidgeFit,
    X: Array,
    y: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    folds: Sequence[Fold],
    preparation: ColumnPreparation,
) -> Array:
    """Return the out-of-fold logits of the first block, where it is missing the expected one of the fold's model.

    New cases without the first block get the expected logit too, and not what the model says of a row of medians.
    ``fit`` was made by `fit_ridge` from the rest.
    """
    gone = np.asarray(np.isnan(X).all(axis=1))
    if not gone.any():
        return fit.oof_logits
    expected = np.empty((len(y), 1 if n_classes == 2 else n_classes))
    for train, test in folds:
        design = preparation.fresh().fit_scaled(X[train], y[train], groups[train])
        path = ridge_logistic_path(design, y[train], n_classes=n_classes, penalties=[fit.penalty])
        expected[test] = path.intercepts[0]
    return left_out(fit.oof_logits, gone, instead=expected[gone].reshape(gone.sum(), *fit.oof_logits.shape[1:]))


def first_offsets(
    X: Array,
    y: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    folds: Sequence[Fold],
    preparation: ColumnPreparation,
    oof_logits: Array,
    inner: int,
    seed: int,
) -> list[OffsetFold]:
    """Return the offsets after the first block.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        Columns of the first block.
    y, groups : int ndarray of shape (n_cases,)
    n_classes : int
    folds : list of (train, test)
    preparation : ColumnPreparation
        Unfitted, of the first block.
    oof_logits : ndarray of shape (n_cases,) or (n_cases, n_classes)
        Of the first block in ``folds``, see `first_logits`.
    inner, seed : int
        Of the folds within the training rows of each fold.
    """
    offsets = []
    for train, test in folds:
        within = inner_splits(y[train], groups[train], n_folds=inner, random_state=seed)
        rows = X[train], y[train], groups[train]
        first = fit_ridge(*rows, n_classes=n_classes, folds=within, preparation=preparation.fresh())
        of_train = first_logits(first, *rows, n_classes=n_classes, folds=within, preparation=preparation)
        offsets.append(OffsetFold(train, test, within, of_train, oof_logits[test]))
    return offsets


def fit_on_offsets(
    X: Array,
    y: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    offsets: Sequence[OffsetFold],
    preparation: ColumnPreparation,
    penalties: Sequence[float] = PENALTIES,
) -> RidgeFit:
    """Fit a block on top of those before it, as `fit_ridge` does, with the offsets of each fold its own.

    The penalty is that of the least log loss over the test rows of the folds; the fit to all rows takes the logits that
    the folds gave to their test rows as its offset.
    """
    return fit_ridge(
        X,
        y,
        groups,
        n_classes=n_classes,
        folds=[(fold.train, fold.test) for fold in offsets],
        preparation=preparation,
        penalties=penalties,
        offset=known_logits(offsets, len(y)),
        offsets_of_folds=[fold.of_train for fold in offsets],
    )


def after_block(
    X: Array,
    y: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    n_classes: int,
    offsets: Sequence[OffsetFold],
    preparation: ColumnPreparation,
    oof_logits: Array,
) -> list[OffsetFold]:
    """Return the offsets after a block was kept; ``oof_logits`` is what it adds to the test rows of the folds."""
    later = []
    for fold in offsets:
        added = fit_ridge(
            X[fold.train],
            y[fold.train],
            groups[fold.train],
            n_classes=n_classes,
            folds=fold.folds,
            preparation=preparation.fresh(),
            offset=fold.of_train,
        )
        # As at prediction, a block adds nothing to a case that lacks it.
        of_train = np.array(added.oof_logits)
        of_train[np.isnan(X[fold.train]).all(axis=1)] = 0.0
        of_test = fold.of_test + oof_logits[fold.test]
        later.append(replace(fold, of_train=fold.of_train + of_train, of_test=of_test))
    return later


def known_logits(offsets: Sequence[OffsetFold], n_cases: int) -> Array:
    """Return the logits that the folds give to their test rows, in the order of all rows."""
    out = np.empty((n_cases, *offsets[0].of_test.shape[1:]))
    for fold in offsets:
        out[fold.test] = fold.of_test
    return out
