"""How much of the heat of a network lies in the region, and which cases are shown: plain functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def measure(cells: NDArray[Any], regions: NDArray[Any]) -> dict[str, Any]:
    """Return how much of the heat of a case lies in its region, over all its views.

    Heat between the centres of cells is interpolated linearly, as it is drawn.

    Parameters
    ----------
    cells : ndarray of shape (n_views, cells, cells)
        At least 0.
    regions : ndarray of shape (n_views, side, side)
        How much of each pixel the region covers, 0..1.

    Examples
    --------
    >>> cells, region = np.zeros((1, 2, 2)), np.zeros((1, 8, 8))
    >>> cells[0, 0, 0], region[0, :4, :4] = 1.0, 1.0
    >>> found = measure(cells, region)
    >>> round(found["heat_in_region"], 3), found["region_area"], found["heat_in_region"] == found["most_possible"]
    (0.766, 0.25, True)
    """
    heat = np.asarray(cells, dtype=float)
    region = np.asarray(regions, dtype=float)
    box = np.stack([_box(one) for one in region])
    spread = [spread_matrix(region.shape[axis], heat.shape[axis]) for axis in (1, 2)]

    def collected(where: Array) -> Array:
        """Return how much of a heat of 1 on each cell falls onto these pixels."""
        return np.einsum("ya,vyx,xb->vab", spread[0], where, spread[1])

    whole, inside = collected(np.ones_like(region)), collected(region)
    total = float((heat * whole).sum())
    return {
        "n_views": len(heat),
        "view": int((heat * whole).sum(axis=(1, 2)).argmax()),
        "cells": heat.shape[1],
        "heat_in_region": float((heat * inside).sum()) / total if total > 0 else np.nan,
        "region_area": float(region.mean()),
        "most_possible": float((inside / whole).max()),
        "heat_in_box": float((heat * collected(box)).sum()) / total if total > 0 else np.nan,
        "box_area": float(box.mean()),
    }


def spread_matrix(n_pixels: int, n_cells: int) -> Array:
    """Return how cells along an axis are spread over pixels: linear between their centres, constant beyond the last.

    Examples
    --------
    >>> spread_matrix(4, 2).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    at = np.clip((np.arange(n_pixels) + 0.5) * n_cells / n_pixels - 0.5, 0.0, n_cells - 1.0)
    return np.asarray(np.clip(1.0 - np.abs(at[:, None] - np.arange(n_cells)), 0.0, None))


def choose(y_true: pd.Series, right: pd.Series, n_cases: int, random_state: int) -> NDArray[np.bool_]:
    """Return which cases are shown: as many of each class, and within it of right and wrong calls, as there are.

    Where few are shown of each class, a right call comes first in the first class, a wrong one in the second, and so
    on.

    Examples
    --------
    >>> y, right = pd.Series([0, 0, 0, 0, 1, 1]), pd.Series([True, True, True, False, True, True])
    >>> chosen = choose(y, right, 3, 0)
    >>> int(chosen.sum()), bool(chosen[3]), int(chosen[4:].sum())
    (3, True, 1)
    """
    shuffled = np.random.default_rng(random_state).permutation(len(y_true))
    cases = pd.DataFrame({"y": y_true.to_numpy(), "wrong": ~right.to_numpy()}).iloc[shuffled]
    # Right and wrong calls in turn within a class, then the classes in turn.
    cases["turn"] = cases.groupby(["y", "wrong"], dropna=False).cumcount()
    cases["later"] = cases["wrong"] ^ (pd.factorize(cases["y"], sort=True)[0] % 2 == 1)
    cases = cases.sort_values(["turn", "later"], kind="stable")
    cases["turn"] = cases.groupby("y", dropna=False).cumcount()
    order = cases.sort_values(["turn", "y"], kind="stable").index[:n_cases]
    return np.isin(np.arange(len(y_true)), order)


def _box(region: Array) -> Array:
    """Return the upright box around a region; empty for an empty one."""
    box = np.zeros_like(region)
    rows, columns = (np.flatnonzero((region >= 0.5).any(axis=axis)) for axis in (1, 0))
    if len(rows):
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1.0
    return box
