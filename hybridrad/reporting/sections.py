"""The sections of a report: what each shows, with captions, in plain values for the templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting import curve_plates, importance_plates, plates
from hybridrad.reporting.arms import Arm, by_role, default_fused, in_order_of, ordered_arms
from hybridrad.reporting.case_tables import cases_grid, codes_grid
from hybridrad.reporting.claims import calibration_words, claims_of, claims_section, net_benefit_of, with_calibration
from hybridrad.reporting.complementarity import complementarity_section
from hybridrad.reporting.design import design_words
from hybridrad.reporting.flow import read_flow
from hybridrad.reporting.grid import Grid
from hybridrad.reporting.heat_maps import heat_section
from hybridrad.reporting.importance import embedding_blocks
from hybridrad.reporting.learning import learning_section
from hybridrad.reporting.message import Message, key_messages, people, small_differences
from hybridrad.reporting.outcome_plates import beside_scores, outcome_plates, task_of_study
from hybridrad.reporting.plates import Plate
from hybridrad.reporting.procedure import (
    Weights,
    arm_networks,
    cautions,
    design_sentences,
    facts,
    tree,
    weights_used,
)
from hybridrad.reporting.readers import readers_section
from hybridrad.reporting.steps import steps_section
from hybridrad.reporting.tables import (
    arms_grid,
    comparison_grid,
    other_metrics_grid,
    regret_grid,
    score_grid,
    site_grid,
)
from hybridrad.reporting.text import METRIC_NAMES, count, is_number, listing, metric_word, number

if TYPE_CHECKING:
    from hybridrad.learning import LearningCurves
    from hybridrad.study import Comparison
    from hybridrad.study_readers import ReaderStudy

TITLES = {
    "flow": "Cohort flow",
    "performance": "Performance",
    "comparison": "Comparison",
    "claims": "What this cohort can carry",
    "learning": "Learning curves",
    "complementarity": "Complementarity",
    "readers": "Comparison with readers",
    "steps": "What each block adds",
    "importance": "What the models use",
    "heat_maps": "Where the networks look",
    "procedure": "How it was done",
    "findings": "Findings and failures",
}
EXPLORATORY_ROWS = 40


@dataclass(frozen=True)
class Head:
    """The title block."""

    title: str
    facts: tuple[tuple[str, str], ...]


def head(study: Comparison) -> Head:
    """Return title and the facts under it."""
    s = study.settings
    cv = s.get("cv") or {}
    flow = read_flow(s)
    analysed = f"{count(flow.patients_used, 'patient')}, {count(flow.used, 'case')}" if flow else ""
    if not analysed and not study.scores.empty:
        analysed = people(study.scores.iloc[0])
    words = design_words(s)
    rows = (
        ("Outcome", f"{s.get('label') or ''}{', a value' if task_of_study(study) == 'regression' else ''}"),
        ("Classes", listing([str(c) for c in s.get("classes") or []])),
        ("Positive class", str(s["positive"]) if s.get("positive") is not None and not is_multiclass(study) else ""),
        ("Analysed", analysed),
        (words.heading, words.in_short if cv else ""),
        ("Date", str(s.get("created") or "")[:10]),
        ("Made with", f"hybridrad {s['hybridrad_version']}" if s.get("hybridrad_version") else ""),
    )
    title = str(s.get("title") or (f"Predicting {s['label']}" if s.get("label") else "Comparison of models"))
    return Head(title, tuple((name, value) for name, value in rows if value))


def is_multiclass(study: Comparison) -> bool:
    """Return whether the outcome has more than two classes."""
    return len(study.settings.get("classes") or []) > 2


def warnings_of(study: Comparison) -> list[Message]:
    """Return what must be read before any number."""
    found = [
        Message(
            "Untrained network.",
            f"{_network(w)} {'began with' if w.trained else 'had'} random weights: its numbers mean nothing beyond a "
            "test of the run.",
        )
        for w in weights_used(study.settings)
        if w.untrained
    ]
    seen = int((study.findings.index.get_level_values("code") == "W_TRAINED_ON").sum())
    if seen:
        found.append(
            Message(
                "Trained on these images.",
                f"The weights of a network were trained on the images of {count(seen, 'case')}: what it reaches there "
                "says nothing about other patients.",
            )
        )
    flow = read_flow(study.settings)
    if flow is not None and flow.unexplained:
        found.append(
            Message(
                "Incomplete flow.",
                f"{count(flow.unexplained, 'case')} neither failed nor were analysed; see section 1.",
            )
        )
    if study.settings.get("grouped") is False:
        found.append(Message("No patient groups.", "Some models were fitted without them; their inner folds may leak."))
    return found


def page_content(
    study: Comparison,
    draw: Callable[..., Plate | None],
    *,
    files: bool,
    learning: LearningCurves | None = None,
    readers: ReaderStudy | None = None,
    audit: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return what the templates show.

    Parameters
    ----------
    study : Comparison
    draw : callable
        ``draw(name, function, *arguments)`` makes the plate that ``function(*arguments)`` describes, or None.
    files : bool
        Whether captions name the files of the figures.
    learning : LearningCurves, optional
    readers : ReaderStudy, optional
        Their sections, and those of what the study does not hold, are left out.
    audit : DataFrame, optional
        From `hybridrad.audit`, for its permutation of labels.
    """
    arms = ordered_arms(study)
    claims = claims_of(study)
    sections = {
        "flow": _flow(study, draw),
        "performance": _performance(study, arms, draw, claims),
        "comparison": _comparison(study, arms, draw),
        "claims": claims_section(study, arms, claims, learning=learning, audit=audit),
        "learning": learning_section(learning, arms, draw),
        "complementarity": complementarity_section(study, arms),
        "readers": readers_section(readers, arms),
        "steps": steps_section(study),
        "importance": _importance(study, arms, draw),
        "heat_maps": heat_section(study, draw),
        "procedure": _procedure(study, arms),
        "findings": _findings(study),
    }
    return {
        "head": head(study),
        "warnings": warnings_of(study),
        "messages": key_messages(study, arms),
        "titles": {name: title for name, title in TITLES.items() if sections[name] is not None},
        "sections": sections,
        "files": files,
    }


