"""Random forest over a path of settings: a smaller forest is the beginning of a larger one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from hybridrad._checks import check_choice
from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.path_design import PathDesign, path_design
from hybridrad.models.settings_path import Setting, TunedClassifier


class TunedForest(TunedClassifier):
    """Random forest or extremely randomised trees; number of trees and size of leaves chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockModel`. Forests that differ in their number of trees alone
    are grown once: scikit-learn's forest of 50 trees is the beginning of its forest of 200 with the same seed.

    Parameters
    ----------
    kind : {"random", "extra"}, default "random"
    n_estimators : tuple of int, default (50, 100, 150, 200)
    min_samples_leaf : tuple of int, default (1, 3, 5, 10, 20)
    max_features : tuple, default ("sqrt",)
        Columns tried per split, as scikit-learn takes them.
    n_columns : int or None, default 100
        Columns kept: those whose ranks separate the classes best. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds and the trees.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner log loss.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    classes_ : ndarray

    Notes
    -----
    A probability of 0 or 1 has no logit; probabilities are held half a tree away from both.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 4)) + 2.0 * y[:, None]
    >>> model = TunedForest(n_estimators=(5, 10), min_samples_leaf=(1, 5)).fit(X, y)
    >>> len(model.losses_), bool(model.score(X, y) > 0.9)
    (4, True)
    """

    def __init__(
        self,
        *,
        kind: Literal["random", "extra"] = "random",
        n_estimators: Sequence[int] = (50, 100, 150, 200),
        min_samples_leaf: Sequence[int] = (1, 3, 5, 10, 20),
        max_features: Sequence[Any] = ("sqrt",),
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.kind = kind
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings, from large leaves to small ones."""
        return forest_settings(self)

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedForests:
        """Grow one forest for all settings that differ in their number of trees alone."""
        check_choice(self.kind, ["random", "extra"], name="kind")
        maker = RandomForestClassifier if self.kind == "random" else ExtraTreesClassifier
        design = path_design(training, n_columns=self.n_columns)
        rows = design.rows.astype(np.float32)  # what the trees work in; converted once
        forests = {
            key: maker(
                n_estimators=trees, max_features=key[0], min_samples_leaf=key[1], random_state=training.seed
            ).fit(rows, training.y)
            for key, trees in largest_forests(settings).items()
        }
        return FittedForests(design, list(settings), forests, training.n_classes)


@dataclass(frozen=True)
class FittedForests:
    """The largest forest of each kind, and the settings that are beginnings of them."""

    design: PathDesign
    settings: list[Setting]
    forests: dict[tuple[Any, int], Any]
    n_classes: int

    def probabilities(self, cases: Cases) -> Array:
        """Return the mean probabilities of the first trees, shape (n_settings, n_cases, n_classes)."""
        rows = self.design.of(cases).astype(np.float32)
        return means_of_first_trees(
            self.settings, self.forests, lambda tree: tree.predict_proba(rows, check_input=False)
        )

    def scores(self, cases: Cases) -> Array:
        """Return the logits of the probabilities."""
        half = np.array([0.5 / s["n_estimators"] for s in self.settings])[:, None, None]
        logs = np.log(np.clip(self.probabilities(cases), half, 1.0 - half))
        return logs[..., 1] - logs[..., 0] if self.n_classes == 2 else logs - logs.mean(axis=2, keepdims=True)

    @property
    def expected(self) -> Array:
        """There is none."""
        return np.array([np.nan])

    def contributions(self, cases: Cases) -> Array:
        """Refused: contributions of trees add up to the mean probability, not to its logit."""
        raise NotImplementedError("a forest has no exact additive contributions to its logit.")


def forest_settings(model: Any) -> list[Setting]:
    """Return the settings of a model that has the arguments of `TunedForest`, from large leaves to small ones."""
    return [
        {"max_features": features, "min_samples_leaf": int(leaf), "n_estimators": int(trees)}
        for features in model.max_features
        for leaf in sorted(model.min_samples_leaf, reverse=True)
        for trees in sorted(model.n_estimators)
    ]


def largest_forests(settings: Sequence[Setting]) -> dict[tuple[Any, int], int]:
    """Return how many trees the largest forest of each kind has, of which the others are the beginning."""
    largest: dict[tuple[Any, int], int] = {}
    for setting in settings:
        key = _grown_as(setting)
        largest[key] = max(largest.get(key, 0), setting["n_estimators"])
    return largest


def means_of_first_trees(
    settings: Sequence[Setting], forests: Mapping[tuple[Any, int], Any], answer: Callable[[Any], Array]
) -> Array:
    """Return the mean answer of the first trees of a forest for each setting, shape (n_settings, n_cases, ...)."""
    means: dict[int, Array] = {}
    for key, forest in forests.items():
        wanted = {i: s["n_estimators"] for i, s in enumerate(settings) if _grown_as(s) == key}
        total: Any = 0.0
        for grown, tree in enumerate(forest.estimators_, start=1):
            total = total + answer(tree)
            means |= {i: total / grown for i, trees in wanted.items() if trees == grown}
    return np.stack([means[i] for i in range(len(settings))])


def _grown_as(setting: Setting) -> tuple[Any, int]:
    return setting["max_features"], setting["min_samples_leaf"]
