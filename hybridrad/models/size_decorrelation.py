"""Take out of every feature what the size of the region already says, learned from the training rows of the fold."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad.features.blocks import BlockSpec, block_of, resolve_blocks
from hybridrad.models.case_classifier import SIZE_BLOCK
from hybridrad.models.case_model import CLINICAL_BLOCK

Array = NDArray[np.float64]


class SizeDecorrelation(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Subtract from each feature its linear regression on the logarithm of the region's size.

    Many radiomics features follow the volume, so that a signature can be a measure of size in disguise. What is left
    after this step has no linear relation to log size in the training rows; a model of it shows what texture and shape
    say beyond size. The size column itself, the clinical block and text are left as they are.

    Parameters
    ----------
    size : str or int, optional
        Name or position of the size column; default the only column of the block ``size``.
    blocks : None, list of str, or dict
        Blocks to change. ``None`` takes every column but those of the blocks ``size`` and ``clinical``.

    Attributes
    ----------
    slope_ : ndarray of shape (n_features,)
        Change of each column per unit of log size; 0 for columns that are left alone.
    log_size_mean_ : float
    logged_ : bool
        False where a training size is not positive; the size then enters as it is.

    Notes
    -----
    Missing values are left out of the regressions and stay missing. Where the size is missing, features stay as they
    are.

    References
    ----------
    Welch et al., Radiotherapy and Oncology 130:2-9, 2019, doi:10.1016/j.radonc.2018.10.027 (signatures that are
    surrogates of volume).

    Examples
    --------
    >>> volume = np.exp(np.arange(6.0))
    >>> X = pd.DataFrame({"size__volume_ml": volume, "radiomics__a": 2 * np.log(volume) + [1, 0, 0, 0, 0, 1]})
    >>> SizeDecorrelation().fit_transform(X)[:, 1].round(2).tolist()
    [6.0, 5.0, 5.0, 5.0, 5.0, 6.0]
    """

    def __init__(self, *, size: str | int | None = None, blocks: BlockSpec = None) -> None:
        self.size = size
        self.blocks = blocks

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the regressions from training rows; ``y`` is not used."""
        values = np.asarray(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        self.size_position_ = _find_size(X, self.size, n_columns=values.shape[1])
        changed = self._changed(X if isinstance(X, pd.DataFrame) else values)
        size = values[:, self.size_position_]
        known = size[~np.isnan(size)]
        self.logged_ = bool(len(known)) and bool((known > 0).all())
        # A size of zero can come later; it is held at a thousandth of the smallest training size.
        self.floor_ = float(known.min() / 1e3) if self.logged_ else 1.0
        log_size = self._log(size)
        self.log_size_mean_ = float(np.nanmean(log_size)) if len(known) else 0.0
        self.slope_ = np.where(changed, _slopes(values, log_size), 0.0)
        return self

    def transform(self, X: Any) -> Array:
        """Return the table with the features' regressions on log size subtracted."""
        check_is_fitted(self)
        values = np.asarray(validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"))
        distance = np.nan_to_num(self._log(values[:, self.size_position_]) - self.log_size_mean_)
        return values - distance[:, None] * self.slope_

    def _log(self, size: Array) -> Array:
        return np.log(np.maximum(size, self.floor_)) if self.logged_ else size

    def _changed(self, X: Any) -> NDArray[np.bool_]:
        n_columns = X.shape[1]
        if self.blocks is not None:
            chosen = np.concatenate(list(resolve_blocks(X, self.blocks).values()))
        elif isinstance(X, pd.DataFrame):
            kept = (SIZE_BLOCK + "__", CLINICAL_BLOCK + "__")
            chosen = np.flatnonzero([not str(c).startswith(kept) for c in X.columns])
        else:
            chosen = np.arange(n_columns)
        changed = np.isin(np.arange(n_columns), chosen)
        changed[self.size_position_] = False
        return changed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _find_size(X: Any, size: str | int | None, *, n_columns: int) -> int:
    if isinstance(size, int | np.integer) and not isinstance(size, bool):
        if not -n_columns <= size < n_columns:
            raise ValueError(f"size={size!r}: the table has {n_columns} columns.")
        return int(size) % n_columns
    if not isinstance(X, pd.DataFrame):
        raise ValueError("the table has no column names; give the position of the size column, size=0.")
    if size is not None:
        return int(resolve_blocks(X, {"size": [size]})["size"][0])
    found = [i for i, c in enumerate(X.columns) if "__" in str(c) and block_of(str(c)) == SIZE_BLOCK]
    if len(found) != 1:
        names = [str(X.columns[i]) for i in found]
        raise ValueError(f"the table has {len(found)} columns of the block {SIZE_BLOCK!r} {names}; say which: size=...")
    return found[0]


def _slopes(values: Array, log_size: Array) -> Array:
    """Return the least-squares slope of each column on log size, over the rows where both are known."""
    known = ~np.isnan(values) & ~np.isnan(log_size)[:, None]
    count = np.maximum(known.sum(axis=0), 1)
    # Differences first, in units of the column: sizes and features of 1e200 must not overflow when squared.
    x = np.where(known, log_size[:, None], 0.0)
    x = np.where(known, x - x.sum(axis=0) / count, 0.0)
    v = np.where(known, values, 0.0)
    v = np.where(known, v - v.sum(axis=0) / count, 0.0)
    reach = np.abs(x).max(axis=0, initial=0.0)
    unit = x / np.where(reach > 0, reach, 1.0)
    spread = (unit**2).sum(axis=0)
    slope = np.divide((unit * v).sum(axis=0), spread, out=np.zeros(values.shape[1]), where=spread > 0)
    return slope / np.where(reach > 0, reach, 1.0)
