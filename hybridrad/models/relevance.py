"""Keep the columns that separate the classes best, judged by the training rows of the fold."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive

Array = NDArray[np.float64]


class RelevanceFilter(SelectorMixin, BaseEstimator):
    """Keep the columns whose ranks separate the classes best (analysis of variance on ranks, as Kruskal and Wallis).

    It sees the labels, so it belongs inside the fold: before an estimator in a Pipeline, or in
    ``BlockModel(block, estimator=...)``, which refits it in the inner folds too.

    Parameters
    ----------
    n_columns : int, default 100
        Columns kept; all, if there are no more.

    Attributes
    ----------
    separation_ : ndarray of shape (n_features,)
        Share of the variance of the ranks that lies between the classes.
    n_features_in_ : int

    Examples
    --------
    >>> X = np.array([[1.0, 5.0], [2.0, 1.0], [30.0, 4.0], [40.0, 2.0]])
    >>> RelevanceFilter(n_columns=1).fit(X, [0, 0, 1, 1]).get_support()
    array([ True, False])
    """

    def __init__(self, *, n_columns: int = 100) -> None:
        self.n_columns = n_columns

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Judge the columns by training rows."""
        values, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        check_positive(self.n_columns, name="n_columns")
        self.separation_ = rank_separation(values, np.unique(labels, return_inverse=True)[1])
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        mask = np.zeros(len(self.separation_), dtype=bool)
        mask[largest_columns(self.separation_, self.n_columns)] = True
        return mask

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def best_columns(X: Array, y: NDArray[np.intp], *, n_columns: int) -> NDArray[np.intp]:
    """Return the positions of the columns whose ranks separate the classes best, in order of position.

    Examples
    --------
    >>> X = np.array([[1.0, 5.0], [2.0, 1.0], [30.0, 4.0], [40.0, 2.0]])
    >>> best_columns(X, np.array([0, 0, 1, 1]), n_columns=1)
    array([0])
    """
    if X.shape[1] <= n_columns:
        return np.arange(X.shape[1])
    return largest_columns(rank_separation(X, y), n_columns)


def rank_separation(X: Array, y: NDArray[np.intp]) -> Array:
    """Return, for each column, the share of the variance of its ranks that lies between the classes.

    Missing values are left out of a column. A constant column gets 0.

    Examples
    --------
    >>> rank_separation(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0, 0, 1, 1]))
    array([0.8])
    """
    ranks = column_ranks(X)
    seen = ~np.isnan(ranks)
    centred = np.where(seen, ranks, 0.0) - np.where(seen, 1.0, 0.0) * (
        np.where(seen, ranks, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    )
    between = np.zeros(X.shape[1])
    for k in range(int(y.max()) + 1):
        of_class = y == k
        between += centred[of_class].sum(axis=0) ** 2 / np.maximum(seen[of_class].sum(axis=0), 1)
    total = (centred**2).sum(axis=0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def rank_association(X: Array, signal: Array) -> Array:
    """Return, for each column, the absolute correlation of its ranks with a signal; missing values are left out.

    Examples
    --------
    >>> rank_association(np.array([[1.0, 5.0], [2.0, 5.0], [30.0, 5.0]]), np.array([1.0, 2.0, 3.0]))
    array([1., 0.])
    """
    ranks = column_ranks(X)
    seen = ~np.isnan(ranks)
    count = np.maximum(seen.sum(axis=0), 1)

    def centred(values: Array) -> Array:
        held = np.where(seen, values, 0.0)
        return np.where(seen, held - held.sum(axis=0) / count, 0.0)

    of_columns, of_signal = centred(ranks), centred(np.broadcast_to(signal[:, None], X.shape))
    size = np.sqrt((of_columns**2).sum(axis=0) * (of_signal**2).sum(axis=0))
    product = np.abs((of_columns * of_signal).sum(axis=0))
    return np.divide(product, size, out=np.zeros(X.shape[1]), where=size > 0)


def column_ranks(X: Array) -> Array:
    """Return the ranks within each column, from 1; equal values share the mean of theirs, missing ones stay missing.

    Examples
    --------
    >>> column_ranks(np.array([[5.0, 1.0], [7.0, 1.0], [6.0, np.nan]]))
    array([[1. , 1.5],
           [3. , 1.5],
           [2. , nan]])
    """
    columns = np.ascontiguousarray(X.T)
    order = np.argsort(columns, axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, X.shape[0] + 1.0)[None], axis=1)
    # Only columns with equal or missing values need more than the order.
    other = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1) | np.isnan(ordered[:, -1])
    if other.any():
        ranks[other] = pd.DataFrame(X[:, other]).rank().to_numpy().T
    return ranks.T


def largest_columns(separation: Array, n_columns: int) -> NDArray[np.intp]:
    """Return the positions of the ``n_columns`` largest values, in order of position."""
    # Rounded, so that rounding errors do not decide between equal columns; among these the first is kept.
    return np.sort(np.argsort(-np.round(separation, 12), kind="stable")[: int(n_columns)])
