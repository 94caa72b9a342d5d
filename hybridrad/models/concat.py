"""Plain concatenation: what everybody does, kept as the baseline to beat."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatIsMissing
from hybridrad.models.case_classifier import Array, CaseClassifier, Cases, plain_expected
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_path import fit_ridge


class ConcatFusion(SaysWhatIsMissing, CaseClassifier):
    """Put the columns of all blocks side by side, scale them, and fit one L2 penalised logistic regression.

    The named baseline: median imputation, mean 0 and standard deviation 1 for every column, C chosen by the
    patient-grouped inner folds. No skewness transform, no balance between blocks: a block of 512 columns outweighs one
    of 100, which is what the other fusions are there to prevent. For a case that lacks a block, training medians stand
    in for it, see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    fit_ : RidgeFit
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 4)) + 3.0 * y[:, None]
    >>> model = ConcatFusion({"a": [0, 1], "b": [2, 3]}).fit(X, y)
    >>> float(model.score(X, y))
    1.0
    """

    def __init__(self, blocks: BlockSpec = None, *, inner: int = 4, random_state: Any = 0) -> None:
        self.blocks = blocks
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases; see `BlockModel.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        # A column named by two blocks enters once.
        self.positions_ = np.unique(np.concatenate(list(self.blocks_.values())))
        categorical = training.categorical[self.positions_]
        self.fit_ = fit_ridge(
            training.cases.values[:, self.positions_],
            training.y,
            training.groups,
            n_classes=training.n_classes,
            folds=training.folds,
            preparation=ColumnPreparation(categorical=categorical, log=np.zeros_like(categorical), unskew=False),
        )
        self.oof_logits_ = self.fit_.oof_logits
        self.expected_logit_ = plain_expected(self.fit_.expected_logit)
        self.findings_: list[str] = []
        return self

    def _logits(self, cases: Cases) -> Array:
        return self.fit_.logits(cases.values[:, self.positions_])

    def _contributions(self, cases: Cases) -> Array:
        of_columns = self.fit_.contributions(cases.values[:, self.positions_])
        out = np.zeros((len(of_columns), self.n_features_in_, of_columns.shape[2]))
        out[:, self.positions_] = of_columns
        return out
