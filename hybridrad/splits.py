"""Patient-grouped, stratified, repeated splits: made once, stored, shared by all models, outer and inner.

Patients are dealt to the folds like cards, one stratum after the other. A stratum is the set of classes a patient's
cases carry, so patients with mixed labels are a stratum of their own; values and events have strata of their own, see
`hybridrad.strata`. Every full round gives each fold one patient, the one with most cases to the fold with fewest, so
that patients, cases and class proportions are balanced at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError
from hybridrad.strata import Strata, Task, strata_of

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]

MIN_PATIENTS = 6  # of the smaller class; below, no cross-validation says anything
MIN_PATIENTS_PER_FOLD = 5
# A value has no smaller class: all patients count, twice as many as of the smaller of two classes.
LEAST: dict[Task, tuple[int, int, str]] = {
    "classification": (MIN_PATIENTS, MIN_PATIENTS_PER_FOLD, "patients of the smaller class"),
    "survival": (MIN_PATIENTS, MIN_PATIENTS_PER_FOLD, "patients with an event"),
    "regression": (2 * MIN_PATIENTS, 2 * MIN_PATIENTS_PER_FOLD, "patients"),
}
FEWER_FOLDS = 3
ATTEMPTS = 50


def make_splits(
    y: ArrayLike,
    groups: ArrayLike,
    *,
    n_folds: int,
    repeats: int,
    random_state: int,
    case_id: Sequence[str] | pd.Index,
) -> pd.DataFrame:
    """Return the splits table of a repeated, stratified k-fold cross-validation by patient.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        Class of each case, any labels; floats for regression; a structured array with the fields ``event`` and
        ``time`` for survival.
    groups : array-like of shape (n_cases,)
        Patient of each case.
    n_folds, repeats : int
    random_state : int
        Equal seeds give equal splits, whatever the order of the rows.
    case_id : sequence of str of length n_cases
        Unique ids.

    Returns
    -------
    DataFrame
        Index ``repeat, fold, case_id`` (counted from 0), column ``role``: ``train`` or ``test``.

    Raises
    ------
    RunError
        A patient is missing (``E_PATIENT_MISSING``), only one class is there (``E_ONE_CLASS``), or no split leaves
        every class, or an event, in each test fold (``E_FEW_PATIENTS``).

    Examples
    --------
    >>> table = make_splits([0, 0, 1, 1], list("abcd"), n_folds=2, repeats=1, random_state=0, case_id=list("wxyz"))
    >>> table["role"].value_counts().to_dict()
    {'train': 4, 'test': 4}
    """
    if isinstance(repeats, bool) or repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats!r}.")
    ids = pd.Index(case_id, name="case_id")
    if not ids.is_unique:
        raise ValueError(f"case_id {ids[ids.duplicated()][0]!r} stands twice.")
    strata = strata_of(y, groups, n_folds=_check_folds(n_folds))
    if len(ids) != len(strata.codes):
        raise ValueError(f"{len(ids)} case ids were given for {len(strata.codes)} cases.")
    parts = []
    for repeat in range(repeats):
        fold_of_case = _assign(strata, n_folds=n_folds, seed=(random_state, repeat), strict=True)
        for fold in range(n_folds):
            index = pd.MultiIndex.from_arrays(
                [np.full(len(ids), repeat), np.full(len(ids), fold), ids], names=["repeat", "fold", "case_id"]
            )
            role = np.where(fold_of_case == fold, "test", "train")
            parts.append(pd.DataFrame({"role": role}, index=index))
    return pd.concat(parts)


def inner_splits(y: ArrayLike, groups: ArrayLike | None, *, n_folds: int, random_state: int) -> list[Fold]:
    """Return the inner folds of one training part as positions.

    Parameters
    ----------
    y : array-like of shape (n_cases,)
        As for `make_splits`.
    groups : array-like of shape (n_cases,) or None
        Patient of each case; ``None`` takes every case as a patient of its own.
    n_folds : int
        Fewer are made where the smallest class (survival: the events) has fewer patients than this.
    random_state : int

    Returns
    -------
    list of (train, test)
        Sorted positions. Every training part holds every class (survival: an event); so does every test part where
        that is possible.

    Raises
    ------
    RunError
        A class has (survival: the events have) fewer than two patients, so that no training part can hold it while
        it is also tested.

    Examples
    --------
    >>> [test.tolist() for _, test in inner_splits([0, 1, 0, 1], ["a", "b", "c", "d"], n_folds=2, random_state=0)]
    [[1, 2], [0, 3]]
    """
    y = np.asarray(y)
    strata = strata_of(y, np.arange(len(y)) if groups is None else groups, n_folds=_check_folds(n_folds))
    if strata.scarce < 2:
        what = {
            "classification": "a class has a single patient",
            "survival": "a single patient has an event",
            "regression": "there is a single patient",
        }
        raise RunError(
            f"{what[strata.task]} in this training part, so inner folds by patient are impossible.",
            code="E_FEW_PATIENTS",
            hint="Inner folds need at least two patients of each class, or with an event.",
        )
    n_folds = int(min(n_folds, strata.scarce))
    fold_of_case = _assign(strata, n_folds=n_folds, seed=(random_state,), strict=False)
    return [(np.flatnonzero(fold_of_case != k), np.flatnonzero(fold_of_case == k)) for k in range(n_folds)]


def feasible_folds(y: ArrayLike, groups: ArrayLike, wanted: int) -> tuple[int, str]:
    """Return how many outer folds a cohort allows, and why.

    The rule: ``wanted`` folds; 3 when a fold would hold fewer than 5 patients of the smaller class; fewer than 6 such
    patients are refused. A patient with cases of both classes counts for both. Survival counts the patients with an
    event instead; regression all patients, and asks for twice as many.

    Parameters
    ----------
    y, groups : array-like of shape (n_cases,)
    wanted : int

    Returns
    -------
    n_folds : int
    reason : str
        One sentence for the report.

    Raises
    ------
    RunError
        Only one class (``E_ONE_CLASS``) or fewer than 6 patients of a class or with an event (``E_FEW_PATIENTS``).

    Examples
    --------
    >>> feasible_folds([0] * 30 + [1] * 12, range(42), wanted=5)
    (3, '12 patients of the smaller class: 5 folds would hold fewer than 5 of them each, so 3 folds are used.')
    """
    _check_folds(wanted)
    strata = strata_of(y, groups, n_folds=wanted)
    fewest, (least, per_fold, who) = strata.scarce, LEAST[strata.task]
    if fewest < least:
        patients = f"{fewest} patient{'' if fewest == 1 else 's'}"
        message = {
            "classification": f"the smaller class has {patients}",
            "survival": f"{patients} {'has' if fewest == 1 else 'have'} an event",
            "regression": f"there are {fewest} patients",
        }[strata.task]
        hint = 'Merge classes or leave them out; a value is predicted with task="regression" (--task regression).'
        raise RunError(
            f"{message}; cross-validation needs at least {least}.",
            code="E_FEW_PATIENTS",
            hint=hint if strata.task == "classification" else "",
        )
    if wanted > FEWER_FOLDS and fewest / wanted < per_fold:
        of_them = "of them " if strata.task != "regression" else ""
        reason = (
            f"{fewest} {who}: {wanted} folds would hold fewer than {per_fold} {of_them}each, so {FEWER_FOLDS} folds "
            "are used."
        )
        return FEWER_FOLDS, reason
    return wanted, f"{fewest} {who} allow the {wanted} folds that were asked for."


def splits_hash(splits: pd.DataFrame) -> str:
    """Return the sha256 of a splits table, the same whatever the order of its rows.

    Examples
    --------
    >>> table = make_splits([0, 0, 1, 1], list("abcd"), n_folds=2, repeats=1, random_state=0, case_id=list("wxyz"))
    >>> splits_hash(table) == splits_hash(table[::-1])
    True
    """
    lines = sorted(
        "\x1f".join(map(str, (*key, role))) for key, role in zip(splits.index.tolist(), splits["role"], strict=True)
    )
    return hashlib.sha256("\x1e".join(lines).encode()).hexdigest()


def _assign(strata: Strata, *, n_folds: int, seed: tuple[int, ...], strict: bool) -> NDArray[np.intp]:
    """Return the fold of each case; with ``strict`` every test fold must hold what is required (every class)."""
    codes, patients = strata.codes, strata.patients
    n_patients = int(patients.max()) + 1
    if n_patients < n_folds:
        raise RunError(f"{n_patients} patients cannot be dealt to {n_folds} folds.", code="E_FEW_PATIENTS")
    table = np.zeros((n_patients, int(codes.max()) + 1), dtype=np.intp)
    np.add.at(table, (patients, codes), 1)
    required = [[code for code in group if code < table.shape[1]] for group in strata.required]
    fewest, best = None, None
    for attempt in range(ATTEMPTS):
        fold_of_patient = _deal(table, n_folds, np.random.default_rng([*seed, attempt]))
        by_code = np.zeros((n_folds, table.shape[1]), dtype=np.intp)
        np.add.at(by_code, fold_of_patient, table)
        held = np.column_stack([by_code[:, group].sum(axis=1) for group in required])
        if (held == held.sum(axis=0)).any():
            continue  # a class would be missing from a training part
        missing = int((held == 0).sum())
        if missing == 0:
            return fold_of_patient[patients]
        if fewest is None or missing < fewest:
            fewest, best = missing, fold_of_patient
    if best is None or strict:
        what = "an event" if strata.task == "survival" else "every class"
        raise RunError(
            f"no split into {n_folds} folds by patient leaves {what} in each test fold and each training part "
            f"({ATTEMPTS} shuffles tried; patients per class: {(table > 0).sum(axis=0).tolist()}).",
            code="E_FEW_PATIENTS",
            hint="Use fewer folds or join rare classes.",
        )
    return best[patients]


def _deal(table: NDArray[np.intp], n_folds: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Deal patients (rows: cases per class) to folds, stratum by stratum, round by round."""
    sizes = table.sum(axis=1)
    _, stratum = np.unique(table > 0, axis=0, return_inverse=True)
    stratum = stratum.ravel()
    fold_of_patient = np.empty(len(table), dtype=np.intp)
    n_patients = np.zeros(n_folds, dtype=np.intp)
    n_cases = np.zeros((n_folds, table.shape[1]), dtype=np.intp)
    # Strata from rare to common, so that rare ones are spread while the folds are still free to take them.
    by_size = sorted(range(stratum.max() + 1), key=lambda s: (int((stratum == s).sum()), s))
    for s in by_size:
        members = rng.permutation(np.flatnonzero(stratum == s))
        members = members[np.argsort(-sizes[members], kind="stable")]
        carried = table[members[0]] > 0
        for start in range(0, len(members), n_folds):
            hand = members[start : start + n_folds]
            lacking = (n_cases[:, carried] == 0).sum(axis=1)
            shuffle = rng.permutation(n_folds)
            of_stratum = n_cases[:, carried].sum(axis=1)
            if len(hand) < n_folds:  # the rest goes where a class is lacking, then where patients are few
                order = np.lexsort((shuffle, of_stratum, n_patients, -lacking))[: len(hand)]
                order = order[np.argsort(of_stratum[order], kind="stable")]
            else:
                order = np.lexsort((shuffle, of_stratum))
            fold_of_patient[hand] = order
            n_patients[order] += 1
            np.add.at(n_cases, order, table[hand])
    return fold_of_patient


def _check_folds(n_folds: int) -> int:
    if isinstance(n_folds, bool) or not isinstance(n_folds, int | np.integer) or n_folds < 2:
        raise ValueError(f"the number of folds must be an integer of at least 2, got {n_folds!r}.")
    return int(n_folds)
