"""Drop columns that say nothing or repeat another column of their block, judged by the training rows of the fold."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import svdvals
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive
from hybridrad.features.blocks import SEPARATOR, BlockSpec, resolve_blocks
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.relevance import column_ranks

Array = NDArray[np.float64]

REDUNDANT = 0.9  # absolute correlation


class RedundancyFilter(SelectorMixin, BaseEstimator):
    """Keep columns that vary and whose rank correlation with the other columns kept of their block is at most 0.9.

    Greedy, from the column least related to the others of its block to the one most related; which of two twins stays
    depends on values, not on where a column stands. Labels are not used.

    Parameters
    ----------
    threshold : float, default 0.9
        Of the absolute rank correlation.
    blocks : None, list of str, or dict
        Blocks to filter; columns of no block are kept. ``None`` takes every block found by column prefix, and a table
        whose columns have no prefixes as one block.

    Attributes
    ----------
    support_ : bool ndarray of shape (n_features,)
    effective_rank_ : dict
        Block name -> exp(entropy of the shares of the eigenvalues of the rank correlations): how many independent
        columns the block is worth.

    References
    ----------
    Roy & Vetterli, EUSIPCO 2007, 606-610 (effective rank).

    Examples
    --------
    >>> x, z = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 1.0, 3.0])
    >>> RedundancyFilter().fit(np.column_stack([x, x**3, z, 0 * x])).get_support()
    array([ True, False,  True, False])
    """

    def __init__(self, *, threshold: float = REDUNDANT, blocks: BlockSpec = None) -> None:
        self.threshold = threshold
        self.blocks = blocks

    def fit(self, X: Any, y: object = None) -> Self:
        """Judge the columns by training rows; ``y`` is not used."""
        values = np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        check_positive(self.threshold, name="threshold")
        blocks = blocks_or_one(X if isinstance(X, pd.DataFrame) else values, self.blocks)
        self.support_ = np.ones(values.shape[1], dtype=bool)
        self.effective_rank_: dict[str, float] = {}
        for name, positions in blocks.items():
            nothing = np.zeros(len(positions), dtype=bool)
            prepared = ColumnPreparation(categorical=nothing, log=nothing, unskew=False)
            scaled = prepared.fit_scaled(column_ranks(values[:, positions]))
            self.support_[positions] = False
            if scaled.shape[1]:
                kept = distinct_columns(scaled, threshold=self.threshold)
                self.support_[positions[prepared.sources_[kept]]] = True
            self.effective_rank_[name] = _effective_rank(scaled)
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def blocks_or_one(X: Any, blocks: BlockSpec) -> dict[str, NDArray[np.intp]]:
    """Return block name -> positions; without ``blocks`` and without column prefixes the whole table is one block.

    Examples
    --------
    >>> list(blocks_or_one(np.zeros((2, 3)), None)), list(blocks_or_one(pd.DataFrame({"deep__0": [1.0]}), None))
    (['all'], ['deep'])
    """
    prefixed = isinstance(X, pd.DataFrame) and all(SEPARATOR in str(c) for c in X.columns)
    return resolve_blocks(X, {"all": slice(None)} if blocks is None and not prefixed else blocks)


def _effective_rank(scaled: Array) -> float:
    if scaled.shape[1] == 0:
        return 0.0
    share = svdvals(scaled) ** 2
    share = share[share > 0] / share.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def distinct_columns(scaled: Array, *, threshold: float = REDUNDANT) -> NDArray[np.intp]:
    """Return the columns to keep so that no two have an absolute correlation above ``threshold``.

    Greedy, from the column least related to the others to the one most related. The order depends on values alone, not
    on where a column stands or which row comes first.

    Examples
    --------
    >>> x = np.array([-1.0, -1.0, 1.0, 1.0])
    >>> distinct_columns(np.column_stack([x, x, np.array([-1.0, 1.0, -1.0, 1.0])])).tolist()
    [0, 2]
    """
    correlation = np.abs(scaled.T @ scaled) / len(scaled)
    keys = (np.round((scaled**3).mean(axis=0), 9), np.round((scaled**4).mean(axis=0), 9))
    order = np.lexsort((*keys, np.round(correlation.mean(axis=0), 9)))
    free = np.ones(len(order), dtype=bool)
    kept = []
    for column in order:
        if free[column]:
            kept.append(column)
            free &= correlation[column] <= threshold
    return np.sort(np.array(kept, dtype=np.intp))
