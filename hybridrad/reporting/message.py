"""The key messages of a report: plain sentences made from the tables, with the verdict words of the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.comparison.regret import BIASED
from hybridrad.reporting.arms import Arm, by_role, default_fused
from hybridrad.reporting.design import design_words
from hybridrad.reporting.text import count, decimals_of, estimate, interval, is_number, listing, metric_word, number

if TYPE_CHECKING:
    from hybridrad.study import Comparison

_LINKS = {
    "better": "better than",
    "worse": "worse than",
    "non-inferior": "non-inferior to",
    "equivalent": "equivalent to",
    "inconclusive": "inconclusive against",
    "not compared": "not compared with",
}


@dataclass(frozen=True)
class Message:
    """A sentence: what it is about, the numbers, and the verdict of the table if there is one."""

    lead: str
    text: str
    verdict: str = ""


def key_messages(study: Comparison, arms: list[Arm]) -> list[Message]:
    """Return the sentences of the box at the head of the report."""
    hedge = default_fused(arms)
    messages = []
    if hedge is None:
        messages.append(Message("No fused model", "was named as the default one, so no comparison is confirmatory."))
    else:
        pairs = against_singles(study, hedge, arms)
        messages += [_summary(hedge, pairs)] + [_difference(hedge, row, study) for row in pairs]
    messages += _resolution(study)
    messages += _levels(study, hedge, arms)
    if hedge is not None:
        messages += _regret(study, hedge)
    return messages


def against_singles(study: Comparison, fused: Arm, arms: list[Arm]) -> list[dict[str, Any]]:
    """Return the rows of the comparisons table for one fused arm against each single arm, primary metric."""
    table = study.comparisons
    if table.empty:
        return []
    rows = []
    for single in by_role(arms, "single"):
        key = (fused.name, single.name, study.settings.get("primary_metric"))
        if key in table.index:
            rows.append({"baseline": single, **{str(k): v for k, v in table.loc[[key]].iloc[0].items()}})
    return rows


def small_differences(study: Comparison) -> str:
    """Return what this cohort can resolve and what that rests on, or why it cannot be said; empty in older studies."""
    smallest, basis = study.settings.get("resolvable_difference"), str(study.settings.get("resolvable_basis") or "")
    if not is_number(smallest):
        return basis
    metric = metric_word(str(study.settings.get("primary_metric")))
    return (
        f"This cohort can resolve differences of about {number(smallest, 2)} in {metric}: a true difference of "
        "that size would be found in about half of such studies, a smaller one in fewer."
        f"{' ' + basis if basis else ''}"
    )


def people(row: pd.Series | dict[str, Any]) -> str:
    """Return ``94 patients, 120 cases`` of a row of scores; one number where both are equal."""
    patients, cases = row.get("n_patients"), row.get("n_cases")
    if not is_number(cases) or patients == cases:
        return count(patients, "patient")
    return f"{count(patients, 'patient')}, {count(cases, 'case')}"


def score_row(study: Comparison, arm: Arm, metric: str) -> pd.Series | None:
    """Return the row of the scores table, or None."""
    key = (arm.name, metric)
    return study.scores.loc[[key]].iloc[0] if not study.scores.empty and key in study.scores.index else None


def _summary(hedge: Arm, pairs: list[dict[str, Any]]) -> Message:
    if not pairs:
        return Message(hedge.name, "is the default fused model; it was not compared with any single arm.")
    groups: dict[str, list[str]] = {}
    for row in pairs:
        verdict = str(row.get("verdict")) if is_number(row["difference"]) else "not compared"
        groups.setdefault(verdict, []).append(row["baseline"].name)
    parts = [f"{_LINKS.get(verdict, verdict + ':')} {listing(names)}" for verdict, names in groups.items()]
    return Message(hedge.name, f"(default fused model) against {count(len(pairs), 'single arm')}: {'; '.join(parts)}.")


def _difference(hedge: Arm, row: dict[str, Any], study: Comparison) -> Message:
    metric = str(study.settings.get("primary_metric"))
    if not is_number(row["difference"]):
        return Message(
            f"{hedge.name} against {row['baseline'].name}:", str(row.get("method") or "not compared"), "none"
        )
    value = estimate(row["difference"], row["low"], row["high"], decimals_of(metric), signed=True)
    verdict = str(row.get("verdict") or "")
    text = f"difference in {metric_word(metric)} {value}" + (f", {verdict}" if verdict else "")
    return Message(f"{hedge.name} against {row['baseline'].name}:", text, verdict)


def _resolution(study: Comparison) -> list[Message]:
    sentence = small_differences(study)
    return [Message("Resolution:", sentence[0].lower() + sentence[1:])] if sentence else []


def _levels(study: Comparison, hedge: Arm | None, arms: list[Arm]) -> list[Message]:
    metric = str(study.settings.get("primary_metric"))
    size = next((a for a in by_role(arms, "single") if a.blocks == ("size",) or a.name == "size"), None)
    messages, source = [], design_words(study.settings).source
    for arm, words in ((hedge, "reaches"), (size, "alone reaches")):
        row = score_row(study, arm, metric) if arm else None
        if arm is None or row is None:
            continue
        digits = decimals_of(metric)
        text = (
            f"{words} {metric_word(metric)} {number(row['value'], digits)} "
            f"(95 % interval {interval(row['low'], row['high'], digits)}; {people(row)}; {source})."
        )
        messages.append(Message(arm.name, text))
    return messages


def _regret(study: Comparison, hedge: Arm) -> list[Message]:
    metric = str(study.settings.get("primary_metric"))
    key = (hedge.name, "best_in_hindsight", metric)
    if study.regret.empty or key not in study.regret.index:
        return []
    row = study.regret.loc[[key]].iloc[0]
    value = estimate(row["regret"], row["low"], row["high"], decimals_of(metric))
    upper = row.get("upper_one_sided")
    limit = f"; one-sided upper limit {number(upper, decimals_of(metric))}" if is_number(upper) else ""
    note = str(row.get("note") or BIASED)
    return [Message(f"Regret of {hedge.name}", f"(positive is a loss) {value}{limit}; {note}.")]
