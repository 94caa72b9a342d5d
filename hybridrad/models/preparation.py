"""From raw columns of a block to the design of a linear model; everything is learned from the rows given to ``fit``.

Every preparation works column by column, by an elementwise function that may bend. That is what makes exact additive
contributions of each raw column possible: ``sources_`` says which raw column a prepared column comes from.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hybridrad.models.column_order import ColumnOrder
from hybridrad.models.encoding import UNKNOWN
from hybridrad.models.skewness import skewed_columns, unskew_in_place

Array = NDArray[np.float64]
LARGEST_SCALED = 1e6  # a value a million standard deviations away is held there; it cannot overflow a logit


class Preparation(Protocol):
    """What the ridge path needs of a preparation."""

    sources_: NDArray[np.intp]

    def fit(self, X: Array, y: NDArray[Any], groups: NDArray[np.intp]) -> Self:
        """Learn from training rows alone."""

    def fit_scaled(self, X: Array, y: NDArray[Any], groups: NDArray[np.intp]) -> Array:
        """Learn from training rows, and return them as ``scaled`` would."""

    def scaled(self, X: Array) -> Array:
        """Return elementwise functions of the columns, centred on the training rows."""

    def fresh(self) -> Self:
        """Return an unfitted copy."""


def column_contributions(fitted: Preparation, X: Array, coef: Array) -> Array:
    """Return what each raw column adds to ``fitted.scaled(X) @ coef``, shape (n_cases, n_columns, n_outputs).

    Parameters
    ----------
    fitted : Preparation
    X : ndarray of shape (n_cases, n_columns)
    coef : ndarray of shape (n_design, n_outputs)
    """
    pieces = fitted.scaled(X)[:, :, None] * coef[None, :, :]
    out = np.zeros((X.shape[1], len(X), coef.shape[1]))
    np.add.at(out, fitted.sources_, pieces.transpose(1, 0, 2))
    return out.transpose(1, 0, 2)


class ColumnPreparation:
    """Impute, encode, transform and scale the columns of a block, one by one.

    Numbers: missing values become the median; columns flagged ``log`` become their logarithm where all training values
    are positive; with ``unskew`` skewed columns go through asinh; then mean 0 and standard deviation 1, columns without
    variance dropped. A column without any training value is dropped.

    Text (coded, see `encoding.py`): one column of zeros and ones per level seen in training, scaled likewise. A missing
    value is a level of its own if training had it, else it becomes the most frequent level. A level not seen in
    training is zero in all columns.

    Parameters
    ----------
    categorical, log : bool ndarray of shape (n_columns,)
    unskew : bool
    """

    def __init__(self, *, categorical: NDArray[np.bool_], log: NDArray[np.bool_], unskew: bool = True) -> None:
        self.categorical = categorical
        self.log = log
        self.unskew = unskew

    def fresh(self) -> Self:
        """Return an unfitted copy."""
        return type(self)(categorical=self.categorical, log=self.log, unskew=self.unskew)

    def fit(self, X: Array, y: NDArray[Any] | None = None, groups: NDArray[np.intp] | None = None) -> Self:
        """Learn medians, levels, transforms and scales from training rows; ``y`` and ``groups`` are not used."""
        self.fit_scaled(X, y, groups)
        return self

    def fit_scaled(self, X: Array, y: NDArray[Any] | None = None, groups: NDArray[np.intp] | None = None) -> Array:
        """Learn from training rows, and return them prepared."""
        numbers = X[:, ~self.categorical]
        order = ColumnOrder.of(numbers)
        some = order.n_seen > 0
        self.median_ = np.where(some, order.quantile(0.5), 0.0)
        self.logged_ = self.log[~self.categorical] & (order.lowest > 0)
        # A zero can come at prediction; it is held at a thousandth of the smallest training value.
        self.floor_ = np.where(self.logged_, order.lowest / 1e3, 1.0)
        self.skewed_ = np.zeros(numbers.shape[1], dtype=bool)
        self.centre_, self.spread_ = np.zeros(numbers.shape[1]), np.ones(numbers.shape[1])
        as_they_are = order.n_seen.min(initial=len(numbers)) == len(numbers) and not self.logged_.any()
        filled = numbers if as_they_are else self._filled(numbers)
        if self.unskew and numbers.shape[1]:
            self.skewed_, self.centre_, self.spread_ = skewed_columns(filled, order=order if as_they_are else None)
        self.levels_ = [_training_levels(column) for column in X[:, self.categorical].T]
        design = self._bent(filled, X)
        largest = np.maximum(design.max(axis=0, initial=0.0), -design.min(axis=0, initial=0.0))
        mean = design.mean(axis=0)
        # In place: on wide tables, asking for new memory costs more than the arithmetic.
        design -= mean
        sd = np.sqrt(np.einsum("ij,ij->j", design, design) / max(len(design), 1))
        self.kept_ = sd > 1e-10 * np.maximum(largest, 1e-300)
        self.mean_, self.sd_ = mean[self.kept_], sd[self.kept_]
        self.sources_ = np.concatenate(
            [
                np.flatnonzero(~self.categorical),
                *(
                    np.full(len(levels), position)
                    for position, (levels, _) in zip(np.flatnonzero(self.categorical), self.levels_, strict=True)
                ),
            ]
        ).astype(np.intp)[self.kept_]
        design = design if self.kept_.all() else design[:, self.kept_]
        return self._held(design)

    def scaled(self, X: Array) -> Array:
        """Return the prepared columns, shape (n_cases, n_prepared)."""
        out = self._bent(self._filled(X[:, ~self.categorical]), X)
        out = out if self.kept_.all() else out[:, self.kept_]
        out -= self.mean_
        return self._held(out)

    def _held(self, out: Array) -> Array:
        """Scale centred columns, in place, and hold values that are far off."""
        out /= self.sd_
        return np.clip(out, -LARGEST_SCALED, LARGEST_SCALED, out=out)

    def _filled(self, numbers: Array) -> Array:
        """Fill the gaps and take the logarithm of the columns that have one, in place."""
        missing = np.isnan(numbers)
        if missing.any():
            np.copyto(numbers, self.median_, where=missing)
        at = self.logged_
        if at.any():
            numbers[:, at] = np.log(np.maximum(numbers[:, at], self.floor_[at]))
        return numbers

    def _bent(self, numbers: Array, X: Array) -> Array:
        """Bend filled numbers, in place, and append the encoded text columns of ``X``."""
        unskew_in_place(numbers, self.skewed_, self.centre_, self.spread_)
        if not self.levels_:
            return numbers
        coded = [
            _one_hot(column, levels, fallback)
            for column, (levels, fallback) in zip(X[:, self.categorical].T, self.levels_, strict=True)
        ]
        return np.hstack([numbers, *coded])


def _training_levels(column: Array) -> tuple[Array, float]:
    """Return the codes seen in training (NaN among them if a value was missing) and the most frequent one."""
    levels, counts = np.unique(column[~(column == UNKNOWN)], return_counts=True)
    fallback = float(levels[np.argmax(counts)]) if len(levels) else UNKNOWN
    return levels, fallback


def _one_hot(column: Array, levels: Array, fallback: float) -> Array:
    missing = np.isnan(column)
    if not np.isnan(levels).any():
        column = np.where(missing, fallback, column)
        missing = np.zeros(len(column), dtype=bool)
    hot = column[:, None] == levels[None, :]
    return (hot | (missing[:, None] & np.isnan(levels)[None, :])).astype(float)
