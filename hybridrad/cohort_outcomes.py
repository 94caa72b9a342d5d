"""Outcomes that are no classes: a value, or the time to an event; read out of a cohort table and checked."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hybridrad.cohort_checks import FEWEST_PATIENTS, about_all, first_of
from hybridrad.errors import Finding, RunError
from hybridrad.tables import as_numbers, as_text

TIME, EVENT = "time", "event"
_EVENT_WORDS = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0}
_FILL = "Fill it, or leave the case out."


def has_survival(columns: pd.Index | list[str]) -> bool:
    """Return whether a table has the columns ``time`` and ``event``.

    Examples
    --------
    >>> has_survival(["case_id", "time", "event"])
    True
    """
    return TIME in columns and EVENT in columns


def value_findings(label: pd.Series) -> list[Finding]:
    """Return what is wrong with the values of a regression: text and missing cells, or all the same.

    Examples
    --------
    >>> value_findings(pd.Series([1.0, None], ["a", "b"], name="grade"))[0].message
    'grade is empty.'
    """
    numbers, bad = _numbers(label)
    found = [
        Finding(str(c), "E_OUTCOME", "cohort", f"{label.name} is {text!r}, which is not a finite number.", _FILL)
        for c, text in bad.items()
    ]
    missing = numbers.index[numbers.isna() & ~numbers.index.isin(list(bad))]
    found += [Finding(str(c), "E_LABEL_MISSING", "cohort", f"{label.name} is empty.", _FILL) for c in missing]
    if numbers.nunique() < 2:
        found.append(
            about_all("E_ONE_CLASS", f"{label.name} has no two different values.", "Is this the right column?")
        )
    return found


def survival_findings(table: pd.DataFrame) -> list[Finding]:
    """Return what is wrong with ``time`` and ``event``: cells that cannot be used, few events, patients with two ends.

    Examples
    --------
    >>> table = pd.DataFrame({"patient_id": ["p"], "time": [0], "event": [1]}, ["a"])
    >>> survival_findings(table)[0].message
    'time is 0; a positive number is wanted.'
    """
    times, bad_times = _numbers(table[TIME])
    events, bad_events = _events(table[EVENT])
    found = []
    for case in table.index.unique():
        for name, values, bad, wanted in (
            (TIME, times, bad_times, "a positive number"),
            (EVENT, events, bad_events, "1 (event) or 0 (censored)"),
        ):
            value = values[[case]].iloc[0]
            if case in bad:
                found.append(Finding(str(case), "E_OUTCOME", "cohort", f"{name} is {bad[case]!r}; {wanted} is wanted."))
            elif np.isnan(value):
                found.append(Finding(str(case), "E_OUTCOME", "cohort", f"{name} is empty.", _FILL))
            elif name == TIME and value <= 0:
                found.append(Finding(str(case), "E_OUTCOME", "cohort", f"{name} is {value:g}; {wanted} is wanted."))
    patients = table["patient_id"]
    n = int(patients[events == 1].nunique())
    if n < FEWEST_PATIENTS:
        message = f"{n} patients have an event; cross-validation needs at least {FEWEST_PATIENTS}."
        found.append(about_all("E_FEW_PATIENTS", message, "Is the event coded 1, and censoring 0?"))
    ends = pd.DataFrame({TIME: times, EVENT: events}).groupby(patients).nunique().max(axis=1)
    torn = ends.index[ends > 1]
    if len(torn):
        message = f"{len(torn)} of {len(ends)} patients have cases with different times or events: {first_of(torn)}."
        found.append(about_all("N_PATIENT_TWO_LABELS", message, 'Score by case: unit="case".'))
    return found


def values_of(label: pd.Series, *, source: str) -> pd.Series:
    """Return the label as float64 numbers.

    Raises
    ------
    RunError
        The label is missing or no finite number for a case, or the same for all of them.

    Examples
    --------
    >>> values_of(pd.Series(["1.5", "2"], ["a", "b"], name="grade"), source="table").tolist()
    [1.5, 2.0]
    """
    _refuse(value_findings(label), source=source, what=f"{label.name} cannot be predicted as a value")
    return _numbers(label)[0]


def survival_of(table: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """Return ``event`` (bool) and ``time`` (float, positive) of each case.

    Raises
    ------
    RunError
        A column is missing, a time is not positive and finite, an event is neither 0 nor 1, or nobody has one.

    Examples
    --------
    >>> table = pd.DataFrame({"patient_id": list("pq"), "time": ["2.5", "4"], "event": ["1", "0"]}, ["a", "b"])
    >>> survival_of(table, source="table")["event"].tolist()
    [True, False]
    """
    absent = [name for name in (TIME, EVENT) if name not in table.columns]
    if absent:
        raise RunError(
            f"{source} has no column {absent[0]!r}; survival needs time and event. It has {first_of(table.columns)}.",
            code="E_OUTCOME",
        )
    findings = [f for f in survival_findings(table) if f.code == "E_OUTCOME"]
    _refuse(findings, source=source, what="survival cannot be predicted")
    events = _events(table[EVENT])[0] == 1
    if not events.any():
        raise RunError(
            f"{source}: no case has an event.", code="E_FEW_PATIENTS", hint="Is the event coded 1, and censoring 0?"
        )
    return pd.DataFrame({EVENT: events, TIME: _numbers(table[TIME])[0]})


def _refuse(findings: list[Finding], *, source: str, what: str) -> None:
    grave = [f for f in findings if f.severity == "error"]
    if grave:
        first, others = grave[0], f" ({len(grave)} such cases)" if len(grave) > 1 else ""
        who = "" if first.case_id == "(cohort)" else f"case {first.case_id}: "
        raise RunError(f"{source}: {what}; {who}{first.message}{others}", code=first.code, hint=first.hint)


def _numbers(column: pd.Series) -> tuple[pd.Series, dict[str, str]]:
    """Return the numbers of a column (NaN where there is none), and the cells that hold something else, by case."""
    bad: dict[str, str] = {}
    values = []
    for case, cell in zip(column.index, column, strict=True):
        try:
            values.append(float(as_numbers(pd.Series([cell], [case], name=column.name, dtype=object)).iloc[0]))
        except RunError:
            bad[case] = str(cell)
            values.append(np.nan)
    return pd.Series(values, column.index, name=column.name, dtype=float), bad


def _events(column: pd.Series) -> tuple[pd.Series, dict[str, str]]:
    texts = [t.lower() if t is not None else None for t in as_text(column)]
    bad = {c: t for c, t in zip(column.index, texts, strict=True) if t is not None and t not in _EVENT_WORDS}
    values = [np.nan if t is None else _EVENT_WORDS.get(t, np.nan) for t in texts]
    return pd.Series(values, column.index, name=column.name, dtype=float), bad
