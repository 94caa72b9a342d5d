"""Steps before a model that learn from labels: what the model then calls out of fold has seen them.

A filter that stands before a model in a Pipeline is fitted once, with the labels of all training cases. The inner folds
are the model's own and come after it, so the labels of their test parts are in the choice of columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from hybridrad.evaluation.routing import fit_by_patient, steps_before


class LabelsSeenWarning(UserWarning):
    """Inner choices of an arm were made by out-of-fold scores whose labels had been seen."""


def steps_with_labels(fitted: Any, X: Any, y: NDArray[Any], groups: NDArray[Any]) -> list[str]:
    """Return the names of the steps before the model whose fit hangs on the labels.

    A step says so by its tags; one that does not is fitted again with the labels in another order, and hangs on them if
    it then treats the same cases otherwise. (Many selectors, scikit-learn's ``SelectKBest`` among them, do not say so.)
    A step that adds or drops cases counts too.

    Parameters
    ----------
    fitted : estimator
        Pipelines and searches are opened; all else has no steps.
    X : DataFrame or array of shape (n_cases, n_features)
        What it was fitted to.
    y, groups : ndarray of shape (n_cases,)

    Examples
    --------
    >>> from sklearn.feature_selection import SelectKBest
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = np.random.default_rng(0).normal(size=(40, 9)), np.arange(40) % 2
    >>> model = make_pipeline(StandardScaler(), SelectKBest(k=2), LogisticRegression()).fit(X, y)
    >>> steps_with_labels(model, X, y, np.arange(40))
    ['selectkbest']
    """
    exchanged = y[np.random.default_rng(0).permutation(len(y))]
    return [
        name
        for name, step, given, handed_on in steps_before(fitted, X)
        if not hasattr(step, "transform")
        or (hasattr(step, "__sklearn_tags__") and get_tags(step).target_tags.required)
        or not _alike(handed_on, _refitted(name, step, given, exchanged, groups).transform(given))
    ]


def labels_seen(steps: list[str]) -> str:
    """Return the sentence on steps that saw labels, and what to do.

    Examples
    --------
    >>> labels_seen(["relevancefilter"])[:57]
    'Step relevancefilter saw the labels of all training cases'
    """
    which = f"Step {steps[0]}" if len(steps) == 1 else f"Steps {', '.join(steps)}"
    return (
        f"{which} saw the labels of all training cases before the inner folds of the model were made, so its inner "
        "choices (penalty, calibration, weights) are too hopeful; put it inside: "
        "BlockModel(block, estimator=make_pipeline(step, model))."
    )


def _refitted(name: str, step: Any, X: Any, y: NDArray[Any], groups: NDArray[Any]) -> Any:
    # In a Pipeline of its own, so that patients reach it as they did before.
    return fit_by_patient(Pipeline([(name, clone(step))]), X, y, groups)


def _alike(one: Any, other: Any) -> bool:
    frames = [pd.DataFrame(found.toarray() if hasattr(found, "toarray") else found) for found in (one, other)]
    return frames[0].equals(frames[1])
