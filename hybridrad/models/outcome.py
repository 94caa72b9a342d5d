"""What a model needs to know of what it predicts, so that regression and survival share all of their models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrad.models.simplex import ConvexPool

Array = NDArray[np.float64]
Target = NDArray[Any]  # one value, or one event and time, for each case


class Outcome(Protocol):
    """A kind of target with the loss that is minimised for it; predictions are one number for each case.

    Losses are sums of terms: one for each case of a regression, one for each event of a survival. ``penalties`` and
    ``balanced_penalties`` (of blocks with inertia 1) weigh half the squared norm of the coefficients, descending.
    """

    name: str
    penalties: tuple[float, ...]
    balanced_penalties: tuple[float, ...]

    def read(self, y: ArrayLike) -> Target:
        """Return checked targets as an array with one entry per case."""

    def strata(self, y: Target, groups: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the stratum of each case, the same for all cases of a patient, that inner folds are balanced by."""

    def signal(self, y: Target) -> Array:
        """Return one number for each case, shape (n_cases,), that the ranks of a useful column follow."""

    def path(
        self, design: Array, y: Target, penalties: Sequence[float], *, offset: Array | None = None
    ) -> tuple[Array, Array]:
        """Return coefficients (n_penalties, n_columns) and intercepts (n_penalties,).

        ``offset`` (n_cases,) is what is predicted already; the model adds to it.
        """

    def held_out_loss(self, predictions: Array, y: Target, train: NDArray[np.intp], test: NDArray[np.intp]) -> float:
        """Return the loss of a fold's cases that were left out, given predictions for all cases; a sum of terms."""

    def terms(self, y: Target) -> Array:
        """Return how many terms of a loss each case brings, shape (n_cases,)."""

    def n_terms(self, y: Target) -> int:
        """Return how many terms a loss of these cases is the sum of."""

    def case_losses(self, predictions: Array, y: Target) -> Array:
        """Return what each case brings to the loss, shape (n_cases,); the sum over all terms is the mean loss."""

    def loss(self, predictions: Array, y: Target) -> float:
        """Return the mean loss of pooled out-of-fold predictions."""

    def null_loss(self, y: Target) -> float:
        """Return the mean loss of a prediction that is the same for all."""

    def shrink(self, predictions: Array, y: Target, *, own_scale: bool) -> tuple[float, float]:
        """Return slope and intercept that make out-of-fold predictions best.

        The slope is positive, and at most 1 unless the predictions have a scale of their own (``own_scale``).
        """

    def pool(self, predictions: Array, y: Target, *, shrinkage: float, counts: NDArray[np.intp]) -> ConvexPool:
        """Return the mean loss of pooled predictions (n_cases, n_members), each case as often as counted, shrunk.

        ``shrinkage`` times the squared distance of the weights from equal ones is added.
        """
