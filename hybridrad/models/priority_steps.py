"""What models by priority share, whatever they predict: order of blocks, verdict on a step, sum of terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_choice
from hybridrad.features.blocks import BlockSpec
from hybridrad.models.absence import SaysWhatIsMissing, absent_blocks
from hybridrad.models.case_model import CLINICAL_BLOCK, SIZE_BLOCK, Array, Cases
from hybridrad.models.present import average_answer, own_answer

# Cheap before costly: what every patient has, what a ruler gives, what takes software, what takes a network.
ORDER = (CLINICAL_BLOCK, SIZE_BLOCK, "radiomics", "deep")


def in_order(blocks: Mapping[str, NDArray[np.intp]]) -> dict[str, NDArray[np.intp]]:
    """Return the blocks from cheap to costly, those of other names last and as they come.

    Examples
    --------
    >>> list(in_order({"adc": np.array([0]), "deep": np.array([1]), "size": np.array([2])}))
    ['size', 'deep', 'adc']
    """
    ranks = {name: ORDER.index(name) if name in ORDER else len(ORDER) for name in blocks}
    return {name: blocks[name] for name in sorted(blocks, key=ranks.__getitem__)}


class Step(NamedTuple):
    """What a block does to the mean out-of-fold loss, and whether it was kept."""

    loss_before: float
    loss_after: float
    gain: float
    se: float
    kept: bool
    penalty: float


def judged_step(
    before: Array,
    after: Array,
    groups: NDArray[np.intp],
    *,
    kept: bool | float,
    penalty: float,
    terms: Array | None = None,
) -> Step:
    """Return what a block does to the loss.

    Parameters
    ----------
    before, after : ndarray of shape (n_cases,)
        What each case brings to the loss without the block and with it.
    groups : int ndarray of shape (n_cases,)
        Patients, from 0.
    kept : bool or float
        The verdict, or the number of standard errors of the fall that it takes.
    penalty : float
    terms : ndarray of shape (n_cases,), optional
        How many terms of the loss each case brings (survival: its events); one each by default.

    Examples
    --------
    >>> judged_step(np.array([2.0, 3.0, 4.0]), np.array([1.0, 2.0, 2.0]), np.arange(3), kept=1.0, penalty=0.1).kept
    True
    """
    n_terms = len(before) if terms is None else terms.sum()
    fall = before - after
    gain, se = float(fall.sum() / n_terms), clustered_standard_error(fall, groups, terms=terms)
    verdict = kept if isinstance(kept, bool) else gain > kept * se
    return Step(float(before.sum() / n_terms), float(after.sum() / n_terms), gain, se, verdict, penalty)


def clustered_standard_error(values: Array, groups: NDArray[np.intp], *, terms: Array | None = None) -> float:
    """Return the standard error of a mean when patients, not cases, are the independent units.

    The mean is the sum of ``values`` divided by the sum of ``terms``, which are 1 for each case by default.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 4.0])
    >>> round(clustered_standard_error(values, np.arange(4)), 6), round(float(values.std(ddof=1)) / 2, 6)
    (0.645497, 0.645497)
    >>> round(clustered_standard_error(values.repeat(2), np.arange(8) // 2), 6)
    0.645497
    """
    terms = np.ones(len(values)) if terms is None else terms
    sums = np.bincount(groups, weights=values - values.sum() / terms.sum() * terms)
    n_patients = len(sums)
    return float(np.sqrt(n_patients / (n_patients - 1) * np.sum(sums**2)) / terms.sum())


def says_left_out(name: str, step: Step, *, loss: str) -> str:
    """Return the finding that a block was not kept.

    Examples
    --------
    >>> says_left_out("deep", Step(0.5, 0.499, 0.001, 0.01, False, 1.0), loss="log loss")[:46]
    'Block deep was left out: it adds too little to'
    """
    return (
        f"Block {name} was left out: it adds too little to the blocks before it (out-of-fold {loss} "
        f"{step.loss_before:.5g} before and {step.loss_after:.5g} with it, standard error {step.se:.2g})."
    )


def left_out(answers: Array, gone: NDArray[np.bool_], *, instead: Any = 0.0) -> Array:
    """Return answers, ``instead`` where a case lacks the block they are about.

    Examples
    --------
    >>> left_out(np.array([0.5, 2.0]), np.array([False, True])).tolist()
    [0.5, 0.0]
    """
    if not gone.any():
        return answers
    out = answers.copy()
    out[gone] = instead
    return out


class SumOfBlocks(SaysWhatIsMissing):
    """A model whose answer is the first block's and what the later ones add; mixed into models by priority.

    ``fits_`` holds the block model of the first block and linear fits of the further ones that were kept.
    """

    fits_: dict[str, Any]
    n_features_in_: int

    def __init__(
        self,
        blocks: BlockSpec = None,
        *,
        se_factor: float = 0.0,
        offsets: Literal["stacked", "nested"] = "stacked",
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.blocks = blocks
        self.se_factor = se_factor
        self.offsets = offsets
        self.inner = inner
        self.random_state = random_state

    def _begin(self, X: Any, y: ArrayLike, groups: ArrayLike | None) -> Any:
        """Check the settings, put the blocks in order and return the training cases."""
        if not self.se_factor >= 0:
            raise ValueError(f"se_factor must be 0 or more, got {self.se_factor!r}.")
        check_choice(self.offsets, ["stacked", "nested"], name="offsets")
        training = self._start(X, y, groups, blocks=self.blocks)  # type: ignore[attr-defined]
        if self.blocks is None:
            self.blocks_ = in_order(self.blocks_)
        return training

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks a block, for findings."""
        return "the other blocks answered without its term"

    def _added(self, fit: Any, X: Array) -> Array:
        """Return what a linear fit adds."""
        raise NotImplementedError

    def _reference(self, fit: Any) -> Any:
        """Return what a linear fit adds for the training mean."""
        raise NotImplementedError

    def _is_first(self, name: str) -> bool:
        return name == next(iter(self.blocks_))

    def _of_block(self, name: str, cases: Cases) -> Array:
        """Return what a block adds: nothing where it is missing, and the first block there its expected answer."""
        fit, gone = self.fits_[name], self._gone(name, cases)
        if self._is_first(name):
            return left_out(own_answer(fit)(cases), gone, instead=average_answer(fit))
        return left_out(self._added(fit, cases.values[:, self.blocks_[name]]), gone)

    def _total(self, cases: Cases) -> Array:
        return np.sum([self._of_block(name, cases) for name in self.fits_], axis=0)

    def _stages(self, cases: Cases) -> dict[str, Array]:
        """Return block -> answer with this block and those before it; one that was left out changes nothing."""
        staged: dict[str, Array] = {}
        total: Any = 0.0
        for name in self.blocks_:
            if name in self.fits_:
                total = total + self._of_block(name, cases)
            staged[name] = total
        return staged

    def _gone(self, name: str, cases: Cases) -> NDArray[np.bool_]:
        return absent_blocks(cases.values, {name: self.blocks_[name]})[:, 0]

    def _contributions(self, cases: Cases) -> Array:
        n_outputs = np.size(average_answer(self.fits_[next(iter(self.blocks_))]))
        out = np.zeros((len(cases.values), self.n_features_in_, n_outputs))
        for name, fit in self.fits_.items():
            positions, gone = self.blocks_[name], self._gone(name, cases)
            if self._is_first(name):
                out += left_out(fit._contributions(cases), gone)
            else:
                # Without the block its reference is missing too; its columns bear that.
                missing = -np.atleast_1d(self._reference(fit)) / len(positions)
                own = fit.contributions(cases.values[:, positions])
                out[:, positions] += left_out(own, gone, instead=missing)
        return out
