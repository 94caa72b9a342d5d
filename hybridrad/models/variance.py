"""Drop columns that are the same for nearly all cases, judged by the training rows of the fold."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

MIDDLE = (5.0, 95.0)  # percentiles


class VarianceFilter(SelectorMixin, BaseEstimator):
    """Keep the columns whose middle nine tenths of the cases spread over more than a share of their magnitude.

    The distance from the 5th to the 95th percentile is compared with the median absolute value, so the unit of a column
    does not matter, and a few outliers do not make a column vary that is constant otherwise. At the default a column is
    dropped where it is constant, up to rounding, for nine tenths of the cases; so is one of zeros and ones with fewer
    than about one case in twenty of either. Missing values are ignored; a column without values is dropped. Labels are
    not used.

    Parameters
    ----------
    threshold : float, default 1e-6
        Share of the median absolute value. Mind that features that lie close below 1 (IDMN, Imc2) spread over less than
        a hundredth of it and are not worthless.

    Attributes
    ----------
    spread_ : ndarray of shape (n_features,)
        From the 5th to the 95th percentile; NaN for a column without values.
    magnitude_ : ndarray of shape (n_features,)
        Median absolute value.
    support_ : bool ndarray of shape (n_features,)

    Notes
    -----
    scikit-learn's ``VarianceThreshold`` compares variances in the units of the columns, and those of radiomics differ
    by many powers of ten. On columns put on the range 0 to 1 one outlier decides: with 85 cases, a single value that
    differs gives a variance of 0.012, and a column with a long tail may have less.

    Examples
    --------
    >>> varies = np.linspace(1.0, 2.0, 40)
    >>> outlier = np.where(np.arange(40) == 7, 1e6, 5.0)
    >>> VarianceFilter().fit(np.column_stack([varies, 1e-9 * varies, outlier])).get_support()
    array([ True,  True, False])
    """

    def __init__(self, *, threshold: float = 1e-6) -> None:
        self.threshold = threshold

    def fit(self, X: Any, y: object = None) -> Self:
        """Judge the columns by training rows; ``y`` is not used."""
        values = np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        if not self.threshold >= 0:
            raise ValueError(f"threshold must be 0 or more, got {self.threshold!r}.")
        known = ~np.isnan(values).all(axis=0)
        self.spread_, self.magnitude_ = np.full((2, values.shape[1]), np.nan)
        if known.any():
            low, high = np.nanpercentile(values[:, known], MIDDLE, axis=0)
            self.spread_[known] = high - low
            self.magnitude_[known] = np.nanmedian(np.abs(values[:, known]), axis=0)
        self.support_ = self.spread_ > self.threshold * self.magnitude_
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return self.support_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
