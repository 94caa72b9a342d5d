"""Blocks of a feature table: groups of columns that share the prefix ``<block>__``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import did_you_mean

SEPARATOR = "__"
MARKER = "has_pictures"
"""Feature of a block that only says which cases a network has pictures of; there is nothing in it to learn from."""
BlockSpec = Mapping[str, Any] | Sequence[str] | str | None


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


def is_marker(column: str) -> bool:
    """Return whether a column only marks the cases that have pictures.

    Examples
    --------
    >>> is_marker("finetuned__has_pictures"), is_marker("deep__r_0")
    (True, False)
    """
    return str(column).endswith(SEPARATOR + MARKER)


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
    blocks : None, str, list of str, or dict
        ``None`` takes every block found by column prefix and needs column names; a list (or one name) names blocks by
        prefix; a dict maps a name to column names, integer positions, a boolean mask or a slice.

    Raises
    ------
    ValueError
        The table has no names or the same name twice, a block or a column is not there or named twice, or a block is
        empty.

    Examples
    --------
    >>> X = pd.DataFrame([[1.0, 2.0]], columns=["deep__0", "size__volume_ml"])
    >>> resolve_blocks(X, ["size"])["size"].tolist()
    [1]
    """
    if len(np.shape(X)) != 2:
        raise ValueError(f"a table of shape (n_cases, n_features) is wanted, got shape {np.shape(X)}.")
    n_columns = np.shape(X)[1]
    if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
        raise ValueError(f"column {X.columns[X.columns.duplicated()][0]!r} stands twice in the table.")
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
        names = list(by_name) if blocks is None else [blocks] if isinstance(blocks, str) else list(blocks)
        if len(set(names)) < len(names):
            raise ValueError(f"a block is named twice in {names}.")
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
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    if wanted and all(isinstance(w, str) for w in wanted):
        if not isinstance(X, pd.DataFrame):
            raise ValueError(f"block {name!r} is given by column names and this table has none.")
        for column in wanted:
            if column not in X.columns:
                near = did_you_mean(column, map(str, X.columns))
                raise ValueError(f"block {name!r}: column {column!r} is not in the table.{near}")
        positions = np.asarray(X.columns.get_indexer(wanted))
    elif wanted and all(isinstance(w, bool | np.bool_) for w in wanted):
        if len(wanted) != n_columns:
            raise ValueError(f"block {name!r}: the mask has {len(wanted)} entries, the table {n_columns} columns.")
        positions = np.flatnonzero(wanted)
    else:
        for w in wanted:
            if isinstance(w, bool | np.bool_) or not isinstance(w, int | np.integer):
                raise ValueError(f"block {name!r}: {w!r} is no column position; give names, whole numbers or a slice.")
            if not -n_columns <= w < n_columns:
                raise ValueError(f"block {name!r}: there is no position {w}, the table has {n_columns} columns.")
        positions = everything[np.asarray(wanted, dtype=int)]
    if len(set(positions.tolist())) < len(positions):
        raise ValueError(f"block {name!r}: a column is named twice.")
    return positions