def _flow(study: Comparison, draw: Callable[..., Plate | None]) -> dict[str, Any]:
    flow = read_flow(study.settings)
    return {
        "flow": flow,
        "plate": draw("cohort_flow", plates.flow_plate, flow) if flow else None,
        "failures": _codes(study.failures, "Failed cases by code."),
        "findings": _codes(study.findings, "Findings by code; warnings and notes do not exclude a case."),
    }


def _performance(
    study: Comparison, arms: list[Arm], draw: Callable[..., Plate | None], claims: pd.DataFrame
) -> dict[str, Any]:
    scores = with_calibration(study.scores, claims)
    there = set(scores.index.get_level_values("metric")) if not scores.empty else set()
    own = sorted(there - set(METRIC_NAMES))
    metrics = [m for m in METRIC_NAMES if m in there] + own
    curves = curve_plates.curve_predictions(study)
    of_classes = task_of_study(study) == "classification"
    shown: dict[str, Any] = {
        "grid": score_grid(study, arms, metrics=metrics, scores=scores) if metrics else None,
        "sites": site_grid(study, arms),
        "forest": draw("scores", plates.forest_plate, study, arms),
        "multiclass": is_multiclass(study),
        "sentences": [*beside_scores(study), *calibration_words(claims)],
        "plates": outcome_plates(study, curves, arms, draw),
    }
    shown["decisions"] = None
    if not of_classes:
        return {**shown, "roc": None, "calibration": None}
    if is_multiclass(study):
        return {
            **shown,
            "roc": draw("roc_curves", curve_plates.roc_classes_plate, study, curves, arms),
            "calibration": None,
        }
    return {
        **shown,
        "roc": draw("roc_curves", curve_plates.roc_plate, study, curves, arms),
        "calibration": draw("calibration", curve_plates.calibration_plate, study, curves, arms),
        "decisions": draw("decision_curves", curve_plates.decision_plate, study, net_benefit_of(study), arms),
    }


def _comparison(study: Comparison, arms: list[Arm], draw: Callable[..., Plate | None]) -> dict[str, Any]:
    table, hedge = in_order_of(arms, study.comparisons), default_fused(arms)
    regret = in_order_of(arms, study.regret)
    primary = str(study.settings.get("primary_metric"))
    shown: dict[str, Any] = {
        "plate": draw("differences", plates.differences_plate, study, arms),
        "resolution": small_differences(study),
        "regret": regret_grid(regret) if len(regret) else None,
        "family": None,
        "exploratory": None,
        "others": None,
    }
    if table.empty:
        return shown
    confirmatory = plates.in_family(table)
    rest = table[~confirmatory & (table.index.get_level_values("metric") == primary)]
    if confirmatory.any():
        who = f"{hedge.name}, the default fused model," if hedge else "the default fused model"
        caption = f"The confirmatory family: {metric_word(primary)} of {who} against every single arm."
        shown["family"] = comparison_grid(
            table[confirmatory], caption=caption, note=_comparison_note(table[confirmatory])
        )
    if len(rest):
        shown["exploratory"] = _exploratory(rest, primary)
    if hedge is not None:
        singles = [a.name for a in by_role(arms, "single")]
        shown["others"] = other_metrics_grid(table, hedge.name, singles, primary=primary)
    return shown


