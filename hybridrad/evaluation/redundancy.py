"""How much of a table of features says the same twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def represented_by(table: pd.DataFrame, *, threshold: float = 0.9) -> pd.Series:
    """Return, for each column, the kept column that stands for it.

    Columns are visited by name, so that neither their order nor the outcome decides: a column is kept unless its
    absolute Spearman correlation with one kept before exceeds the threshold, and that one (the most correlated) then
    stands for it. A constant column correlates with nothing and is kept. For use on training cases only.

    Parameters
    ----------
    table : DataFrame of shape (n_cases, n_features)
        Numbers without missing values, usually of one block.
    threshold : float, default 0.9

    Returns
    -------
    Series
        Index: the columns in the order given; value: a column, itself where it was kept.

    Examples
    --------
    >>> table = pd.DataFrame({"b": [1.0, 2, 3, 4], "a": [1.0, 4, 9, 16], "c": [1.0, -1, 1, -1]})
    >>> represented_by(table).to_dict()
    {'b': 'a', 'a': 'a', 'c': 'c'}
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must lie in (0, 1], got {threshold}.")
    ranks = table.rank().to_numpy(dtype=float)
    if np.isnan(ranks).any():
        raise ValueError("the table has missing values; impute them first.")
    centred = ranks - ranks.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0, length, 1.0)
    order = sorted(range(table.shape[1]), key=lambda j: str(table.columns[j]))
    kept: list[int] = []
    stands = np.arange(table.shape[1])
    for j in order:
        if kept:
            rho = np.abs(unit[:, kept].T @ unit[:, j])
            if rho.max() > threshold + 1e-12:
                stands[j] = kept[int(np.argmax(rho))]
                continue
        kept.append(j)
    return pd.Series([table.columns[int(i)] for i in stands], index=table.columns, name="represented_by")


def effective_rank(table: ArrayLike) -> float:
    """Return exp(entropy) of the shares of variance of the principal components of the standardised columns.

    About the number of independent directions the columns span: p uncorrelated columns give p, copies of one give 1.
    Constant columns are left out.

    References
    ----------
    Roy & Vetterli (2007), 15th European Signal Processing Conference, 606-610.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, -1.0], [2.0, 2.0, -2.0], [4.0, 4.0, -4.0]])
    >>> round(effective_rank(x), 6)
    1.0
    """
    x = np.asarray(table, dtype=float)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"the table must be finite numbers, cases by features; shape {x.shape}.")
    sd = x.std(axis=0)
    varies = sd > 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
    if not varies.any():
        raise ValueError("no column varies.")
    z = (x[:, varies] - x[:, varies].mean(axis=0)) / sd[varies]
    share = np.linalg.svd(z, compute_uv=False) ** 2
    share = share[share > share[0] * 1e-14] / share.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
