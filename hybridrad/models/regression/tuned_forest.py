"""Random forest of values over a path of settings: a smaller forest is the beginning of a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from hybridrad._checks import check_choice
from hybridrad.models.case_model import Array, Cases
from hybridrad.models.case_outcome import OutcomeTraining
from hybridrad.models.outcome_path import TunedOutcome
from hybridrad.models.path_design import PathDesign, path_design
from hybridrad.models.regression.regressors import CaseRegressor
from hybridrad.models.regression.rescaled import Rescaled, level_and_scale
from hybridrad.models.settings_path import Setting
from hybridrad.models.tuned_forest import forest_settings, largest_forests, means_of_first_trees


class TunedForestRegressor(CaseRegressor, TunedOutcome):
    """Random forest or extremely randomised trees; number of trees and size of leaves chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockRegressor`. Forests that differ in their number of trees
    alone are grown once: scikit-learn's forest of 50 trees is the beginning of its forest of 200 with the same seed.
    Trees are grown for y in standard deviations from its mean, so that its unit does not matter.

    Parameters
    ----------
    kind : {"random", "extra"}, default "random"
    n_estimators : tuple of int, default (50, 100, 150, 200)
    min_samples_leaf : tuple of int, default (1, 3, 5, 10, 20)
    max_features : tuple, default (1/3,)
        Columns tried per split, as scikit-learn takes them.
    n_columns : int or None, default 100
        Columns kept: those whose ranks follow the ranks of y most closely. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds and the trees.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner mean squared error.
    oof_predictions_ : ndarray of shape (n_train,)

    Raises
    ------
    ValueError
        From ``fit``: ``kind`` is unknown, or there are no settings.

    References
    ----------
    Breiman, Machine Learning 45:5-32, 2001, doi:10.1023/A:1010933404324; Geurts, Ernst & Wehenkel, Machine Learning
    63:3-42, 2006, doi:10.1007/s10994-006-6226-1.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(60, 4))
    >>> y = X[:, 0] + X[:, 1]
    >>> model = TunedForestRegressor(n_estimators=(10, 20), min_samples_leaf=(1, 5)).fit(X, y)
    >>> len(model.losses_), bool(model.score(X, y) > 0.7)
    (4, True)
    """

    def __init__(
        self,
        *,
        kind: Literal["random", "extra"] = "random",
        n_estimators: Sequence[int] = (50, 100, 150, 200),
        min_samples_leaf: Sequence[int] = (1, 3, 5, 10, 20),
        max_features: Sequence[Any] = (1 / 3,),
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

    def fit_settings(self, training: OutcomeTraining, settings: Sequence[Setting]) -> Rescaled:
        """Grow one forest for all settings that differ in their number of trees alone."""
        check_choice(self.kind, ["random", "extra"], name="kind")
        maker = RandomForestRegressor if self.kind == "random" else ExtraTreesRegressor
        design = path_design(training, n_columns=self.n_columns, outcome=self._outcome)
        rows = design.rows.astype(np.float32)  # what the trees work in; converted once
        # scikit-learn's trees split no node whose variance is below 2e-16, whatever the unit of y.
        level, scale = level_and_scale(training.y)
        forests = {
            key: maker(
                n_estimators=trees, max_features=key[0], min_samples_leaf=key[1], random_state=training.seed
            ).fit(rows, (training.y - level) / scale)
            for key, trees in largest_forests(settings).items()
        }
        return Rescaled(FittedValueForests(design, list(settings), forests), level, scale)


@dataclass(frozen=True)
class FittedValueForests:
    """The largest forest of each kind, and the settings that are beginnings of them."""

    design: PathDesign
    settings: list[Setting]
    forests: dict[tuple[Any, int], Any]

    def scores(self, cases: Cases) -> Array:
        """Return the mean answer of the first trees, shape (n_settings, n_cases)."""
        rows = self.design.of(cases).astype(np.float32)
        return means_of_first_trees(self.settings, self.forests, lambda tree: tree.predict(rows, check_input=False))

    @property
    def expected(self) -> Array:
        """There is none."""
        return np.array([np.nan])

    def contributions(self, cases: Cases) -> Array:
        """Refused: they are not computed."""
        raise NotImplementedError("a forest gives no contributions here.")
