"""A block that is missing for a case at prediction time: the members that have something to read answer.

A member whose block is missing would read training medians and say "as the average case", an opinion nobody has, and
its weight would pull the answer towards the mean. So its weight goes to the members that are there, in proportion to
theirs, and the answer is what they alone would say; where none is there, all answer as the average case.

What that does, in simulations (120 training patients, the block missing for 40 % of the test cases, 25 draws): the log
loss falls by 0.000 to 0.007; the AUC over cases with and without the block together falls too, by 0.002 to 0.005,
because the pull towards the mean ranks cases of which less is known behind the others. On breast ultrasound (80
patients, 6 draws) the two rules differ by at most 0.003 in either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

Array = NDArray[np.float64]


def absent_blocks(values: Array, blocks: Mapping[str, NDArray[np.intp]]) -> NDArray[np.bool_]:
    """Return which blocks are missing for which cases, shape (n_cases, n_blocks): every column of them is NaN.

    Examples
    --------
    >>> values = np.array([[1.0, np.nan, np.nan], [1.0, 2.0, np.nan]])
    >>> absent_blocks(values, {"size": np.array([0]), "deep": np.array([1, 2])}).tolist()
    [[False, True], [False, False]]
    """
    missing = np.isnan(values)
    return np.column_stack([missing[:, positions].all(axis=1) for positions in blocks.values()])


def absent_members(absent: NDArray[np.bool_], blocks: Mapping[str, Any], joint: Collection[str]) -> NDArray[np.bool_]:
    """Return which members have no answer for which cases: one per block and, if it reads any, the joint member.

    The joint member reads several blocks. Where one of these is missing, its other blocks have members of their own.

    Examples
    --------
    >>> absent_members(np.array([[True, False, False]]), {"a": [0], "b": [1], "c": [2]}, ["a", "b"]).tolist()
    [[True, False, False, True]]
    >>> absent_members(np.array([[True, False, False]]), {"a": [0], "b": [1], "c": [2]}, []).tolist()
    [[True, False, False]]
    """
    if not joint:
        return absent
    read = [position for position, name in enumerate(blocks) if name in joint]
    return np.column_stack([absent, absent[:, read].any(axis=1)])


def member_weights(weights: Array, absent: NDArray[np.bool_]) -> Array:
    """Return the weights of the members for each case, those of absent blocks shared out in proportion.

    Where the members that are there have no weight at all, they share it equally; where no block is there, the weights
    stay as they are.

    Examples
    --------
    >>> member_weights(np.array([0.5, 0.3, 0.2]), np.array([[False, False, True], [True, True, True]])).round(3)
    array([[0.625, 0.375, 0.   ],
           [0.5  , 0.3  , 0.2  ]])
    >>> member_weights(np.array([1.0, 0.0, 0.0]), np.array([[True, False, False]]))
    array([[0. , 0.5, 0.5]])
    """
    present = ~absent | absent.all(axis=1, keepdims=True)
    held = np.where(present, weights, 0.0)
    total = held.sum(axis=1, keepdims=True)
    equal = present / present.sum(axis=1, keepdims=True)
    # Cases with every block keep the weights to the last digit.
    shared = np.where(total > 0, held / np.where(total > 0, total, 1.0), equal)
    return np.where(absent.any(axis=1, keepdims=True), shared, weights)


def pool_present(scores: Array, weights: Array, absent: NDArray[np.bool_], usual: Array) -> Array:
    """Return ``usual``, the pooled logits, with those of cases that lack a block replaced.

    Parameters
    ----------
    scores : ndarray of shape (n_cases, n_members) or (n_cases, n_classes, n_members)
        Logits of the members.
    weights : ndarray of shape (n_members,)
    absent : bool ndarray of shape (n_cases, n_members)
    usual : ndarray of shape (n_cases,) or (n_cases, n_classes)
        Logits pooled with ``weights``; cases with every block keep them to the last digit.
    """
    at = absent.any(axis=1)
    if not at.any():
        return usual
    of_case = member_weights(weights, absent[at])
    out = usual.copy()
    out[at] = np.einsum("n...b,nb->n...", scores[at], of_case)
    return out


def pool_contributions(
    parts: Sequence[Array],
    weights: Array,
    absent: NDArray[np.bool_],
    *,
    expected: Array,
    blocks: Mapping[str, NDArray[np.intp]],
) -> Array:
    """Return the weighted sum of the members' contributions, exact also for cases that lack a block.

    The reference of such a case is the mean of its members' expected logits under its own weights. What that differs
    from the model's reference is the doing of the absence; it is spread evenly over the absent blocks and their
    columns.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_cases, n_columns, n_outputs)
        Contributions of each member.
    weights : ndarray of shape (n_members,)
    absent : bool ndarray of shape (n_cases, n_members)
    expected : ndarray of shape (n_members, n_outputs)
        Expected logit of each member.
    blocks : dict
        Block name -> positions, in the order of the members; a joint member is the last.
    """
    of_case = member_weights(weights, absent)
    out = np.sum([of_case[:, b, None, None] * part for b, part in enumerate(parts)], axis=0)
    at = np.flatnonzero(absent.any(axis=1) & ~absent.all(axis=1))
    shift = (of_case[at] - weights) @ expected
    of_blocks = absent[at][:, : len(blocks)]
    share = of_blocks / of_blocks.sum(axis=1, keepdims=True)
    for b, positions in enumerate(blocks.values()):
        out[np.ix_(at, positions)] += (share[:, b, None] * shift / len(positions))[:, None, :]
    return np.asarray(out)


class SaysWhatIsMissing:
    """A model that says which cases lack a block; mixed into `CaseClassifier` and `CaseOutcome`."""

    blocks_: dict[str, NDArray[np.intp]]

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks a block, for findings."""
        return "training medians stood in for it"

    def missing_blocks(self, X: Any) -> pd.DataFrame:
        """Return which blocks are missing for which cases: one row per case, one column per block, True where missing.

        A block is missing where all its columns are; ``answer_without_block`` says what is then done.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        """
        check_is_fitted(self)
        values = self._read(X).values  # type: ignore[attr-defined]
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(absent_blocks(values, self.blocks_), index=index, columns=list(self.blocks_))


class AnswersWithoutBlock(SaysWhatIsMissing):
    """A fusion whose remaining members answer when a block is missing, the weights of the others shared out among them.

    Without any block, all answer as for the average case.
    """

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks a block, for findings."""
        return "the other members answered, their weights renormalised"


class SaysWhatChosenLacks:
    """A model that answers by one of several, and says which cases lack the block of that one."""

    model_: Any

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks the chosen block, for findings."""
        return str(self.model_.answer_without_block)

    def missing_blocks(self, X: Any) -> pd.DataFrame:
        """Return for which cases the chosen block is missing, see `BlockModel.missing_blocks`; others are not read."""
        check_is_fitted(self)
        missing: pd.DataFrame = self.model_.missing_blocks(X)
        return missing


def say_absence(absent: pd.DataFrame, done: str) -> list[str]:
    """Return one sentence for each block that is missing for some case.

    Parameters
    ----------
    absent : DataFrame
        From `SaysWhatIsMissing.missing_blocks`.
    done : str
        What is done about it.

    Examples
    --------
    >>> say_absence(pd.DataFrame({"deep": [True, False], "size": [False, False]}), "training medians stood in for it")
    ['Block deep is missing for some cases; training medians stood in for it (1 of 2 cases).']
    """
    return [
        f"Block {block} is missing for some cases; {done} ({int(count)} of {len(absent)} cases)."
        for block, count in absent.sum().items()
        if count
    ]
