"""What the blocks before already predict, as every inner fold knows it: stacked, or nested one level deeper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.linear_fit import fit_linear
from hybridrad.models.outcome import Outcome
from hybridrad.models.preparation import Preparation
from hybridrad.models.present import can_learn
from hybridrad.models.priority_steps import left_out
from hybridrad.splits import Fold, inner_splits

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Offsets:
    """Predictions of the blocks so far; a value that does not change.

    ``known`` has the shape (n_folds, n_cases). Stacked offsets are the out-of-fold predictions, the same in all folds,
    and ``within`` is empty. Nested ones are, for the training rows of a fold, out of fold within these rows alone
    (``within`` holds their folds), and for its test rows made by models fitted on the training rows: no model
    behind them was fitted to a target of a test row. The penalty of those for the test rows was chosen by all folds.
    """

    known: Array
    within: list[list[Fold]]


def stacked_offsets(oof_predictions: Array, n_folds: int) -> Offsets:
    """Return offsets that are out-of-fold predictions.

    Examples
    --------
    >>> stacked_offsets(np.array([1.0, 2.0]), 2).known.tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    return Offsets(np.tile(oof_predictions, (n_folds, 1)), [])


def can_be_nested(training: OutcomeTraining) -> bool:
    """Return whether the training rows of every fold hold enough patients (with an event) to be split further."""
    return all(can_learn(training.y, training.groups, train) for train, _ in training.folds)


def nested_offsets(
    X: Array,
    training: OutcomeTraining,
    *,
    outcome: Outcome,
    preparation: Preparation,
    penalties: Sequence[float],
    oof_predictions: Array,
    inner: int,
) -> Offsets:
    """Return the nested offsets after the first block.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        Columns of the first block.
    training : OutcomeTraining
    outcome : Outcome
    preparation : Preparation
        Unfitted, of the first block.
    penalties : sequence of float
    oof_predictions : ndarray of shape (n_cases,)
        Of the first block.
    inner : int
        Number of folds within the training rows of each fold.
    """
    nothing = Offsets(
        np.zeros((len(training.folds), len(training.y))),
        [_within(training, train, outcome=outcome, inner=inner) for train, _ in training.folds],
    )
    return _nested_after(
        X,
        training,
        nothing,
        outcome=outcome,
        preparation=preparation,
        penalties=penalties,
        added=oof_predictions,
        first=True,
    )


def after_block(
    X: Array,
    training: OutcomeTraining,
    offsets: Offsets,
    *,
    outcome: Outcome,
    preparation: Preparation,
    penalties: Sequence[float],
    added: Array,
) -> Offsets:
    """Return the offsets after a further block was kept; ``added`` is what it adds out of fold."""
    if not offsets.within:
        return replace(offsets, known=offsets.known + added)
    return _nested_after(
        X, training, offsets, outcome=outcome, preparation=preparation, penalties=penalties, added=added
    )


def _nested_after(
    X: Array,
    training: OutcomeTraining,
    offsets: Offsets,
    *,
    outcome: Outcome,
    preparation: Preparation,
    penalties: Sequence[float],
    added: Array,
    first: bool = False,
) -> Offsets:
    known, lacking = offsets.known.copy(), np.asarray(np.isnan(X).all(axis=1))
    for k, (train, test) in enumerate(training.folds):
        fit = fit_linear(
            X[train],
            training.y[train],
            training.groups[train],
            outcome=outcome,
            folds=offsets.within[k],
            preparation=preparation.fresh(),
            penalties=penalties,
            # The first block is on top of nothing: it sets the level.
            offsets=None if first else np.tile(offsets.known[k, train], (len(offsets.within[k]), 1)),
        )
        # As at prediction, a case that lacks the first block gets the average answer, and from a further one nothing.
        known[k, train] += left_out(fit.oof_predictions, lacking[train], instead=fit.expected if first else 0.0)
        known[k, test] += added[test]
    return replace(offsets, known=known)


def _within(training: OutcomeTraining, rows: NDArray[np.intp], *, outcome: Outcome, inner: int) -> list[Fold]:
    patients = np.unique(training.groups[rows], return_inverse=True)[1].astype(np.intp)
    strata = outcome.strata(training.y[rows], patients)
    return inner_splits(strata, patients, n_folds=inner, random_state=training.seed)
