"""One ridge over all blocks with a penalty of its own for each: wide or noisy blocks are held back, not left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatIsMissing
from hybridrad.models.case_classifier import (
    Array,
    CaseClassifier,
    Cases,
    as_logits,
    plain_expected,
)
from hybridrad.models.penalty_factors import FACTORS, FoldDesign, InnerLoss, choose_factors, penalised
from hybridrad.models.ridge_logistic import log_loss, ridge_logistic_logits
from hybridrad.models.ridge_path import PENALTIES, fit_ridge


class BlockPenaltyFusion(SaysWhatIsMissing, CaseClassifier):
    """Concatenate the blocks and fit one ridge logistic regression whose penalty differs from block to block.

    Columns are prepared as in `BlockModel`. The penalty of a coefficient is ``m_b / C`` with a factor ``m_b`` for its
    block; C and the factors are chosen by the log loss of the patient-grouped inner folds. The search starts from equal
    factors, which is the plain ridge, and changes the factor of one block at a time to that which lowers the loss most,
    until none does. For a case that lacks a block, training medians stand in for it, see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    factors : sequence of float, or dict, default (1, 4, 16, 64)
        Factors to choose from, or block name -> its factor, which is then not searched. An infinite factor leaves the
        block out.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    factors_ : Series
        Index block.
    search_ : DataFrame
        One row per combination that was tried: a column per block, and ``inner_loss`` at its best C.
    fit_ : RidgeFit
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)

    Notes
    -----
    A ridge with a factor m is a ridge on columns divided by the root of m. Factors of 1, 2, 4, 8 are too close where a
    block of 512 columns stands beside one of 100: on breast ultrasound with 40 and 80 training patients the wider grid
    gained 0.013 and 0.021 in AUC, on fractures and nodules it lost 0.001 to 0.006 (four draws each).

    References
    ----------
    Boulesteix et al., Computational and Mathematical Methods in Medicine 2017:7691937, doi:10.1155/2017/7691937
    (IPF-LASSO; here with ridge).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 40)
    >>> X = rng.normal(size=(80, 42))
    >>> X[:, :2] += y[:, None]
    >>> model = BlockPenaltyFusion({"small": [0, 1], "noise": slice(2, 42)}).fit(X, y)
    >>> bool(model.factors_["noise"] > model.factors_["small"])
    True
    """

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        factors: Sequence[float] | Mapping[str, float] = FACTORS,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.factors = factors
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Choose the factors and fit; see `BlockModel.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        inner = _InnerLogLoss(training, self.blocks_)
        self.factors_, self.search_ = choose_factors(self.factors, list(self.blocks_), inner)
        self.fit_ = fit_ridge(
            training.cases.values,
            training.y,
            training.groups,
            n_classes=training.n_classes,
            folds=training.folds,
            preparation=penalised(training, self.blocks_, self.factors_),
        )
        self.oof_logits_ = self.fit_.oof_logits
        self.expected_logit_ = plain_expected(self.fit_.expected_logit)
        self.findings_: list[str] = []
        return self

    def _logits(self, cases: Cases) -> Array:
        return self.fit_.logits(cases.values)

    def _contributions(self, cases: Cases) -> Array:
        return self.fit_.contributions(cases.values)


class _InnerLogLoss(InnerLoss):
    def _least(self, designs: Iterator[FoldDesign]) -> float:
        y, n_classes = self.training.y, self.training.n_classes
        oof = np.empty((len(PENALTIES), len(y), 1 if n_classes == 2 else n_classes))
        for train, test, known, new in designs:
            oof[:, test] = ridge_logistic_logits(known, y[train], new, n_classes=n_classes, penalties=PENALTIES)
        return min(log_loss(as_logits(one), y) for one in oof)
