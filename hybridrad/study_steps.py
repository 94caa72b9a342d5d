"""What each block adds to those before it: the steps of a priority arm, judged on the test cases of every fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from hybridrad.evaluation.result import EvaluationResult
    from hybridrad.strata import Task

BEFORE, AFTER = (
    ["order", "kept_folds", "n_folds", "inner_gain"],
    ["low", "high", "gain", "gain_low", "gain_high", "p_value", "method"],
)
STEP_COLUMNS = [*BEFORE, "roc_auc", *AFTER]  # of classes; other tasks have their primary metric in its place


def no_steps() -> pd.DataFrame:
    """Return the empty table of a study without a priority arm."""
    index = pd.MultiIndex.from_arrays([[], []], names=["model", "block"])
    return pd.DataFrame(columns=STEP_COLUMNS, index=index)


def read_steps(fitted: Any, X_test: pd.DataFrame) -> dict[str, Any] | None:
    """Return the steps of a fitted priority arm and its test predictions after each of them; None for other arms.

    Plain data: ``inner`` block -> (gain, kept), ``staged`` block -> probabilities of shape (n_test_cases, n_classes),
    or values or risks of shape (n_test_cases,).
    """
    staged = getattr(fitted, "staged_predict_proba", None) or getattr(fitted, "staged_predict", None)
    if staged is None or not isinstance(getattr(fitted, "steps_", None), pd.DataFrame):
        return None
    steps = fitted.steps_
    inner = {str(b): (float(steps.loc[b, "gain"]), bool(steps.loc[b, "kept"])) for b in steps.index}
    return {"inner": inner, "staged": staged(X_test)}


def step_table(
    result: EvaluationResult,
    splits: pd.DataFrame,
    *,
    aggregate: Any,
    size: pd.Series | None,
    patient_id: pd.Series,
    metric: str = "roc_auc",
    task: Task = "classification",
) -> pd.DataFrame:
    """Return what each block of the priority arms adds to the primary metric, on test cases.

    Parameters
    ----------
    result : EvaluationResult
        ``extras`` hold under ``steps`` what `read_steps` gave in every fold.
    splits : DataFrame
    aggregate : {"mean", "max", "largest"} or None
        How the scores of a patient's cases become one, where patients are scored.
    size : Series, optional
        For ``aggregate="largest"``.
    patient_id : Series
        Patient of each case.
    metric : str, default "roc_auc"
        One of which more is better.
    task : {"classification", "regression", "survival"}

    Returns
    -------
    DataFrame
        Index ``model, block``, in order; columns ``order`` (1, 2, ...), ``kept_folds`` of ``n_folds`` in which the
        block was kept, ``inner_gain`` (mean fall of the loss in the inner folds), the metric under its name and ``low,
        high`` with the blocks so far, and ``gain, gain_low, gain_high, p_value`` over the blocks before it,
        exploratory. Empty without a priority arm.
    """
    found: dict[str, dict[tuple[int, int], dict[str, Any]]] = {}
    for (name, repeat, fold), extra in result.extras.items():
        if extra and extra.get("steps") is not None:
            found.setdefault(name, {})[repeat, fold] = extra["steps"]
    tables = [
        _of_arm(
            name,
            folds,
            result.predictions,
            splits,
            aggregate=aggregate,
            size=size,
            patient_id=patient_id,
            metric=metric,
            task=task,
        )
        for name, folds in found.items()
    ]
    return pd.concat(tables) if tables else no_steps()


def _of_arm(
    name: str,
    folds: dict[tuple[int, int], dict[str, Any]],
    predictions: pd.DataFrame,
    splits: pd.DataFrame,
    *,
    aggregate: Any,
    size: pd.Series | None,
    patient_id: pd.Series,
    metric: str,
    task: Task,
) -> pd.DataFrame:
    from hybridrad.comparison.paired import comparison_table
    from hybridrad.evaluation.metrics import fold_scores
    from hybridrad.evaluation.patients import aggregate_to_patients

    blocks = list(next(iter(folds.values()))["staged"])
    staged = _staged(name, folds, predictions, blocks)
    if aggregate is not None:
        staged = aggregate_to_patients(staged, aggregate, size=size)
    per_fold = fold_scores(staged, splits, metrics=[metric], models=blocks, patient_id=patient_id, task=task)
    scores, paired = scores_by_design(per_fold, staged, splits, metric=metric)
    pairs = list(zip(blocks[1:], blocks[:-1], strict=True))
    table = comparison_table(per_fold, pairs=pairs, margin=None, paired=paired) if pairs else None
    rows = []
    for place, block in enumerate(blocks):
        inner = [of_fold["inner"][block] for of_fold in folds.values()]
        score = scores.loc[(block, metric)]
        gained: tuple[Any, ...] = (np.nan, np.nan, np.nan, np.nan, str(score["method"]))
        if place and table is not None:
            row = table.loc[[(block, blocks[place - 1], metric)]].iloc[0]
            gained = (row["difference"], row["low"], row["high"], row["p_value"], row["method"])
        kept, inner_gain = sum(kept for _, kept in inner), float(np.mean([gain for gain, _ in inner]))
        rows.append(
            (place + 1, kept, len(inner), inner_gain, score["value"], score["low"], score["high"], *gained),
        )
    index = pd.MultiIndex.from_product([[name], blocks], names=["model", "block"])
    return pd.DataFrame(rows, columns=[*BEFORE, metric, *AFTER], index=index)


def _staged(
    name: str, folds: dict[tuple[int, int], dict[str, Any]], predictions: pd.DataFrame, blocks: list[str]
) -> pd.DataFrame:
    """Return a predictions table in which the model is the last block that was added."""
    of_arm = predictions[predictions.index.get_level_values("model") == name]
    columns = [c for c in of_arm.columns if c.startswith("y_score")]
    truth = [c for c in ("y_true", "event", "time") if c in of_arm]
    parts = []
    for (repeat, fold), steps in folds.items():
        rows = of_arm.xs((repeat, fold), level=("repeat", "fold"), drop_level=False)[["patient_id", *truth, *columns]]
        for block in blocks:
            told = steps["staged"][block]
            part = rows.rename(index={name: block}, level="model")
            if told.ndim == 1:
                part[columns[0]] = told
            else:
                part[columns] = told[:, 1:] if len(columns) == 1 else told
            parts.append(part)
    return pd.concat(parts)


def scores_by_design(
    per_fold: pd.DataFrame, predictions: pd.DataFrame, splits: pd.DataFrame, *, metric: str = "roc_auc"
) -> tuple[pd.DataFrame, Any]:
    """Return the metric of every model, and the paired test of designs that have one of their own."""
    from hybridrad.comparison.held_out import paired_on_test_set, paired_over_sites
    from hybridrad.evaluation.intervals import score_table
    from hybridrad.evaluation.set_scores import set_score_table
    from hybridrad.evaluation.site_scores import scores_of_sites, site_table

    kind = splits.attrs.get("kind", "folds")
    if kind == "site":
        names = splits.attrs["names"]
        return scores_of_sites(site_table(predictions, names, metrics=[metric])), paired_over_sites(predictions, names)
    if kind == "split":
        return set_score_table(predictions, metrics=[metric]), paired_on_test_set(predictions)
    return score_table(per_fold, predictions), None
