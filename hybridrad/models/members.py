"""Members of a late fusion: one block model per block, fitted on the same cases with the same inner folds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import did_you_mean
from hybridrad.models.block_model import BlockModel
from hybridrad.models.simplex import SimplexFit

Array = NDArray[np.float64]
JOINT = "joint"  # name of the member that reads all blocks
# Times 1 / sqrt(patients). Of 2, 1, 0.5, 0.3 and 0, tried on 12 simulated scenarios (60 and 150 patients, 16 draws) and
# on three cohorts (40 to 320 patients, 12 to 16 draws, other draws than those of the benchmarks), 0.5 had the least
# regret where it was largest at no cost elsewhere; 2 held weights too near to equal where most members are noise, and 0
# lost up to 0.005 in AUC at 40 to 60 patients.
AUTO_SHRINKAGE = 0.5


def fit_members(
    X: Any,
    y: ArrayLike,
    groups: ArrayLike | None,
    *,
    blocks: Mapping[str, NDArray[np.intp]],
    estimators: Mapping[str, Any] | None,
    inner: int,
    seed: int,
    model: type[Any] = BlockModel,
) -> dict[str, Any]:
    """Return block name -> fitted ``BlockModel``, or another task's ``model``.

    ``estimators`` replaces the default model of the blocks it names.
    """
    estimators = own_estimators(estimators, blocks)
    return {
        name: model({name: positions.tolist()}, estimator=estimators.get(name), inner=inner, random_state=seed).fit(
            X, y, groups=groups
        )
        for name, positions in blocks.items()
    }


def own_estimators(estimators: Mapping[str, Any] | None, blocks: Collection[str]) -> dict[str, Any]:
    """Return block name -> estimator of those blocks that do not take the default one.

    Raises
    ------
    ValueError
        A name is not one of the blocks.
    """
    estimators = dict(estimators or {})
    for name in estimators:
        if name not in blocks:
            raise ValueError(
                f"estimators: {name!r} is not one of the blocks {list(blocks)}.{did_you_mean(name, blocks)}"
            )
    return estimators


def joint_blocks(blocks: Collection[str], estimators: Mapping[str, Any] | None, *, wanted: bool) -> list[str]:
    """Return the blocks that a joint member reads: those with the default model, if there are two.

    A block with an estimator of its own may hold anything, marks of cases for a network among them.

    Raises
    ------
    ValueError
        A block has the name of the joint member.

    Examples
    --------
    >>> joint_blocks(["size", "radiomics", "deep"], {"deep": "a network"}, wanted=True)
    ['size', 'radiomics']
    >>> joint_blocks(["radiomics", "deep"], {"deep": "a network"}, wanted=True)
    []
    """
    if not wanted:
        return []
    if JOINT in blocks:
        raise ValueError(f"block {JOINT!r} has the name of the joint member; rename it, or pass joint=False.")
    default = [name for name in blocks if name not in (estimators or {})]
    return default if len(default) > 1 else []


def shrinkage_of(shrinkage: str | float, patients: NDArray[np.intp], used: NDArray[Any] | None = None) -> float:
    """Return how strongly the weights of a hedge are drawn towards equal.

    Parameters
    ----------
    shrinkage : {"auto"} or float
    patients : int ndarray of shape (n_cases,)
    used : ndarray of shape (n_cases,), optional
        Nonzero for the cases that the weights are fitted to: the fewer patients these are, the less is to be learned.

    Raises
    ------
    ValueError
        It is neither ``"auto"`` nor a number of at least 0.

    Examples
    --------
    >>> shrinkage_of("auto", np.arange(100)), shrinkage_of(0.3, np.arange(100))
    (0.05, 0.3)
    >>> shrinkage_of("auto", np.arange(100), np.arange(100) < 25)
    0.1
    """
    if shrinkage == "auto":
        counted = patients if used is None or not used.any() else patients[used > 0]
        return AUTO_SHRINKAGE / sqrt(len(np.unique(counted)))
    if isinstance(shrinkage, str) or not shrinkage >= 0:
        raise ValueError(f"shrinkage must be 'auto' or a number of at least 0, got {shrinkage!r}.")
    return float(shrinkage)


def weights_without(complete: NDArray[np.bool_]) -> str:
    """Return the finding that cases without a block took no part in the weights."""
    return (
        "Training cases lack a block; the weights were fitted to those that have every block "
        f"({complete.sum()} of {len(complete)})."
    )


def weights_not_fitted(complete: NDArray[np.bool_]) -> str:
    """Return the finding that no weights could be fitted, because too few cases have every block."""
    return (
        "Too few training cases have every block for weights to be fitted; all members have the same weight "
        f"({complete.sum()} of {len(complete)})."
    )


def equal_weights(n_members: int) -> SimplexFit:
    """Return the weights that nothing was fitted to: equal, and no optimum of anything.

    Cases that lack blocks do not serve instead. Pooling the members that are there with renormalised weights is not
    convex in the weights, so that no optimum could be proved, and where no case has two blocks together nothing is
    known of how these should share. Equal weights are what fitted ones are shrunk towards.

    Examples
    --------
    >>> equal_weights(4).weights.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return SimplexFit(np.full(n_members, 1.0 / n_members), np.nan, np.nan)


def weight_intervals(
    weights_of: Callable[[NDArray[np.intp]], Array | None],
    patients: NDArray[np.intp],
    members: pd.Index,
    *,
    n_draws: int,
    seed: int,
) -> pd.DataFrame:
    """Return 95 % percentile intervals of the weights over bootstrap draws of patients.

    Parameters
    ----------
    weights_of : callable
        Of how often each training case was drawn, shape (n_cases,), to the weights; None where it holds nothing to
        learn from.
    patients : ndarray of shape (n_cases,)
        Patient of each case, counted from 0.
    members : Index
    n_draws : int
    seed : int

    Returns
    -------
    DataFrame
        Index: the members; columns ``low, high``, NaN where no draw could be used.
    """
    rng = np.random.default_rng([seed, 1])
    n_patients = int(patients.max()) + 1
    draws = []
    for _ in range(n_draws):
        drawn = rng.integers(n_patients, size=n_patients)
        weights = weights_of(np.bincount(drawn, minlength=n_patients)[patients])
        if weights is not None:
            draws.append(weights)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0) if draws else np.full((2, len(members)), np.nan)
    return pd.DataFrame({"low": low, "high": high}, index=members)
