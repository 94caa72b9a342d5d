"""What difference a cohort can resolve, said before the first fit: a number with its assumptions, or why none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.cohort import Cohort
from hybridrad.comparison import resolution
from hybridrad.strata import Task

METRIC_WORDS: dict[Task, str] = {"classification": "AUC", "regression": "R²", "survival": "concordance"}
LARGEST: dict[Task, float] = {"classification": 0.5, "regression": 1.0, "survival": 0.5}


@dataclass(frozen=True)
class Resolution:
    """The smallest difference in the primary metric that can be expected to be resolved.

    Attributes
    ----------
    metric : str
        As it is printed.
    value : float or None
    basis : str
        A sentence: what the value rests on, or why there is none.
    """

    metric: str
    value: float | None
    basis: str

    @property
    def sentence(self) -> str:
        """What is said before the first fit.

        Examples
        --------
        >>> Resolution("AUC", 0.183, "Assumed: both arms near 0.75.").sentence
        'Smallest AUC difference this cohort can be expected to resolve: about 0.18. Assumed: both arms near 0.75.'
        """
        if self.value is None:
            return self.basis
        smallest = f"Smallest {self.metric} difference this cohort can be expected to resolve: about {self.value:.2f}."
        return f"{smallest} {self.basis}"


def resolution_of(used: Cohort, splits: pd.DataFrame, *, task: Task = "classification") -> Resolution:
    """Return what the cases used can resolve on these splits.

    Parameters
    ----------
    used : Cohort
        The cases used.
    splits : DataFrame
        From `hybridrad.evaluation.design_splits.splits_of`.
    task : {"classification", "regression", "survival"}

    Examples
    --------
    >>> from hybridrad.evaluation.design_splits import splits_of
    >>> from hybridrad.evaluation.nested import NestedCV
    >>> from hybridrad.cohort import cohort_from_frame
    >>> table = pd.DataFrame({"case_id": [f"c{i}" for i in range(60)], "label": list("abc") * 20})
    >>> cohort = cohort_from_frame(table, images=False)
    >>> round(resolution_of(cohort, splits_of(NestedCV(5, 10), cohort, 0)).value, 2)
    0.24
    """
    metric = METRIC_WORDS[task]
    kind, n_folds = splits.attrs["kind"], splits.attrs["n_folds"]
    if task == "classification" and len(used.classes) > 2:
        metric = "macro AUC"
    try:
        if kind == "folds":
            counts = _counts(used, list(used.table.index), task) / n_folds
            value = resolution.half_width_over_folds(_variance(counts, task), n_folds, splits.attrs["repeats"])
        else:
            tested = splits[splits["role"] == "test"].groupby(level="fold", sort=False)
            of_set = [_counts(used, list(part.index.get_level_values("case_id")), task) for _, part in tested]
            variances = [_variance(counts, task) for counts in of_set]
            of_design = resolution.half_width_over_sites if kind == "site" else _on_one_set
            value = of_design(variances)
    except ValueError as err:
        return Resolution(metric, None, _none(metric, f"it holds too few patients: {str(err).rstrip('.')}."))
    if value > LARGEST[task]:
        what = f"{n_folds} sites" if kind == "site" else f"{used.patient_id.nunique()} patients"
        return Resolution(
            metric,
            None,
            _none(metric, f"its interval would reach about {value:.1f} to either side: {what} are too few."),
        )
    return Resolution(metric, value, _assumptions(used, task, kind))


def _on_one_set(variances: list[float]) -> float:
    return resolution.half_width_on_test_set(variances[0])


def _none(metric: str, because: str) -> str:
    return f"What {metric} difference this cohort can resolve cannot be said before the run, because {because}"


def _counts(used: Cohort, cases: list[str], task: Task) -> np.ndarray[Any, Any]:
    """Return the patients of each class; of survival those with an event and all; of values all."""
    patients = used.patient_id[cases]
    if task == "regression":
        return np.array([patients.nunique()], dtype=float)
    if task == "survival":
        event = used.survival["event"].loc[cases].astype(bool)
        return np.array([patients[event].nunique(), patients.nunique()], dtype=float)
    of_class = patients.groupby(used.label_values[cases]).nunique()
    return of_class.reindex(used.classes).fillna(0).to_numpy(dtype=float)


def _variance(counts: np.ndarray[Any, Any], task: Task) -> float:
    if task == "regression":
        return resolution.r2_variance(float(counts[0]))
    if task == "survival":
        return resolution.concordance_variance(float(counts[0]), float(counts[1]))
    if len(counts) > 2:
        return resolution.macro_auc_variance([float(n) for n in counts])
    return resolution.auc_variance(float(counts[1]), float(counts[0]))


def _assumptions(used: Cohort, task: Task, kind: str) -> str:
    rho = f"{resolution.CORRELATION:g}"
    level = {
        "classification": f"both arms near an AUC of {resolution.AUC:g} that correlate by {rho}",
        "regression": f"normal values, both arms near an R² of {resolution.R2:g}, predictions that correlate by {rho}",
        "survival": f"both arms near a concordance of {resolution.CONCORDANCE:g} that correlate by {rho}",
    }[task]
    if task == "classification" and len(used.classes) > 2:
        level += f", in every class, and classes whose AUCs correlate by {resolution.CLASS_CORRELATION:g}"
    text = f"Assumed before the run: {level}."
    if kind == "site":
        text += " That is the best case, of sites that do not differ in it at all; where they do, it takes more."
    return text
