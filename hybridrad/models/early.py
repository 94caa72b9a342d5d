"""Early fusion with balanced blocks: each block reduced to a few components of equal inertia, then one model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import svd

from hybridrad.features.blocks import BlockSpec
from hybridrad.models.case_classifier import SIZE_BLOCK, Array, CaseClassifier, Cases, plain_expected
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_path import fit_ridge

CLINICAL_BLOCK = "clinical"  # few columns that mean something each: not rotated
MOST_COMPONENTS = 10
EVENTS_PER_COMPONENT = 5
REDUNDANT = 0.9  # absolute correlation
# Components of a block share an inertia of 1, so they are smaller than scaled columns and need weaker penalties.
PENALTIES: tuple[float, ...] = tuple(float(c) for c in np.geomspace(1e-3, 300.0, 12))


class EarlyFusion(CaseClassifier):
    """Concatenate blocks after each was reduced to a few components and given the same weight.

    Per block: impute, skewness transform, scale, drop columns that follow another (absolute correlation above 0.9),
    principal components (at most 10, and at most one per 5 B patients of the smallest class with B blocks; none for
    the block ``clinical``), divided by the root of the mean squared row norm, so that every block has inertia 1. Then
    L2 penalised logistic regression, C by the patient-grouped inner folds, in each of which all this is refitted.

    Parameters
    ----------
    blocks : None, list of str, or dict
        ``None`` takes every block found by column prefix.
    inner : int, default 4
    random_state : int, default 0

    Attributes
    ----------
    fit_ : RidgeFit
    n_components_ : dict
        Block name -> number of components.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 22)) + 2.0 * y[:, None]
    >>> EarlyFusion({"a": [0, 1], "b": slice(2, 22)}).fit(X, y).n_components_
    {'a': 2, 'b': 3}
    """

    def __init__(self, blocks: BlockSpec = None, *, inner: int = 4, random_state: Any = 0) -> None:
        self.blocks = blocks
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases; see `BlockModel.fit`."""
        training = self._start(X, y, groups, blocks=self.blocks)
        preparation = BalancedPreparation(blocks=self.blocks_, categorical=training.categorical)
        self.fit_ = fit_ridge(
            training.cases.values,
            training.y,
            training.groups,
            n_classes=training.n_classes,
            folds=training.folds,
            preparation=preparation,
            penalties=PENALTIES,
        )
        fitted = self.fit_.preparation
        assert isinstance(fitted, BalancedPreparation)
        self.n_components_ = fitted.n_components_
        self.oof_logits_ = self.fit_.oof_logits
        self.expected_logit_ = plain_expected(self.fit_.expected_logit)
        self.findings_: list[str] = []
        return self

    def _logits(self, cases: Cases) -> Array:
        return self.fit_.logits(cases.values)

    def _contributions(self, cases: Cases) -> Array:
        return self.fit_.contributions(cases.values)


class BalancedPreparation:
    """Prepare every block by its columns and rotate it to a few components of inertia 1.

    Parameters
    ----------
    blocks : dict
        Block name -> positions.
    categorical : bool ndarray of shape (n_columns,)
    informative : callable
        Of targets and patients: how many patients there are to learn from, those of the smallest class by default.
    """

    def __init__(
        self,
        *,
        blocks: dict[str, NDArray[np.intp]],
        categorical: NDArray[np.bool_],
        informative: Callable[[NDArray[Any], NDArray[np.intp]], int] | None = None,
    ) -> None:
        self.blocks = blocks
        self.categorical = categorical
        self.informative = smallest_class if informative is None else informative

    def fresh(self) -> Self:
        """Return an unfitted copy."""
        return type(self)(blocks=self.blocks, categorical=self.categorical, informative=self.informative)

    def fit(self, X: Array, y: NDArray[Any], groups: NDArray[np.intp]) -> Self:
        """Learn columns and components from training rows; ``y`` and ``groups`` only count patients."""
        n_events = self.informative(y, groups)
        allowed = max(1, min(MOST_COMPONENTS, n_events // (EVENTS_PER_COMPONENT * len(self.blocks))))
        self.prepared_: dict[str, ColumnPreparation] = {}
        sources, rotations = [], []
        for name, positions in self.blocks.items():
            log = np.full(len(positions), name == SIZE_BLOCK)
            columns = ColumnPreparation(categorical=self.categorical[positions], log=log).fit(X[:, positions])
            scaled = columns.scaled(X[:, positions])
            self.prepared_[name] = columns
            sources.append(positions[columns.sources_])
            rotations.append(_components(scaled, None if name == CLINICAL_BLOCK else allowed))
        self.sources_ = np.concatenate(sources)
        self.n_components_ = {name: r.shape[1] for name, r in zip(self.blocks, rotations, strict=True)}
        self.rotation_: Array | None = _block_diagonal(rotations)
        return self

    def scaled(self, X: Array) -> Array:
        """Return the prepared columns of all blocks, before rotation."""
        return np.hstack([self.prepared_[name].scaled(X[:, positions]) for name, positions in self.blocks.items()])


def smallest_class(y: NDArray[np.intp], groups: NDArray[np.intp]) -> int:
    """Return the number of patients of the smallest class.

    Examples
    --------
    >>> smallest_class(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]))
    1
    """
    pairs = np.unique(np.column_stack([groups, y]), axis=0)
    return int(np.bincount(pairs[:, 1]).min())


def _components(scaled: Array, allowed: int | None) -> Array:
    """Return the matrix from scaled columns to components of inertia 1; as it is where ``allowed`` is None."""
    n_columns = scaled.shape[1]
    if n_columns == 0:
        return np.zeros((0, 0))
    if allowed is None:
        return np.eye(n_columns) / _inertia(scaled)
    kept = distinct_columns(scaled)
    _, s, vt = svd(scaled[:, kept], full_matrices=False)
    rank = int((s > 1e-10 * s[0]).sum())
    rotation = np.zeros((n_columns, min(allowed, rank)))
    rotation[kept] = vt[: rotation.shape[1]].T
    return rotation / _inertia(scaled @ rotation)


def _inertia(columns: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(columns**2, axis=1))))


def distinct_columns(scaled: Array, *, threshold: float = REDUNDANT) -> NDArray[np.intp]:
    """Return the columns to keep so that no two have an absolute correlation above ``threshold``.

    Greedy, from the column least related to the others to the one most related. The order depends on values alone, not
    on where a column stands or which row comes first.

    Examples
    --------
    >>> x = np.array([-1.0, -1.0, 1.0, 1.0])
    >>> distinct_columns(np.column_stack([x, x, np.array([-1.0, 1.0, -1.0, 1.0])])).tolist()
    [0, 2]
    """
    correlation = np.abs(scaled.T @ scaled) / len(scaled)
    keys = (np.round((scaled**3).mean(axis=0), 9), np.round((scaled**4).mean(axis=0), 9))
    order = np.lexsort((*keys, np.round(correlation.mean(axis=0), 9)))
    free = np.ones(len(order), dtype=bool)
    kept = []
    for column in order:
        if free[column]:
            kept.append(column)
            free &= correlation[column] <= threshold
    return np.sort(np.array(kept, dtype=np.intp))


def _block_diagonal(parts: list[Array]) -> Array:
    out = np.zeros((sum(p.shape[0] for p in parts), sum(p.shape[1] for p in parts)))
    row = column = 0
    for part in parts:
        out[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return out
