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

    ``shift`` and ``variance`` have shape (n_sites, n_columns); ``scale`` is 0 for columns that do not vary. ``slopes``,
    of shape (n_covariates, n_columns), say what the covariates that are preserved add.
    """

    location: Array
    scale: Array
    shift: Array
    variance: Array
    reference: int | None
    slopes: Array


def fit_combat(
    X: Array,
    sites: NDArray[np.intp],
    *,
    empirical_bayes: bool,
    mean_only: bool,
    reference: int | None,
    covariates: Array | None = None,
) -> CombatFit:
    """Estimate the effects of sites 0, 1, ... on the columns.

    Parameters
    ----------
    X : ndarray of shape (n_cases, n_columns)
        May hold NaN.
    sites : int ndarray of shape (n_cases,)
    empirical_bayes, mean_only : bool
    reference : int or None
    covariates : ndarray of shape (n_cases, n_covariates), optional
        What they say is set aside before sites are compared, and put back.
    """
    n_sites, n_columns = int(sites.max()) + 1, X.shape[1]
    design = np.zeros((len(X), 0)) if covariates is None else covariates
    slopes = _slopes(X, sites, design)
    X = X - design @ slopes if design.shape[1] else X
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
    return CombatFit(location, scale, shift, variance, reference, slopes)


def apply_combat(fit: CombatFit, X: Array, sites: NDArray[np.intp], covariates: Array | None = None) -> Array:
    """Return the columns with shifts and scales of their sites removed; cases of site -1 stay as they are."""
    at = sites >= 0
    varies = fit.scale > 0
    if fit.reference is not None:
        at &= sites != fit.reference
    if len(fit.shift) == 1:  # one site: there is nothing to remove, not even a rounding error
        return X.copy()
    out = X.copy()
    scale, location = fit.scale[varies], fit.location[varies]
    if covariates is not None:  # a location for each case: what its covariates say is left in
        location = location + covariates[at] @ fit.slopes[:, varies]
    Z = (X[np.ix_(at, varies)] - location) / scale
    Z = (Z - fit.shift[sites[at]][:, varies]) / np.sqrt(fit.variance[sites[at]][:, varies])
    out[np.ix_(at, varies)] = Z * scale + location
    return out


def _slopes(X: Array, sites: NDArray[np.intp], covariates: Array) -> Array:
    """Return least-squares slopes within sites, shape (n_covariates, n_columns), over the values that are there."""
    slopes = np.zeros((covariates.shape[1], X.shape[1]))
    if not covariates.shape[1]:
        return slopes
    seen = ~np.isnan(X)
    patterns, of_column = np.unique(seen, axis=1, return_inverse=True)
    for i, there in enumerate(patterns.T):
        columns = np.flatnonzero(of_column.ravel() == i)
        if there.any():
            within, place = _within_sites(covariates[there], sites[there]), sites[there]
            slopes[:, columns] = np.linalg.lstsq(within, _within_sites(X[np.ix_(there, columns)], place), rcond=None)[0]
    return slopes


def _within_sites(values: Array, sites: NDArray[np.intp]) -> Array:
    """Return values minus the mean of their site."""
    out = values.copy()
    for s in np.unique(sites):
        out[sites == s] -= out[sites == s].mean(axis=0)
    return out


def covariates_apart_from_sites(covariates: Array, sites: NDArray[np.intp]) -> bool:
    """Return whether every covariate varies within sites, beyond what the others say: else slopes are not defined."""
    within = _within_sites(covariates, sites)
    size = np.sqrt((within**2).sum(axis=0))
    if not (size > 1e-10 * np.maximum(np.abs(covariates).max(axis=0), 1e-300) * np.sqrt(len(covariates))).all():
        return False
    return bool(np.linalg.matrix_rank(within / size, tol=1e-8) == covariates.shape[1])


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
