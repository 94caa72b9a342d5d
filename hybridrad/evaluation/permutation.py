"""Permutation of labels between patients: how often chance alone does as well as the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError
from hybridrad.evaluation.metrics import fold_scores
from hybridrad.evaluation.nested import NestedCV, evaluate


class PermutationTest(NamedTuple):
    """The observed statistic, its one-sided p-value, and the statistic under each permutation."""

    observed: float
    p_value: float
    null: NDArray[np.float64]


def permutation_p(observed: float, null: ArrayLike) -> float:
    """Return ``(1 + number of null values at least as large) / (B + 1)``; never zero.

    References
    ----------
    Phipson & Smyth (2010), doi:10.2202/1544-6115.1585.

    Examples
    --------
    >>> permutation_p(0.8, [0.5] * 98 + [0.9])
    0.02
    """
    values = np.asarray(null, dtype=float)
    if values.ndim != 1 or not len(values) or np.isnan(values).any() or np.isnan(observed):
        raise ValueError("the statistic must be defined for the data and every permutation.")
    # Sums in another order may differ in the last digits; a tie must not be lost to that.
    return float((1 + (values >= observed - 1e-12).sum()) / (len(values) + 1))


def permuted_labels(
    y: ArrayLike, groups: ArrayLike, rng: np.random.Generator, *, strata: ArrayLike | None = None
) -> NDArray:
    """Return labels dealt anew between patients; cases of a patient stay together.

    Patients with one label exchange it with all others of their stratum. Patients whose cases carry several labels
    exchange their labels, case by case in order, with such patients of as many cases.

    Parameters
    ----------
    y, groups : arrays of shape (n_cases,)
    rng : numpy Generator
    strata : array of shape (n_cases,), optional
        Exchange only within a stratum, for example a site; one stratum per patient.

    Examples
    --------
    >>> y = permuted_labels([0, 0, 1, 1], ["a", "a", "b", "b"], np.random.default_rng(1))
    >>> y.tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    True
    """
    labels, patients = np.asarray(y), np.asarray(groups).astype(str)
    layer = np.zeros(len(labels), dtype=str) if strata is None else np.asarray(strata).astype(str)
    if not labels.shape == patients.shape == layer.shape or labels.ndim != 1:
        raise ValueError("y, groups and strata must be one value per case.")
    rows_of = {p: np.flatnonzero(patients == p) for p in np.unique(patients)}
    exchange: dict[tuple[object, ...], list[str]] = {}
    for patient, rows in rows_of.items():
        if len(set(layer[rows])) > 1:
            raise ValueError(f"patient {patient} has cases in several strata.")
        mixed = len(set(labels[rows].tolist())) > 1
        exchange.setdefault((layer[rows[0]], len(rows) if mixed else 0), []).append(patient)
    result = labels.copy()
    for (_, n_cases), members in exchange.items():
        for patient, donor in zip(members, rng.permutation(members), strict=True):
            given = labels[rows_of[str(donor)]]
            result[rows_of[patient]] = given if n_cases else given[0]
    return result


def permutation_test(
    statistic: Callable[[NDArray], float],
    y: ArrayLike,
    groups: ArrayLike,
    *,
    n_permutations: int = 99,
    strata: ArrayLike | None = None,
    random_state: int = 0,
) -> PermutationTest:
    """Test a whole procedure against labels without meaning.

    Parameters
    ----------
    statistic : callable
        ``labels -> float``, larger is better. It must do everything that was done with the true labels: splits made
        for them, selection, tuning, fitting, scoring. What saw the labels outside of it makes the p-value too small.
    y, groups : arrays of shape (n_cases,)
    n_permutations : int, default 99
    strata : array of shape (n_cases,), optional
        Permute within these only, for example within sites.
    random_state : int, default 0

    References
    ----------
    Ojala & Garriga (2010), J Mach Learn Res 11:1833-1863. Phipson & Smyth (2010), doi:10.2202/1544-6115.1585.

    Examples
    --------
    >>> x = np.arange(20.0)
    >>> y = (x > 9).astype(int)
    >>> permutation_test(lambda labels: x[labels == 1].mean(), y, np.arange(20)).p_value
    0.01
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}.")
    rng = np.random.default_rng(random_state)
    labels = np.asarray(y)
    null = np.array([statistic(permuted_labels(labels, groups, rng, strata=strata)) for _ in range(n_permutations)])
    observed = float(statistic(labels))
    return PermutationTest(observed, permutation_p(observed, null), null)


def nested_auc(
    estimator: Any, X: pd.DataFrame, groups: ArrayLike, *, cv: NestedCV | None = None, random_state: int = 0
) -> Callable[[NDArray], float]:
    """Return the statistic "nested cross-validated AUC of the whole procedure", for `permutation_test`.

    For every labelling the folds are dealt anew (they are stratified by the labels), and everything is refitted.

    Parameters
    ----------
    estimator : scikit-learn classifier
        The whole pipeline.
    X : DataFrame of shape (n_cases, n_features), index ``case_id``
    groups : array of shape (n_cases,)
        Patient of each case.
    cv : NestedCV, optional
        Default 5 folds, one repeat, 4 inner folds.
    random_state : int, default 0

    Raises
    ------
    RunError
        The procedure failed in a fold: a mean over the others would not be the statistic.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> y, ids = np.arange(40) % 2, pd.Index([f"c{i:02d}" for i in range(40)], name="case_id")
    >>> X = pd.DataFrame({"radiomics__a": rng.normal(size=40) + 2 * y}, index=ids)
    >>> statistic = nested_auc(LogisticRegression(), X, ids, cv=NestedCV(4, 1, 2))
    >>> permutation_test(statistic, y, ids, n_permutations=9).p_value
    0.1
    """
    design = cv if cv is not None else NestedCV(5, 1, 4)
    patients = np.asarray(groups).astype(str)

    def statistic(labels: NDArray) -> float:
        splits = design.splits(labels, patients, X.index, random_state)
        result = evaluate(
            {"arm": estimator},
            X,
            labels,
            patients,
            splits,
            inner=design.inner,
            random_state=random_state,
            threshold=None,
        )
        if len(result.failures):
            first = result.failures.iloc[0]
            raise RunError(f"the procedure failed under permuted labels: {first['type']}: {first['message']}")
        return float(fold_scores(result.predictions, splits, metrics=["roc_auc"])["value"].mean())

    return statistic
