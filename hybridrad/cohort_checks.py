"""What can be said about a cohort table without opening an image: ids, patients, classes, columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.case import is_image_column
from hybridrad.errors import Finding

WHOLE_COHORT = "(cohort)"  # stands for case_id in what concerns the table as a whole
FEWEST_PATIENTS = 6  # of the smaller class; with fewer no plan of folds can be made
# With fewer cases per class one of a thousand features separates them by chance.
FEWEST_FOR_LEAK = 20
LEAK_AUC = 0.99
_MOST_CATEGORIES = 10  # a text that differs for every case tells the label, too, and means nothing


def about_all(code: str, message: str, hint: str = "") -> Finding:
    """Return a finding about the table as a whole."""
    return Finding(WHOLE_COHORT, code, "cohort", message, hint)


def first_of(values: Iterable[Hashable], n: int = 5) -> str:
    """Return the first values as text, and how many more there are.

    Examples
    --------
    >>> first_of(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    listed = [str(v) for v in values]
    return ", ".join(listed[:n]) + (f" and {len(listed) - n} more" if len(listed) > n else "")


def one_of_each(findings: Iterable[Finding]) -> list[Finding]:
    """Return one finding for each case and code, messages joined: the key of the findings table.

    Examples
    --------
    >>> found = [Finding("a", "E_FILE_MISSING", "read", f"{column}: not found.") for column in ("image", "mask")]
    >>> one_of_each(found)[0].message
    'image: not found. mask: not found.'
    """
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = finding.case_id, finding.code
        earlier = merged.setdefault(key, finding)
        if finding.message not in earlier.message:
            merged[key] = replace(earlier, message=f"{earlier.message} {finding.message}")
    return list(merged.values())


def id_findings(table: pd.DataFrame, *, label: str | None) -> list[Finding]:
    """Return duplicate ids, ids alike, and missing patients and labels."""
    ids = table.index
    hint = "Give every region an id of its own."
    found = [
        Finding(str(c), "E_DUPLICATE_ID", "cohort", f"case_id stands in {n} rows.", hint)
        for c, n in ids.value_counts(sort=False).items()
        if n > 1
    ]
    found += alike_findings(ids, ids, what="case_id", code="W_ID_ALIKE")
    if table["patient_id"].tolist() != list(ids):  # else each case is its own patient and all has been said
        found += alike_findings(table["patient_id"], ids, what="patient_id", code="W_ID_ALIKE")
    for column, code in (("patient_id", "E_PATIENT_MISSING"), (label, "E_LABEL_MISSING")):
        if column is None:
            continue
        hint = "Fill it, or leave the case out."
        found += [Finding(c, code, "cohort", f"{column} is empty.", hint) for c in ids[table[column].isna()]]
    return found


def alike_findings(values: Iterable[Any], case_ids: Iterable[str], *, what: str, code: str) -> list[Finding]:
    """Return one warning for each group of texts that differ only in writing.

    Examples
    --------
    >>> alike_findings(["P 1", "p1", "p2"], ["a", "b", "c"], what="patient_id", code="W_ID_ALIKE")[0].message
    "patient_id 'P 1', 'p1' differ only in case, white space, leading zeros or unicode form."
    """
    groups: dict[str, dict[str, str]] = {}
    for value, case_id in zip(values, case_ids, strict=True):
        if isinstance(value, str):
            folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", value).casefold())
            groups.setdefault(re.sub(r"(?<!\d)0+(?=\d)", "", folded), {}).setdefault(value, case_id)
    reason = "differ only in case, white space, leading zeros or unicode form."
    return [
        Finding(next(iter(group.values())), code, "cohort", f"{what} {first_of(map(repr, group))} {reason}")
        for group in groups.values()
        if len(group) > 1
    ]


def class_findings(table: pd.DataFrame, counts: pd.DataFrame, *, label: str) -> list[Finding]:
    """Return what is wrong with the classes; ``counts`` holds cases and patients of each."""
    found = []
    if len(counts) < 2:
        message = f"{label} holds {f'only {counts.index[0]}' if len(counts) else 'no value'}."
        found.append(about_all("E_ONE_CLASS", message, "Two classes or more are wanted: is this the right column?"))
    few = counts["patients"][counts["patients"] < FEWEST_PATIENTS]
    if len(few):
        message = f"fewer than {FEWEST_PATIENTS} patients of class {first_of(f'{c} ({n})' for c, n in few.items())}."
        hint = 'Merge classes or leave them out; a value is predicted with task="regression" (--task regression).'
        found.append(about_all("E_FEW_PATIENTS", message, hint))
    n_labels = table[label].groupby(table["patient_id"]).nunique()
    torn = n_labels.index[n_labels > 1]
    if len(torn):
        message = f"{len(torn)} of {len(n_labels)} patients have cases with different labels: {first_of(torn)}."
        found.append(about_all("N_PATIENT_TWO_LABELS", message, 'Score by case: unit="case".'))
    return found + alike_findings(table[label], table.index, what=label, code="W_LABEL_ALIKE")


def shared_file_findings(table: pd.DataFrame) -> list[Finding]:
    """Return a warning for each image file that stands under several patients."""
    found = []
    for column in filter(is_image_column, table.columns):
        patients = table["patient_id"].groupby(table[column]).nunique()
        for text in patients.index[patients > 1]:
            ids = table.index[table[column] == text]
            message = f"several patients share one file under {column}: cases {first_of(ids)}."
            hint = "An image in training and in test flatters every score; correct patient_id or the path."
            found.append(Finding(ids[0], "W_IMAGE_SHARED", "cohort", message, hint))
    return found


def column_findings(columns: pd.DataFrame, labels: Sequence[Any]) -> list[Finding]:
    """Return missing values, constant, twin and target-like columns of a table that models will see.

    Parameters
    ----------
    columns : DataFrame
        Numbers, or categories (str or None).
    labels : sequence of length n_cases
        Class labels, None where unknown.

    Examples
    --------
    >>> column_findings(pd.DataFrame({"deep__0": [1.0, 1.0]}), [0, 1])[0].message
    '1 of 1 columns are constant: deep__0.'
    """
    if not columns.shape[1]:
        return []
    missing = columns.isna().to_numpy()
    constant: list[str] = []
    twins: list[str] = []
    seen: dict[tuple[Any, ...], str] = {}
    for name, empty in zip(map(str, columns), missing.T, strict=True):
        # NaN is not equal to itself, so that None stands for it in the key.
        key = tuple(None if e else v for v, e in zip(columns[name], empty, strict=True))
        if len(set(key) - {None}) < 2:
            constant.append(name)
        elif (twin := seen.setdefault(key, name)) != name:
            twins.append(f"{twin} = {name}")
    found = []
    if missing.any():
        message = f"{missing.sum()} cells are empty, in {missing.any(axis=1).sum()} cases and the columns "
        message += f"{first_of(c for c in columns if columns[c].isna().any())}."
        found.append(about_all("N_VALUE_MISSING", message, "They are imputed inside each fold."))
    of_all = f"of {columns.shape[1]} columns"
    if constant:
        found.append(about_all("W_COLUMN_CONSTANT", f"{len(constant)} {of_all} are constant: {first_of(constant)}."))
    if twins:
        found.append(about_all("W_COLUMN_TWIN", f"{len(twins)} {of_all} repeat another: {first_of(twins)}."))
    leaks = columns_like_the_label(columns.drop(columns=constant), pd.Series(labels, index=columns.index, dtype=object))
    if leaks:
        message = f"{len(leaks)} {of_all} tell the label almost alone (AUC > {LEAK_AUC}): {first_of(leaks)}."
        hint = "Make sure they were known before the outcome and were not derived from it."
        found.append(about_all("W_POSSIBLE_LEAK", message, hint))
    return found


def columns_like_the_label(columns: pd.DataFrame, labels: pd.Series) -> dict[str, float]:
    """Return columns that by themselves separate one class from the rest, each with its AUC."""
    known = columns[labels.notna().to_numpy()]
    labels = labels[labels.notna().to_numpy()]
    words = [c for c in known if not pd.api.types.is_numeric_dtype(known[c])]
    known = known.drop(columns=[c for c in words if known[c].nunique() > _MOST_CATEGORIES])
    words = [c for c in words if c in known]
    leaks: dict[str, float] = {}
    for label in sorted(set(labels)):
        inside = (labels == label).to_numpy()
        coded = known.copy()
        for name in words:
            # Categories in order of how often they carry the label: the best AUC the column can reach.
            coded[name] = known[name].map(pd.Series(inside, known.index).groupby(known[name]).mean()).astype(float)
        ranks = coded.rank()
        n_in, n_out = coded[inside].notna().sum(), coded[~inside].notna().sum()
        enough = np.minimum(n_in, n_out) >= FEWEST_FOR_LEAK
        auc = (ranks[inside].sum() - n_in * (n_in + 1) / 2) / (n_in * n_out).where(enough)
        told = np.maximum(auc, 1 - auc)
        for name, value in told[told > LEAK_AUC].items():
            leaks[str(name)] = max(float(value), leaks.get(str(name), 0.0))
    return leaks
