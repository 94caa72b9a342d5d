"""What the cohort of a study can carry: parameters, sample sizes, stability, optimism; calibration beside scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting.arms import ROLE_HEADINGS, Arm, default_fused
from hybridrad.reporting.curve_plates import curve_predictions
from hybridrad.reporting.grid import Cell, Grid, Row
from hybridrad.reporting.outcome_plates import task_of_study
from hybridrad.reporting.text import count, is_number, metric_name, number
from hybridrad.study_claims import claims_table, decision_curves, no_claims, no_net_benefit
from hybridrad.study_resolution import METRIC_WORDS

if TYPE_CHECKING:
    from hybridrad.learning import LearningCurves
    from hybridrad.strata import Task
    from hybridrad.study import Comparison

PERMUTATION = "A_LABEL_PERMUTATION"
MORE_PATIENTS = 50
_PER_PARAMETER = {
    "classification": ("events_per_parameter", "Events per parameter"),
    "survival": ("events_per_parameter", "Events per parameter"),
    "regression": ("patients_per_parameter", "Patients per parameter"),
}


def claims_of(study: Comparison) -> pd.DataFrame:
    """Return the claims of a study; of an older one, which was stored without them, what its tables still tell."""
    stored = getattr(study, "claims", None)
    if stored is not None and not stored.empty:
        return stored
    if _by_largest(study):
        return no_claims()
    return claims_table(
        curve_predictions(study),
        study.importance,
        study.scores,
        arms=study.settings.get("arms") or {},
        primary_metric=str(study.settings.get("primary_metric")),
        task=_task(study),
    )


def net_benefit_of(study: Comparison) -> pd.DataFrame:
    """Return the decision curves of a study; of an older one from its predictions."""
    stored = getattr(study, "net_benefit", None)
    if stored is not None and not stored.empty:
        return stored
    if _by_largest(study):
        return no_net_benefit()
    return decision_curves(curve_predictions(study), task=_task(study))


def _task(study: Comparison) -> Task:
    task: Any = task_of_study(study)
    return task


def _by_largest(study: Comparison) -> bool:
    """Return whether patients are scored by a rule that cannot be repeated: sizes are not stored with a study."""
    return study.settings.get("unit") == "patient" and study.settings.get("aggregate") == "largest"


def with_calibration(scores: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Return scores with calibration-in-the-large in place of the intercept, and the ICI where there are cases for it.

    The intercept that is fitted together with the slope says little by itself; it stays in scores.csv.
    """
    shown = claims[claims.index.get_level_values("quantity").isin(["calibration_in_the_large", "ici"])]
    if shown.empty or scores.empty:
        return scores
    kept = scores[scores.index.get_level_values("metric") != "calibration_intercept"]
    return pd.concat([kept, shown.rename_axis(index={"quantity": "metric"})])


def claims_section(
    study: Comparison,
    arms: Sequence[Arm],
    claims: pd.DataFrame,
    *,
    learning: LearningCurves | None = None,
    audit: pd.DataFrame | None = None,
) -> dict[str, Any] | None:
    """Return what the section shows; None where nothing is known of any arm."""
    told = [a for a in arms if a.role == "single" or a.is_default_fused] or list(arms)
    told = [a for a in told if a.name in claims.index.unique("model")]
    if not told:
        return None
    lead = default_fused(told) or told[0]
    paragraphs = (
        [*_parameters(lead, claims, study), *_development(lead, claims), *_validation(lead, claims)],
        [_slope(lead, learning, study), _permutation(audit, study)],
    )
    texts = [" ".join(sentence for sentence in sentences if sentence) for sentences in paragraphs]
    return {"grid": claims_grid(told, claims, study), "paragraphs": [text for text in texts if text]}


def claims_grid(arms: Sequence[Arm], claims: pd.DataFrame, study: Comparison) -> Grid | None:
    """Return a row for each single arm and the default fused one."""
    quantity, heading = _PER_PARAMETER[task_of_study(study)]
    metric = metric_name(str(study.settings.get("primary_metric")))
    columns = [
        ("parameters", "Candidate parameters", 0),
        (quantity, heading, 2),
        ("nagelkerke_r2", "R² (Nagelkerke)", 2),
        ("patients_for_development", "Patients needed to develop", 0),
        ("apparent", f"Apparent {metric}", 3),
        ("optimism", "Optimism", 3),
        ("selection_stability", "Stability of selection", 2),
    ]
    shown = claims[claims.index.get_level_values("model").isin([a.name for a in arms]) & claims["value"].notna()]
    there = set(shown.index.get_level_values("quantity"))
    columns = [c for c in columns if c[0] in there]
    if not columns:
        return None
    rows, role = [], ""
    for arm in arms:
        cells = [Cell(arm.name, kind="name", badges=arm.badges)]
        cells += [_cell(claims, arm.name, what, digits) for what, _, digits in columns]
        rows.append(Row(tuple(cells), ROLE_HEADINGS[arm.role] if arm.role != role else "", arm.is_default_fused))
        role = arm.role
    head = (Cell("Model"), *(Cell(text, kind="num") for _, text, _ in columns))
    notes = ["All models, and how each number came about, are in claims.csv."]
    if "optimism" in there:
        notes.append("Optimism: apparent (the training cases of each fold) minus out of fold.")
    if "nagelkerke_r2" in there:
        notes.append("R² is out of fold; below 0 the predictions are worse than the prevalence.")
    if "selection_stability" in there:
        notes.append("Stability of selection (Nogueira): 1 always the same columns, 0 as if drawn by chance.")
    return Grid("What the cohort can carry, by model.", head, tuple(rows), " ".join(notes), wide=len(columns) > 5)


