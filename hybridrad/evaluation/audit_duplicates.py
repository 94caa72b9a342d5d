"""Cases that stand under several patients: the same image file, or rows that lie impossibly close together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from hybridrad.evaluation.audit_surrogates import distinct_rows
from hybridrad.evaluation.audit_table import FAIL, PASS, UNJUDGED, Check

NEIGHBOURS = 10
LEVEL = 0.001  # expected number of false pairs of patients in a whole cohort without duplicates
_FEWEST_COLUMNS = 5
_FEWEST_VALUES = 10


def patients_across_folds(splits: pd.DataFrame, patient_id: pd.Series) -> Check:
    """Return whether a patient is in the training and in the test part of a fold.

    Parameters
    ----------
    splits : DataFrame
        The splits table: index ``repeat, fold, case_id``, column ``role``.
    patient_id : Series
        Index ``case_id``.

    Examples
    --------
    >>> from hybridrad.splits import make_splits
    >>> splits = make_splits([0, 0, 1, 1], list("abcd"), n_folds=2, repeats=1, random_state=0, case_id=list("wxyz"))
    >>> patients_across_folds(splits, pd.Series(list("aacd"), list("wxyz"))).verdict
    'fail'
    """
    code = "A_PATIENT_FOLDS"
    patients = patient_id.reindex(splits.index.get_level_values("case_id"))
    if patients.isna().any():
        return Check(code, UNJUDGED, f"case {patients.index[patients.isna()][0]} of the splits has no patient.")
    keys = [splits.index.get_level_values(k) for k in ("repeat", "fold")]
    torn = splits["role"].groupby([*keys, patients.to_numpy()]).nunique()
    torn = torn[torn > 1]
    if len(torn):
        repeat, fold, first = torn.index[0]
        n_torn = torn.index.get_level_values(2).nunique()
        message = f"{n_torn} patients are trained and tested in one fold, first {first} "
        hint = "Split by patient; correct patient_id if cases of one patient carry several."
        return Check(code, FAIL, f"{message}(repeat {repeat}, fold {fold}).", hint, float(n_torn))
    return Check(code, PASS, f"none of {patients.nunique()} patients, in any fold.", statistic=0.0)


def same_image_check(digests: Mapping[str, Mapping[str, str]], patient_id: pd.Series) -> Check:
    """Return whether files with the same bytes stand under several patients.

    Parameters
    ----------
    digests : dict of case_id -> dict of column -> SHA-256
        Of the image columns: masks of different patients may well be equal.
    patient_id : Series
        Index ``case_id``.

    Examples
    --------
    >>> digests = {"a": {"image": "01"}, "b": {"image": "01"}}
    >>> same_image_check(digests, pd.Series(["p", "q"], ["a", "b"])).verdict
    'fail'
    """
    code = "A_SAME_IMAGE"
    rows = [(sha, case, patient_id[case]) for case, of in digests.items() for sha in of.values() if case in patient_id]
    if not rows:
        return Check(code, UNJUDGED, "no image was extracted into this run.", "Extract with hybridrad to have hashes.")
    table = pd.DataFrame(rows, columns=["sha", "case", "patient"])
    patients = table.groupby("sha")["patient"].nunique()
    shared = table[table["sha"].isin(patients.index[patients > 1])]
    if len(shared):
        cases = shared[shared["sha"] == shared["sha"].iloc[0]]["case"].unique()
        message = f"{int((patients > 1).sum())} image files stand under several patients, first {', '.join(cases[:3])}."
        hint = "Correct patient_id, or take the copies out: the image is trained and tested."
        return Check(code, FAIL, message, hint, float((patients > 1).sum()))
    return Check(code, PASS, f"{len(patients)} image files, each under one patient.", statistic=0.0)


def near_duplicate_check(
    table: pd.DataFrame, groups: Any, *, fold: NDArray[np.intp] | None = None, blocks: Mapping[str, Any] | None = None
) -> Check:
    """Return whether cases of different patients are equal, or lie far closer together than neighbours do.

    Rows of different patients that are equal in all columns of different numbers are copies, however many there are.
    Else, in each block, columns are turned into normal scores of their ranks. A case's distance to its nearest other
    patient is compared with that to its tenth nearest: in a locally even cloud of dimension m, the m-th power of
    the ratio has the distribution Beta(1, 9). The dimension is estimated from the median ratio of the cohort itself, so
    the test adapts to correlated columns; the smallest p-value times the number of cases and blocks is reported. Cases
    that lack a block are not compared in it.

    Parameters
    ----------
    table : DataFrame of shape (n_cases, n_features)
    groups : array-like of shape (n_cases,)
        Patient of each case.
    fold : int array, optional
        Fold in which each case is tested; pairs within a fold do no harm.
    blocks : dict of name -> column names, optional
        Default: all columns are one block.

    References
    ----------
    Levina & Bickel, NIPS 17:777-784, 2004. Facco et al., Sci Rep 7:12140, 2017, doi:10.1038/s41598-017-11873-y.

    Examples
    --------
    >>> X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 20)))
    >>> near_duplicate_check(X, np.arange(60)).verdict
    'pass'
    >>> X.iloc[7] = X.iloc[31] + 0.01
    >>> near_duplicate_check(X, np.arange(60)).message
    'rows 7 and 31 are near-duplicates of different patients (2 cases in all).'
    """
    code = "A_NEAR_DUPLICATE"
    _, patient = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    parts = [_comparable(table[list(columns)]) for columns in (blocks or {"all": list(table.columns)}).values()]
    parts = [(values, rows) for values, rows in parts if values.shape[1] >= _FEWEST_COLUMNS and len(rows)]
    if not parts:
        reason = f"there are no {_FEWEST_COLUMNS} columns of different numbers to compare rows by."
        return Check(code, UNJUDGED, reason)
    copied: set[tuple[int, int]] = set()
    for values, rows in parts:
        copied |= {(int(rows[i]), int(rows[j])) for i, j in exact_copies(values, patient[rows], _at(fold, rows))}
    if copied:
        return _found(code, copied, table.index, "exact copies", 0.0)
    pairs: list[tuple[float, int, int]] = []
    smallest, n_blocks, reasons = 1.0, 0, []
    for values, rows in parts:
        n_patients = len(np.unique(patient[rows]))
        if n_patients < NEIGHBOURS + 2:
            reasons.append(f"{n_patients} patients are too few to know how close neighbours lie.")
            continue
        p_values, nearest = closeness(_normal_scores(values), np.unique(patient[rows], return_inverse=True)[1])
        if p_values is None:
            reasons.append("most rows coincide with one of another patient in their fold: distances have no scale.")
            continue
        n_blocks += 1
        apart = np.ones(len(rows), bool) if fold is None else fold[rows] != fold[rows[nearest]]
        p_values = np.where(apart, p_values * len(patient), 1.0)
        smallest = min(smallest, float(p_values.min()))
        pairs += [(float(p_values[i]), int(rows[i]), int(rows[nearest[i]])) for i in np.flatnonzero(p_values < LEVEL)]
    if not n_blocks:
        return Check(code, UNJUDGED, reasons[0])
    smallest = min(1.0, smallest * n_blocks)
    close = {(i, j) for p, i, j in pairs if p * n_blocks < LEVEL}
    if close:
        closest = min(pairs, key=lambda pair: (pair[0], sorted(pair[1:])))[1:]
        return _found(code, close, table.index, "near-duplicates", smallest, first=closest)
    n_patients = len(np.unique(patient))
    return Check(code, PASS, f"no pair of {n_patients} patients is closer than chance allows.", "", 0.0, smallest)


def exact_copies(
    values: NDArray[np.float64], patient: NDArray[np.intp], fold: NDArray[np.intp] | None = None
) -> list[tuple[int, int]]:
    """Return pairs of equal rows of different patients: each row that has such a twin, with its first twin.

    Parameters
    ----------
    values : array of shape (n_cases, n_columns)
        Missing values are equal to each other.
    patient : int array of shape (n_cases,)
    fold : int array of shape (n_cases,), optional
        Rows of the same fold are no twins.

    Examples
    --------
    >>> exact_copies(np.array([[1.0], [2.0], [1.0], [1.0]]), np.array([0, 1, 2, 0]))
    [(0, 2), (2, 0), (3, 2)]
    """
    content, _ = distinct_rows(values + 0.0)  # -0.0 is 0.0
    twins = []
    for members in pd.Series(np.arange(len(values))).groupby(content).indices.values():
        for i in members if len(members) > 1 else ():
            others = members[(patient[members] != patient[i]) & (True if fold is None else fold[members] != fold[i])]
            if len(others):
                twins.append((int(i), int(others[0])))
    return sorted(twins)


def closeness(
    scores: NDArray[np.float64], patient: NDArray[np.intp]
) -> tuple[NDArray[np.float64] | None, NDArray[np.intp]]:
    """Return how improbably close the nearest case of another patient is, and which one it is.

    Parameters
    ----------
    scores : array of shape (n_cases, n_columns)
        Standardised columns.
    patient : int array of shape (n_cases,)
        0 .. n_patients - 1.

    Returns
    -------
    p_values : array of shape (n_cases,), or None
        None where distances have no scale, because most cases coincide.
    nearest : int array of shape (n_cases,)

    Examples
    --------
    >>> cloud = np.random.default_rng(0).normal(size=(400, 6))
    >>> p_values, _ = closeness(cloud, np.arange(400))
    >>> bool(0.2 < np.median(p_values) < 0.8)
    True
    """
    squares = (scores**2).sum(axis=1)
    squared = squares[:, None] + squares - 2 * scores @ scores.T
    squared[patient[:, None] == patient] = np.inf
    nearest = squared.argmin(axis=1).astype(np.intp)
    order = np.argsort(patient, kind="stable")
    starts = np.flatnonzero(np.diff(patient[order], prepend=-1))
    # The nearest case of each other patient: several slices of one patient are one neighbour.
    to_patient = np.minimum.reduceat(squared[:, order], starts, axis=1)
    ordered = np.partition(to_patient, [0, NEIGHBOURS // 2 - 1, NEIGHBOURS - 1], axis=1)
    close, far = np.maximum(ordered[:, 0], 0.0), ordered[:, NEIGHBOURS - 1]
    # Differences below the rounding of the sums above are none.
    close[close < 1e-10 * scores.shape[1]] = 0.0
    if not np.isfinite(far).all() or np.median(close) <= 0:
        return None, nearest
    ratio = np.sqrt(np.divide(close, far, out=np.zeros_like(close), where=far > 0))
    median = 1 - 0.5 ** (1 / (NEIGHBOURS - 1))  # of Beta(1, k - 1)
    dimension = np.log(median) / np.log(np.median(ratio))
    # Where half of the cases have a near copy, the copies would set the scale themselves; so few neighbours beyond them
    # are copies that these do not: the ratio of the fifth to the tenth, to the m-th power, is Beta(5, 5), median 1/2.
    fifth = ordered[:, NEIGHBOURS // 2 - 1]
    beyond = np.median(np.sqrt(np.divide(fifth, far, out=np.zeros_like(far), where=far > 0)))
    if 0 < beyond < 1 and dimension < (further := np.log(0.5) / np.log(beyond)) / 2:
        dimension = further
    return 1 - (1 - ratio**dimension) ** (NEIGHBOURS - 1), nearest


def _comparable(table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the columns of many different numbers, and the rows that have enough of them: their values, their places.

    Copies must not make columns look as if they had few values, so these are counted against the different rows.
    """
    numbers = [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    values = table[numbers].to_numpy(dtype=float, na_value=np.nan)
    values = np.where(np.isfinite(values), values, np.nan)
    known = values[np.isfinite(values).any(axis=1)]
    n_different = len(distinct_rows(known)[1]) if len(known) else 0
    fewest = max(3, min(n_different, _FEWEST_VALUES), n_different // 3)
    values = values[:, [len(np.unique(column[np.isfinite(column)])) >= fewest for column in values.T]]
    rows = np.flatnonzero(np.isfinite(values).sum(axis=1) >= _FEWEST_COLUMNS)
    return values[rows], rows


def _normal_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return normal scores of the ranks in each column, missing values at the middle."""
    scores = np.zeros(values.shape)
    for column, score in zip(values.T, scores.T, strict=True):
        known = np.isfinite(column)
        score[known] = norm.ppf((rankdata(column[known]) - 0.5) / known.sum())
    return scores


def _found(
    code: str,
    pairs: set[tuple[int, int]],
    names: pd.Index,
    what: str,
    p_value: float,
    *,
    first: Sequence[int] | None = None,
) -> Check:
    one, other = sorted(min(pairs) if first is None else first)
    n_cases = len({i for pair in pairs for i in pair})
    message = f"rows {names[one]} and {names[other]} are {what} of different patients ({n_cases} cases in all)."
    return Check(code, FAIL, message, "Look at the images; correct patient_id or drop copies.", n_cases, p_value)


def _at(fold: NDArray[np.intp] | None, rows: NDArray[np.intp]) -> NDArray[np.intp] | None:
    return None if fold is None else fold[rows]
