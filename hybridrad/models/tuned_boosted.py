"""Gradient boosted trees over a path of settings: fewer rounds are the beginning of more rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad._checks import require
from hybridrad.models.boosted import tree_settings
from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.path_design import PathDesign, path_design
from hybridrad.models.settings_path import Setting, TunedClassifier


class TunedBoostedTrees(TunedClassifier):
    """XGBoost; rounds, depth and learning rate chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockModel`; missing values are imputed. All numbers of rounds of
    one depth and rate come from one booster, of which the smaller ones are the beginning. Rows and columns per tree and
    the penalties are those of `BoostedTrees`.

    Parameters
    ----------
    n_estimators : tuple of int, default (25, 50, 100, 150, 200)
    max_depth : tuple of int, default (1, 2)
    learning_rate : tuple of float, default (0.03, 0.1)
    subsample, colsample : float, default 0.7, 0.5
        Share of rows, and of columns, per tree.
    min_child_weight : float, default 3.0
    reg_lambda : float, default 5.0
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
    expected_logit_ : float or ndarray of shape (n_classes,)
    classes_ : ndarray

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 40)
    >>> X = rng.normal(size=(80, 4)) + 2.0 * y[:, None]
    >>> model = TunedBoostedTrees(n_estimators=(5, 20)).fit(X, y)
    >>> len(model.losses_), bool(model.score(X, y) > 0.9)
    (8, True)
    """

    def __init__(
        self,
        *,
        n_estimators: Sequence[int] = (25, 50, 100, 150, 200),
        max_depth: Sequence[int] = (1, 2),
        learning_rate: Sequence[float] = (0.03, 0.1),
        subsample: float = 0.7,
        colsample: float = 0.5,
        min_child_weight: float = 3.0,
        reg_lambda: float = 5.0,
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample = colsample
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings, from shallow and slow to deep and fast."""
        return boosting_settings(self)

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedBoosters:
        """Grow one booster for all settings that differ in their number of rounds alone."""
        design = path_design(training, n_columns=self.n_columns)
        objective: dict[str, Any] = {"objective": "binary:logistic"}
        if training.n_classes > 2:
            objective = {"objective": "multi:softprob", "num_class": training.n_classes}
        options = tree_settings(self, seed=training.seed) | objective
        return grown_boosters(design, settings, options=options, labels={"label": training.y})


@dataclass(frozen=True)
class FittedBoosters:
    """One booster per depth and rate, and the settings that are beginnings of them."""

    design: PathDesign
    settings: list[Setting]
    boosters: dict[tuple[int, float], Any]

    def scores(self, cases: Cases) -> Array:
        """Return margins, which are logits."""
        data = require("xgboost").DMatrix(self.design.of(cases), nthread=1)
        return np.stack([self._predicted(s, data, output_margin=True) for s in self.settings])

    @property
    def expected(self) -> Array:
        """The reference of the tree contributions, shape (n_outputs,)."""
        first = require("xgboost").DMatrix(self.design.rows[:1], nthread=1)
        return np.asarray(self._shares(first)[0, -1])

    def contributions(self, cases: Cases) -> Array:
        """Return path-dependent tree SHAP values by raw column; rounding is spread over the columns in use."""
        data = require("xgboost").DMatrix(self.design.of(cases), nthread=1)
        shares = self._shares(data)
        margins = self._predicted(self.settings[0], data, output_margin=True).reshape(len(shares), -1)
        own = shares[:, :-1]
        rounding = margins - self.expected - own.sum(axis=1)
        pieces = own + rounding[:, None, :] / max(own.shape[1], 1)
        return self.design.spread_to_columns(pieces, cases.values.shape[1])

    def _shares(self, data: Any) -> Array:
        """Return (n_cases, n_design + 1, n_outputs) of the first setting; the last row of columns is the reference."""
        out = self._predicted(self.settings[0], data, pred_contribs=True)
        return out[:, :, None] if out.ndim == 2 else out.transpose(0, 2, 1)

    def _predicted(self, setting: Setting, data: Any, **what: bool) -> Array:
        booster = self.boosters[_grown_as(setting)]
        return np.asarray(booster.predict(data, iteration_range=(0, setting["n_estimators"]), **what), dtype=float)


def boosting_settings(model: Any) -> list[Setting]:
    """Return the settings of a model that has the arguments of `TunedBoostedTrees`, from slow to fast."""
    return [
        {"max_depth": int(depth), "learning_rate": float(rate), "n_estimators": int(rounds)}
        for depth in sorted(model.max_depth)
        for rate in sorted(model.learning_rate)
        for rounds in sorted(model.n_estimators)
    ]


def grown_boosters(
    design: PathDesign, settings: Sequence[Setting], *, options: Mapping[str, Any], labels: Mapping[str, NDArray[Any]]
) -> FittedBoosters:
    """Return one booster for all settings that differ in their number of rounds alone.

    Parameters
    ----------
    design : PathDesign
    settings : sequence of dict
    options : dict
        XGBoost's own; depth and learning rate are those of the settings.
    labels : dict
        Of its training table.
    """
    xgboost = require("xgboost")
    data = xgboost.DMatrix(design.rows, nthread=1, **labels)
    most: dict[tuple[int, float], int] = {}
    for setting in settings:
        key = _grown_as(setting)
        most[key] = max(most.get(key, 0), setting["n_estimators"])
    boosters = {
        (depth, rate): xgboost.train(
            {**options, "max_depth": depth, "learning_rate": rate}, data, num_boost_round=rounds
        )
        for (depth, rate), rounds in most.items()
    }
    return FittedBoosters(design, list(settings), boosters)


def _grown_as(setting: Setting) -> tuple[int, float]:
    return setting["max_depth"], setting["learning_rate"]
