"""What a cohort can carry: calibration, explained variation, parameters, sample sizes, stability, and optimism.

All of it is computed from the tables of a study, so that it can be had of an older one too; only apparent scores were
taken while the arms were fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hybridrad._checks import SCORE_COLUMNS
from hybridrad.evaluation.calibration import calibration_error, calibration_over_repeats
from hybridrad.evaluation.explained_variation import cox_snell, nagelkerke
from hybridrad.evaluation.net_benefit import net_benefit_table
from hybridrad.evaluation.sample_size import development_sample_size, validation_sample_size
from hybridrad.evaluation.selection_stability import stability_of_counts
from hybridrad.strata import Task

FEWEST_FOR_ICI = 100  # events, and non-events: with fewer a perfectly calibrated model shows an ICI of 0.04 and more
SELECTS_BELOW = 0.95  # share of its columns that an arm uses on average; one that uses more selects nothing
NET_BENEFIT_COLUMNS = ["net_benefit", "treat_all"]


def claims_table(
    predictions: pd.DataFrame,
    importance: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    arms: Mapping[str, Mapping[str, Any]],
    primary_metric: str,
    task: Task,
    apparent: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what can be said of every arm beyond its scores; a quantity that cannot be had has no row.

    Parameters
    ----------
    predictions : DataFrame
        The predictions that were scored: of cases or of patients.
    importance, scores : DataFrame
        Tables of the study.
    arms : dict
        ``settings["arms"]``: ``n_features`` of each.
    primary_metric : str
    task : {"classification", "regression", "survival"}
    apparent : DataFrame, optional
        Index ``model, repeat, fold``, column ``value``: primary scores on training cases.

    Returns
    -------
    DataFrame
        Index ``model, quantity``; columns as of scores. Quantities: ``calibration_in_the_large``, ``ici`` (from 100
        events and 100 non-events on), ``cox_snell_r2``, ``nagelkerke_r2``, ``parameters``, ``events_per_parameter``
        (values: ``patients_per_parameter``), ``patients_for_development``, ``patients_for_validation``,
        ``selection_stability``, ``apparent`` and ``optimism``.

    Examples
    --------
    >>> names = ["model", "repeat", "fold", "case_id"]
    >>> index = pd.MultiIndex.from_product([["size"], [0], [0], list("uvwxyz")], names=names)
    >>> table = pd.DataFrame({"patient_id": list("uvwxyz"), "y_true": [0, 1, 0, 1, 0, 1],
    ...                       "y_score": [0.3, 0.4, 0.6, 0.6, 0.2, 0.8]}, index=index)
    >>> none = pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=["model", "metric"]))
    >>> claims = claims_table(table, none, none, arms={"size": {"n_features": 1}}, primary_metric="roc_auc",
    ...                       task="classification")
    >>> float(claims.loc[("size", "events_per_parameter"), "value"])
    3.0
    """
    rows = []
    for model, part in predictions.groupby(level="model", sort=False):
        name, binary = str(model), task == "classification" and "y_score" in part
        found = _calibration(part) if binary else {}
        found |= _parameters(part, (arms.get(name) or {}).get("n_features"), task)
        score = scores["value"].get((name, primary_metric), np.nan) if "value" in scores else np.nan
        if binary:
            found |= _sample_sizes(part, found, float(score))
        found |= _stability(part, importance, name)
        found |= _optimism(apparent, name, float(score), primary_metric)
        n_cases = part["n_cases"].groupby(part["patient_id"]).first().sum() if "n_cases" in part else None
        people = (
            part["patient_id"].nunique(),
            int(part.index.unique("case_id").size if n_cases is None else n_cases),
        )
        rows += [(name, what, *numbers, *people, method) for what, (*numbers, method) in found.items()]
    table = pd.DataFrame(rows, columns=["model", "quantity", *SCORE_COLUMNS])
    return table.set_index(["model", "quantity"])


def no_claims() -> pd.DataFrame:
    """Return the empty table of a study that says nothing beyond its scores."""
    index = pd.MultiIndex.from_arrays([[], []], names=["model", "quantity"])
    return pd.DataFrame(columns=SCORE_COLUMNS, index=index)


def decision_curves(predictions: pd.DataFrame, *, task: Task) -> pd.DataFrame:
    """Return the net benefit of every arm at thresholds 0.05 to 0.95; empty where there are not two classes."""
    if task != "classification" or "y_score" not in predictions or predictions.empty:
        return no_net_benefit()
    return net_benefit_table(predictions)


def no_net_benefit() -> pd.DataFrame:
    """Return the empty table of a study without two classes."""
    index = pd.MultiIndex.from_arrays([[], []], names=["model", "threshold"])
    return pd.DataFrame(columns=NET_BENEFIT_COLUMNS, index=index)


