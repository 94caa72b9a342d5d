"""Figures of scores, differences and flow with their captions: which rows each shows, and what is said below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from hybridrad.reporting.arms import ROLE_HEADINGS, Arm, by_role, default_fused
from hybridrad.reporting.design import design_words
from hybridrad.reporting.figures import DotRow, Guide, dots_and_intervals
from hybridrad.reporting.flow import Flow, flow_diagram
from hybridrad.reporting.message import people, score_row
from hybridrad.reporting.style import Picture
from hybridrad.reporting.text import count, decimals_of, estimate, is_number, metric_name, metric_word, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hybridrad.study import Comparison

LONGEST_FIGURE = 40  # rows; a figure must fit on a page
EXPLORATORY_COLOUR = "#E3A173"  # the hue of fused models, lighter


@dataclass(frozen=True)
class Draft:
    """A figure not yet drawn, its caption, and what it shows in a few words for those who cannot see it."""

    build: Callable[[], Figure]
    caption: str
    alt: str


@dataclass(frozen=True)
class Plate:
    """A drawn figure with its caption."""

    picture: Picture
    caption: str
    alt: str

    @property
    def svg(self) -> Markup:
        """The figure as an element of the page; matplotlib has escaped every name in it."""
        return Markup(self.picture.inline)


def flow_plate(flow: Flow) -> Draft:
    """Return the flow of cases."""
    caption = "Flow of cases from the cohort table to the analysis."
    alt = f"Given {flow.given} cases, failed {flow.failed}, analysed {flow.used}."
    return Draft(lambda: flow_diagram(flow), caption, alt)


def forest_plate(study: Comparison, arms: Sequence[Arm]) -> Draft | None:
    """Return the primary metric of every arm with its interval."""
    metric = str(study.settings.get("primary_metric"))
    digits, rows, role = decimals_of(metric), [], ""
    for arm in arms:
        score = score_row(study, arm, metric)
        if score is None:
            continue
        value, low, high = (score[k] for k in ("value", "low", "high"))
        heading = ROLE_HEADINGS[arm.role] if arm.role != role else ""
        text = estimate(value, low, high, digits)
        rows.append(DotRow(arm.name, value, low, high, (text,), arm.role, heading, strong=arm.is_default_fused))
        role = arm.role
    if not rows:
        return None
    guides, said = _forest_guides(study, arms, metric)
    name = metric_name(metric)
    caption = (
        f"{name} of every model: {design_words(study.settings).mean} with 95 % interval ({_n(study, metric)}). {said}"
        "Circles: single blocks; squares: fused models; bold: the default fused model."
    )
    heads = [f"{name} (95 % interval)"]
    return Draft(
        lambda: dots_and_intervals(rows, xlabel=name, guides=guides, column_heads=heads),
        caption,
        f"Dot and interval of {name} for {count(len(rows), 'model')}.",
    )


def differences_plate(study: Comparison, arms: Sequence[Arm]) -> Draft | None:
    """Return the signed differences fused minus single with intervals, margin and verdicts."""
    metric = str(study.settings.get("primary_metric"))
    rows = _difference_rows(study, arms, metric)[:LONGEST_FIGURE]
    if not rows:
        return None
    margin: Any = study.settings.get("margin")
    guides, said = [Guide(0.0, dashed=False)], ""
    if is_number(margin):
        guides.append(Guide(-float(margin), to=float(margin), word=f"margin ±{number(margin, 2)}"))
        said = f" The shaded band is the margin of ±{number(margin, 2)} declared before the run."
    hedge = default_fused(list(arms))
    family = (
        f" The comparisons of {hedge.name} (bold) are the confirmatory family, the lighter ones exploratory."
        if hedge
        else ""
    )
    caption = (
        f"Signed differences in {metric_word(metric)}, fused model minus single arm, with 95 % intervals "
        f"({_n(study, metric)}); right of zero the fused model is better.{said}{family}"
    )
    heads = ["Difference (95 % interval)", "Verdict"]
    return Draft(
        lambda: dots_and_intervals(
            rows, xlabel=f"Difference in {metric_word(metric)}, fused minus single", guides=guides, column_heads=heads
        ),
        caption,
        f"Dot and interval of {count(len(rows), 'difference')} between fused and single models.",
    )


def in_family(comparisons: pd.DataFrame) -> pd.Series:
    """Return which comparisons are confirmatory; the method of all others begins with "exploratory"."""
    return ~comparisons["method"].astype(str).str.startswith("exploratory")


def _difference_rows(study: Comparison, arms: Sequence[Arm], metric: str) -> list[DotRow]:
    digits, rows = decimals_of(metric), []
    for arm in by_role(list(arms), "fused"):
        first = True
        for single in by_role(list(arms), "single"):
            key = (arm.name, single.name, metric)
            if study.comparisons.empty or key not in study.comparisons.index:
                continue
            row = study.comparisons.loc[[key]].iloc[0]
            value, low, high = (row[k] for k in ("difference", "low", "high"))
            texts = (estimate(value, low, high, digits, signed=True), str(row["verdict"]))
            heading = f"{arm.name} minus" if first else ""
            strong = arm.is_default_fused
            colour = "" if strong else EXPLORATORY_COLOUR
            rows.append(DotRow(single.name, value, low, high, texts, "fused", heading, strong=strong, colour=colour))
            first = False
    return rows


def _forest_guides(study: Comparison, arms: Sequence[Arm], metric: str) -> tuple[list[Guide], str]:
    guides, said = [], ""
    if metric in ("roc_auc", "concordance"):
        guides.append(Guide(0.5, word="chance", dashed=False))
    elif metric == "r2":
        guides.append(Guide(0.0, word="mean", dashed=False))
    baseline = next((a for a in arms if a.is_baseline), None)
    row = score_row(study, baseline, metric) if baseline else None
    if baseline is not None and row is not None and is_number(row["value"]):
        guides.append(Guide(float(row["value"]), word="baseline"))
        said = f"Dashed: the baseline, {baseline.name}. "
    return guides, said


def _n(study: Comparison, metric: str) -> str:
    scores = study.scores
    rows = scores[scores.index.get_level_values("metric") == metric]
    known = rows[rows["n_patients"].notna()].sort_values("n_patients", kind="stable")
    return people(known.iloc[-1]) if len(known) else "n not recorded"
