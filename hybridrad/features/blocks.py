"""Blocks of a feature table: groups of columns that share the prefix ``<block>__``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import did_you_mean

SEPARATOR = "__"
BlockSpec = Mapping[str, Any] | Sequence[str] | None


def block_of(column: str) -> str:
    """Return the block a column belongs to.

    Examples
    --------
    >>> block_of("radiomics__original_glcm_Contrast")
    'radiomics'
    """
    block, separator, feature = str(column).partition(SEPARATOR)
    if not (block and separator and feature):
        raise ValueError(f"column {column!r} is not named <block>{SEPARATOR}<feature>.")
    return block


def find_blocks(columns: Sequence[str]) -> dict[str, list[str]]:
    """Return block name -> its columns, both in order of appearance.

    Examples
    --------
    >>> find_blocks(["size__volume_ml", "deep__r_0", "deep__r_1"])
    {'size': ['size__volume_ml'], 'deep': ['deep__r_0', 'deep__r_1']}
    """
    blocks: dict[str, list[str]] = {}
    for column in columns:
        blocks.setdefault(block_of(column), []).append(str(column))
    return blocks


def resolve_blocks(X: Any, blocks: BlockSpec) -> dict[str, np.ndarray]:
    """Return block name -> integer column positions in ``X``.

    Parameters
    ----------
    X : DataFrame or array of shape (n_cases, n_features)
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix and needs column names; a list names blocks by prefix; a
        dict maps a name to column names, integer positions or a slice.

    Raises
    ------
    ValueError
        The table has no names, a block or a column is not there, or a block is empty.

    Examples
    --------
    >>> X = pd.DataFrame([[1.0, 2.0]], columns=["deep__0", "size__volume_ml"])
    >>> resolve_blocks(X, ["size"])["size"].tolist()
    [1]
    """
    n_columns = np.shape(X)[1]
    if isinstance(blocks, Mapping):
        found = {
            str(name): _positions(X, wanted, name=str(name), n_columns=n_columns) for name, wanted in blocks.items()
        }
    else:
        if not isinstance(X, pd.DataFrame):
            raise ValueError(
                "blocks are found by column names and this table has none; pass a DataFrame, or "
                "blocks={'name': slice or column positions}."
            )
        by_name = {
            name: np.flatnonzero([block_of(c) == name for c in X.columns]) for name in find_blocks(list(X.columns))
        }
        names = list(by_name) if blocks is None else list(blocks)
        for name in names:
            if name not in by_name:
                raise ValueError(
                    f"block {name!r} is not in the table; it has {list(by_name)}.{did_you_mean(name, by_name)}"
                )
        found = {name: by_name[name] for name in names}
    if not found:
        raise ValueError("no block was given or found.")
    for name, positions in found.items():
        if len(positions) == 0:
            raise ValueError(f"block {name!r} has no columns.")
    return found


def _positions(X: Any, wanted: Any, *, name: str, n_columns: int) -> np.ndarray:
    everything = np.arange(n_columns)
    if isinstance(wanted, slice):
        return everything[wanted]
    wanted = list(wanted)
    if wanted and all(isinstance(w, str) for w in wanted):
        if not isinstance(X, pd.DataFrame):
            raise ValueError(f"block {name!r} is given by column names and this table has none.")
        absent = [w for w in wanted if w not in X.columns]
        if absent:
            raise ValueError(f"block {name!r}: column {absent[0]!r} is not in the table.")
        return np.asarray(X.columns.get_indexer(wanted))
    positions = np.asarray(wanted, dtype=int)
    if len(positions) and (positions.min() < -n_columns or positions.max() >= n_columns):
        raise ValueError(f"block {name!r}: positions reach {positions.max()}, the table has {n_columns} columns.")
    return everything[positions]