Found = dict[str, tuple[Any, ...]]  # quantity -> value, low, high, method


def _calibration(part: pd.DataFrame) -> Found:
    repeats = [rows for _, rows in part.groupby(level="repeat")]
    pooled = f"mean of {len(repeats)} repeat{'' if len(repeats) == 1 else 's'}, folds pooled"
    columns = ["value", "low", "high"]
    value, low, high = calibration_over_repeats(part).loc["citl", columns].to_numpy(dtype=float).tolist()
    found: Found = {}
    if np.isfinite(value):
        method = f"{pooled}; interval over patients, without the variance of training"
        found["calibration_in_the_large"] = (value, low, high, method)
    first = repeats[0]["y_true"]
    if min(int((first == 1).sum()), int((first == 0).sum())) >= FEWEST_FOR_ICI:
        ici = float(np.mean([calibration_error(r["y_true"], r["y_score"]).ici for r in repeats]))
        found["ici"] = _plain(ici, f"{pooled}; smoothed by lowess with span 2/3, on which the value hangs")
    if first.nunique() == 2:
        for name, explained in (("cox_snell_r2", cox_snell), ("nagelkerke_r2", nagelkerke)):
            value = float(np.mean([explained(r["y_true"], r["y_score"]) for r in repeats]))
            found[name] = _plain(value, f"out of fold, {pooled}; below 0: worse than the prevalence")
    return found


def _parameters(part: pd.DataFrame, n_features: Any, task: Task) -> Found:
    """Return how many columns an arm may use, and the patients of the smallest class (with an event) for each."""
    if not isinstance(n_features, int | float) or not n_features or n_features != n_features:
        return {}
    patients = part["patient_id"]
    what = "patients_per_parameter" if task == "regression" else "events_per_parameter"
    if task == "regression":
        fewest, who = patients.nunique(), "patients"
    elif task == "survival":
        fewest, who = patients[part["event"].astype(bool)].nunique(), "patients with an event"
    else:
        fewest, who = int(patients.groupby(part["y_true"]).nunique().min()), "patients of the smallest class"
    return {
        "parameters": _plain(float(n_features), "columns that the arm may use, whether it keeps them or not"),
        what: _plain(fewest / float(n_features), f"{fewest} {who} for {int(n_features)} candidate parameters"),
    }


def _sample_sizes(part: pd.DataFrame, found: Found, auc: float) -> Found:
    prevalence, sizes = float(part["y_true"].mean()), {}
    parameters, r2 = found.get("parameters"), found.get("cox_snell_r2")
    try:
        if parameters is not None and r2 is not None:
            n = development_sample_size(int(parameters[0]), prevalence=prevalence, cox_snell=r2[0]).n
            text = f"Riley's criteria, for Cox and Snell's R² {r2[0]:.3f} as found out of fold, unpenalised"
            sizes["patients_for_development"] = _plain(float(n), text)
    except ValueError:
        pass  # an R2 of 0 or less: no number of patients makes a model of it
    try:
        n = validation_sample_size(prevalence=prevalence, auc=auc).n
        text = f"Riley's criteria, for AUC {auc:.3f} as found out of fold and 95 % intervals of O/E, slope and AUC"
        sizes["patients_for_validation"] = _plain(float(n), f"{text} of width 0.4, 0.4 and 0.1")
    except ValueError:
        pass  # an AUC of 0.5 or less, or of 1
    return sizes


def _stability(part: pd.DataFrame, importance: pd.DataFrame, name: str) -> Found:
    if importance.empty or name not in importance.index.unique("model"):
        return {}
    of_arm = importance[importance.index.get_level_values("model") == name]
    times = of_arm["folds_selected"].to_numpy(dtype=float)
    n_runs = len(set(zip(part.index.get_level_values("repeat"), part.index.get_level_values("fold"), strict=True)))
    if n_runs < 2 or times.max() > n_runs or times.mean() / n_runs >= SELECTS_BELOW:
        return {}
    try:
        value = stability_of_counts(times, n_runs)
    except ValueError:
        return {}
    return {"selection_stability": _plain(value, f"Nogueira's stability of the columns used in {n_runs} folds")}


def _optimism(apparent: pd.DataFrame | None, name: str, score: float, metric: str) -> Found:
    if apparent is None or apparent.empty or name not in apparent.index.unique("model"):
        return {}
    of_arm = apparent[apparent.index.get_level_values("model") == name]
    value = float(of_arm["value"].mean(skipna=False))
    found = {"apparent": _plain(value, f"{metric} on the training cases of each fold, mean over folds")}
    if np.isfinite(score):
        found["optimism"] = _plain(value - score, f"{metric}: apparent minus out of fold")
    return found if np.isfinite(value) else {}


def _plain(value: float, method: str) -> tuple[float, float, float, str]:
    return value, np.nan, np.nan, method
