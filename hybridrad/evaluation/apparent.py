"""The apparent score of a fitted arm: on the very cases it was fitted to, which flatter it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hybridrad.evaluation.metrics import PRIMARY_METRICS, score_of
from hybridrad.evaluation.patients import PatientRule, aggregate_to_patients
from hybridrad.evaluation.task_predictions import predicted, truth_columns
from hybridrad.strata import task_of


def apparent_score(
    fitted: Any,
    X: pd.DataFrame,
    y: np.ndarray,
    groups: np.ndarray,
    *,
    n_classes: int,
    patient_rule: PatientRule | None = None,
    size: np.ndarray | None = None,
) -> float:
    """Return the primary score (AUC, R2 or concordance) of an arm on its training cases, or on their patients.

    Parameters
    ----------
    fitted : fitted estimator
    X : DataFrame of shape (n_cases, n_features), index ``case_id``
        The training cases.
    y : array of shape (n_cases,)
        Classes 0 .. K - 1, values, or a structured array with ``event`` and ``time``.
    groups : array of shape (n_cases,)
        Patient of each case.
    n_classes : int
        0 for other tasks.
    patient_rule : {"mean", "max", "largest"}, optional
        Score patients by this rule.
    size : array of shape (n_cases,), optional
        For the rule "largest".

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X = pd.DataFrame({"size__ml": [1.0, 3.0, 2.0, 4.0]}, pd.Index(list("abcd"), name="case_id"))
    >>> y = np.array([0, 0, 1, 1])
    >>> apparent_score(DecisionTreeClassifier().fit(X, y), X, y, np.array(list("pqrs")), n_classes=2)
    1.0
    """
    task = task_of(y)
    scores = predicted(fitted, X, task=task, n_classes=n_classes, horizons=())
    index = pd.MultiIndex.from_product([["arm"], [0], [0], X.index], names=["model", "repeat", "fold", "case_id"])
    table = pd.DataFrame({"patient_id": groups, **truth_columns(y, task=task)}, index=index)
    if n_classes > 2:
        table[[f"y_score_{k}" for k in range(n_classes)]] = scores
    else:
        table["y_score"] = scores[:, 1] if n_classes == 2 else scores[:, 0]
    if patient_rule is not None:
        table = aggregate_to_patients(table, patient_rule, size=None if size is None else pd.Series(size, X.index))
    return score_of(PRIMARY_METRICS[task], table)
