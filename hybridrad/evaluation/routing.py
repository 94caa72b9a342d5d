"""How an arm is made ready for a fold and fitted: settings, seeds, and patients routed to where they are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object


def prepared(estimator: Any, *, inner: int, random_state: int) -> Any:
    """Return an unfitted copy with the study's inner folds and seed, and one thread.

    Every parameter called ``inner`` or ``random_state``, of the estimator or of a part of it (``step__inner``), is set,
    so that all arms tune equally hard and the run can be repeated; ``n_jobs`` becomes 1, because the folds already use
    the cores. Estimators in a parameter that is a dict (``estimators={"deep": ...}``) are made ready likewise; then
    the same estimator is the same in every arm, and its fit can be shared.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> prepared(LogisticRegression(), inner=4, random_state=7).random_state
    7
    """
    copy = clone(estimator)
    settings: dict[str, Any] = {}
    for key, value in copy.get_params(deep=True).items():
        name = key.rsplit("__", 1)[-1]
        # Third-party parameters of the same name may hold other things; only numbers (or nothing) are replaced.
        number = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if name == "inner" and number:
            settings[key] = inner
        elif name == "random_state" and (number or value is None or isinstance(value, np.random.RandomState)):
            settings[key] = random_state
        elif name in ("n_jobs", "nthread") and number:
            settings[key] = 1
        elif isinstance(value, Mapping) and any(_is_estimator(part) for part in value.values()):
            settings[key] = {
                word: prepared(part, inner=inner, random_state=random_state) if _is_estimator(part) else part
                for word, part in value.items()
            }
    return copy.set_params(**settings) if settings else copy


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def takes_groups(estimator: Any) -> bool:
    """Return whether ``fit`` of this estimator wants the patients.

    That is: it, a step of a Pipeline or a splitter in a search requests ``groups`` by metadata routing, or its own
    ``fit`` has an argument ``groups`` that was not switched off by ``set_fit_request(groups=False)``.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV, GroupKFold
    >>> takes_groups(LogisticRegression()), takes_groups(GridSearchCV(LogisticRegression(), {}, cv=GroupKFold(3)))
    (False, True)
    """
    routing = None
    with sklearn.config_context(enable_metadata_routing=True):
        try:
            routing = get_routing_for_object(estimator)
            if "groups" in routing.consumes("fit", ["groups"]):
                return True
        except NotImplementedError:
            # Some meta-estimators do not support routing; their own signature decides.
            pass
    if isinstance(routing, MetadataRequest) and routing.fit.requests.get("groups") is False:
        return False
    return "groups" in inspect.signature(estimator.fit).parameters


def fit_by_patient(estimator: Any, X: Any, y: ArrayLike, groups: ArrayLike) -> Any:
    """Fit, with the patients passed wherever the estimator or a part of it takes them; return the estimator.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> fit_by_patient(LogisticRegression(), [[0.0], [1.0]], [0, 1], ["a", "b"]).classes_.tolist()
    [0, 1]
    """
    wanted = takes_groups(estimator)
    with sklearn.config_context(enable_metadata_routing=True):
        return estimator.fit(X, y, groups=groups) if wanted else estimator.fit(X, y)


def class_probabilities(fitted: Any, X: Any, n_classes: int) -> np.ndarray:
    """Return checked probabilities of shape (n_cases, n_classes), columns in the order of the labels 0 .. K - 1.

    Raises
    ------
    ValueError
        The wrong shape, values that are not finite or outside 0 .. 1, or rows that do not sum to 1.
    """
    raw = np.asarray(fitted.predict_proba(X), dtype=float)
    classes = np.asarray(fitted.classes_).astype(int)
    if raw.shape != (len(X), len(classes)):
        raise ValueError(f"predict_proba has shape {raw.shape}, wanted {(len(X), len(classes))}.")
    if not np.isfinite(raw).all():
        raise ValueError(f"predict_proba is not finite for {int((~np.isfinite(raw)).any(axis=1).sum())} cases.")
    if raw.min() < -1e-6 or raw.max() > 1 + 1e-6 or np.abs(raw.sum(axis=1) - 1.0).max() > 1e-3:
        raise ValueError("predict_proba gives values outside 0 .. 1 or rows that do not sum to 1.")
    table = np.zeros((len(raw), n_classes))
    table[:, classes] = np.clip(raw, 0.0, 1.0)
    return table


def innermost(fitted: Any) -> Any:
    """Return the fitted model inside searches and Pipelines: the one that holds what was learned.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> type(innermost(make_pipeline(LogisticRegression()))).__name__
    'LogisticRegression'
    """
    while True:
        if hasattr(fitted, "best_estimator_"):
            fitted = fitted.best_estimator_
        elif hasattr(fitted, "steps"):
            fitted = fitted.steps[-1][1]
        else:
            return fitted


def inside(fitted: Any, X: Any) -> tuple[Any, Any]:
    """Return the fitted model inside searches and Pipelines, and cases as the steps before it hand them on.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> X = np.array([[1.0], [3.0]])
    >>> inside(make_pipeline(MinMaxScaler(), LogisticRegression()).fit(X, [0, 1]), X)[1].tolist()
    [[0.0], [1.0]]
    """
    for _, _, _, handed_on in steps_before(fitted, X):
        X = handed_on
    return innermost(fitted), X


def steps_before(fitted: Any, X: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield what stands before the model in Pipelines and searches: name, fitted step, cases it gets and hands on.

    A step that only adds or drops training cases hands on what it gets.
    """
    while True:
        if hasattr(fitted, "best_estimator_"):
            fitted = fitted.best_estimator_
        elif hasattr(fitted, "steps"):
            for name, step in fitted.steps[:-1]:
                if step is not None and step != "passthrough":
                    handed_on = step.transform(X) if hasattr(step, "transform") else X
                    yield name, step, X, handed_on
                    X = handed_on
            fitted = fitted.steps[-1][1]
        else:
            return
