"""A model of one block: the default is a ridge logistic path after an in-fold skewness transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import Tags

from hybridrad.models.absence import SaysWhatIsMissing
from hybridrad.models.any_estimator import (
    check_task,
    fit_clone,
    last_step,
    of_block,
    own_contributions,
    own_findings,
    rows,
)
from hybridrad.models.case_classifier import SIZE_BLOCK, Array, CaseClassifier, Cases, Training, plain_expected
from hybridrad.models.case_model import Patients
from hybridrad.models.memo import share
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.ridge_logistic import log_loss
from hybridrad.models.ridge_path import RidgeFit, fit_ridge
from hybridrad.models.settings_path import PathFit
from hybridrad.models.slope import apply_slope, shrinking_slope

LEFT_TO_ESTIMATOR = "its estimator was asked about missing values"
TINIEST = 1e-12  # probabilities of 0 and 1 have no logit


class BlockModel(SaysWhatIsMissing, CaseClassifier):
    """Predict from one block of a feature table.

    The default: missing values imputed and text encoded, columns of a block named ``size`` by their logarithm, skewed
    columns through asinh, all scaled; then L2 penalised logistic regression (multinomial for more than two classes)
    whose penalty the patient-grouped inner folds choose by log loss. Everything is learned from the training rows, and
    again in every inner fold. Classes are not rebalanced, so probabilities follow the prevalence of the training rows.
    Cases of which the whole block is missing are listed by ``missing_blocks``.

    Parameters
    ----------
    block : str or dict
        A block of the table by its prefix, or ``{name: columns, positions or slice}``.
    estimator : scikit-learn classifier, optional
        Another model of the block. It is given the block's columns as they are; its logits are calibrated (slope
        between 0 and 1, free intercept) on its own inner out-of-fold logits. One whose ``gives_oof_logits`` is true
        (`FineTunedCNN`) is fitted once and brings them as ``oof_logits_``.
    inner : int, default 4
        Number of inner folds; fewer where the smallest class has fewer patients.
    random_state : int, default 0
        Of the inner folds.

    Attributes
    ----------
    classes_ : ndarray
    oof_logits_ : ndarray of shape (n_train,) or (n_train, n_classes)
        Inner out-of-fold logits of the training cases, in their order.
    oof_loss_ : float
        Their log loss: by it, and not by any test fold, one would pick the best block.
    fit_ : RidgeFit, CalibratedFit or PathFit
        For the default: ``penalty`` (C), ``inner_losses``, ``coef``. For tuned models ``settings``, ``inner_losses``,
        ``chosen``.
    expected_logit_ : float or ndarray of shape (n_classes,)
    grouped_ : bool
        False if it was fitted without patients.
    blocks_ : dict
        Block name -> positions of its columns.
    findings_ : list of str
        What the estimator says of its own departures.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["benign", "malignant"], 30)
    >>> X = pd.DataFrame(rng.normal(size=(60, 3)), columns=["deep__0", "deep__1", "x__0"])
    >>> X["deep__1"] += 5.0 * (y == "malignant")
    >>> model = BlockModel("deep").fit(X, y, groups=np.arange(60) // 2)
    >>> model.predict(X.iloc[[0, -1]]).tolist(), model.grouped_
    (['benign', 'malignant'], True)
    """

    def __init__(
        self,
        block: str | Mapping[str, Any],
        *,
        estimator: Any = None,
        inner: int = 4,
        random_state: Any = 0,
    ) -> None:
        self.block = block
        self.estimator = estimator
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on training cases.

        Parameters
        ----------
        X : DataFrame or array of shape (n_cases, n_features)
        y : array-like of shape (n_cases,)
        groups : array-like of shape (n_cases,), optional
            Patient of each case; inner folds keep patients whole.
        """
        wanted = [self.block] if isinstance(self.block, str) else self.block
        if not isinstance(wanted, list | Mapping) or len(wanted) != 1:
            raise ValueError(f"block must be a name or a dict with one block, got {self.block!r}.")
        training = self._start(X, y, groups, blocks=wanted)
        (name, positions), *_ = self.blocks_.items()
        fit: Any = _fit_default if self.estimator is None else _fit_estimator
        tuned = hasattr(self.estimator, "fit_path")
        if tuned:
            check_task(self.estimator, model=type(self).__name__, task="classification")
            fit = _fit_settings
        ingredients = (
            self.estimator,
            name == SIZE_BLOCK,
            training.cases.columns(positions) if self.estimator is not None else training.cases.values[:, positions],
            training.categorical[positions],
            training.y,
            training.groups if self.grouped_ else None,
            training.folds,
            training.seed if tuned else None,  # of trees
        )
        self.fit_: RidgeFit | CalibratedFit | PathFit = share(ingredients, lambda: fit(training, name, positions, self))
        self.oof_logits_ = self.fit_.oof_logits
        self.oof_loss_ = log_loss(self.oof_logits_, training.y)
        self.expected_logit_ = plain_expected(self.fit_.expected_logit)
        self.findings_ = of_block(name, getattr(self.fit_, "findings", []))
        return self

    @property
    def answer_without_block(self) -> str:
        """What is done for a case that lacks the block, for findings."""
        return super().answer_without_block if self.estimator is None else LEFT_TO_ESTIMATOR

    def _logits(self, cases: Cases) -> Array:
        return self.fit_.logits(self._as_fitted(cases))

    def _as_fitted(self, cases: Cases) -> Any:
        """Return the block's columns in the form the fit was made from."""
        (positions,) = self.blocks_.values()
        if isinstance(self.fit_, RidgeFit):
            return cases.values[:, positions]
        return cases.only(positions) if isinstance(self.fit_, PathFit) else cases.columns(positions)

    def _contributions(self, cases: Cases) -> Array:
        (positions,) = self.blocks_.values()
        of_block = self.fit_.contributions(self._as_fitted(cases))
        out = np.zeros((len(of_block), self.n_features_in_, of_block.shape[2]))
        out[:, positions] = of_block
        return out

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Estimators of other makers may refuse missing values; this wrapper does not answer for them.
        tags.input_tags.allow_nan = True
        return tags


@dataclass(frozen=True)
class CalibratedFit:
    """An estimator of another maker with a slope and intercepts on its logits."""

    estimator: Any
    n_classes: int
    slope: float
    intercept: Array
    oof_logits: Array

    @property
    def expected_logit(self) -> Array:
        """The estimator's own reference, calibrated; NaN if it has none."""
        own = getattr(last_step(self.estimator), "expected_logit_", np.nan)
        return np.asarray(self.slope * np.atleast_1d(own) + self.intercept)

    @property
    def findings(self) -> list[str]:
        """What the estimator says of its own departures."""
        return own_findings(self.estimator)

    def logits(self, X: Any) -> Array:
        """Return calibrated logits of shape (n,) or (n, n_classes)."""
        return apply_slope(own_logits(self.estimator, X, self.n_classes), self.slope, self.intercept)

    def contributions(self, X: Any) -> Array:
        """Return contributions (n, n_columns, n_outputs) if the estimator gives its own, scaled by the slope."""
        own = own_contributions(self.estimator, X)
        return self.slope * (own[:, :, None] if own.ndim == 2 else own)


def _fit_default(training: Training, name: str, positions: NDArray[np.intp], model: BlockModel) -> RidgeFit:
    return fit_ridge(
        training.cases.values[:, positions],
        training.y,
        training.groups,
        n_classes=training.n_classes,
        folds=training.folds,
        preparation=block_preparation(training, name, positions),
    )


def block_preparation(training: Patients, name: str, positions: NDArray[np.intp]) -> ColumnPreparation:
    """Return the unfitted preparation of a block: skewness transform, the logarithm if it is the size block."""
    log = np.full(len(positions), name == SIZE_BLOCK)
    return ColumnPreparation(categorical=training.categorical[positions], log=log)


def _fit_settings(training: Training, name: str, positions: NDArray[np.intp], model: BlockModel) -> PathFit:
    """Let the block's inner folds choose among the settings of a tuned model."""
    block = replace(training, cases=training.cases.only(positions), categorical=training.categorical[positions])
    fit: PathFit = clone(model.estimator).fit_path(block)
    return fit


def _fit_estimator(training: Training, name: str, positions: NDArray[np.intp], model: BlockModel) -> CalibratedFit:
    X, y, groups = training.cases.columns(positions), training.y, training.groups if model.grouped_ else None
    if getattr(model.estimator, "gives_oof_logits", False):
        # A network has been through inner folds of its own; going through these too would train it several times more.
        refitted = fit_clone(model.estimator, X, y, groups=groups)
        slope, intercept = shrinking_slope(refitted.oof_logits_, y)
        oof = apply_slope(refitted.oof_logits_, slope, intercept)
        return CalibratedFit(refitted, training.n_classes, slope, intercept, oof)
    oof = np.empty(len(y) if training.n_classes == 2 else (len(y), training.n_classes))
    for train, test in training.folds:
        fitted = fit_clone(model.estimator, rows(X, train), y[train], groups=None if groups is None else groups[train])
        oof[test] = own_logits(fitted, rows(X, test), training.n_classes)
    slope, intercept = shrinking_slope(oof, y)
    refitted = fit_clone(model.estimator, X, y, groups=groups)
    return CalibratedFit(refitted, training.n_classes, slope, intercept, apply_slope(oof, slope, intercept))


def own_logits(estimator: Any, X: Any, n_classes: int) -> Array:
    """Return an estimator's logits: from its probabilities, or its decision function if it has none.

    One that explains itself does so on the scale of its decision function, which is then a logit.
    """
    if hasattr(estimator, "predict_proba") and not hasattr(last_step(estimator), "shap_values"):
        p = np.clip(np.asarray(estimator.predict_proba(X), dtype=float), TINIEST, 1.0 - TINIEST)
        if n_classes == 2:
            return np.asarray(np.log(p[:, 1]) - np.log(p[:, 0]))
        logs = np.log(p)
        return np.asarray(logs - logs.mean(axis=1, keepdims=True))
    scores = np.asarray(estimator.decision_function(X), dtype=float)
    wanted = (len(scores),) if n_classes == 2 else (len(scores), n_classes)
    if scores.shape != wanted:
        raise ValueError(f"{type(estimator).__name__}.decision_function gave shape {scores.shape}, wanted {wanted}.")
    return scores
