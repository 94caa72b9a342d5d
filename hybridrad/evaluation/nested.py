"""Nested cross-validation: all arms on the same patient-grouped outer folds, everything learned inside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np
import pandas as pd

from hybridrad._checks import check_choice, check_table
from hybridrad.errors import RunError
from hybridrad.evaluation.fold import FoldOutcome, FoldPlan, run_fold
from hybridrad.evaluation.fold_store import FoldStore
from hybridrad.evaluation.patients import RULES, PatientRule
from hybridrad.evaluation.result import EvaluationResult, collected
from hybridrad.evaluation.task_predictions import needed_method
from hybridrad.splits import feasible_folds, make_splits


@dataclass(frozen=True)
class NestedCV:
    """How a study is cross-validated.

    Parameters
    ----------
    outer : int
        Outer folds; 3 are used where a fold would hold fewer than 5 patients of the smaller class (survival: with an
        event; regression: fewer than 10 patients).
    repeats : int
        How often the outer folds are dealt anew.
    inner : int
        Inner folds, for everything that is tuned or weighted inside an outer training part.

    Examples
    --------
    >>> NestedCV.parse("5x10")
    NestedCV(outer=5, repeats=10, inner=4)
    """

    outer: int = 5
    repeats: int = 10
    inner: int = 4

    def __post_init__(self) -> None:
        for name, least in (("outer", 2), ("repeats", 1), ("inner", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")

    @classmethod
    def parse(cls, text: str, *, inner: int = 4) -> NestedCV:
        """Read ``"5x10"``: outer folds x repeats.

        Examples
        --------
        >>> NestedCV.parse("3x1", inner=3)
        NestedCV(outer=3, repeats=1, inner=3)
        """
        match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", text)
        if match is None:
            raise ValueError(f"{text!r} is not FOLDSxREPEATS, for example 5x10.")
        return cls(outer=int(match[1]), repeats=int(match[2]), inner=inner)

    def splits(self, y: Any, groups: Any, case_id: Sequence[str] | pd.Index, random_state: int = 0) -> pd.DataFrame:
        """Return the splits table; ``attrs`` holds ``n_folds``, ``n_folds_wanted``, ``repeats`` and the ``reason``.

        Examples
        --------
        >>> ids = [f"c{i}" for i in range(40)]
        >>> table = NestedCV(outer=5, repeats=1).splits([0] * 30 + [1] * 10, ids, ids)
        >>> table.attrs["n_folds"]
        3
        """
        n_folds, reason = feasible_folds(y, groups, self.outer)
        table = make_splits(
            y, groups, n_folds=n_folds, repeats=self.repeats, random_state=random_state, case_id=case_id
        )
        table.attrs |= {"n_folds": n_folds, "n_folds_wanted": self.outer, "repeats": self.repeats, "reason": reason}
        return table


def evaluate(
    models: Mapping[str, Any],
    X: pd.DataFrame,
    y: np.ndarray,
    groups: np.ndarray,
    splits: pd.DataFrame,
    *,
    inner: int = 4,
    n_jobs: int = 1,
    random_state: int = 0,
    target_sensitivity: float = 0.90,
    threshold: Literal["sensitivity", "youden"] | None = "sensitivity",
    patient_rule: PatientRule | None = None,
    size: pd.Series | None = None,
    horizons: Sequence[float] = (),
    apparent: bool = False,
    fold_context: Callable[[], AbstractContextManager[Any]] | None = None,
    after_fit: Callable[[str, Any, pd.DataFrame], Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    store: Path | None = None,
) -> EvaluationResult:
    """Fit every arm in every outer fold and return its out-of-fold predictions.

    Parameters
    ----------
    models : dict of name -> scikit-learn classifier, regressor, or survival model
        Cloned for every fold. Parameters named ``inner`` and ``random_state`` (also of steps) are set to the values
        here.
    X : DataFrame of shape (n_cases, n_features), index ``case_id``
    y : array of shape (n_cases,)
        Classes: integers 0 .. K - 1. Regression: floats. Survival: a structured array with ``event`` and ``time``.
    groups : array of shape (n_cases,)
        Patient of each case. Passed to ``fit`` where the arm takes it, through Pipelines and searches too.
    splits : DataFrame
        From `NestedCV.splits`.
    inner : int
        Inner folds.
    n_jobs : int
        Worker processes over outer folds, one thread each; -1 for all cores. The results do not depend on it.
    threshold : {"sensitivity", "youden", None}
        Two classes: rule for the decision threshold, applied to inner out-of-fold scores of the training cases: the
        arm's ``oof_logits_`` where it keeps them, else made by fitting it once per inner fold. None: no threshold.
    target_sensitivity : float
        For ``threshold="sensitivity"``.
    patient_rule : {"mean", "max", "largest"}, optional
        Choose the threshold for patient scores made by this rule; None for case scores.
    size : Series, optional
        Index ``case_id``; needed by ``patient_rule="largest"``.
    horizons : sequence of float, optional
        Survival: times at which arms with ``predict_survival`` give the probability to survive.
    apparent : bool, default False
        Also score every arm on the cases it was fitted to, in each fold: ``apparent`` of the result.
    fold_context : callable, optional
        Returns a context manager that is entered around all arms of one outer fold.
    after_fit : callable, optional
        ``(name, fitted, X_test) -> anything picklable``; collected in ``extras``.
    progress : callable, optional
        ``(folds done, folds in all)``.
    store : Path, optional
        Folder in which every finished fold is kept (``folds.sqlite``); a call that would give the same numbers takes
        the folds found there instead of fitting them again. What ``after_fit`` returns must then be plain data.

    Returns
    -------
    EvaluationResult

    Raises
    ------
    ValueError
        Tables that do not fit each other, or an arm without ``predict_proba`` (other tasks: ``predict``).
    RunError
        A patient is in the training and the test part of a fold; every arm failed in every fold; a worker died.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> ids = pd.Index([f"c{i:02d}" for i in range(40)], name="case_id")
    >>> X = pd.DataFrame({"size__volume_ml": rng.normal(size=40) + 3 * y}, index=ids)
    >>> splits = NestedCV(outer=3, repeats=1).splits(y, X.index, X.index)
    >>> result = evaluate({"size": LogisticRegression()}, X, y, X.index.to_numpy(), splits)
    >>> len(result.predictions), result.failures.empty
    (40, True)
    """
    plan = FoldPlan(
        models=dict(models),
        X=X,
        y=np.asarray(y),
        groups=np.asarray(groups).astype(str),
        inner=inner,
        random_state=random_state,
        threshold=check_choice(threshold, ("sensitivity", "youden", None), name="threshold"),
        target_sensitivity=target_sensitivity,
        patient_rule=check_choice(patient_rule, (*RULES, None), name="patient_rule"),
        size=None if size is None else size.reindex(X.index).to_numpy(float),
        fold_context=fold_context,
        after_fit=after_fit,
        horizons=tuple(map(float, horizons)),
        apparent=apparent,
    )
    _check_plan(plan)
    tasks = _tasks(plan, splits)
    with FoldStore(store, plan) if store is not None else nullcontext() as kept:
        outcomes: list[FoldOutcome] = [] if kept is None else kept.finished(tasks)
        done = {(o.repeat, o.fold) for o in outcomes}
        left = {task[:2]: task for task in tasks if task[:2] not in done}
        if progress is not None:  # at the start as well, so that the time of the first fold is counted
            progress(len(outcomes), len(tasks))
        for outcome in _outcomes(plan, list(left.values()), n_jobs):
            if kept is not None:
                kept.add(left[outcome.repeat, outcome.fold], outcome)
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), len(tasks))
    outcomes.sort(key=lambda o: (o.repeat, o.fold))
    return collected(plan, outcomes)


def _check_plan(plan: FoldPlan) -> None:
    n_cases = len(plan.X)
    check_table(plan.X, index=["case_id"], columns=[], name="X")
    if not plan.X.index.is_unique:
        raise ValueError(f"X: case_id {plan.X.index[plan.X.index.duplicated()][0]!r} stands twice.")
    if plan.y.shape != (n_cases,) or plan.groups.shape != (n_cases,):
        raise ValueError(f"X has {n_cases} cases, y shape {plan.y.shape}, groups shape {plan.groups.shape}.")
    classes = plan.task == "classification"
    if classes and (not np.array_equal(np.unique(plan.y), np.arange(plan.n_classes)) or plan.n_classes < 2):
        raise ValueError(f"y must hold the classes 0 .. K - 1, all of them; it holds {np.unique(plan.y).tolist()}.")
    if plan.patient_rule == "largest" and plan.size is None:
        raise ValueError("patient_rule='largest' needs size.")
    if not plan.models:
        raise ValueError("models is empty.")
    for name, estimator in plan.models.items():
        method, consequence = needed_method(plan.task)
        if not hasattr(estimator, method):
            raise ValueError(f"{name}: {type(estimator).__name__} has no {method}, {consequence}")


def _tasks(plan: FoldPlan, splits: pd.DataFrame) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    check_table(splits, index=["repeat", "fold", "case_id"], columns=["role"], name="splits")
    tasks = []
    for key, part in splits.groupby(level=["repeat", "fold"]):
        repeat, fold = (int(str(k)) for k in key)
        position = plan.X.index.get_indexer(part.index.get_level_values("case_id"))
        if (position < 0).any():
            absent = part.index.get_level_values("case_id")[position < 0][0]
            raise ValueError(f"case {absent!r} of the splits is not in X.")
        role = part["role"].to_numpy()
        train, test = np.sort(position[role == "train"]), np.sort(position[role == "test"])
        both = np.intersect1d(plan.groups[train], plan.groups[test])
        if len(both):
            raise RunError(f"patient {both[0]} is in the training and the test part of repeat {repeat}, fold {fold}.")
        tasks.append((repeat, fold, train, test))
    return tasks


def _outcomes(
    plan: FoldPlan, tasks: list[tuple[int, int, np.ndarray, np.ndarray]], n_jobs: int
) -> Iterator[FoldOutcome]:
    n_workers = min(joblib.effective_n_jobs(n_jobs), len(tasks))
    if n_workers <= 1:
        for task in tasks:
            yield run_fold(plan, *task)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=n_workers, return_as="generator_unordered")
        try:
            yield from pool(joblib.delayed(run_fold)(plan, *task) for task in tasks)
        except BrokenProcessPool as err:
            raise RunError(
                "a worker process died while fitting (usually out of memory).",
                code="E_CRASH",
                hint="Use fewer jobs, or n_jobs=1 to see the error.",
            ) from err