def value_of(claims: pd.DataFrame, model: str, quantity: str) -> float:
    """Return a claim about an arm, NaN where there is none.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("deep", "parameters")], names=["model", "quantity"])
    >>> value_of(pd.DataFrame({"value": [512.0]}, index), "deep", "parameters")
    512.0
    """
    return float(_of(claims, model, quantity, "value"))


def _of(claims: pd.DataFrame, model: str, quantity: str, column: str) -> Any:
    return claims[column].to_dict().get((model, quantity), float("nan"))


def _cell(claims: pd.DataFrame, model: str, quantity: str, digits: int) -> Cell:
    value = value_of(claims, model, quantity)
    if not is_number(value):
        return Cell("–", kind="num", tone="muted")
    return Cell(f"{value:,.0f}" if digits == 0 else number(value, digits, signed=quantity == "optimism"), kind="num")


def _parameters(arm: Arm, claims: pd.DataFrame, study: Comparison) -> list[str]:
    quantity, _ = _PER_PARAMETER[task_of_study(study)]
    each, parameters = (value_of(claims, arm.name, what) for what in (quantity, "parameters"))
    if not (is_number(parameters) and is_number(each)):
        return []
    who = str(_of(claims, arm.name, quantity, "method")).partition(" for ")[0]
    return [f"{arm.name}: {who} for {parameters:,.0f} candidate parameters, {number(each, 2)} for each."]


def _development(arm: Arm, claims: pd.DataFrame) -> list[str]:
    """Return the verdict of the criteria for the size of a development cohort."""
    needed, r2 = (value_of(claims, arm.name, q) for q in ("patients_for_development", "cox_snell_r2"))
    if not (is_number(r2) and is_number(value_of(claims, arm.name, "parameters"))):
        return []
    have = int(_of(claims, arm.name, "cox_snell_r2", "n_patients"))
    nagelkerke = number(value_of(claims, arm.name, "nagelkerke_r2"), 2)
    if not is_number(needed):
        return [
            f"Out of fold it explains nothing (R² of Cox and Snell {number(r2, 2)}, Nagelkerke {nagelkerke}), and of "
            "an R² of 0 or less no size of a cohort follows."
        ]
    met = "met" if have >= needed else "not met"
    text = (
        f"By the criteria of Riley et al. (BMJ 2020;368:m441) an unpenalised model of that many parameters needs "
        f"{count(needed, 'patient')} if it is to explain what was found here out of fold (assumed: R² of Cox and Snell "
        f"{number(r2, 2)}, Nagelkerke {nagelkerke}); the study has {have:,}: {met}."
    )
    if have < needed:
        text += (
            " No model of many columns meets them in a small cohort: penalties make such models possible, and only the "
            "scores out of fold speak for them."
        )
    return [text]


def _validation(arm: Arm, claims: pd.DataFrame) -> list[str]:
    needed = value_of(claims, arm.name, "patients_for_validation")
    if not is_number(needed):
        return []
    return [
        f"To validate it in other patients like these, about {count(needed, 'patient')} are needed (Riley et al., "
        "doi:10.1002/sim.9025; assumed: the AUC found here)."
    ]


def _slope(arm: Arm, learning: LearningCurves | None, study: Comparison) -> str:
    """Return what more patients would bring, by the fitted learning curve at its largest size."""
    if learning is None:
        return "What more patients would bring was not computed (hybridrad curves RUN)."
    fit = learning.fits.loc[[arm.name]].iloc[0] if arm.name in learning.fits.index else None
    if fit is None or not is_number(fit["a"]):
        return f"The learning curve of {arm.name} has no fit that could tell what more patients would bring."
    n = int(max(learning.points.index.unique("n_patients")))
    metric = METRIC_WORDS[_task(study)]
    gain = float(fit["b"]) * (n ** -float(fit["c"]) - (n + MORE_PATIENTS) ** -float(fit["c"]))
    return (
        f"By its learning curve, {MORE_PATIENTS} training patients more than {n} would change the {metric} of "
        f"{arm.name} by about {number(gain, 3, signed=True)}."
    )


def _permutation(audit: pd.DataFrame | None, study: Comparison) -> str:
    """Return the p-value of permuted labels with the whole procedure refitted."""
    if task_of_study(study) != "classification":
        return ""
    if audit is None or PERMUTATION not in audit.index:
        return "The whole procedure was not refitted on permuted labels (hybridrad audit RUN --permutations 99)."
    arm = f" of {audit.attrs['model']}" if audit.attrs.get("model") else ""
    message = str(audit["message"].to_dict()[PERMUTATION])
    return f"Labels permuted between patients, with the whole procedure{arm} refitted each time: {message}"


def calibration_words(claims: pd.DataFrame) -> list[str]:
    """Return what must be said beside the columns of calibration."""
    there = set(claims.index.unique("quantity"))
    if "calibration_in_the_large" not in there:
        return []
    text = (
        "Calibration in the large is the intercept at slope 1: above 0 the predicted probabilities are too low on the "
        "whole; a slope below 1 means that they are too extreme."
    )
    if "ici" in there:
        text += (
            " ICI is the mean distance of predicted from observed risk, smoothed by lowess with span 2/3; its value "
            "hangs on the smoother, and also a perfectly calibrated model has one above 0."
        )
    else:
        text += " With fewer than 100 events or non-events no more is read off calibration."
    return [text]
