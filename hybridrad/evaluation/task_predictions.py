"""What an arm predicts, by task: checked values or risks, and the columns they become in the predictions table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.evaluation.routing import class_probabilities
from hybridrad.evaluation.survival_scores import SURVIVAL, horizon_text
from hybridrad.strata import Task


def needed_method(task: Task) -> tuple[str, str]:
    """Return what an arm must be able to do for a task, and what to do where it cannot."""
    if task == "classification":
        return "predict_proba", (
            "so it gives no probability to score; wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    return "predict", f"so it gives no {'risk' if task == 'survival' else 'value'} to score."


def predicted(fitted: Any, X: pd.DataFrame, *, task: Task, n_classes: int, horizons: Sequence[float]) -> NDArray[Any]:
    """Return checked predictions of test cases.

    Returns
    -------
    array of shape (n_cases, n_columns)
        Classification: a probability for each class. Regression: the value. Survival: the risk, then the survival at
        each horizon (NaN where the arm has no ``predict_survival``).

    Raises
    ------
    ValueError
        The wrong shape, values that are not finite, survival outside 0 .. 1 or one that rises with time.
    """
    if task == "classification":
        return class_probabilities(fitted, X, n_classes)
    values = np.asarray(fitted.predict(X), dtype=float)
    if values.shape == (len(X), 1):
        values = values[:, 0]
    if values.shape != (len(X),):
        raise ValueError(f"predict has shape {values.shape}, wanted {(len(X),)}.")
    if not np.isfinite(values).all():
        raise ValueError(f"predict is not finite for {int((~np.isfinite(values)).sum())} cases.")
    if task == "regression":
        return values[:, None]
    return np.column_stack([values, _survival(fitted, X, horizons)])


def _survival(fitted: Any, X: pd.DataFrame, horizons: Sequence[float]) -> NDArray[np.float64]:
    shape = (len(X), len(horizons))
    if not len(horizons) or not hasattr(fitted, "predict_survival"):
        return np.full(shape, np.nan)
    survival = np.asarray(fitted.predict_survival(X, np.asarray(horizons, dtype=float)), dtype=float)
    if survival.shape != shape:
        raise ValueError(f"predict_survival has shape {survival.shape}, wanted {shape}.")
    if not np.isfinite(survival).all() or survival.min() < -1e-6 or survival.max() > 1 + 1e-6:
        raise ValueError("predict_survival gives values that are not finite or outside 0 .. 1.")
    if survival.shape[1] > 1 and np.diff(survival, axis=1).max() > 1e-6:
        raise ValueError("predict_survival rises with time.")
    return np.clip(survival, 0.0, 1.0)


def truth_columns(y: NDArray[Any], *, task: Task) -> dict[str, NDArray[Any]]:
    """Return the columns of the predictions table that hold what was observed.

    Examples
    --------
    >>> y = np.array([(True, 2.0)], dtype=[("event", bool), ("time", float)])
    >>> list(truth_columns(y, task="survival"))
    ['event', 'time']
    """
    if task == "survival":
        return {"event": y["event"].astype(np.int64), "time": y["time"].astype(float)}
    return {"y_true": y}


def score_columns_of(values: NDArray[Any], *, task: Task, horizons: Sequence[float]) -> dict[str, NDArray[Any]]:
    """Return the columns of the predictions table that hold values or risks and survival; classes have their own."""
    columns = {"y_score": values[:, 0]}
    if task == "survival":
        columns |= {f"{SURVIVAL}{horizon_text(t)}": values[:, 1 + i] for i, t in enumerate(horizons)}
    return columns
