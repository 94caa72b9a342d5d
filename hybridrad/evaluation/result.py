"""What a nested cross-validation leaves behind: predictions, extras, failures, as plain tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hybridrad.errors import RunError
from hybridrad.evaluation.fold import FoldOutcome, FoldPlan
from hybridrad.evaluation.routing import takes_groups
from hybridrad.evaluation.task_predictions import score_columns_of, truth_columns


@dataclass(frozen=True)
class EvaluationResult:
    """What a nested cross-validation leaves behind.

    Attributes
    ----------
    predictions : DataFrame
        Index ``model, repeat, fold, case_id``; columns ``patient_id, y_true, y_score, threshold`` (two classes) or
        ``y_score_0``, ``y_score_1``, ...; regression: ``y_true, y_score`` (values); survival: ``event, time``,
        ``y_score`` (the risk) and ``survival_<t>`` for each horizon.
    extras : dict
        (model, repeat, fold) -> what ``after_fit`` returned.
    seconds : DataFrame
        Index ``model, repeat, fold``; column ``seconds``. Fits shared by several arms count for the first.
    failures : DataFrame
        Columns ``model, repeat, fold, stage, type, message``. A failure at ``fit`` or ``predict`` leaves the arm
        without predictions in that fold, and it is then not scored at all; one at ``threshold`` costs it sensitivity
        and specificity.
    warnings : DataFrame
        Columns ``model, repeat, fold, type, message``: what the arms' code warned about.
    routed : dict
        Arm -> whether the patients were passed to its ``fit``.
    apparent : DataFrame
        Index ``model, repeat, fold``; column ``value``: the primary score on the training cases. Empty where it was not
        asked for.
    """

    predictions: pd.DataFrame
    extras: dict[tuple[str, int, int], Any] = field(repr=False)
    seconds: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame
    warnings: pd.DataFrame = field(repr=False)
    routed: dict[str, bool]
    apparent: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)


def collected(plan: FoldPlan, outcomes: list[FoldOutcome]) -> EvaluationResult:
    """Return the tables of all folds, in the order of arms and folds, whatever the order in which the folds came in.

    Raises
    ------
    RunError
        Every arm failed in every fold; the message holds the first cause.
    """
    keyed = ["model", "repeat", "fold"]
    failures = [{"repeat": o.repeat, "fold": o.fold, **row} for o in outcomes for row in o.failures]
    noted = [{"repeat": o.repeat, "fold": o.fold, **row} for o in outcomes for row in o.warnings]
    apparent = [(name, o.repeat, o.fold, value) for o in outcomes for name, value in o.apparent.items()]
    seconds = [(name, o.repeat, o.fold, spent) for o in outcomes for name, spent in o.seconds.items()]
    if not any(o.probabilities for o in outcomes):
        first = failures[0]
        raise RunError(
            f"every arm failed in every fold; first {first['model']} ({first['stage']}): "
            f"{first['type']}: {first['message']}",
            code="E_UNEXPECTED",
        )
    return EvaluationResult(
        predictions=pd.concat(
            [_predictions(plan, o, name) for name in plan.models for o in outcomes if name in o.probabilities]
        ),
        extras={(name, o.repeat, o.fold): o.extras[name] for name in plan.models for o in outcomes if name in o.extras},
        seconds=pd.DataFrame(seconds, columns=[*keyed, "seconds"]).set_index(keyed),
        failures=pd.DataFrame(failures, columns=[*keyed, "stage", "type", "message"]),
        warnings=pd.DataFrame(noted, columns=[*keyed, "type", "message"]),
        routed={name: takes_groups(estimator) for name, estimator in plan.models.items()},
        apparent=pd.DataFrame(apparent, columns=[*keyed, "value"]).set_index(keyed),
    )


def _predictions(plan: FoldPlan, outcome: FoldOutcome, name: str) -> pd.DataFrame:
    cases = plan.X.index[outcome.test]
    index = pd.MultiIndex.from_arrays(
        [[name] * len(cases), [outcome.repeat] * len(cases), [outcome.fold] * len(cases), cases],
        names=["model", "repeat", "fold", "case_id"],
    )
    probability = outcome.probabilities[name]
    truth = truth_columns(plan.y[outcome.test], task=plan.task)
    table = pd.DataFrame({"patient_id": plan.groups[outcome.test], **truth}, index=index)
    if plan.task != "classification":
        return table.assign(**score_columns_of(probability, task=plan.task, horizons=plan.horizons))
    if plan.n_classes == 2:
        table["y_score"] = probability[:, 1]
        table["threshold"] = outcome.thresholds.get(name, np.nan)
    else:
        table[[f"y_score_{k}" for k in range(plan.n_classes)]] = probability
    return table
