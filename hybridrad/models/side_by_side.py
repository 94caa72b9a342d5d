"""Blocks side by side in one design: every block prepared by its columns, then scaled as a whole."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.case_model import SIZE_BLOCK
from hybridrad.models.preparation import ColumnPreparation

Array = NDArray[np.float64]

SIZE_SHARE = 0.5  # of the root inertia of another block: two or three columns shall not weigh as much as hundreds


class SideBySide:
    """Prepare every block by its columns and multiply them by one number per block; not used by itself.

    Parameters
    ----------
    blocks : dict
        Block name -> positions.
    categorical : bool ndarray of shape (n_columns,)
    """

    def __init__(self, *, blocks: dict[str, NDArray[np.intp]], categorical: NDArray[np.bool_]) -> None:
        self.blocks = blocks
        self.categorical = categorical

    def fresh(self) -> Self:
        """Return an unfitted copy."""
        return type(self)(blocks=self.blocks, categorical=self.categorical)

    def fit(self, X: Array, y: NDArray[Any], groups: NDArray[np.intp]) -> Self:
        """Learn the columns from training rows; ``y`` and ``groups`` are not used."""
        self.fit_scaled(X, y, groups)
        return self

    def fit_scaled(self, X: Array, y: NDArray[Any], groups: NDArray[np.intp]) -> Array:
        """Learn from training rows, and return them prepared."""
        self.prepared_: dict[str, ColumnPreparation] = {}
        self.scale_: dict[str, float] = {}
        side_by_side = []
        for name, positions in self.blocks.items():
            log = np.full(len(positions), name == SIZE_BLOCK)
            prepared = ColumnPreparation(categorical=self.categorical[positions], log=log)
            scaled = prepared.fit_scaled(X[:, positions])
            self.prepared_[name], self.scale_[name] = prepared, self._scale(name, scaled)
            scaled *= self.scale_[name]
            side_by_side.append(scaled)
        self.sources_ = np.concatenate([at[self.prepared_[name].sources_] for name, at in self.blocks.items()])
        return np.hstack(side_by_side)

    def scaled(self, X: Array) -> Array:
        """Return the prepared columns of all blocks, each multiplied by the number of its block."""
        return np.hstack([self.prepared_[b].scaled(X[:, at]) * self.scale_[b] for b, at in self.blocks.items()])

    def _scale(self, name: str, scaled: Array) -> float:
        raise NotImplementedError


class BalancedPreparation(SideBySide):
    """Give every block the inertia (mean squared row norm) 1; the block ``size`` a quarter of it."""

    def _scale(self, name: str, scaled: Array) -> float:
        root_inertia = float(np.sqrt(np.mean(np.sum(scaled**2, axis=1))))
        share = SIZE_SHARE if name == SIZE_BLOCK else 1.0
        return share / root_inertia if root_inertia > 0 else 0.0


class PenalisedPreparation(SideBySide):
    """Divide the columns of every block by the root of its penalty factor.

    A ridge on columns divided by ``sqrt(m)`` is a ridge on the columns with ``m`` times the penalty.

    Parameters
    ----------
    blocks, categorical
        As in `SideBySide`.
    factors : dict
        Block name -> penalty factor.
    """

    def __init__(
        self, *, blocks: dict[str, NDArray[np.intp]], categorical: NDArray[np.bool_], factors: dict[str, float]
    ) -> None:
        super().__init__(blocks=blocks, categorical=categorical)
        self.factors = factors

    def fresh(self) -> Self:
        """Return an unfitted copy."""
        return type(self)(blocks=self.blocks, categorical=self.categorical, factors=self.factors)

    def _scale(self, name: str, scaled: Array) -> float:
        return float(1.0 / np.sqrt(self.factors[name]))
