"""One outer fold: every arm is fitted on its training cases and predicts its test cases."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy.special import expit
from threadpoolctl import threadpool_limits

from hybridrad.evaluation.apparent import apparent_score
from hybridrad.evaluation.labels_seen import LabelsSeenWarning, labels_seen, steps_with_labels
from hybridrad.evaluation.patients import PatientRule, patient_scores
from hybridrad.evaluation.routing import class_probabilities, fit_by_patient, innermost, prepared
from hybridrad.evaluation.task_predictions import predicted
from hybridrad.evaluation.thresholds import threshold_at_sensitivity, youden_threshold
from hybridrad.splits import inner_splits
from hybridrad.strata import Task, task_of


@dataclass(frozen=True)
class FoldPlan:
    """What every fold needs: arms, data and rules. Travels to the worker processes."""

    models: Mapping[str, Any]
    X: pd.DataFrame
    y: np.ndarray
    groups: np.ndarray
    inner: int
    random_state: int
    threshold: str | None
    target_sensitivity: float
    patient_rule: PatientRule | None
    size: np.ndarray | None
    fold_context: Callable[[], AbstractContextManager[Any]] | None
    after_fit: Callable[[str, Any, pd.DataFrame], Any] | None
    horizons: tuple[float, ...] = ()
    apparent: bool = False

    @property
    def task(self) -> Task:
        """What is predicted, by the type of ``y``."""
        return task_of(self.y)

    @property
    def n_classes(self) -> int:
        """Number of classes of the whole study; 0 where there are none."""
        return int(self.y.max()) + 1 if self.task == "classification" else 0


@dataclass
class FoldOutcome:
    """What came out of a fold, by arm; an arm that failed has no probabilities (of other tasks: values, risks)."""

    repeat: int
    fold: int
    test: np.ndarray
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    apparent: dict[str, float] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)


def run_fold(plan: FoldPlan, repeat: int, fold: int, train: np.ndarray, test: np.ndarray) -> FoldOutcome:
    """Fit and predict all arms of one outer fold in this process, with one thread.

    An arm that raises becomes a row of ``failures`` (with the stage: fit, predict, labels, threshold, apparent,
    after_fit), and the others go on. Where steps before the model of an arm saw the labels, its own out-of-fold scores
    are not used for the threshold, and ``warnings`` has a `LabelsSeenWarning`.
    """
    outcome = FoldOutcome(repeat, fold, test)
    context = plan.fold_context() if plan.fold_context is not None else nullcontext()
    # The folds already keep the cores busy. One thread everywhere also means the same sums in the same order.
    with threadpool_limits(limits=1), joblib.parallel_config(backend="sequential"), context:
        for name, estimator in plan.models.items():
            _run_arm(plan, outcome, name, estimator, train)
    return outcome


def _run_arm(plan: FoldPlan, outcome: FoldOutcome, name: str, estimator: Any, train: np.ndarray) -> None:
    X_train, X_test = plan.X.iloc[train], plan.X.iloc[outcome.test]
    start = time.perf_counter()

    def fit() -> Any:
        arm = prepared(estimator, inner=plan.inner, random_state=plan.random_state)
        return fit_by_patient(arm, X_train, plan.y[train], plan.groups[train])

    # Recorded, not shown: a worker's warnings would otherwise reach nobody, or flood the terminal once per fold.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        done, fitted = _attempt(outcome, name, "fit", fit)
        if done:
            done, probabilities = _attempt(
                outcome,
                name,
                "predict",
                lambda: predicted(fitted, X_test, task=plan.task, n_classes=plan.n_classes, horizons=plan.horizons),
            )
        if done:
            outcome.probabilities[name] = probabilities
            known, seen = _attempt(
                outcome, name, "labels", lambda: steps_with_labels(fitted, X_train, plan.y[train], plan.groups[train])
            )
            if known and seen:
                warnings.warn(labels_seen(seen), LabelsSeenWarning, stacklevel=1)
            if plan.threshold is not None and plan.n_classes == 2:
                oof = getattr(innermost(fitted), "oof_logits_", None) if known and not seen else None
                found, threshold = _attempt(outcome, name, "threshold", lambda: _threshold(plan, estimator, oof, train))
                outcome.thresholds[name] = threshold if found else np.nan
            if plan.apparent:
                found, apparent = _attempt(outcome, name, "apparent", lambda: _apparent(plan, fitted, train))
                outcome.apparent[name] = apparent if found else np.nan
            if plan.after_fit is not None:
                after_fit = plan.after_fit
                read, extra = _attempt(outcome, name, "after_fit", lambda: after_fit(name, fitted, X_test))
                if read:
                    outcome.extras[name] = extra
    outcome.seconds[name] = time.perf_counter() - start
    seen = {(w.category.__name__, str(w.message)) for w in caught}
    outcome.warnings.extend({"model": name, "type": kind, "message": text} for kind, text in sorted(seen))


def _attempt(outcome: FoldOutcome, name: str, stage: str, action: Callable[[], Any]) -> tuple[bool, Any]:
    try:
        return True, action()
    except Exception as err:  # noqa: BLE001  an arm is foreign code: whatever it raises is a row of failures
        row = {"model": name, "stage": stage, "type": type(err).__name__, "message": str(err) or repr(err)}
        outcome.failures.append(row)
        return False, None


def _threshold(plan: FoldPlan, estimator: Any, logits: Any, train: np.ndarray) -> float:
    """Return the decision threshold from out-of-fold scores of the training cases; ``logits`` if the arm has them."""
    y, groups = plan.y[train], plan.groups[train]
    scores = _inner_scores(plan, estimator, train) if logits is None else expit(np.asarray(logits, dtype=float))
    if scores.shape != y.shape:
        raise ValueError(f"oof_logits_ has shape {scores.shape}, wanted {y.shape}.")
    known = np.isfinite(scores)
    y, scores, groups = y[known], scores[known], groups[known]
    if plan.patient_rule is not None:
        size = None if plan.size is None else plan.size[train][known]
        patients, scores = patient_scores(scores, groups, rule=plan.patient_rule, size=size)
        label = dict(zip(groups.astype(str), y, strict=True))
        y = np.array([label[p] for p in patients])
    if plan.threshold == "youden":
        return youden_threshold(y, scores)
    return threshold_at_sensitivity(y, scores, sensitivity=plan.target_sensitivity)


def _apparent(plan: FoldPlan, fitted: Any, train: np.ndarray) -> float:
    return apparent_score(
        fitted,
        plan.X.iloc[train],
        plan.y[train],
        plan.groups[train],
        n_classes=plan.n_classes,
        patient_rule=plan.patient_rule,
        size=None if plan.size is None else plan.size[train],
    )


def _inner_scores(plan: FoldPlan, estimator: Any, train: np.ndarray) -> np.ndarray:
    """Return out-of-fold probabilities of the training cases for an arm that has none of its own to be trusted."""
    scores = np.full(len(train), np.nan)
    y, groups = plan.y[train], plan.groups[train]
    for inner_train, inner_test in inner_splits(y, groups, n_folds=plan.inner, random_state=plan.random_state):
        rows = train[inner_train]
        arm = prepared(estimator, inner=plan.inner, random_state=plan.random_state)
        fitted = fit_by_patient(arm, plan.X.iloc[rows], plan.y[rows], plan.groups[rows])
        scores[inner_test] = class_probabilities(fitted, plan.X.iloc[train[inner_test]], 2)[:, 1]
    return scores
