"""The design that all settings, and all tuned models of a block, have in common: made once per inner fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.memo import share
from hybridrad.models.outcome import Outcome
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.relevance import largest_columns, rank_association, rank_separation


@dataclass(frozen=True)
class PathDesign:
    """The columns kept and how they are prepared, learned from training rows; ``rows`` are these, prepared."""

    kept: NDArray[np.intp]
    preparation: ColumnPreparation
    rows: Array

    def of(self, cases: Cases) -> Array:
        """Return the prepared columns of other cases, shape (n_cases, n_design)."""
        return self.preparation.scaled(cases.values[:, self.kept])

    def spread_to_columns(self, pieces: Array, n_columns: int) -> Array:
        """Return what design columns add (n, n_design, n_outputs) by raw column, (n, n_columns, n_outputs)."""
        out = np.zeros((n_columns, pieces.shape[0], pieces.shape[2]))
        np.add.at(out, self.kept[self.preparation.sources_], pieces.transpose(1, 0, 2))
        return out.transpose(1, 0, 2)


def path_design(
    training: Training | OutcomeTraining, *, n_columns: int | None, outcome: Outcome | None = None
) -> PathDesign:
    """Return the design of training rows: imputed, encoded, skewed columns bent, scaled.

    Kept are the ``n_columns`` numeric columns whose ranks separate the classes best, or follow the signal of another
    ``outcome`` (ranks do not change with the preparation, so only these are prepared), and all text columns. Inside
    ``shared_fits()`` the tuned models of a block share one design.
    """
    task = "classification" if outcome is None else outcome.name
    ingredients = ("path design", task, training.cases.values, training.categorical, training.y, n_columns)

    def made() -> PathDesign:
        values, numbers = training.cases.values, np.flatnonzero(~training.categorical)
        if n_columns is not None and len(numbers) > n_columns:
            if outcome is None:
                relevance = rank_separation(values[:, numbers], training.y)
            else:
                relevance = rank_association(values[:, numbers], outcome.signal(training.y))
            numbers = numbers[largest_columns(relevance, n_columns)]
        kept = np.union1d(numbers, np.flatnonzero(training.categorical))
        flags = training.categorical[kept]
        preparation = ColumnPreparation(categorical=flags, log=np.zeros_like(flags))
        rows = preparation.fit_scaled(values[:, kept])
        if not len(preparation.sources_):
            raise ValueError("no column varies among the training cases, so there is nothing to learn from.")
        return PathDesign(kept, preparation, rows)

    design: PathDesign = share(ingredients, made)
    return design
