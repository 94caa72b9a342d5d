"""The tables of models in a report: scores, comparisons, regret; nothing computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.reporting.arms import ROLE_HEADINGS, Arm
from hybridrad.reporting.grid import Cell, Grid, Row, plain
from hybridrad.reporting.text import (
    LOWER_IS_BETTER,
    decimals_of,
    interval,
    is_number,
    listing,
    metric_name,
    number,
    p_value,
)

if TYPE_CHECKING:
    from hybridrad.study import Comparison

VERDICTS = ("better", "worse", "non-inferior", "equivalent", "inconclusive")
REFERENCES = {
    "best_in_hindsight": "best single arm in hindsight",
    "selected": "single arm the inner folds picked",
}


def verdict_cell(word: Any) -> Cell:
    """Return the cell of a verdict; only the fixed words get a colour."""
    text = "" if word is None or (isinstance(word, float) and pd.isna(word)) else str(word)
    return Cell(text, kind="verdict", tone=text if text in VERDICTS else "")


def score_grid(
    study: Comparison, arms: Sequence[Arm], *, metrics: Sequence[str], scores: pd.DataFrame | None = None
) -> Grid:
    """Return the table of scores: a row per arm, a column per metric, value above interval.

    ``scores``: in place of those of the study, where more stands beside them.
    """
    scores, primary = study.scores if scores is None else scores, study.settings.get("primary_metric")
    head = [Cell("Model")] + [Cell(metric_name(m), kind="num", tone="primary" if m == primary else "") for m in metrics]
    rows, role = [], ""
    for arm in arms:
        cells = [Cell(arm.name, kind="name", badges=arm.badges)]
        cells += [_score_cell(scores, arm, metric) for metric in metrics]
        rows.append(Row(tuple(cells), ROLE_HEADINGS[arm.role] if arm.role != role else "", arm.is_default_fused))
        role = arm.role
    return Grid(
        "Performance of every model out of fold, with 95 % intervals below the values.",
        tuple(head),
        tuple(rows),
        _people_note(scores) + _score_methods(scores),
        wide=len(metrics) > 5,
    )


def site_grid(study: Comparison, arms: Sequence[Arm]) -> Grid | None:
    """Return the primary metric of every arm at every site; None where no sites were left out."""
    sites, metric = study.sites, str(study.settings.get("primary_metric"))
    of_metric = sites[sites.index.get_level_values("metric") == metric].droplevel("metric")
    if of_metric.empty:
        return None
    names = list(of_metric.index.unique("site"))
    rows = []
    for arm in arms:
        of_arm = of_metric[of_metric.index.get_level_values("model") == arm.name].droplevel("model")
        cells = [Cell(arm.name, kind="name", badges=arm.badges)]
        for name in names:
            value, low, high = of_arm.loc[name, ["value", "low", "high"]] if name in of_arm.index else [None] * 3
            digits = decimals_of(metric)
            cells.append(Cell(number(value, digits), small=interval(low, high, digits), kind="num"))
        rows.append(Row(tuple(cells), strong=arm.is_default_fused))
    patients = of_metric["n_patients"].groupby(level="site", sort=False).max()
    people = [f"{name}: {int(n)}" for name, n in patients.items() if not str(name).startswith("(")]
    return Grid(
        f"{metric_name(metric)} of every model at every site, each tested by models trained at all others.",
        (Cell("Model"), *(Cell(str(name), kind="num") for name in names)),
        tuple(rows),
        f"Patients: {', '.join(people)}. The last column is the prediction interval for a site like these.",
        wide=len(names) > 5,
    )


def comparison_grid(table: pd.DataFrame, *, caption: str, note: str = "") -> Grid:
    """Return rows of the comparisons table; with adjusted p-values where there are any."""
    adjusted = bool(table["p_adjusted"].notna().any())
    head = [("Model", "name"), ("Against", "text"), ("Difference", "num"), ("95 % interval", "num"), ("p", "num")]
    head += [("p (Holm)", "num")] if adjusted else []
    rows = []
    for _, row in table.reset_index().iterrows():
        digits = decimals_of(str(row["metric"]))
        cells = (
            Cell(str(row["model"]), kind="name"),
            Cell(str(row["baseline"])),
            Cell(number(row["difference"], digits, signed=True), kind="num"),
            Cell(interval(row["low"], row["high"], digits), kind="num"),
            Cell(p_value(row["p_value"]) or "none", kind="num"),
            *((Cell(p_value(row["p_adjusted"]) or "none", kind="num"),) if adjusted else ()),
            verdict_cell(row["verdict"]),
        )
        rows.append(Row(cells))
    heads = (*(Cell(text, kind=kind) for text, kind in head), Cell("Verdict"))
    return Grid(caption, heads, tuple(rows), note)


def other_metrics_grid(comparisons: pd.DataFrame, fused: str, singles: Sequence[str], *, primary: str) -> Grid | None:
    """Return the differences of one fused arm against the single arms in all metrics but the primary one."""
    there = [m for m in comparisons.index.unique("metric") if m != primary]
    rows = []
    for single in singles:
        cells = [_difference_cell(comparisons, (fused, single, metric)) for metric in there]
        if any(c.tone != "muted" for c in cells):
            rows.append(Row((Cell(single, kind="name"), *cells)))
    if not rows:
        return None
    head = (Cell("Against"), *(Cell(metric_name(m), kind="num") for m in there))
    caption = f"{fused} minus each single arm in the other metrics, with 95 % intervals and verdicts; exploratory."
    lower = listing([metric_name(m) for m in there if m in LOWER_IS_BETTER])
    gain = f"For {lower} a negative difference is a gain. " if lower else ""
    note = f"{gain}Verdicts rest on unadjusted p-values; no margin was declared here."
    return Grid(caption, head, tuple(rows), note, wide=len(there) > 4)


def _difference_cell(comparisons: pd.DataFrame, key: tuple[str, str, str]) -> Cell:
    row = comparisons.loc[[key]].iloc[0] if key in comparisons.index else None
    if row is None or not is_number(row["difference"]):
        return Cell("–", kind="num", tone="muted")
    digits = decimals_of(key[2])
    small = f"{interval(row['low'], row['high'], digits)}, {row['verdict']}"
    return Cell(number(row["difference"], digits, signed=True), small, kind="num")


def regret_grid(regret: pd.DataFrame) -> Grid:
    """Return the table of regret, with the words that must stand beside it."""
    rows = []
    for _, row in regret.reset_index().iterrows():
        digits = decimals_of(str(row["metric"]))
        cells = (
            Cell(str(row["model"]), kind="name"),
            Cell(REFERENCES.get(str(row["reference"]), str(row["reference"])), small=plain(row.get("note"))),
            Cell(number(row["regret"], digits, signed=True), kind="num"),
            Cell(interval(row["low"], row["high"], digits), kind="num"),
            Cell(number(row.get("upper_one_sided"), digits, signed=True), kind="num"),
        )
        rows.append(Row(cells))
    head = (
        ("Model", "name"),
        ("Reference", "text"),
        ("Regret", "num"),
        ("95 % interval", "num"),
        ("One-sided limit", "num"),
    )
    metric = metric_name(str(regret.index.get_level_values("metric")[0])) if len(regret) else ""
    return Grid(
        f"Regret of the fused models in {metric}; a positive number is a loss against the single arm.",
        tuple(Cell(text, kind=kind) for text, kind in head),
        tuple(rows),
        _method_note(regret),
    )


def arms_grid(arms: Sequence[Arm], *, seconds: dict[str, Any]) -> Grid:
    """Return what each model is."""
    rows, role = [], ""
    for arm in arms:
        cells = (
            Cell(arm.name, kind="name", badges=arm.badges),
            Cell(", ".join(arm.blocks)),
            Cell(f"{arm.n_features:,}" if is_number(arm.n_features) and arm.n_features is not None else "", kind="num"),
            Cell(arm.text),
            Cell(number(seconds[arm.name], 1) if is_number(seconds.get(arm.name)) else "", kind="num"),
        )
        rows.append(Row(cells, ROLE_HEADINGS[arm.role] if arm.role != role else "", arm.is_default_fused))
        role = arm.role
    head = (
        Cell("Model"),
        Cell("Blocks"),
        Cell("Features", kind="num"),
        Cell("What it is"),
        Cell("Seconds", kind="num"),
    )
    return Grid("The models of the study.", head, tuple(rows))


def _score_cell(scores: pd.DataFrame, arm: Arm, metric: str) -> Cell:
    key, digits = (arm.name, metric), decimals_of(metric)
    if key not in scores.index:
        return Cell("–", kind="num", tone="muted")
    row = scores.loc[[key]].iloc[0]
    if not is_number(row["value"]):
        return Cell("–", kind="num", tone="muted")
    return Cell(number(row["value"], digits), interval(row["low"], row["high"], digits), kind="num")


def _people_note(scores: pd.DataFrame) -> str:
    sizes = scores[["n_patients", "n_cases"]].dropna().drop_duplicates()
    if len(sizes) == 0:
        return ""
    if len(sizes) == 1:
        one = sizes.iloc[0]
        return f"n = {int(one['n_patients']):,} patients, {int(one['n_cases']):,} cases for every value. "
    low, high = sizes.min(), sizes.max()
    return (
        f"n = {int(low['n_patients']):,} to {int(high['n_patients']):,} patients, "
        f"{int(low['n_cases']):,} to {int(high['n_cases']):,} cases, see scores.csv. "
    )


def _score_methods(scores: pd.DataFrame) -> str:
    """Return how the values came about, metrics of one method together; arms that were not scored are named."""
    flat = scores.reset_index()
    sentences = []
    for method, rows in flat.groupby("method", sort=False):
        failed = str(method).startswith("not scored")
        metrics = ", ".join(metric_name(str(m)) for m in rows["metric"].unique())
        who = f"{', '.join(map(str, rows['model'].unique()))} ({metrics})" if failed else metrics
        sentences.append(f"{who}: {method}.")
    whole = len(sentences) == 1 and not str(flat["method"].iloc[0]).startswith("not scored")
    return f"Method: {flat['method'].iloc[0]}." if whole else " ".join(sentences)


def _method_note(table: pd.DataFrame) -> str:
    methods = [str(m) for m in table["method"].dropna().unique() if str(m)] if "method" in table else []
    return f"Method: {'; '.join(methods)}." if methods else ""
