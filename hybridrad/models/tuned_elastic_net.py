"""Elastic-net logistic regression over a path of penalties, each started from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybridrad.models.case_classifier import Array, Cases, Training
from hybridrad.models.elastic_net import elastic_net_path
from hybridrad.models.path_design import PathDesign, path_design
from hybridrad.models.settings_path import Setting, TunedClassifier

PENALTIES: tuple[float, ...] = tuple(float(c) for c in np.geomspace(0.01, 10.0, 10))


class TunedElasticNet(TunedClassifier):
    """Logistic regression with a mixed absolute and squared penalty; strength and mixture chosen by the inner folds.

    Columns are selected by ranks and prepared as in `BlockModel`. Every fit is converged, which the usual solver for
    this model often is not within its iterations.

    Parameters
    ----------
    C : tuple of float, default ten values from 0.01 to 10
        Inverse strengths of the penalty.
    l1_ratio : tuple of float, default (0.2, 0.8)
        Shares of the absolute penalty, above 0 and at most 1.
    n_columns : int or None, default 100
        Columns kept: those whose ranks separate the classes best. None keeps all.
    inner : int, default 4
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    setting_ : dict
        The chosen setting.
    losses_ : DataFrame
        Every setting with its inner log loss.
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
    expected_logit_ : float or ndarray of shape (n_classes,)
    classes_ : ndarray

    References
    ----------
    Zou & Hastie, J R Stat Soc B 67:301-320, 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 30)
    >>> X = rng.normal(size=(60, 4)) + 2.0 * y[:, None]
    >>> model = TunedElasticNet(C=(0.1, 1.0)).fit(X, y)
    >>> len(model.losses_), bool(model.score(X, y) > 0.9)
    (4, True)
    """

    def __init__(
        self,
        *,
        C: Sequence[float] = PENALTIES,
        l1_ratio: Sequence[float] = (0.2, 0.8),
        n_columns: int | None = 100,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.n_columns = n_columns
        self.inner = inner
        self.random_state = random_state

    def settings(self) -> list[Setting]:
        """Return the settings, for each mixture from strong to weak penalty; sparse mixtures first."""
        return [
            {"l1_ratio": float(ratio), "C": float(c)}
            for ratio in sorted(self.l1_ratio, reverse=True)
            for c in sorted(self.C)
        ]

    def fit_settings(self, training: Training, settings: Sequence[Setting]) -> FittedLines:
        """Fit one path per mixture."""
        design = path_design(training, n_columns=self.n_columns)
        n_outputs = 1 if training.n_classes == 2 else training.n_classes
        coefs = np.empty((len(settings), design.rows.shape[1], n_outputs))
        intercepts = np.empty((len(settings), n_outputs))
        for ratio in dict.fromkeys(s["l1_ratio"] for s in settings):
            at = [i for i, s in enumerate(settings) if s["l1_ratio"] == ratio]
            at.sort(key=lambda i: settings[i]["C"])
            path = elastic_net_path(
                design.rows,
                training.y,
                n_classes=training.n_classes,
                penalties=[settings[i]["C"] for i in at],
                l1_ratio=ratio,
            )
            coefs[at], intercepts[at] = path
        return FittedLines(design, coefs, intercepts)


@dataclass(frozen=True)
class FittedLines:
    """Linear models on the same design: ``coefs`` (n_settings, n_design, n_outputs), ``intercepts`` likewise."""

    design: PathDesign
    coefs: Array
    intercepts: Array

    def scores(self, cases: Cases) -> Array:
        """Return logits."""
        out = self.design.of(cases) @ self.coefs + self.intercepts[:, None, :]
        return out[:, :, 0] if out.shape[2] == 1 else out

    @property
    def expected(self) -> Array:
        """The logit of the training mean; designs are centred, so it is the intercept."""
        return self.intercepts[0]

    def contributions(self, cases: Cases) -> Array:
        """Return coefficient times distance from the training mean."""
        pieces = self.design.of(cases)[:, :, None] * self.coefs[0][None]
        return self.design.spread_to_columns(pieces, cases.values.shape[1])
