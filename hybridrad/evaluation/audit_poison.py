"""Poison: the test rows of a fold are replaced by nonsense, and nothing that is fitted may change by a bit."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.errors import RunError
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check
from hybridrad.evaluation.nested import evaluate
from hybridrad.strata import task_of

POISON = 1e6


def poisoned_test_check(
    models: Mapping[str, Any],
    X: pd.DataFrame,
    y: NDArray[Any],
    groups: NDArray[Any],
    splits: pd.DataFrame,
    *,
    inner: int = 4,
    random_state: int = 0,
    horizons: Sequence[float] = (),
    fold_context: Callable[[], AbstractContextManager[Any]] | None = None,
) -> Check:
    """Return whether test rows change anything that is fitted in the first fold of a study.

    Every arm is fitted twice as the study fits it: with the rows as they are, and with all numbers of the test rows
    replaced by a million, categories by an unknown one and labels, values or times by others. The fitted objects and
    the decision thresholds must be equal byte by byte.

    Parameters
    ----------
    models : dict of name -> estimator
    X, y, groups, splits, horizons
        As for `hybridrad.evaluation.nested.evaluate`.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from hybridrad.evaluation.nested import NestedCV
    >>> rng, ids = np.random.default_rng(0), pd.Index([f"c{i:02d}" for i in range(40)], name="case_id")
    >>> X, y = pd.DataFrame(rng.normal(size=(40, 3)), ids, list("abc")), np.arange(40) % 2
    >>> splits = NestedCV(outer=3, repeats=1).splits(y, ids, ids)
    >>> poisoned_test_check({"ridge": LogisticRegression()}, X, y, ids.to_numpy(), splits).verdict
    'pass'
    """
    code = "A_POISONED_TEST"
    repeats, folds = (splits.index.get_level_values(k) for k in ("repeat", "fold"))
    one = splits[(repeats == repeats[0]) & (folds == folds[0])]
    tested = one.index.get_level_values("case_id")[one["role"].to_numpy() == "test"]
    inside = X.index.isin(tested)
    marks = []
    for table, labels in ((X, y), (poisoned(X, inside), poisoned_outcome(y, inside))):
        try:
            result = evaluate(
                models,
                table,
                labels,
                groups,
                one,
                inner=inner,
                random_state=random_state,
                horizons=horizons,
                fold_context=fold_context,
                after_fit=fingerprint,
            )
        except RunError as err:
            return Check(code, UNJUDGED, f"the arms could not be fitted: {err.message}")
        predictions = result.predictions
        chosen = predictions["threshold"] if "threshold" in predictions else pd.Series(np.nan, predictions.index)
        thresholds = chosen.groupby(level="model").first()
        marks.append({name: (mark, thresholds.get(name)) for (name, _, _), mark in result.extras.items()})
    known = [name for name, (mark, _) in marks[0].items() if mark is not None and name in marks[1]]
    if not known:
        return Check(code, UNJUDGED, "no arm could be fitted and compared.")
    changed = [name for name in known if not _same(marks[0][name], marks[1][name])]
    if changed:
        message = f"changing the test rows changed what was fitted by {', '.join(changed)}."
        hint = "Something reads the whole table, or the fit is not repeatable: set random_state."
        return Check(code, FAIL, message, hint, float(len(changed)))
    skipped = [name for name in models if name not in known]
    note = f" Not compared: {', '.join(skipped)}." if skipped else ""
    arms = f"{len(known)} arm{'' if len(known) == 1 else 's'}"
    return Check(code, PASS, f"{arms} fitted the same, to the last bit.{note}", statistic=0.0)


def poisoned(X: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the table with numbers of these rows replaced by a million and text by ``"poison"``.

    Examples
    --------
    >>> poisoned(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), np.array([False, True])).to_numpy().tolist()
    [[1.0, 'x'], [1000000.0, 'poison']]
    """
    columns = {
        name: np.where(rows, POISON, X[name].to_numpy(dtype=float, na_value=np.nan))
        if pd.api.types.is_numeric_dtype(X[name])
        else pd.Series(np.where(rows, "poison", X[name].to_numpy(dtype=object)), X.index, dtype=object)
        for name in X.columns
    }
    return pd.DataFrame(columns, index=X.index)


def poisoned_outcome(y: NDArray[Any], rows: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the outcome with that of these rows replaced: another class or value; survival: time, and event or none.

    Examples
    --------
    >>> poisoned_outcome(np.array([0, 1, 2]), np.array([False, True, True])).tolist()
    [0, 2, 0]
    """
    task, other = task_of(y), y.copy()
    if task == "survival":
        other["event"][rows] = ~y["event"][rows]
        other["time"][rows] = y["time"][rows] + POISON
    elif task == "regression":
        other[rows] = y[rows] + POISON
    else:
        other[rows] = (y[rows] + 1) % (y.max() + 1)
    return other


def fingerprint(name: str, fitted: Any, X_test: pd.DataFrame) -> str | None:
    """Return a hash of everything a fitted arm holds; None where it cannot be written down."""
    try:
        return hashlib.sha256(pickle.dumps(fitted)).hexdigest()
    except (pickle.PicklingError, TypeError, AttributeError):
        return None


def _same(one: tuple[str, Any], other: tuple[str, Any]) -> bool:
    thresholds = [np.nan if t is None else float(t) for t in (one[1], other[1])]
    return one[0] == other[0] and bool(np.array_equal(thresholds[:1], thresholds[1:], equal_nan=True))
