"""Arms with a known behaviour, in a module of their own so that worker processes can import them."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info


class Plain(ClassifierMixin, BaseEstimator):
    """Score the first column; nothing is learned. Records what it was given."""

    def __init__(self, *, inner: int = 3, random_state: int = 0) -> None:
        self.inner = inner
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        self.classes_ = np.unique(y)
        self.seen_ = np.asarray(X, dtype=float).copy()
        self.labels_ = np.asarray(y).copy()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        p = expit(np.asarray(X, dtype=float)[:, 0])
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Grouped(Plain):
    """Wants the patients, and says so by its signature and request; keeps out-of-fold logits."""

    __metadata_request__fit = {"groups": True}  # noqa: RUF012  read by scikit-learn from the class

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        super().fit(X, y)
        self.groups_ = None if groups is None else np.asarray(groups).copy()
        self.oof_logits_ = np.asarray(X, dtype=float)[:, 0]
        return self


class Unrequested(Plain):
    """Takes the patients by its signature alone."""

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        self.groups_ = groups
        return super().fit(X, y)


class Failing(Plain):
    """Fails where the given case is in the training part."""

    def __init__(self, *, value: float = 0.0, inner: int = 3, random_state: int = 0) -> None:
        super().__init__(inner=inner, random_state=random_state)
        self.value = value

    def fit(self, X: Any, y: Any) -> Self:
        if self.value in np.asarray(X):
            raise ArithmeticError("that case again")
        return super().fit(X, y)


class Warning_(Plain):  # noqa: N801  Warning is a builtin
    """Warns in every fit."""

    def fit(self, X: Any, y: Any) -> Self:
        warnings.warn("did not converge", RuntimeWarning, stacklevel=2)
        return super().fit(X, y)


class Undefined(Plain):
    """Gives probabilities that are not numbers."""

    def predict_proba(self, X: Any) -> np.ndarray:
        return super().predict_proba(X) * np.nan


class Dying(Plain):
    """Takes its process down."""

    def fit(self, X: Any, y: Any) -> Self:
        os._exit(3)


class Threads(Plain):
    """Writes the largest number of threads it may use into its probabilities."""

    def predict_proba(self, X: Any) -> np.ndarray:
        most = max((pool["num_threads"] for pool in threadpool_info()), default=1)
        p = np.full(len(X), 0.5 / most)
        return np.column_stack([1 - p, p])


class Noting(Plain):
    """Writes a line into a file in every fit, and takes its time."""

    def __init__(self, *, trace: str = "", seconds: float = 0.0, inner: int = 3, random_state: int = 0) -> None:
        super().__init__(inner=inner, random_state=random_state)
        self.trace = trace
        self.seconds = seconds

    def fit(self, X: Any, y: Any) -> Self:
        time.sleep(self.seconds)
        with Path(self.trace).open("a") as file:
            file.write(f"{np.asarray(X)[0, 0]}\n")
        return super().fit(X, y)


class Drawing(LogisticRegression):
    """Chance in its probabilities, from its own seed."""

    def predict_proba(self, X: Any) -> np.ndarray:
        p = np.random.default_rng(self.random_state).uniform(size=len(X))
        return np.column_stack([1 - p, p])


def what_was_seen(name: str, fitted: Any, X_test: Any) -> dict[str, Any]:
    """Return what the arm learned from, and the cases it was tested on."""
    model = fitted[-1] if hasattr(fitted, "steps") else fitted
    return {
        "seen": getattr(model, "seen_", None),
        "labels": getattr(model, "labels_", None),
        "groups": getattr(model, "groups_", None),
        "inner": getattr(model, "inner", None),
        "seed": getattr(model, "random_state", None),
        "test": list(X_test.index),
    }
