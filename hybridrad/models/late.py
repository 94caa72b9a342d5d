"""Late fusion without weights: the mean of the block models' logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import AnswersWithoutBlock, absent_blocks, pool_contributions, pool_present
from hybridrad.models.block_model import BlockModel
from hybridrad.models.case_classifier import Array, CaseClassifier, Cases, as_outputs, plain_expected
from hybridrad.models.present import (
    answers_where_present,
    contributions_where_present,
    fit_members_where_present,
    out_of_fold_answers,
)

SMALLEST_PROBABILITY = 1e-4


class LateFusion(AnswersWithoutBlock, CaseClassifier):
    """Predict with the mean of the block models' logits; it has no parameters beyond those of its members.

    Each member's probability is held between 0.0001 and 0.9999 before the mean, so that one overconfident member cannot
    outvote the others. Where a block is missing for a case (all its columns), the mean is over the other members, see
    ``missing_blocks``; a member is fitted to, and asked about, the cases that have its block.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    estimators : dict, optional
        Block name -> classifier that replaces the default model of that block (it is calibrated, see `BlockModel`).
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    members_ : dict
        Block name -> `BlockModel`, fitted to the training cases that have the block.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)
    findings_ : list of str
        Blocks that training cases lack.

    Notes
    -----
    ``shap_values`` is the mean of the members' contributions. Where a member's logit is held at its limit, the
    difference is taken from its columns in proportion to their absolute contributions, so that sums stay exact.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 4)) + y[:, None]
    >>> model = LateFusion({"a": [0, 1], "b": [2, 3]}).fit(X, y)
    >>> mean = sum(member.decision_function(X) for member in model.members_.values()) / 2
    >>> bool(np.allclose(model.decision_function(X), mean))
    True
    """

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        estimators: Mapping[str, Any] | None = None,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.estimators = estimators
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the members; see `BlockModel.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        self.findings_: list[str] = []
        absent = absent_blocks(training.cases.values, self.blocks_)
        self.members_: dict[str, BlockModel] = fit_members_where_present(
            BlockModel,
            training,
            y,
            groups,
            blocks=self.blocks_,
            estimators=self.estimators,
            inner=self.inner,
            absent=absent,
            findings=self.findings_,
        )
        members = self.members_.values()
        self.oof_logits_ = self._mean(out_of_fold_answers(members, absent), absent)
        self.expected_logit_ = plain_expected(np.mean([np.atleast_1d(m.expected_logit_) for m in members], axis=0))
        return self

    def _mean(self, logits: list[Array], absent: NDArray[np.bool_]) -> Array:
        limited = [held(of_member) for of_member in logits]
        return pool_present(np.stack(limited, axis=-1), self._weights(), absent, np.mean(limited, axis=0))

    def _weights(self) -> Array:
        return np.full(len(self.blocks_), 1.0 / len(self.blocks_))

    def _logits(self, cases: Cases) -> Array:
        absent = absent_blocks(cases.values, self.blocks_)
        return self._mean(answers_where_present(self.members_.values(), cases, absent), absent)

    def _contributions(self, cases: Cases) -> Array:
        members, absent = self.members_.values(), absent_blocks(cases.values, self.blocks_)
        parts = contributions_where_present(members, cases, absent)
        answers = answers_where_present(members, cases, absent)
        for positions, own, logits in zip(self.blocks_.values(), parts, answers, strict=True):
            taken = as_outputs(held(logits) - logits)
            own[:, positions] += spread_difference(own[:, positions], taken)
        return pool_contributions(
            parts,
            self._weights(),
            absent,
            expected=np.stack([np.atleast_1d(m.expected_logit_) for m in members]),
            blocks=self.blocks_,
        )


def held(logits: Array) -> Array:
    """Return logits whose probabilities are held between 0.0001 and 0.9999.

    With more than two classes, small probabilities are raised to 0.0001 and the logarithms centred per case.

    Examples
    --------
    >>> held(np.array([-20.0, 0.0, 20.0])).round(2)
    array([-9.21,  0.  ,  9.21])
    """
    if logits.ndim == 1:
        limit = np.log1p(-SMALLEST_PROBABILITY) - np.log(SMALLEST_PROBABILITY)
        return np.clip(logits, -limit, limit)
    logs = np.maximum(log_softmax(logits, axis=1), np.log(SMALLEST_PROBABILITY))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def spread_difference(contributions: Array, difference: Array) -> Array:
    """Return ``difference`` (n, n_outputs) spread over columns in proportion to their absolute contributions."""
    size = np.abs(contributions)
    total = size.sum(axis=1, keepdims=True)
    share = np.where(total > 0, size / np.where(total > 0, total, 1.0), 1.0 / contributions.shape[1])
    return np.asarray(share * difference[:, None, :])
