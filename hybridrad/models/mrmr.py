"""Minimum redundancy, maximum relevance: columns that separate the classes and do not repeat each other."""

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
from hybridrad.models.relevance import rank_separation

Array = NDArray[np.float64]

LEAST_REDUNDANCY = 1e-3  # a column without any correlation to those kept would win by division, whatever it says
TIE = 1e-10  # scores closer than this part are equal, and the first column is taken


class MRMRFilter(SelectorMixin, BaseEstimator):
    """Keep columns one after the other, each the one with the largest relevance per redundancy.

    Relevance is the F statistic of the analysis of variance of a column by class, redundancy the mean absolute
    correlation with the columns kept so far ("F-test correlation quotient"), both on ranks, so that skewed features
    need no transform. It sees the labels, so it belongs inside the fold, see `RelevanceFilter`.

    Parameters
    ----------
    n_columns : int, default 20
        Columns kept; all, if there are no more.

    Attributes
    ----------
    order_ : int ndarray of shape (n_kept,)
        Positions of the columns kept, in the order in which they were taken.
    relevance_ : ndarray of shape (n_features,)
        F statistics.

    References
    ----------
    Ding & Peng, Journal of Bioinformatics and Computational Biology 3:185-205, 2005, doi:10.1142/S0219720005001004.
    Zhao et al., IEEE DSAA 2019, doi:10.1109/DSAA.2019.00059 (the quotient).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 50)
    >>> strong = y + rng.normal(size=100)
    >>> X = np.column_stack([strong, strong + 0.01 * rng.normal(size=100), 0.7 * y + rng.normal(size=100)])
    >>> sorted(MRMRFilter(n_columns=2).fit(X, y).order_.tolist()) in ([0, 2], [1, 2])
    True
    """

    def __init__(self, *, n_columns: int = 20) -> None:
        self.n_columns = n_columns

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Choose columns by training rows."""
        values, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        check_positive(self.n_columns, name="n_columns")
        codes = np.unique(labels, return_inverse=True)[1]
        self.relevance_ = f_statistics(values, codes)
        self.order_ = mrmr_order(values, self.relevance_, n_columns=int(self.n_columns))
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.order_] = True
        return mask

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags


def f_statistics(X: Array, y: NDArray[np.intp]) -> Array:
    """Return the F statistic of the ranks of each column by class; 0 for a constant column.

    Examples
    --------
    >>> f_statistics(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0, 0, 1, 1])).round(6)
    array([8.])
    """
    share = np.minimum(rank_separation(X, y), 1.0 - 1e-12)
    n_classes = int(y.max()) + 1
    n_seen = (~np.isnan(X)).sum(axis=0)
    return share / (1.0 - share) * np.maximum(n_seen - n_classes, 0) / max(n_classes - 1, 1)


def mrmr_order(X: Array, relevance: Array, *, n_columns: int) -> NDArray[np.intp]:
    """Return the positions of the columns kept, in the order taken.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_features)
    relevance : ndarray of shape (n_features,)
    n_columns : int
    """
    ranks = pd.DataFrame(X).rank().to_numpy()
    centred = np.where(np.isnan(ranks), 0.0, ranks - np.nanmean(ranks, axis=0, where=~np.isnan(ranks)))
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0, length, 1.0)
    free = np.ones(len(relevance), dtype=bool)
    redundancy = np.zeros(len(relevance))
    order: list[int] = []
    while len(order) < min(n_columns, len(relevance)):
        score = relevance if not order else relevance / np.maximum(redundancy / len(order), LEAST_REDUNDANCY)
        best = np.max(score[free])
        order.append(int(np.flatnonzero(free & (score >= best - TIE * abs(best)))[0]))
        free[order[-1]] = False
        redundancy += np.abs(unit.T @ unit[:, order[-1]])
    return np.array(order, dtype=np.intp)
