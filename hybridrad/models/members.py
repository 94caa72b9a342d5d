"""Members of a late fusion: one block model per block, fitted on the same cases with the same inner folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import did_you_mean
from hybridrad.models.block_model import BlockModel


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
