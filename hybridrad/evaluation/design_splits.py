"""From a design to the splits table of a cohort, checked: patients on one side, every class in every part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from hybridrad._checks import check_table, did_you_mean
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.evaluation.designs import Design, FixedSplit, LeaveOneSiteOut, OwnFolds
from hybridrad.evaluation.nested import NestedCV
from hybridrad.strata import Task

DesignKind = Literal["folds", "site", "split"]
TRAIN_WORDS = ("train", "training", "development")
MIN_PER_CLASS = 2  # patients; below, DeLong's variance and inner folds do not exist
MIN_FOR_VALUES = 5  # patients; an explained variation of fewer says nothing


@dataclass(frozen=True, eq=False)
class Roll:
    """The cases of a cohort as designs count them: class, event, or merely being there; and what every part needs.

    ``counted`` names the class of each case; every part must hold ``least`` patients of each of ``classes``.
    """

    table: pd.DataFrame
    patient_id: pd.Series
    counted: pd.Series
    classes: list[Any]
    least: int
    what: str


def roll_of(cohort: Cohort, task: Task) -> Roll:
    """Return the roll of a cohort for a task."""
    table, patients = cohort.table, cohort.patient_id
    if task == "survival":
        events = cohort.survival["event"].map({True: "event", False: "censored"})
        return Roll(table, patients, events, ["event"], MIN_PER_CLASS, "with an event")
    if task == "regression":
        there = pd.Series("case", index=table.index)
        return Roll(table, patients, there, ["case"], MIN_FOR_VALUES, "in all")
    return Roll(table, patients, cohort.label_values, cohort.classes, MIN_PER_CLASS, "of each class")


def splits_of(cv: Design, cohort: Cohort, random_state: int, *, task: Task = "classification") -> pd.DataFrame:
    """Return the splits table of any design for a cohort.

    Parameters
    ----------
    cv : NestedCV, LeaveOneSiteOut, FixedSplit or OwnFolds
    cohort : Cohort
        The cases used.
    random_state : int
        For the designs that draw.
    task : {"classification", "regression", "survival"}
        What is predicted: parts must hold patients of every class, with an event, or enough of them.

    Returns
    -------
    DataFrame
        Index ``repeat, fold, case_id``, column ``role``. ``attrs``: ``kind`` ("folds", "site" or "split"), ``n_folds``,
        ``n_folds_wanted``, ``repeats``, ``reason``, ``names`` (fold -> site; empty otherwise).

    Raises
    ------
    RunError
        The column is missing or empty for a case, a patient would be in the training and the test part, or a part has
        too few patients of a class.

    Examples
    --------
    >>> from hybridrad.cohort import cohort_from_frame
    >>> table = pd.DataFrame({"case_id": list("abcdefghijkl"), "label": [0, 1] * 6, "site": list("AAAABBBBCCCC")})
    >>> splits = splits_of(LeaveOneSiteOut(), cohort_from_frame(table, images=False), 0)
    >>> splits.attrs["names"]
    {0: 'A', 1: 'B', 2: 'C'}
    """
    roll = roll_of(cohort, task)
    if isinstance(cv, LeaveOneSiteOut):
        return _leave_one_site_out(cv, roll)
    if isinstance(cv, FixedSplit):
        return _fixed(cv, roll)
    if isinstance(cv, OwnFolds):
        return _own(cv, roll)
    if not isinstance(cv, NestedCV):
        raise TypeError(f"cv must be NestedCV, LeaveOneSiteOut, FixedSplit or OwnFolds, got {type(cv).__name__}.")
    splits = cv.splits(cohort.targets(task), cohort.patient_id.to_numpy(), cohort.table.index, random_state)
    splits.attrs |= {"kind": "folds", "names": {}}
    return splits


def _leave_one_site_out(cv: LeaveOneSiteOut, cohort: Roll) -> pd.DataFrame:
    site = _column(cohort, cv.column, wanted="the site of each case")
    _one_value_per_patient(site, cohort, cv.column)
    counts = _patients_per_class(cohort, site)
    testable = counts.index[(counts >= cohort.least).all(axis=1)]
    if len(testable) < 2:
        raise RunError(
            f"{len(testable)} of {len(counts)} sites have at least {cohort.least} patients {cohort.what}; leaving one "
            "site out needs two such sites.",
            code="E_FEW_PATIENTS",
        )
    parts = [_fold(cohort, (site == name).to_numpy(), repeat=0, fold=i) for i, name in enumerate(testable)]
    reason = f"{len(testable)} sites, each tested once by models trained at all the others."
    never = [name for name in counts.index if name not in set(testable)]
    if never:
        reason += (
            f" Never tested, only trained on, for want of {cohort.least} patients {cohort.what}: {', '.join(never)}."
        )
    names = {i: str(name) for i, name in enumerate(testable)}
    return _planned(parts, cohort, kind="site", n_folds=len(testable), repeats=1, reason=reason, names=names)


def _fixed(cv: FixedSplit, cohort: Roll) -> pd.DataFrame:
    values = _column(cohort, cv.column, wanted="the part of each case")
    train, test = _parts(cv, sorted(values.unique()))
    tested = values.isin(test)
    _one_value_per_patient(tested.map({True: "test", False: "train"}), cohort, cv.column)
    part = _fold(cohort, tested.to_numpy(), repeat=0, fold=0)
    reason = f"Trained once on {cv.column} = {' + '.join(train)}, tested once on {' + '.join(test)}."
    return _planned([part], cohort, kind="split", n_folds=1, repeats=1, reason=reason, names={0: " + ".join(test)})


def _parts(cv: FixedSplit, there: list[str]) -> tuple[list[str], list[str]]:
    named = {side: [v] if isinstance(v, str) else list(v) for side, v in (("train", cv.train), ("test", cv.test)) if v}
    for value in (v for values in named.values() for v in values):
        if value not in there:
            raise RunError(
                f"{cv.column} has no value {value!r}; it has {', '.join(there)}.{did_you_mean(value, there)}",
                code="E_CONFIG",
            )
    if len(named) == 1 or (not named and len(there) == 2):
        train = named.get("train") or [v for v in there if v.lower() in TRAIN_WORDS and v not in named.get("test", [])]
        test = named.get("test") or [v for v in there if v not in train]
        if not named and len(train) != 1:
            train, test = [], []
    else:
        train, test = named.get("train", []), named.get("test", [])
    if not train or not test or set(train) & set(test) or set(train) | set(test) != set(there):
        raise RunError(
            f"{cv.column} has the values {', '.join(there)}, which are not one training and one test part.",
            code="E_CONFIG",
            hint='Name all of them, e.g. FixedSplit(train=("train", "val"), test="external"), or leave cases out.',
        )
    return train, test


def _own(cv: OwnFolds, cohort: Roll) -> pd.DataFrame:
    table = cv.folds if isinstance(cv.folds, pd.DataFrame) else _from_columns(cv.folds, cohort)
    made_as = {str(key): value for key, value in table.attrs.items()}
    check_table(table, index=["repeat", "fold", "case_id"], columns=["role"], name="folds")
    if table.index.duplicated().any():
        raise RunError(f"the folds name {table.index[table.index.duplicated()][0]} twice.", code="E_CONFIG")
    foreign = sorted(set(table["role"]) - {"train", "test"})
    if foreign:
        raise RunError(f"the role {foreign[0]!r} in the folds is neither train nor test.", code="E_CONFIG")
    cases = table.index.get_level_values("case_id")
    # Cases without features are not in the study; the rest of their folds stands.
    table = table.loc[cases.isin(cohort.table.index), ["role"]]
    parts, repeats = [], sorted(set(table.index.get_level_values("repeat")))
    n_folds, labels = 0, dict[int, str]()
    for r, repeat in enumerate(repeats):
        of_repeat = table[table.index.get_level_values("repeat") == repeat]
        names = sorted(set(of_repeat.index.get_level_values("fold")))
        n_folds = max(n_folds, len(names))
        for f, name in enumerate(names):
            part = of_repeat[of_repeat.index.get_level_values("fold") == name]
            ids = part.index.get_level_values("case_id")
            index = pd.MultiIndex.from_product([[r], [f], ids], names=["repeat", "fold", "case_id"])
            parts.append(part.set_axis(index))
            labels[f] = str(name)
    if not parts:
        raise RunError("no case of the folds is in the study; both need the same case_id, as text.", code="E_CONFIG")
    tested = [int((part["role"] == "test").sum()) for part in parts]
    reason = f"Folds of the user: {n_folds} x {len(repeats)}, {min(tested)} to {max(tested)} test cases each."
    never = len(cohort.table) - table.index[table["role"] == "test"].get_level_values("case_id").nunique()
    if never and n_folds > 1:
        reason += f" {never} cases are never tested."
    kind: DesignKind = "split" if n_folds == 1 and len(repeats) == 1 else "folds"
    if n_folds == 1 and len(repeats) > 1:
        raise RunError(
            "several repeats with one fold each are no cross-validation that an interval is known for.",
            code="E_CONFIG",
            hint="Give at least two folds in each repeat, or one test set.",
        )
    of_fold = _names_of(made_as, labels)
    if made_as.get("kind") == "site" and kind == "folds":
        if len(repeats) > 1 or len(of_fold) < n_folds:
            raise RunError(
                "these folds left sites out, but they are repeated or not all of them name their site.",
                code="E_CONFIG",
                hint="Give the splits table of that study as it is, or leave sites out by a column: LeaveOneSiteOut().",
            )
        kind, reason = "site", f"{n_folds} sites of another study, each tested once by models trained at the others."
    elif kind == "folds":
        of_fold = {}
    return _planned(parts, cohort, kind=kind, n_folds=n_folds, repeats=len(repeats), reason=reason, names=of_fold)


def _names_of(attrs: Mapping[str, Any], labels: Mapping[int, str]) -> dict[int, str]:
    """Return fold -> name of a stored splits table; read from a file, its folds are text."""
    known = {str(fold): str(name) for fold, name in (attrs.get("names") or {}).items()}
    return {fold: known[label] for fold, label in labels.items() if label in known}


def _from_columns(names: str | Sequence[str], cohort: Roll) -> pd.DataFrame:
    parts = []
    for repeat, name in enumerate([names] if isinstance(names, str) else list(names)):
        fold_of = _column(cohort, name, wanted="the fold of each case")
        labels = sorted(fold_of.unique())
        if len(labels) < 2:
            raise RunError(f"{name} has the one fold {labels[0]}; two are needed.", code="E_CONFIG")
        parts += [_fold(cohort, (fold_of == v).to_numpy(), repeat=repeat, fold=f) for f, v in enumerate(labels)]
    return pd.concat(parts)


def _fold(cohort: Roll, tested: np.ndarray, *, repeat: int, fold: int) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(
        [[repeat], [fold], cohort.table.index.astype(str)], names=["repeat", "fold", "case_id"]
    )
    return pd.DataFrame({"role": np.where(tested, "test", "train")}, index=index)


def _planned(
    parts: Sequence[pd.DataFrame],
    cohort: Roll,
    *,
    kind: DesignKind,
    n_folds: int,
    repeats: int,
    reason: str,
    names: Mapping[int, str],
) -> pd.DataFrame:
    """Return the checked splits: patients on one side, every class in every part."""
    patient, label = cohort.patient_id, cohort.counted
    for part in parts:
        (repeat, fold), ids = part.index[0][:2], part.index.get_level_values("case_id")
        where = f"repeat {repeat}, fold {fold}" + (f" ({names[fold]})" if fold in names else "")
        of = {role: ids[part["role"] == role] for role in ("train", "test")}
        both = set(patient[of["train"]]) & set(patient[of["test"]])
        if both:
            raise RunError(
                f"{len(both)} patients are in the training and the test part of {where} (first: {min(both)}).",
                code="E_CONFIG",
                hint="All cases of a patient must be on the same side.",
            )
        for role, cases in of.items():
            n = patient[cases].groupby(label[cases]).nunique().reindex(cohort.classes).fillna(0)
            # A fold among several needs a pair to rank; a set that is judged on its own needs a variance too.
            least = 1 if role == "test" and kind == "folds" and cohort.least == MIN_PER_CLASS else cohort.least
            if n.min() < least:
                raise RunError(
                    f"the {role} part of {where} has {int(n.min())} patients {_of(n.idxmin(), cohort)}; "
                    f"at least {least} are needed.",
                    code="E_FEW_PATIENTS",
                )
    table = pd.concat(list(parts))
    table.attrs |= {"kind": kind, "n_folds": n_folds, "n_folds_wanted": n_folds, "repeats": repeats, "reason": reason}
    table.attrs["names"] = dict(names)
    return table


def _of(name: Any, cohort: Roll) -> str:
    return f"of class {name!r}" if cohort.what == "of each class" else cohort.what


def _column(cohort: Roll, name: str, *, wanted: str) -> pd.Series:
    if name not in cohort.table.columns:
        near = did_you_mean(name, map(str, cohort.table.columns))
        raise RunError(f"the cohort has no column {name!r} ({wanted}).{near}", code="E_CONFIG")
    values = cohort.table[name]
    if values.isna().any():
        raise RunError(
            f"{int(values.isna().sum())} cases have no {name} (first: {values.index[values.isna()][0]}).",
            code="E_CONFIG",
            hint=f"Fill {name} in, or leave these cases out.",
        )
    return values.map(lambda v: str(int(v)) if isinstance(v, float) and v.is_integer() else str(v).strip())


def _one_value_per_patient(values: pd.Series, cohort: Roll, column: str) -> None:
    several = values.groupby(cohort.patient_id).nunique()
    if (several > 1).any():
        raise RunError(
            f"{int((several > 1).sum())} patients have cases on both sides by {column} "
            f"(first: {several.index[several > 1][0]}).",
            code="E_CONFIG",
            hint="All cases of a patient must be on the same side.",
        )


def _patients_per_class(cohort: Roll, values: pd.Series) -> pd.DataFrame:
    label = cohort.counted
    columns = {c: cohort.patient_id[label == c].groupby(values[label == c]).nunique() for c in cohort.classes}
    return pd.DataFrame(columns, index=pd.Index(sorted(values.unique()))).fillna(0)
