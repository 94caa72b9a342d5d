"""Keep the features that come out alike when the extraction is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from hybridrad._checks import check_choice
from hybridrad.icc import Kind, icc_interval, intraclass_correlation

Array = NDArray[np.float64]


class ICCFilter(SelectorMixin, BaseEstimator):
    """Keep columns whose intraclass correlation over repeated extractions is at least ``threshold``.

    Give either known correlations (a published test-retest study) or the table of repeated extractions (perturbed
    regions, a second reader). Of the latter only training cases are used, so that the test fold stays unseen.

    Parameters
    ----------
    icc : Series or dict, optional
        Column -> intraclass correlation.
    repeats : DataFrame, optional
        Index of two levels, case and repetition; columns as in the feature table.
    threshold : float, default 0.75
    kind : {"2,1", "3,1"}, default "2,1"
        Absolute agreement, or consistency (a constant difference between repetitions is forgiven).
    use : {"value", "lower"}, default "value"
        Compare the correlation or its lower 95 % limit with the threshold; ``"lower"`` needs ``repeats``.
    cases : {"training", "all"}, default "training"
        Which cases of ``repeats`` are used: those in the index of the table given to ``fit``, or all, for repeats of
        other patients.
    unknown : {"error", "keep", "drop"}, default "error"
        What happens to columns of which nothing is known.

    Attributes
    ----------
    icc_ : ndarray of shape (n_features,)
        NaN where nothing is known or nothing varies; the latter are dropped.
    n_repeated_ : int
        Number of cases of ``repeats`` that were used; 0 without.

    References
    ----------
    Koo & Li, Journal of Chiropractic Medicine 15:155-163, 2016, doi:10.1016/j.jcm.2016.02.012.

    Examples
    --------
    >>> X = pd.DataFrame({"radiomics__a": [1.0, 2.0], "radiomics__b": [3.0, 4.0]})
    >>> ICCFilter({"radiomics__a": 0.92, "radiomics__b": 0.41}).fit(X).get_feature_names_out().tolist()
    ['radiomics__a']
    """

    def __init__(
        self,
        icc: Mapping[str, float] | pd.Series | None = None,
        *,
        repeats: pd.DataFrame | None = None,
        threshold: float = 0.75,
        kind: Kind = "2,1",
        use: Literal["value", "lower"] = "value",
        cases: Literal["training", "all"] = "training",
        unknown: Literal["error", "keep", "drop"] = "error",
    ) -> None:
        self.icc = icc
        self.repeats = repeats
        self.threshold = threshold
        self.kind = kind
        self.use = use
        self.cases = cases
        self.unknown = unknown

    def fit(self, X: Any, y: object = None) -> Self:
        """Judge the columns; ``y`` is not used."""
        values = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        check_choice(self.kind, ["2,1", "3,1"], name="kind")
        check_choice(self.use, ["value", "lower"], name="use")
        check_choice(self.cases, ["training", "all"], name="cases")
        check_choice(self.unknown, ["error", "keep", "drop"], name="unknown")
        if (self.icc is None) == (self.repeats is None):
            raise ValueError("give either icc or repeats.")
        if self.use == "lower" and self.repeats is None:
            raise ValueError("use='lower' needs repeats: an interval cannot be computed from the correlation alone.")
        columns = [str(c) for c in X.columns] if isinstance(X, pd.DataFrame) else [str(i) for i in range(len(values.T))]
        self.n_repeated_ = 0
        found = self._from_repeats(X, columns) if self.icc is None else pd.Series(dict(self.icc), dtype=float)
        found.index = found.index.map(str)
        known = np.isin(columns, found.index)
        if not known.all() and self.unknown == "error":
            missing = [c for c, there in zip(columns, known, strict=True) if not there]
            raise ValueError(f"no correlation is known for {len(missing)} columns, the first {missing[0]!r}.")
        self.icc_ = found.reindex(columns).to_numpy(dtype=float)
        self.support_ = np.where(known, self.icc_ >= self.threshold, self.unknown == "keep")
        return self

    def _from_repeats(self, X: Any, columns: list[str]) -> pd.Series:
        repeats = self.repeats
        if not isinstance(repeats, pd.DataFrame) or repeats.index.nlevels != 2 or not repeats.index.is_unique:
            raise ValueError("repeats must be a DataFrame with a unique index of two levels, case and repetition.")
        if self.cases == "training":
            if not isinstance(X, pd.DataFrame):
                raise ValueError("the table has no case ids, so training cases cannot be told; pass a DataFrame.")
            repeats = repeats[repeats.index.get_level_values(0).isin(X.index)]
            if repeats.empty:
                raise ValueError(
                    "repeats holds none of the training cases; pass cases='all' if it holds other patients on purpose."
                )
        used = [c for c in repeats.columns if str(c) in columns]
        case, cases = pd.factorize(repeats.index.get_level_values(0))
        repetition, repetitions = pd.factorize(repeats.index.get_level_values(1))
        cube = np.full((len(cases), len(repetitions), len(used)), np.nan)
        cube[case, repetition] = repeats[used].to_numpy(dtype=float)
        self.n_repeated_ = len(cube)
        return pd.Series([self._of_column(cube[:, :, j]) for j in range(len(used))], index=used, dtype=float)

    def _of_column(self, ratings: Array) -> float:
        complete = ratings[~np.isnan(ratings).any(axis=1)]
        if len(complete) < 2 or ratings.shape[1] < 2:
            raise ValueError("repeats: a column has fewer than two cases with at least two complete repetitions.")
        if self.use == "lower":
            return float(icc_interval(complete, kind=self.kind)[0])
        return float(intraclass_correlation(complete, kind=self.kind))

    def _get_support_mask(self) -> NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.support_, dtype=bool)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
