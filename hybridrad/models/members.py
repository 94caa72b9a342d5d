"""Members of a late fusion: one block model per block, fitted on the same cases with the same inner folds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import did_you_mean
from hybridrad.models.block_model import BlockModel

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
) -> dict[str, BlockModel]:
    """Return block name -> fitted ``BlockModel``; ``estimators`` replaces the default model of the blocks it names."""
    estimators = dict(estimators or {})
    for name in estimators:
        if name not in blocks:
            raise ValueError(
                f"estimators: {name!r} is not one of the blocks {list(blocks)}.{did_you_mean(name, blocks)}"
            )
    return {
        name: BlockModel(
            {name: positions.tolist()}, estimator=estimators.get(name), inner=inner, random_state=seed
        ).fit(X, y, groups=groups)
        for name, positions in blocks.items()
    }


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


def shrinkage_of(shrinkage: str | float, n_patients: int) -> float:
    """Return how strongly the weights of a hedge are drawn towards equal.

    Raises
    ------
    ValueError
        It is neither ``"auto"`` nor a number of at least 0.

    Examples
    --------
    >>> shrinkage_of("auto", 100), shrinkage_of(0.3, 100)
    (0.05, 0.3)
    """
    if shrinkage == "auto":
        return AUTO_SHRINKAGE / sqrt(n_patients)
    if isinstance(shrinkage, str) or not shrinkage >= 0:
        raise ValueError(f"shrinkage must be 'auto' or a number of at least 0, got {shrinkage!r}.")
    return float(shrinkage)
