"""What folds are balanced by: classes, bins of a value, events; one code for each case, by patient.

Classes are the strata of a classification. A patient's value is the mean over his cases, and its strata are quantile
bins of as many patients as there are folds or more. A patient has an event if one of his cases has; patients with
an event are dealt in two halves, the earlier and the later events, so that each fold can rank early against late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError

Task = Literal["classification", "regression", "survival"]
TASKS: tuple[Task, ...] = ("classification", "regression", "survival")
MOST_BINS = 5
CENSORED, EARLY, LATE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Strata:
    """The code of each case, the patient of each case, and which codes every part must hold.

    ``required`` holds groups of codes: each part needs a case of at least one code of every group. ``scarce`` is the
    number of patients that limits the number of folds: those of the smallest class, those with an event, or all.
    """

    task: Task
    codes: NDArray[np.intp]
    patients: NDArray[np.intp]
    required: tuple[tuple[int, ...], ...]
    scarce: int


def task_of(y: ArrayLike) -> Task:
    """Return the task that the targets stand for, by their type.

    A structured array with the fields ``event`` and ``time`` is survival, floating-point numbers are regression, and
    all else (integers, text, truth values) are classes.

    Raises
    ------
    ValueError
        A structured array with other fields.

    Examples
    --------
    >>> task_of([0, 1]), task_of([0.5, 1.0])
    ('classification', 'regression')
    """
    values = np.asarray(y)
    if values.dtype.names is not None:
        if set(values.dtype.names) != {"event", "time"}:
            raise ValueError(f"a structured y needs the fields event and time, it has {values.dtype.names}.")
        return "survival"
    return "regression" if np.issubdtype(values.dtype, np.floating) else "classification"


def strata_of(y: ArrayLike, groups: ArrayLike, *, n_folds: int) -> Strata:
    """Return what folds of these cases are balanced by.

    Parameters
    ----------
    y : array of shape (n_cases,)
        Classes; floats (regression); or a structured array with ``event`` and ``time`` (survival).
    groups : array of shape (n_cases,)
        Patient of each case.
    n_folds : int
        Bins of a value hold at least so many patients.

    Raises
    ------
    RunError
        A target or a patient is missing, there is one class only, or no event.

    Examples
    --------
    >>> strata_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], list("abcdef"), n_folds=3).codes.tolist()
    [0, 0, 0, 1, 1, 1]
    """
    values, labels = np.asarray(y), np.asarray(groups)
    if values.ndim != 1 or values.shape != labels.shape:
        raise ValueError(f"y and groups must be one value per case, got shapes {values.shape} and {labels.shape}.")
    if pd.isna(labels).any():
        raise RunError("a case has no patient, so splits by patient are impossible.", code="E_PATIENT_MISSING")
    patients, task = sorted_codes(labels), task_of(values)
    if task == "survival":
        return _by_event(values, patients)
    if pd.isna(values).any():
        raise RunError("a case has no label, so it cannot be split.", code="E_LABEL_MISSING")
    return _by_value(values, patients, n_folds) if task == "regression" else _by_class(values, patients)


def sorted_codes(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of each value among the sorted values.

    Examples
    --------
    >>> sorted_codes(np.array(["b", "a", "b"])).tolist()
    [1, 0, 1]
    """
    try:
        return np.unique(values, return_inverse=True)[1].astype(np.intp)
    except TypeError:  # labels of several types have no order of their own
        return np.unique(values.astype(str), return_inverse=True)[1].astype(np.intp)


def _by_class(y: NDArray[Any], patients: NDArray[np.intp]) -> Strata:
    codes = sorted_codes(y)
    if len(codes) == 0 or codes.max() == 0:
        raise RunError("only one class is present; splits need at least two.", code="E_ONE_CLASS")
    pairs = np.unique(np.column_stack([patients, codes]), axis=0)
    fewest = int(np.bincount(pairs[:, 1]).min())
    return Strata("classification", codes, patients, tuple((k,) for k in range(int(codes.max()) + 1)), fewest)


def _by_value(y: NDArray[Any], patients: NDArray[np.intp], n_folds: int) -> Strata:
    values = y.astype(float)
    if not np.isfinite(values).all():
        raise RunError("a case has a label that is not finite, so it cannot be split.", code="E_OUTCOME")
    mean = np.bincount(patients, weights=values) / np.bincount(patients)
    bins = _quantile_bins(mean, least=n_folds)
    # Any part with a patient will do: no bin is needed in every part.
    every = tuple(range(int(bins.max()) + 1))
    return Strata("regression", bins[patients], patients, (every,), len(mean))


def _quantile_bins(values: NDArray[np.float64], *, least: int) -> NDArray[np.intp]:
    """Return bins of about equal numbers with at least ``least`` members; equal values share a bin."""
    n_bins = max(1, min(MOST_BINS, len(values) // least))
    distinct, member = np.unique(values, return_inverse=True)
    sizes = np.bincount(member)
    bin_of = np.zeros(len(distinct), dtype=np.intp)
    current, inside, target = 0, 0, len(values) / n_bins
    for i, size in enumerate(sizes):
        rest = int(sizes[i:].sum())
        if inside >= max(target, least) and rest >= least:
            current, inside = current + 1, 0
        bin_of[i] = current
        inside += int(size)
    return bin_of[member]


def _by_event(y: NDArray[Any], patients: NDArray[np.intp]) -> Strata:
    event, time = y["event"].astype(bool), y["time"].astype(float)
    if not (np.isfinite(time) & (time > 0)).all():
        raise RunError("a case has a time that is not positive and finite, so it cannot be split.", code="E_OUTCOME")
    n_patients = int(patients.max()) + 1 if len(patients) else 0
    first = np.full(n_patients, np.inf)
    np.minimum.at(first, patients, np.where(event, time, np.inf))
    with_event = np.isfinite(first)
    if not with_event.any():
        raise RunError("no case has an event, so there is nothing to predict.", code="E_FEW_PATIENTS")
    late = with_event & (first > np.median(first[with_event]))
    of_patient = np.where(with_event, np.where(late, LATE, EARLY), CENSORED).astype(np.intp)
    return Strata("survival", of_patient[patients], patients, ((EARLY, LATE),), int(with_event.sum()))
