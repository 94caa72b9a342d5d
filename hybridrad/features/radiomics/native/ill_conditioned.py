"""GLCM features where rounding decides, with PyRadiomics' own arithmetic.

Where the two voxels of a pair tell nothing about each other (in a region of few voxels or levels), Imc2 and MCC are the
root of a difference that is 0 but for rounding: any of 0, 1e-8 and NaN, and PyRadiomics leaves NaN out of the mean over
the directions. Correlation without spread is as bad. Only the same operations in the same order give its values, so
they are written here as array expressions over all directions at once; they are slow, and such regions are rare or
small.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

_EPSILON = np.spacing(1)


def recompute(
    pairs: NDArray[np.int64], levels: NDArray[np.int64], *, symmetrical: bool, weights: NDArray[np.float64] | None
) -> dict[str, float]:
    """Return Correlation, Imc1, Imc2 and MCC.

    Parameters
    ----------
    pairs : int ndarray of shape (directions, levels, levels)
        Counts of pairs, first voxel first.
    levels : int ndarray
        Grey levels that are present.
    symmetrical : bool
        Whether each pair counts in both orders.
    weights : float ndarray, optional
        One per direction; the directions are then summed.
    """
    # Directions last, as in PyRadiomics. It removes absent levels by numpy.delete, which leaves the two level axes in
    # another order in memory even where none is absent, and the order of the sums follows the memory.
    p = np.ascontiguousarray(pairs.transpose(1, 2, 0), dtype=np.float64)[np.newaxis]
    none = np.empty(0, dtype=np.intp)
    p = np.delete(np.delete(p, none, axis=1), none, axis=2)
    if symmetrical:
        p += p.transpose(0, 2, 1, 3).copy()
    if weights is not None:
        p = np.sum(p * weights, axis=3, keepdims=True)
    total = np.sum(p, axis=(1, 2))
    if p.shape[3] > 1:
        empty = np.flatnonzero(np.sum(total, axis=0) == 0)
        if len(empty):
            p, total = np.delete(p, empty, axis=3), np.delete(total, empty, axis=1)
    total[total == 0] = np.nan
    p /= total[:, np.newaxis, np.newaxis, :]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return _features(p, levels)


def _features(p: NDArray[np.float64], levels: NDArray[np.int64]) -> dict[str, float]:
    px, py = p.sum(axis=2, keepdims=True), p.sum(axis=1, keepdims=True)
    i, j = levels.astype(np.float64)[:, np.newaxis, np.newaxis], levels.astype(np.float64)[:, np.newaxis]
    mean_x = np.sum(i[np.newaxis] * p, axis=(1, 2), keepdims=True)
    mean_y = np.sum(j[np.newaxis] * p, axis=(1, 2), keepdims=True)
    spread_x = np.sum(p * (i - mean_x) ** 2, axis=(1, 2), keepdims=True) ** 0.5
    spread_y = np.sum(p * (j - mean_y) ** 2, axis=(1, 2), keepdims=True) ** 0.5
    covariance = np.sum(p * (i - mean_x) * (j - mean_y), axis=(1, 2), keepdims=True)
    correlation = covariance / (spread_x * spread_y + _EPSILON)
    correlation[spread_x * spread_y == 0] = 1

    entropy_xy = (-1) * np.sum(p * np.log2(p + _EPSILON), axis=(1, 2))
    entropy_x = (-1) * np.sum(px * np.log2(px + _EPSILON), axis=(1, 2))
    entropy_y = (-1) * np.sum(py * np.log2(py + _EPSILON), axis=(1, 2))
    cross_1 = (-1) * np.sum(p * np.log2(px * py + _EPSILON), axis=(1, 2))
    cross_2 = (-1) * np.sum(px * py * np.log2(px * py + _EPSILON), axis=(1, 2))
    largest = np.fmax(entropy_x, entropy_y)
    imc1 = entropy_xy - cross_1
    imc1[largest != 0] /= largest[largest != 0]
    imc1[largest == 0] = 0
    imc2 = (1 - np.e ** (-2 * (cross_2 - entropy_xy))) ** 0.5
    imc2[cross_2 == entropy_xy] = 0
    return {
        "Correlation": float(np.nanmean(correlation)),
        "Imc1": float(np.nanmean(imc1)),
        "Imc2": float(np.nanmean(imc2)),
        "MCC": _maximal_correlation(p, px, py),
    }


def _maximal_correlation(p: NDArray[np.float64], px: NDArray[np.float64], py: NDArray[np.float64]) -> float:
    if not np.isfinite(p).all():
        return float("nan")
    if p.shape[1] < 2:
        return 1.0
    q = np.zeros((1, p.shape[1], p.shape[1], p.shape[3]))
    for k in range(p.shape[1]):
        column = p[:, :, k, :]
        q += (column[:, :, np.newaxis] * column[:, np.newaxis]) / (
            px[:, :, np.newaxis, 0, :] * py[:, np.newaxis, :, k, :] + _EPSILON
        )
    # All directions in one call: one complex pair of eigenvalues makes all of them complex, and roots of negative
    # ones then count as 0 and not as NaN.
    eigenvalues = np.sort(np.linalg.eigvals(q.transpose(0, 3, 1, 2)), axis=-1)
    return float(np.nanmean(np.sqrt(eigenvalues[:, :, -2]), axis=1).real[0])
