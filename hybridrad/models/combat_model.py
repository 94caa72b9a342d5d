"""The arithmetic of ComBat: location and scale of each site, shrunk by empirical Bayes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The published programs stop at 1e-4, which leaves the fourth digit to chance; the fixed point is the estimate.
CONVERGED = 1e-12
MAX_STEPS = 10_000


@dataclass(frozen=True)
class CombatFit:
    """Estimates of a block: columns have a location and a scale, sites a shift and a variance in these units.

    ``shift`` and ``variance`` have shape (n_sites, n_columns); ``scale`` is 0 for columns that do not vary.
    """

    location: Array
    scale: Array
    shift: Array
    variance: Array
    reference: int | None


def fit_combat(
    X: Array, sites: NDArray[np.intp], *, empirical_bayes: bool, mean_only: bool, reference: int | None
) -> CombatFit:
    """Estimate the effects of sites 0, 1, ... on the columns.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        May hold NaN.
    sites : int ndarray of shape (n_cases,)
    empirical_bayes, mean_only : bool
    reference : int or None
    """
    n_sites, n_columns = int(sites.max()) + 1, X.shape[1]
    rows = [sites == s for s in range(n_sites)]
    means = np.array([_mean(X[r]) for r in rows])
    everyone = rows[reference] if reference is not None else np.ones(len(X), dtype=bool)
    location = np.nan_to_num(_mean(X[everyone]))
    residual = X - means[sites]
    scale = np.sqrt(np.nan_to_num(_mean(residual[everyone] ** 2)))
    scale = np.where(scale > 1e-10 * np.abs(location), scale, 0.0)
    shift, variance = np.zeros((n_sites, n_columns)), np.ones((n_sites, n_columns))
    varies = scale > 0
    if n_sites > 1 and varies.any():
        Z = (X[:, varies] - location[varies]) / scale[varies]
        for s, r in enumerate(rows):
            if s != reference:
                shift[s, varies], variance[s, varies] = _effects(
                    Z[r], empirical_bayes=empirical_bayes, mean_only=mean_only
                )
    return CombatFit(location, scale, shift, variance, reference)


def apply_combat(fit: CombatFit, X: Array, sites: NDArray[np.intp]) -> Array:
    """Return the columns with shifts and scales of their sites removed; cases of site -1 stay as they are."""
    at = sites >= 0
    varies = fit.scale > 0
    if fit.reference is not None:
        at &= sites != fit.reference
    if len(fit.shift) == 1:  # one site: there is nothing to remove, not even a rounding error
        return X.copy()
    out = X.copy()
    scale, location = fit.scale[varies], fit.location[varies]
    Z = (X[np.ix_(at, varies)] - location) / scale
    Z = (Z - fit.shift[sites[at]][:, varies]) / np.sqrt(fit.variance[sites[at]][:, varies])
    out[np.ix_(at, varies)] = Z * scale + location
    return out


def _mean(X: Array) -> Array:
    """Return column means over values that are there; NaN where none is."""
    seen = ~np.isnan(X)
    count = seen.sum(axis=0)
    return np.where(count > 0, np.where(seen, X, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _effects(Z: Array, *, empirical_bayes: bool, mean_only: bool) -> tuple[Array, Array]:
    """Return shift and variance of every column at one site, from its standardised rows."""
    count = (~np.isnan(Z)).sum(axis=0)
    shift_hat = _mean(Z)
    squares = np.where(np.isnan(Z), 0.0, (Z - shift_hat) ** 2).sum(axis=0)
    known = count > (0 if mean_only else 1)  # of the others nothing can be said; they are left alone
    variance_hat = np.where(count > 1, squares / np.maximum(count - 1, 1), 1.0)
    # A column constant at this site has no scale that could be undone.
    variance_hat = np.where(mean_only | (variance_hat <= 0), 1.0, variance_hat)
    shift, variance = np.where(known, shift_hat, 0.0), np.where(known, variance_hat, 1.0)
    if empirical_bayes and known.sum() > 1:
        prior_mean, prior_variance = float(shift_hat[known].mean()), float(shift_hat[known].var(ddof=1))
        if mean_only:
            shift[known] = (prior_variance * shift_hat[known] + prior_mean) / (prior_variance + 1.0)
        else:
            shift[known], variance[known] = _posterior(
                Z[:, known], shift_hat[known], variance_hat[known], prior_mean, prior_variance
            )
    return shift, variance


def _posterior(Z: Array, shift_hat: Array, variance_hat: Array, mean: float, spread: float) -> tuple[Array, Array]:
    """Iterate the conditional posterior means of shifts (normal prior) and variances (inverse gamma prior)."""
    m = float(variance_hat.mean())
    s2 = max(float(variance_hat.var(ddof=1)), 1e-12 * m**2)  # equal variances: a prior as sharp as can be computed
    a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    seen = ~np.isnan(Z)
    count = seen.sum(axis=0)
    shift, variance = shift_hat, variance_hat
    for _ in range(MAX_STEPS):
        new_shift = (spread * count * shift_hat + variance * mean) / (spread * count + variance)
        squares = np.where(seen, (Z - new_shift) ** 2, 0.0).sum(axis=0)
        new_variance = (0.5 * squares + b) / (0.5 * count + a - 1.0)
        change = max(
            float(np.abs(new_shift - shift).max() / max(np.abs(shift).max(), 1.0)),
            float((np.abs(new_variance - variance) / variance).max()),
        )
        shift, variance = new_shift, new_variance
        if change < CONVERGED:
            break
    return shift, variance
