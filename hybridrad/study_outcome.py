"""What a study predicts: classes, a value, or the time to an event; as models, tables and reports need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_choice
from hybridrad.cohort import Cohort
from hybridrad.errors import RunError
from hybridrad.strata import TASKS, Task

TaskChoice = Literal["auto", "classification", "regression", "survival"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of the cases of a study.

    Attributes
    ----------
    task : {"classification", "regression", "survival"}
    y : array of shape (n_cases,)
        What models are fitted to.
    table : DataFrame, index ``case_id``
        ``label`` (classes as they stand, or values), or ``event`` and ``time``.
    name : str
        What it is called.
    classes : list
        The classes, the positive last; empty for other tasks.
    horizons : tuple of float
        Times at which survival is predicted; empty for other tasks.
    """

    task: Task
    y: NDArray[Any]
    table: pd.DataFrame
    name: str
    classes: list[Any]
    horizons: tuple[float, ...] = ()

    @property
    def primary_metric(self) -> str:
        """The metric that the confirmatory comparisons are made on."""
        from hybridrad.evaluation.metrics import PRIMARY_METRICS

        return PRIMARY_METRICS[self.task]

    @property
    def groups(self) -> pd.Series | None:
        """Class of each case, or whether it had an event, as the flow of cases counts them; None for values."""
        if self.task == "regression":
            return None
        if self.task == "survival":
            return self.table["event"].map({True: "event", False: "censored"})
        return self.table["label"]

    def group_names(self) -> list[Any]:
        """Return the names of these groups, in order."""
        return {"classification": self.classes, "survival": ["event", "censored"]}.get(self.task, [])


def task_asked(task: TaskChoice, cohort: Cohort) -> Task:
    """Return the task of a study: ``auto`` is survival with ``time`` and ``event`` and no label, else classification.

    Examples
    --------
    >>> from hybridrad.cohort import cohort_from_frame
    >>> table = pd.DataFrame({"case_id": ["a", "b"], "time": [2.5, 4.0], "event": [1, 0]})
    >>> task_asked("auto", cohort_from_frame(table, images=False))
    'survival'
    """
    chosen: Task | Literal["auto"] = check_choice(task, ["auto", *TASKS], name="task")
    if chosen == "auto":
        return "survival" if cohort.task == "survival" else "classification"
    if chosen != "survival" and not cohort.has_label:
        raise RunError(
            f"{chosen} needs a label; the cohort has the columns {', '.join(map(str, cohort.table.columns))}.",
            code="E_LABEL_MISSING",
        )
    return chosen


def outcome_of(used: Cohort, task: Task, horizons: Sequence[float] | None = None) -> Outcome:
    """Return the outcome of the cases used.

    Parameters
    ----------
    used : Cohort
    task : {"classification", "regression", "survival"}
    horizons : sequence of float, optional
        Survival: declared times; by default the deciles of the times of the events.

    Raises
    ------
    RunError
        A label, time or event is missing or cannot be used; horizons for another task, or outside the follow-up.

    Examples
    --------
    >>> from hybridrad.cohort import cohort_from_frame
    >>> table = pd.DataFrame({"case_id": ["a", "b"], "label": [2.5, 4.0]})
    >>> outcome_of(cohort_from_frame(table, images=False), "regression").y.tolist()
    [2.5, 4.0]
    """
    from hybridrad.evaluation.survival_scores import check_horizons, default_horizons

    if horizons is not None and task != "survival":
        raise RunError(f"horizons are for survival; the task is {task}.", code="E_CONFIG")
    if task == "survival":
        eaten = sorted({"time", "event"} & set(used.clinical))
        if eaten:
            raise RunError(
                f"the column {eaten[0]!r} is the outcome and cannot be a clinical variable as well.", code="E_CONFIG"
            )
        y, table = used.targets(task), used.survival
        points = (
            default_horizons(y["event"], y["time"])
            if horizons is None
            else check_horizons(horizons, y["event"], y["time"])
        )
        return Outcome(task, y, table, "time to event", [], points)
    if task == "regression":
        values = used.values
        return Outcome(task, values.to_numpy(dtype=float), values.to_frame("label"), used.label, [])
    if len(used.classes) < 2:
        raise RunError(f"only one class of {used.label!r} is left among the cases with features.", code="E_ONE_CLASS")
    return Outcome(task, used.y.to_numpy(), used.label_values.to_frame("label"), used.label, used.classes)


def refuse_patients_with_two_outcomes(outcome: Outcome, patient_id: pd.Series) -> None:
    """Raise ``RunError`` where patients cannot be scored because their cases carry different labels, values or times.

    Examples
    --------
    >>> import numpy as np
    >>> outcome = Outcome("regression", np.zeros(2), pd.DataFrame({"label": [1.0, 1.0]}, ["a", "b"]), "grade", [])
    >>> refuse_patients_with_two_outcomes(outcome, pd.Series(["p", "p"], ["a", "b"]))
    """
    several = outcome.table.groupby(patient_id).nunique().max(axis=1) > 1
    if several.any():
        what = {"classification": "labels", "regression": "values", "survival": "times or events"}[outcome.task]
        who = "1 patient has" if several.sum() == 1 else f"{int(several.sum())} patients have"
        raise RunError(
            f"{who} cases with different {what} (first: {several.index[several][0]}).",
            hint='A patient then has no label of its own; score by case (unit="case", --unit case).',
        )
