"""Tame skewed columns: those with |skewness| > 1 go through asinh((x - median) / IQR), learned from training rows."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive
from hybridrad.models.column_order import ColumnOrder


class SkewnessTransform(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Pass skewed columns through ``asinh((x - median) / spread)`` and leave the others as they are.

    The spread is the interquartile range, or the standard deviation where that is zero. ``asinh`` is linear near the
    median and logarithmic far from it, for both signs, so that a few huge values (energies, volumes) do not lead a
    linear model. Missing values are ignored in ``fit`` and stay missing.

    Parameters
    ----------
    threshold : float, default 1.0
        Columns with a larger absolute skewness are transformed.

    Attributes
    ----------
    skewed_ : bool ndarray of shape (n_features,)
    centre_, spread_ : ndarray of shape (n_features,)

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4000.0]])
    >>> transform = SkewnessTransform().fit(X)
    >>> transform.skewed_
    array([False,  True])
    >>> transform.transform(X).max(axis=0).round(2)
    array([4.  , 8.29])
    """

    def __init__(self, *, threshold: float = 1.0) -> None:
        self.threshold = threshold

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn which columns are skewed, and their median and spread."""
        values = np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        check_positive(self.threshold, name="threshold")
        self.skewed_, self.centre_, self.spread_ = skewed_columns(values, threshold=self.threshold)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the columns, skewed ones transformed."""
        check_is_fitted(self)
        values = np.asarray(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))
        bent = np.array(values)
        unskew_in_place(bent, self.skewed_, self.centre_, self.spread_)
        return bent

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def skewed_columns(
    X: NDArray[np.float64], *, threshold: float = 1.0, order: ColumnOrder | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which columns are skewed, their medians and their spreads (0 and 1 for the others).

    ``order`` is that of the columns of ``X``, where it is known already.
    """
    n_columns = X.shape[1]
    order = ColumnOrder.of(X) if order is None else order
    count = np.maximum(order.n_seen, 1)
    some = order.n_seen > 0
    lowest, highest = np.where(some, order.lowest, 0.0), np.where(some, order.highest, 0.0)
    if order.n_seen.min(initial=len(X)) < len(X):
        seen = ~np.isnan(X)
        mean = np.where(seen, X, 0.0).sum(axis=0) / count
        unit = np.where(seen, X - mean, 0.0)
    else:
        mean = X.sum(axis=0) / count
        unit = X - mean
    reach = np.maximum(highest - mean, mean - lowest)
    magnitude = np.maximum(np.abs(lowest), np.abs(highest))
    varies = reach > 1e-12 * magnitude  # below, the column is constant up to rounding
    # Columns are brought to unit range first: third powers of huge values would overflow.
    unit /= np.where(varies, reach, 1.0)
    squared = unit * unit  # products: a general power takes ten times as long
    sd = np.sqrt(squared.sum(axis=0) / count)
    squared *= unit
    skewness = np.divide(squared.sum(axis=0) / count, sd**3, out=np.zeros(n_columns), where=varies)
    skewed = np.abs(skewness) > threshold
    centre, spread = np.zeros(n_columns), np.ones(n_columns)
    bent = order.only(skewed)
    iqr = bent.quantile(0.75) - bent.quantile(0.25)
    centre[skewed] = bent.quantile(0.5)
    spread[skewed] = np.where(iqr > 1e-12 * magnitude[skewed], iqr, (sd * reach)[skewed])
    return skewed, centre, spread


def unskew_in_place(
    X: NDArray[np.float64], skewed: NDArray[np.bool_], centre: NDArray[np.float64], spread: NDArray[np.float64]
) -> None:
    """Transform the skewed columns of ``X``."""
    if skewed.any():
        bent = X[:, skewed]
        bent -= centre[skewed]
        bent /= spread[skewed]
        X[:, skewed] = np.arcsinh(bent, out=bent)
