"""Penalty factors of blocks: which are allowed, and the search for those of the least inner loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import did_you_mean
from hybridrad.models.case_model import Array, Patients
from hybridrad.models.ridge_path import TIE
from hybridrad.models.side_by_side import PenalisedPreparation

FACTORS = (1.0, 4.0, 16.0, 64.0)  # columns divided by 1, 2, 4, 8
FoldDesign = tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]


class InnerLoss:
    """The least inner loss over penalties for given factors; columns are prepared once per fold, not once per call.

    Subclasses give ``_least``.

    Attributes
    ----------
    tried : dict
        Factors -> loss, in the order in which they were tried.
    """

    def __init__(self, training: Any, blocks: Mapping[str, NDArray[np.intp]]) -> None:
        self.training, self.tried = training, dict[tuple[float, ...], float]()
        self._prepared = []
        for train, test in training.folds:
            even = penalised(training, blocks, (1.0,) * len(blocks))
            known = even.fit_scaled(training.cases.values[train], training.y[train], training.groups[train])
            widths = [len(prepared.sources_) for prepared in even.prepared_.values()]
            self._prepared.append((train, test, known, even.scaled(training.cases.values[test]), widths))

    def __call__(self, factors: tuple[float, ...]) -> float:
        """Return the loss of these factors, one for each block, at the best penalty."""
        if factors not in self.tried:
            self.tried[factors] = self._least(self._designs(factors))
        return self.tried[factors]

    def _designs(self, factors: tuple[float, ...]) -> Iterator[FoldDesign]:
        """Yield the rows of each fold and the designs of its training and test cases."""
        for train, test, known, new, widths in self._prepared:
            root = np.repeat(np.sqrt(factors), widths)
            yield train, test, known / root, new / root

    def _least(self, designs: Iterator[FoldDesign]) -> float:
        raise NotImplementedError


def penalised(
    training: Patients, blocks: Mapping[str, NDArray[np.intp]], factors: Iterable[float]
) -> PenalisedPreparation:
    """Return the unfitted preparation of all blocks with these factors."""
    by_block = dict(zip(blocks, factors, strict=True))
    return PenalisedPreparation(blocks=dict(blocks), categorical=training.categorical, factors=by_block)


def choose_factors(
    factors: Sequence[float] | Mapping[str, float], blocks: Sequence[str], inner: InnerLoss, *, tie: float = TIE
) -> tuple[pd.Series, pd.DataFrame]:
    """Return the factor of each block, and every combination that was tried with its ``inner_loss``.

    Parameters
    ----------
    factors : sequence of float, or dict
        Those to choose from, or block name -> its factor, which is then not searched.
    blocks : sequence of str
    inner : InnerLoss
    tie : float
        Losses closer than this are equal.

    Raises
    ------
    ValueError
        A factor is not positive, names no block, or is missing.
    """
    if isinstance(factors, Mapping):
        chosen = _given(factors, list(blocks))
        inner(chosen)
    else:
        chosen = _descend(inner, _allowed(factors), n_blocks=len(blocks), tie=tie)
    search = pd.DataFrame(list(inner.tried), columns=list(blocks)).assign(inner_loss=list(inner.tried.values()))
    return pd.Series(chosen, index=pd.Index(blocks, name="block"), name="factor"), search


def _given(factors: Mapping[str, float], blocks: list[str]) -> tuple[float, ...]:
    for name in factors:
        if name not in blocks:
            raise ValueError(f"factors: {name!r} is not one of the blocks {blocks}.{did_you_mean(name, blocks)}")
    for name in blocks:
        if name not in factors:
            raise ValueError(f"factors: block {name!r} has none; give one for each of {blocks}.")
    return tuple(_allowed([factors[name] for name in blocks]))


def _allowed(factors: Sequence[float]) -> list[float]:
    numbers = [float(f) for f in factors]
    if not numbers or not all(f > 0 for f in numbers):
        raise ValueError(f"factors must be positive numbers, got {factors!r}.")
    return numbers


def _descend(loss: InnerLoss, factors: list[float], *, n_blocks: int, tie: float) -> tuple[float, ...]:
    """Return the combination from which no change of one block's factor lowers the loss."""
    current = (min(factors),) * n_blocks
    loss(current)  # the plain ridge is always tried, and first
    while True:
        neighbours = [
            (*current[:b], factor, *current[b + 1 :])
            for b in range(n_blocks)
            for factor in sorted(factors)
            if factor != current[b]
        ]
        # A larger factor on every block is a stronger penalty on all, which is chosen anyway.
        neighbours = [n for n in neighbours if min(n) == min(factors)]
        best = min(neighbours, key=loss, default=current)
        if not loss(best) < loss(current) - tie:
            return current
        current = best
