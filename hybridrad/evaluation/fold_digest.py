"""A digest of everything an outer fold's outcome depends on: data, arms, folds, rules, seeds and versions."""

from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hybridrad
from hybridrad.content_hash import content_hash
from hybridrad.evaluation.fold import FoldPlan

_VERSIONED = ("numpy", "scipy", "pandas", "scikit-learn", "joblib", "xgboost", "shap", "torch", "torchvision", "timm")


def plan_digest(plan: FoldPlan) -> str:
    """Return a digest of all that the folds of a plan have in common.

    Equal in another process and on another day if nothing changed that can change a number. The order of the arms
    counts; the number of processes does not, and neither does how the table lies in memory.

    Raises
    ------
    ValueError
        An arm or ``after_fit`` has no content that could be compared (it holds a lambda, an open file, ...).
    """
    rules = {
        "task": plan.task,
        "horizons": plan.horizons,
        "inner": plan.inner,
        "random_state": plan.random_state,
        "threshold": plan.threshold,
        "target_sensitivity": plan.target_sensitivity,
        "patient_rule": plan.patient_rule,
        "apparent": plan.apparent,
    }
    size = "" if plan.size is None else _of_array(plan.size)
    parts = [
        _environment(),
        json.dumps(rules, default=str),
        _of_table(plan.X),
        _of_array(plan.y),
        _of_array(plan.groups),
        size,
        _of_object(plan.after_fit, "after_fit"),
        *(f"{name}: {_of_object(estimator, f'model {name!r}')}" for name, estimator in plan.models.items()),
    ]
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()


def fold_key(digest: str, repeat: int, fold: int, train: np.ndarray, test: np.ndarray) -> str:
    """Return the key of one outer fold of a plan.

    Examples
    --------
    >>> rows = np.arange(3)
    >>> fold_key("a", 0, 0, rows, rows + 3) == fold_key("a", 0, 1, rows, rows + 3)
    False
    """
    text = "\x1e".join([digest, str(repeat), str(fold), _of_array(train), _of_array(test)])
    return hashlib.sha256(text.encode()).hexdigest()


def _of_array(array: np.ndarray) -> str:
    values = np.asarray(array)
    content = json.dumps(values.tolist()).encode() if values.dtype.kind in "OU" else values.tobytes()
    kind = "text" if values.dtype.kind in "OU" else values.dtype.str
    return f"{kind} {values.shape} {hashlib.sha256(content).hexdigest()}"


def _of_table(X: pd.DataFrame) -> str:
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes]
    values = X.loc[:, numeric].to_numpy(dtype=np.float64, na_value=np.nan)
    others = X.loc[:, [not n for n in numeric]].to_numpy(dtype=object)
    text = [list(map(str, column)) for column in others.T]
    missing = X.isna().to_numpy()
    kinds = [str(dtype) for dtype in X.dtypes]
    names = json.dumps([list(map(str, X.columns)), kinds, list(map(str, X.index)), text])
    return " ".join([hashlib.sha256(names.encode()).hexdigest(), _of_array(values), _of_array(missing)])


def _of_object(thing: Any, what: str) -> str:
    """Return the content of an estimator or a function, of files it names, and of those its classes are written in."""
    try:
        content = content_hash(thing)
    except (pickle.PicklingError, TypeError, AttributeError) as err:
        raise ValueError(
            f"{what} has no content that another run could compare, so its folds cannot be kept: {err}. "
            "Use named functions and plain parameters, or call without a store."
        ) from err
    written_in = {path for part in _parts(thing) if (path := _source_of(part)) is not None}
    return " ".join([str(content), *sorted(_of_file(path) for path in written_in)])


def _parts(thing: Any) -> list[Any]:
    inside = thing.get_params(deep=True).values() if hasattr(thing, "get_params") else []
    return [thing, *(part for part in inside if hasattr(part, "get_params") or callable(part))]


def _source_of(part: Any) -> Path | None:
    try:
        found = inspect.getsourcefile(part if inspect.isroutine(part) or inspect.isclass(part) else type(part))
    except TypeError:  # built in, or typed at a prompt: there is no file
        return None
    return Path(found) if found and Path(found).is_file() else None


@cache
def _of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _environment() -> str:
    """Return the versions of the libraries in use, and a digest of this library's own sources.

    Sources rather than a version number: between two releases a number can change as well.
    """
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _VERSIONED:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    root = Path(hybridrad.__file__).parent
    files = sorted(root.rglob("*.py"))
    own = hashlib.sha256("".join(f"{f.relative_to(root).as_posix()} {_of_file(f)}" for f in files).encode())
    return json.dumps(versions) + own.hexdigest()
