"""From case scores to patient scores, by a named rule."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad._checks import check_choice
from hybridrad.errors import RunError

PatientRule = Literal["mean", "max", "largest"]
RULES = ("mean", "max", "largest")


def patient_scores(
    scores: ArrayLike, patient_id: ArrayLike, *, rule: PatientRule, size: ArrayLike | None = None
) -> tuple[NDArray, NDArray[np.float64]]:
    """Return the patients, sorted, and one score (row) for each.

    Parameters
    ----------
    scores : array of shape (n_cases,) or (n_cases, n_classes)
        Predicted probabilities.
    patient_id : array of shape (n_cases,)
    rule : {"mean", "max", "largest"}
        Mean or maximum of the probabilities over the cases of a patient, or those of the case with the largest
        ``size``. ``max`` is defined for two classes only.
    size : array of shape (n_cases,), optional
        Volume or area of each case; needed by ``largest``.

    Returns
    -------
    patients : array of shape (n_patients,)
    scores : array of shape (n_patients,) or (n_patients, n_classes)

    Raises
    ------
    ValueError
        Unknown rule, ``max`` with more than two classes, or ``largest`` without sizes.

    Examples
    --------
    >>> patients, scores = patient_scores([0.2, 0.6, 0.9], ["p", "p", "q"], rule="max")
    >>> patients.tolist(), scores.tolist()
    (['p', 'q'], [0.6, 0.9])
    """
    check_choice(rule, RULES, name="rule")
    values = np.asarray(scores, dtype=float)
    table = values[:, None] if values.ndim == 1 else values
    patients, row = np.unique(np.asarray(patient_id).astype(str), return_inverse=True)
    if rule == "mean":
        sums = np.zeros((len(patients), table.shape[1]))
        np.add.at(sums, row, table)
        result = sums / np.bincount(row)[:, None]
    elif rule == "max":
        if table.shape[1] > 1:
            raise ValueError("rule 'max' is defined for two classes; use 'mean' or 'largest' with more.")
        result = np.full((len(patients), 1), -np.inf)
        np.maximum.at(result, row, table)
    else:
        if size is None:
            raise ValueError("rule 'largest' needs the size of each case.")
        sizes = np.asarray(size, dtype=float)
        if len(sizes) != len(row) or not np.isfinite(sizes).all():
            raise ValueError("rule 'largest' needs one finite size for each case.")
        # Sorted by patient, then size; the first of equal sizes in the order given wins, so the choice is reproducible.
        order = np.lexsort((-np.arange(len(sizes)), sizes, row))
        last = np.append(np.flatnonzero(np.diff(row[order])), len(order) - 1)
        result = table[order[last]]
    return patients, result[:, 0] if values.ndim == 1 else result


def aggregate_to_patients(
    predictions: pd.DataFrame, rule: PatientRule, *, size: pd.Series | None = None
) -> pd.DataFrame:
    """Return predictions with one row per patient instead of one per case.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table.
    rule : {"mean", "max", "largest"}
        See `patient_scores`.
    size : Series, optional
        Index ``case_id``: volume or area of each case; needed by ``largest``.

    Returns
    -------
    DataFrame
        Same index names and columns; ``case_id`` holds the patient's id, and ``n_cases`` counts the patient's cases.

    Raises
    ------
    RunError
        A patient has cases with different labels (values, times, events): a patient score would have no truth to be
        compared with.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_tuples([("a", 0, 0, "x"), ("a", 0, 0, "y")], names=names)
    >>> table = pd.DataFrame({"patient_id": ["p", "p"], "y_true": [1, 1], "y_score": [0.4, 0.8]}, index=index)
    >>> float(aggregate_to_patients(table, "mean")["y_score"].iloc[0].round(3))
    0.6
    """
    check_choice(rule, RULES, name="rule")
    truth = [c for c in ("y_true", "event", "time") if c in predictions]
    labels = predictions.groupby(predictions["patient_id"].astype(str))[truth].nunique().max(axis=1)
    if (labels > 1).any():
        mixed = labels.index[labels > 1]
        raise RunError(
            f"{len(mixed)} patients have cases with different labels, first {mixed[0]}; they have no patient label.",
            code="E_CONFIG",
            hint='Score by case (unit="case").',
        )
    columns = [c for c in predictions.columns if str(c).startswith(("y_score", "survival_"))]
    parts = []
    for key, part in predictions.groupby(level=["model", "repeat", "fold"], sort=False):
        sizes = None if size is None else size.reindex(part.index.get_level_values("case_id")).to_numpy(float)
        ids = part["patient_id"].astype(str)
        by_risk = rule == "max" and "event" in part
        patients, scores = patient_scores(
            part[columns[0]] if len(columns) == 1 else part[columns],
            ids,
            # The case with the highest risk speaks for the patient, with its survival too: that is the lowest.
            rule="largest" if by_risk else rule,
            size=part["y_score"] if by_risk else sizes,
        )
        index = pd.MultiIndex.from_tuples([(*key, p) for p in patients], names=predictions.index.names)
        rows = pd.DataFrame({"patient_id": patients}, index=index)
        rows[truth] = part[truth].groupby(ids).first().loc[patients].to_numpy()
        rows = rows.astype({c: part[c].dtype for c in truth})
        rows[columns] = scores.reshape(len(patients), -1)
        if "threshold" in part:
            rows["threshold"] = part["threshold"].iloc[0]
        rows["n_cases"] = ids.value_counts()[patients].to_numpy()
        parts.append(rows)
    return pd.concat(parts)
