"""Local linear smoothing of a scatter (lowess), without robustness iterations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def lowess(x: ArrayLike, y: ArrayLike, at: ArrayLike | None = None, *, span: float = 2.0 / 3.0) -> NDArray[np.float64]:
    """Return a locally weighted straight-line fit of y on x.

    At each point a line is fitted to the ``span`` nearest share of the data with tricube weights. There are no
    robustness iterations: for 0/1 outcomes they would throw away the rarer class.

    Parameters
    ----------
    x, y : arrays of shape (n,)
    at : array of shape (k,), optional
        Where to evaluate; default ``x``.
    span : float
        Share of the points used for each line, above 0 and at most 1.

    Returns
    -------
    array of shape (k,)

    Raises
    ------
    ValueError
        Fewer than three points, values not finite, or a span out of range.

    References
    ----------
    Cleveland (1979), J Am Stat Assoc 74:829.

    Examples
    --------
    >>> lowess([0, 1, 2, 3, 4], [1, 3, 5, 7, 9], [2.5]).round(6).tolist()
    [6.0]
    """
    x_arr, y_arr = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    points = x_arr if at is None else np.atleast_1d(np.asarray(at, dtype=float))
    if not 0 < span <= 1:
        raise ValueError(f"span must lie in (0, 1], got {span}.")
    if len(x_arr) < 3 or len(x_arr) != len(y_arr):
        raise ValueError("x and y need the same length and at least three points.")
    if not (np.isfinite(x_arr).all() and np.isfinite(y_arr).all()):
        raise ValueError("x and y must be finite.")
    n_near = min(max(int(span * len(x_arr) + 1e-7), 2), len(x_arr))
    spread = float(np.ptp(x_arr))
    unique, back = np.unique(points, return_inverse=True)
    fitted = np.array([_line_at(point, x_arr, y_arr, n_near, spread) for point in unique])
    return fitted[back]


def _line_at(point: float, x: NDArray[np.float64], y: NDArray[np.float64], n_near: int, spread: float) -> float:
    distance = np.abs(x - point)
    reach = np.partition(distance, n_near - 1)[n_near - 1]
    if reach <= 0:  # at least n_near points lie exactly here
        return float(y[distance == 0].mean())
    weight = np.clip(1.0 - (distance / reach) ** 3, 0.0, None) ** 3
    if weight.sum() <= 0:  # every neighbour lies at the very edge of the window
        weight = (distance <= reach).astype(float)
    weight /= weight.sum()
    centre = float(weight @ x)
    square = float(weight @ (x - centre) ** 2)
    level = float(weight @ y)
    # Without a spread in the window a line is not defined; the local mean is.
    if np.sqrt(square) <= 0.001 * spread:
        return level
    slope = float(weight @ ((x - centre) * y)) / square
    return level + slope * (point - centre)
