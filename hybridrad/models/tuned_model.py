"""Any scikit-learn classifier with a grid: every setting is cloned and fitted, the inner folds choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from hybridrad.models.any_estimator import fit_clone, own_contributions, own_findings
from hybridrad.models.block_model import own_logits
from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.settings_path import Setting, TunedClassifier


class TunedModel(TunedClassifier):
    """A classifier of any maker (also a Pipeline) and the settings its inner folds choose from, by log loss.

    Unlike a ``GridSearchCV`` inside ``BlockModel``, which is searched anew in every inner fold, the settings are fitted
    once per inner fold: the same folds choose the setting and give the out-of-fold logits of the block, as with the
    default model. Logits are calibrated by a slope and an intercept before settings are compared.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Gets the columns as they come.
    grid : dict or list of dict
        As for scikit-learn's ``ParameterGrid``; of equal settings the first is taken, so begin with the simplest.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds; the estimator has its own.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner log loss.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    classes_ : ndarray

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 2)) + 2.0 * y[:, None]
    >>> TunedModel(KNeighborsClassifier(), {"n_neighbors": [15, 1]}).fit(X, y).setting_
    {'n_neighbors': 15}
    """

    def __init__(
        self,
        estimator: Any,
        grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
        *,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.grid = grid
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings of the grid, in its order."""
        return list(ParameterGrid(self.grid))

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedClones:
        """Clone and fit each setting."""
        groups = training.groups if training.grouped else None
        fitted = [
            fit_clone(clone(self.estimator).set_params(**setting), training.cases.table, training.y, groups=groups)
            for setting in settings
        ]
        return FittedClones(fitted, training.n_classes)


@dataclass(frozen=True)
class FittedClones:
    """One fitted estimator per setting."""

    estimators: list[Any]
    n_classes: int

    def scores(self, cases: Cases) -> Array:
        """Return the estimators' own logits."""
        return np.stack([own_logits(e, cases.table, self.n_classes) for e in self.estimators])

    @property
    def findings(self) -> list[str]:
        """What the estimator of the first setting says of its own departures."""
        return own_findings(self.estimators[0])

    @property
    def expected(self) -> Array:
        """The estimator's own reference; NaN if it has none."""
        last = self.estimators[0].steps[-1][1] if hasattr(self.estimators[0], "steps") else self.estimators[0]
        return np.atleast_1d(getattr(last, "expected_logit_", np.nan))

    def contributions(self, cases: Cases) -> Array:
        """Return the estimator's own contributions if it gives any."""
        own = own_contributions(self.estimators[0], cases.table)
        return own[:, :, None] if own.ndim == 2 else own
