"""Priority by offsets: each block may only add to what the blocks before it already say."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from hybridrad.models.absence import absent_blocks
from hybridrad.models.block_model import BlockModel, block_preparation
from hybridrad.models.case_classifier import (
    Array,
    CaseClassifier,
    Cases,
    Training,
    plain_expected,
    probabilities,
)
from hybridrad.models.members import fit_members
from hybridrad.models.nested_offsets import (
    OffsetFold,
    after_block,
    can_be_nested,
    first_logits,
    first_offsets,
    fit_on_offsets,
)
from hybridrad.models.priority_steps import Step, SumOfBlocks, judged_step, left_out, says_left_out
from hybridrad.models.ridge_logistic import case_losses
from hybridrad.models.ridge_path import RidgeFit, fit_ridge


class PriorityFusion(SumOfBlocks, CaseClassifier):
    """Fit the blocks one after the other, each on top of the logit of those before it: what does imaging add?

    The first block is a `BlockModel`. Every later one is the same ridge logistic regression with the out-of-fold logit
    of the blocks before it as a fixed offset, so that it explains only what they leave open. A block is kept if it
    lowers the out-of-fold log loss, by more than ``se_factor`` standard errors of the difference (over patients);
    otherwise it adds nothing and the next block is tried. ``steps_`` is the answer, step by step.

    Where a block is missing for a case (all its columns), its term is left out (of the first block the expected logit
    stays), see ``missing_blocks``.

    Parameters
    ----------
    blocks : None, list of str, or dict
        In order of priority. ``None`` takes every block found by column prefix: clinical, size, radiomics, deep, then
        the others as they come.
    se_factor : float, default 0.0
        0 or more. 1 asks for a clearer gain and gives smaller models, at a price in small cohorts, see Notes.
    offsets : {"stacked", "nested"}, default "stacked"
        How offsets are made, see Notes.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    steps_ : DataFrame
        Index block, in order; columns ``loss_before`` and ``loss_after`` (out-of-fold log loss; before the first block
        that of the prevalence), ``gain``, ``se``, ``kept`` and ``penalty`` (C). The first block is always kept.
    fits_ : dict
        Block name -> `BlockModel` for the first block, `RidgeFit` of the further ones that were kept.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)
    findings_ : list of str
        The blocks that were left out, and whether the cohort was too small for nested offsets.

    Notes
    -----
    Offsets are out-of-fold, because a logit fitted to the same cases would leave later blocks nothing to explain. With
    ``"stacked"`` offsets the one of a training case was learned with the labels of all other folds, also of the fold
    on which the next block is then judged. With ``"nested"`` ones the blocks before are refitted within the training
    rows of every inner fold, so that no label of the rows that are judged is in any offset, at the price of offsets
    learned on fewer patients. In both, the penalty of a block is chosen by the very losses that are printed. The outer
    folds judge the procedure. In simulations (``benchmarks/priority_offsets.md``) neither was better in AUC or log loss
    beyond chance; nesting took 2.1 to 2.8 times as long, and kept blocks that add nothing about as often.

    The intercept of a later block counts from the level that the offsets alone would take in the same rows. A free one
    takes up what the left-out rows told the stacked offsets of the others, the wrong way round: with 90 cases of 30
    patients, made up, the gain of a later block was told 0.01 of log loss too low, and a useful one was kept in 0.55 of
    40 draws instead of 0.93. None at all would be wrong where classes differ in size, for a logit that tells more also
    needs another level: the log loss at a prevalence of 0.2 was 0.017 higher (160 patients, made up, 14 fits). On
    breast ultrasound it was lower, for a reason not found (``benchmarks/RESULTS_fusion.md``).

    Trained on 40 patients (10 draws of the breast ultrasound and fracture cohorts of the benchmarks, tested on the
    others), ``se_factor`` 0 and 1 gave an AUC of 0.840 and 0.767, and of 0.640 and 0.602: good blocks were left out. On
    nodules (6 draws) 1 was better, 0.917 and 0.923. In simulations with 150 patients it went both ways, from 0.014 in
    favour of 1 to 0.036 against it. The default was chosen on these data, with a free intercept of later blocks, and
    not confirmed on others.

    References
    ----------
    Klau et al., BMC Bioinformatics 19:322, 2018, doi:10.1186/s12859-018-2344-6 (priority-Lasso; here with ridge).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 60)
    >>> X = pd.DataFrame({"clinical__age": rng.normal(size=120) + y, "radiomics__a": rng.normal(size=120) + 2 * y})
    >>> X["deep__0"] = rng.normal(size=120)
    >>> PriorityFusion(se_factor=1.0).fit(X, y).steps_["kept"].to_dict()
    {'clinical': True, 'radiomics': True, 'deep': False}
    """

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the blocks in their order; see `BlockModel.fit`."""
        training: Training = self._begin(X, y, groups)
        (first, positions), *later = self.blocks_.items()
        base = fit_members(
            X, y, groups, blocks={first: positions}, estimators=None, inner=self.inner, seed=training.seed
        )[first]
        assert isinstance(base.fit_, RidgeFit)
        self.fits_: dict[str, BlockModel | RidgeFit] = {first: base}
        share = np.bincount(training.y, minlength=training.n_classes) / len(training.y)
        prevalence = np.log(share[1] / share[0]) if training.n_classes == 2 else np.log(share)
        before = np.broadcast_to(prevalence, base.oof_logits_.shape)
        logits = first_logits(
            base.fit_,
            training.cases.values[:, positions],
            training.y,
            training.groups,
            n_classes=training.n_classes,
            folds=training.folds,
            preparation=block_preparation(training, first, positions),
        )
        rows = [_step(before, logits, training, kept=True, penalty=base.fit_.penalty)]
        self.findings_: list[str] = []
        offsets = self._first_offsets(training, first, positions, logits) if later else None
        absent = absent_blocks(training.cases.values, self.blocks_)
        for b, (name, positions) in enumerate(later, start=1):
            fit = _on_top(training, name, positions, logits, offsets)
            added = left_out(fit.oof_logits, absent[:, b])
            step = _step(logits, logits + added, training, kept=self.se_factor, penalty=fit.penalty)
            rows.append(step)
            if step.kept:
                self.fits_[name] = fit
                logits = logits + added
                if offsets is not None and name != later[-1][0]:
                    offsets = after_block(
                        training.cases.values[:, positions],
                        training.y,
                        training.groups,
                        n_classes=training.n_classes,
                        offsets=offsets,
                        preparation=block_preparation(training, name, positions),
                        oof_logits=added,
                    )
            else:
                self.findings_.append(says_left_out(name, step, loss="log loss"))
        self.steps_ = pd.DataFrame(rows, index=pd.Index(self.blocks_, name="block"))
        self.oof_logits_ = logits
        expected = [np.atleast_1d(base.expected_logit_)]
        expected += [fit.expected_logit for fit in self.fits_.values() if isinstance(fit, RidgeFit)]
        self.expected_logit_ = plain_expected(np.sum(expected, axis=0))
        return self

    def _first_offsets(
        self, training: Training, first: str, positions: NDArray[np.intp], logits: Array
    ) -> list[OffsetFold] | None:
        """Return nested offsets after the first block; None where they are not wanted or cannot be had."""
        if self.offsets == "stacked":
            return None
        if not can_be_nested(training.y, training.groups, training.folds):
            self.findings_.append(
                "Offsets are stacked, not nested: some inner training part holds a single patient of a class."
            )
            return None
        return first_offsets(
            training.cases.values[:, positions],
            training.y,
            training.groups,
            n_classes=training.n_classes,
            folds=training.folds,
            preparation=block_preparation(training, first, positions),
            oof_logits=logits,
            inner=self.inner,
            seed=training.seed,
        )

    def staged_predict_proba(self, X: Any) -> dict[str, Array]:
        """Return block -> probabilities with this block and those before it, shape (n_cases, n_classes).

        A block that was left out changes nothing. The last ones are those of ``predict_proba``.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        """
        check_is_fitted(self)
        return {name: probabilities(logits) for name, logits in self._stages(self._read(X)).items()}

    def _logits(self, cases: Cases) -> Array:
        return self._total(cases)

    def _added(self, fit: RidgeFit, X: Array) -> Array:
        return fit.logits(X)

    def _reference(self, fit: RidgeFit) -> Array:
        return fit.expected_logit


def _on_top(
    training: Training, name: str, positions: NDArray[np.intp], logits: Array, offsets: list[OffsetFold] | None
) -> RidgeFit:
    """Fit a block on top of the logits of those before it."""
    values, preparation = training.cases.values[:, positions], block_preparation(training, name, positions)
    if offsets is not None:
        return fit_on_offsets(
            values,
            training.y,
            training.groups,
            n_classes=training.n_classes,
            offsets=offsets,
            preparation=preparation,
        )
    return fit_ridge(
        values,
        training.y,
        training.groups,
        n_classes=training.n_classes,
        folds=training.folds,
        preparation=preparation,
        offset=logits,
    )


def _step(before: Array, after: Array, training: Training, *, kept: bool | float, penalty: float) -> Step:
    losses = case_losses(before, training.y), case_losses(after, training.y)
    return judged_step(*losses, training.groups, kept=kept, penalty=penalty)
