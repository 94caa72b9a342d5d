"""Estimators of other makers, Pipelines among them: fitting a clone with its patients, and what it says of itself."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import OneToOneFeatureMixin, clone

Array = NDArray[np.float64]


def fit_clone(estimator: Any, X: Any, y: NDArray[Any], *, groups: NDArray[np.intp] | None) -> Any:
    """Return a fitted clone; patients are handed down to an estimator that takes them."""
    fitted = clone(estimator)
    if groups is not None and "groups" in inspect.signature(last_step(fitted).fit).parameters:
        with config_context(enable_metadata_routing=True):
            return fitted.fit(X, y, groups=groups)
    return fitted.fit(X, y)


def own_contributions(estimator: Any, X: Any) -> Array:
    """Return an estimator's own contributions; through a Pipeline, if its steps select or change columns one by one."""
    last, before = last_step(estimator), estimator.steps[:-1] if hasattr(estimator, "steps") else []
    kept = np.arange(np.shape(X)[1])
    for _, step in before:
        if hasattr(step, "get_support"):
            kept = kept[step.get_support()]
        elif not (step == "passthrough" or isinstance(step, OneToOneFeatureMixin)):
            raise NotImplementedError(f"{type(step).__name__} mixes columns, so contributions have no place to go.")
    if not hasattr(last, "shap_values"):
        raise NotImplementedError(f"{type(last).__name__} has no exact additive contributions.")
    own = np.asarray(last.shap_values(estimator[:-1].transform(X) if before else X), dtype=float)
    out = np.zeros((len(own), np.shape(X)[1], *own.shape[2:]))
    out[:, kept] = own
    return out


def last_step(estimator: Any) -> Any:
    """Return the last step of a Pipeline, anything else as it is."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def check_task(tuned: Any, *, model: str, task: str) -> None:
    """Refuse a tuned model of one task in a block model of another.

    Raises
    ------
    ValueError
        The tuned model is not made for this task.
    """
    own = getattr(getattr(tuned, "_outcome", None), "name", "classification")
    if own != task:
        raise ValueError(
            f"{model} is a model of {task}, its estimator {type(tuned).__name__} is one of {own}; take its sister."
        )


def own_findings(estimator: Any) -> list[str]:
    """Return what a fitted estimator, or the last step of a Pipeline, says of its own departures."""
    last = last_step(estimator)
    return list(getattr(last_step(getattr(last, "best_estimator_", last)), "findings_", []))


def of_block(name: str, findings: list[str]) -> list[str]:
    """Return findings with the block they are about.

    Examples
    --------
    >>> of_block("deep", ["Training cases have no pictures and were left out (1 of 40)."])
    ['Block deep: Training cases have no pictures and were left out (1 of 40).']
    """
    return [f"Block {name}: {text}" for text in findings]


def rows(X: Any, positions: NDArray[np.intp]) -> Any:
    """Return rows of a table or an array by position."""
    return X.iloc[positions] if isinstance(X, pd.DataFrame) else X[positions]
