"""Tame skewed columns: those with |skewness| > 1 go through asinh((x - median) / IQR), learned from training rows."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_positive


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
    X: NDArray[np.float64], *, threshold: float = 1.0
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which columns are skewed, their medians and their spreads (0 and 1 for the others)."""
    n_columns = X.shape[1]
    centre, spread = np.zeros(n_columns), np.ones(n_columns)
    seen = ~np.isnan(X)
    count = np.maximum(seen.sum(axis=0), 1)
    deviation = np.where(seen, X, 0.0)
    deviation = np.where(seen, deviation - deviation.sum(axis=0) / count, 0.0)
    # Columns are brought to unit range first: third powers of huge values would overflow.
    reach = np.abs(deviation).max(axis=0)
    magnitude = np.where(seen, np.abs(X), 0.0).max(axis=0)
    varies = reach > 1e-12 * magnitude  # below, the column is constant up to rounding
    unit = deviation / np.where(varies, reach, 1.0)
    squared = unit * unit  # products: a general power takes ten times as long
    sd = np.sqrt(squared.sum(axis=0) / count)
    skewness = np.divide((squared * unit).sum(axis=0) / count, sd**3, out=np.zeros(n_columns), where=varies)
    skewed = np.abs(skewness) > threshold
    if skewed.any():
        # The same numbers; without gaps NumPy takes all columns at once instead of one by one.
        percentile = np.percentile if seen[:, skewed].all() else np.nanpercentile
        low, centre[skewed], high = percentile(X[:, skewed], [25, 50, 75], axis=0)
        iqr = high - low
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