def _exploratory(rest: pd.DataFrame, primary: str) -> Grid:
    cut = f"The first {EXPLORATORY_ROWS} of {len(rest):,} rows; " if len(rest) > EXPLORATORY_ROWS else ""
    caption = (
        f"Exploratory comparisons in {metric_word(primary)}: p-values are not adjusted, and the verdicts rest on them."
    )
    note = f"{cut}{'see' if cut else 'See'} comparisons.csv for all metrics. {_comparison_note(rest)}"
    return comparison_grid(rest.head(EXPLORATORY_ROWS), caption=caption, note=note)


def _comparison_note(table: pd.DataFrame) -> str:
    methods = [str(m).removeprefix("exploratory: ") for m in table["method"].dropna().unique() if str(m)]
    return f"Difference: model minus the other. Method: {'; '.join(dict.fromkeys(methods))}."


def _importance(study: Comparison, arms: list[Arm], draw: Callable[..., Plate | None]) -> dict[str, Any]:
    explained = set(study.importance.index.get_level_values("model")) if len(study.importance) else set()
    whole = embedding_blocks(study.importance, study.settings)
    weights = (study.settings.get("hedge") or {}).get("weights") or {}
    return {
        "any": bool(explained),
        "scale": importance_plates.scale_of(study),
        "unexplained": listing([a.name for a in arms if a.name not in explained]) if explained else "",
        "embeddings": listing(sorted(whole)),
        "shares": draw("block_shares", importance_plates.shares_plate, study, arms) if explained else None,
        "features": draw("top_features", importance_plates.features_plate, study, arms, whole) if explained else None,
        "weights_plate": draw("hedge_weights", importance_plates.weights_plate, weights) if weights else None,
        "size": _size_sentences(study),
    }


def _size_sentences(study: Comparison) -> list[str]:
    size = study.settings.get("size") or {}
    views = {
        True: "The views keep size (a field or a margin in millimetres, the whole image, or all slices), so the "
        "network sees how large a region is.",
        False: "The views do not keep size: they are scaled to the input of the network, so it cannot tell how large a "
        "region is in millimetres.",
    }
    sentences = [views[size["views_keep_size"]]] if isinstance(size.get("views_keep_size"), bool) else []
    if size.get("views_that_keep_size"):
        kept, lost = (
            listing([str(n) for n in size.get(key) or []]) for key in ("views_that_keep_size", "views_that_do_not")
        )
        sentences.append(
            f"The views of {kept} keep size; those of {lost} do not: they are scaled to the input of the network."
        )
    n: Any = size.get("n_radiomics")
    following: Any = size.get("n_following_size")
    if is_number(n) and is_number(following) and n:
        rho = number(size.get("threshold_rho"), 1)
        sentences.append(
            f"{int(following):,} of {count(n, 'radiomics feature')} follow the size of the region "
            f"(Spearman |ρ| > {rho}); read their importance beside the size model."
        )
    return sentences


def _procedure(study: Comparison, arms: list[Arm]) -> dict[str, Any]:
    described = study.settings.get("arms") or {}
    extractors = [e for e in study.settings.get("extractors") or [] if isinstance(e, dict)]
    return {
        "sentences": design_sentences(study),
        "cautions": cautions(study),
        "facts": facts(study),
        "weights": weights_used(study.settings),
        "extractors": [
            tree(str(e.get("name", "extractor")), {k: v for k, v in e.items() if k != "name"}) for e in extractors
        ],
        "networks": [tree(name, network) for name, network in arm_networks(study.settings)],
        "versions": sorted((str(p), str(v)) for p, v in (study.settings.get("versions") or {}).items()),
        "arms": arms_grid(arms, seconds={a.name: (described.get(a.name) or {}).get("seconds") for a in arms}),
        "pyradiomics": any("pyradiomics" in str(e).lower() for e in extractors),
    }


def _findings(study: Comparison) -> dict[str, Any]:
    failures, findings = study.failures, study.findings
    listed = cases_grid(findings, caption="Findings, case by case.", file="findings.csv") if len(findings) else None
    return {
        "failures": cases_grid(failures, caption="Failures, case by case.", file="failures.csv")
        if len(failures)
        else None,
        "findings": listed if listed is not None and listed.rows else None,
        # Notes alone leave nothing to list.
        "unlisted": listed.note if listed is not None and not listed.rows else "",
    }


def _codes(table: pd.DataFrame, caption: str) -> Any:
    return codes_grid(table, caption=caption) if len(table) else None


def _network(weights: Weights) -> str:
    where = f"of {'model' if weights.trained else 'block'} {weights.block}"
    return f"{weights.backbone} {where}" if weights.backbone else f"The network {where}"
