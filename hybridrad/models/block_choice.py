"""One of several variants of a block (bin widths, backbones, views), chosen by the inner folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatChosenLacks
from hybridrad.models.case_classifier import Array, CaseClassifier, Cases
from hybridrad.models.members import fit_members
from hybridrad.models.ridge_path import TIE


class BlockChoice(SaysWhatChosenLacks, CaseClassifier):
    """Fit a `BlockModel` for every variant of a block and keep the one with the least inner out-of-fold log loss.

    The extraction policy becomes a choice made inside each outer fold, over stored features, at no new extraction: the
    variants are blocks of the table, such as ``radiomics_bw10`` and ``radiomics_bw25``. As a member of a fusion, give
    the variants' columns as one block and this model as its estimator; the choice is then made in the inner folds too.
    Cases that lack the chosen variant are listed by ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        The variants. ``None`` takes every block found by column prefix.
    estimator : scikit-learn classifier, optional
        Replaces the default model of every variant, see `BlockModel`.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    chosen_ : str
        The variant in use; the first of those whose losses are equal.
    losses_ : Series
        Index block: inner out-of-fold log loss of each variant.
    model_ : BlockModel
        Of the chosen variant.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
        Of the chosen variant. The choice saw them, so their loss is a little optimistic; the outer folds are not.
    oof_loss_ : float
    expected_logit_ : float or ndarray of shape (n_classes,)
    findings_ : list of str

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = pd.DataFrame({"radiomics_bw10__a": rng.normal(size=60), "radiomics_bw25__a": rng.normal(size=60) + 2 * y})
    >>> BlockChoice(["radiomics_bw10", "radiomics_bw25"]).fit(X, y).chosen_
    'radiomics_bw25'
    """

    def __init__(
        self, blocks: BlockSpec = None, *, estimator: Any = None, inner: int = 4, random_state: Any = 0
    ) -> None:
        self.blocks = blocks
        self.estimator = estimator
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit every variant and choose; see `BlockModel.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        estimators = None if self.estimator is None else dict.fromkeys(self.blocks_, self.estimator)
        models = fit_members(
            X, y, groups, blocks=self.blocks_, estimators=estimators, inner=self.inner, seed=training.seed
        )
        self.losses_, self.chosen_ = least_loss(models, tie=TIE)
        self.model_ = models[self.chosen_]
        self.oof_logits_, self.oof_loss_ = self.model_.oof_logits_, self.model_.oof_loss_
        self.expected_logit_ = self.model_.expected_logit_
        self.findings_ = [f"Variant {self.chosen_} was chosen (inner log loss {self.oof_loss_:.3f})."]
        self.findings_ += self.model_.findings_
        return self

    def _logits(self, cases: Cases) -> Array:
        return self.model_._logits(cases)

    def _contributions(self, cases: Cases) -> Array:
        return self.model_._contributions(cases)


def least_loss(models: Mapping[str, Any], *, tie: float) -> tuple[pd.Series, str]:
    """Return the inner out-of-fold loss of each fitted model, and the first whose loss is the least but for a tie.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> models = {"bw10": SimpleNamespace(oof_loss_=0.6), "bw25": SimpleNamespace(oof_loss_=0.5)}
    >>> least_loss(models, tie=1e-9)[1]
    'bw25'
    """
    of_models = {name: model.oof_loss_ for name, model in models.items()}
    losses = pd.Series(of_models, name="inner_loss").rename_axis("block")
    return losses, str(losses.index[np.flatnonzero(losses <= losses.min() + tie)[0]])
