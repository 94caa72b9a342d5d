"""What the command line prints: counts, findings, failures, scores, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.doctor import Examined
    from hybridrad.features.assembly import ExtractionRun
    from hybridrad.study import Comparison

T = TypeVar("T")

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
MOST_CLASSES = 12  # beyond, a label is a value, or a mistake


def say(text: str) -> None:
    """Print one line as it is."""
    out.print(escape(text))


def say_error(text: str) -> None:
    """Print one line to standard error, marked as an error."""
    err.print(f"[bold red]Error:[/] {escape(text)}")


def announce(cohort: Any) -> None:
    """Print how many cases, patients and classes (or events) there are."""
    if cohort.task == "survival":
        cases, patients = len(cohort.table), cohort.patient_id.nunique()
        events = int(cohort.survival["event"].sum())
        out.print(escape(f"{cases} cases of {patients} patients; time to event: {events} events."))
        return
    classes = cohort.classes
    counts = cohort.label_values.value_counts()
    if len(classes) > MOST_CLASSES:
        parts = f"{len(classes)} different values"
    else:
        parts = ", ".join(f"{counts[c]} {c}" for c in classes)
    out.print(escape(f"{len(cohort.table)} cases of {cohort.patient_id.nunique()} patients; {cohort.label}: {parts}."))
    if len(classes) == 2:
        out.print(escape(f"Positive class: {classes[-1]} (change it with --positive)."))


def print_findings(findings: pd.DataFrame) -> None:
    """Print findings by code, the gravest first."""
    if findings.empty:
        say("No findings.")
        return
    order = {"error": 0, "warning": 1, "note": 2}
    groups = sorted(findings.reset_index().groupby("code"), key=lambda g: (order[g[1]["severity"].iloc[0]], g[0]))
    for code, rows in groups:
        first = rows.iloc[0]
        count = f" ({len(rows)} cases)" if len(rows) > 1 else ""
        say(f"{first['severity']} {code}{count}")
        say(f"    {'e.g. ' if count else ''}{first['case_id']}: {first['message']} {first['hint']}".rstrip())


def print_run(run: ExtractionRun) -> None:
    """Print how a cohort run ended: counts, the first failures, findings."""
    out.print(escape(repr(run)))
    for row in run.failures.head(10).reset_index().to_dict("records"):
        out.print(escape(f"  failed: {row['case_id']} ({row['stage']}): {row['code']}: {row['message']} {row['hint']}"))
    if len(run.failures) > 10:
        out.print(f"  ... and {len(run.failures) - 10} more in failures.csv")
    if len(run.findings):
        print_findings(run.findings)


def run_study(call: Callable[[Callable[[int, int], None]], T], title: str = "Comparison") -> T:
    """Call with a progress callback that shows a bar or log lines."""
    from hybridrad.features.progress import ProgressReport

    bar: list[ProgressReport] = []

    def progress(done: int, total: int) -> None:
        if not bar:
            bar.append(ProgressReport(title, total=total).__enter__())
        bar[0].update(done)

    try:
        return call(progress)
    finally:
        for shown in bar:
            shown.__exit__(None, None, None)


def print_scores(study: Comparison) -> None:
    """Print the primary metric of every arm."""
    metric = str(study.settings.get("primary_metric", "roc_auc"))
    scores = study.scores.xs(metric, level="metric")
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("arm", {"roc_auc": "AUC", "r2": "R2"}.get(metric, metric), "95 % interval"):
        table.add_column(heading)
    for name, row in scores.iterrows():
        known = row["low"] == row["low"]  # NaN: all folds the same, or the arm failed
        interval = f"{row['low']:.3f} to {row['high']:.3f}" if known else "none"
        value = f"{row['value']:.3f}" if row["value"] == row["value"] else "none"
        table.add_row(escape(str(name)), value, interval)
    out.print(table)


def print_crossings(crossings: pd.DataFrame) -> None:
    """Print where one arm overtakes another, and for how many pairs that is not identified."""
    known = crossings[crossings["n_patients"].notna()]
    for row in known.reset_index().to_dict("records"):
        interval = f"{row['low']:.0f} to {row['high']:.0f}"
        say(f"{row['model']} and {row['other']} cross at {row['n_patients']:.0f} patients ({interval}): {row['text']}.")
    say(f"Crossings: {len(known)} identified, {len(crossings) - len(known)} not identified.")


def print_audit(table: pd.DataFrame) -> None:
    """Print the rows of an audit: those that fail first, then those that pass, then those that cannot be judged."""
    for verdict in ("fail", "pass", "cannot be judged"):
        for code, row in table[table["verdict"] == verdict].iterrows():
            say(f"{verdict.upper() if verdict == 'fail' else verdict} {code}")
            say(f"    {row['message']} {row['hint']}".rstrip())
    counts = table["verdict"].value_counts()
    say(", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + ".")


def print_examined(results: Sequence[Examined]) -> None:
    """Print what was found on this machine."""
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading)
    for r in results:
        cells = ("MISSING" if r.state == "missing" else r.state, r.what, r.found, r.hint)
        table.add_row(*(escape(c) for c in cells))
    out.print(table)


def print_speed(speeds: pd.DataFrame) -> None:
    """Print what the engines took, and how many times the native one the others."""
    table = Table(show_edge=False, pad_edge=False)
    for heading in ("case", "images", "engine", "CPU s", "first s", "peak MB", "times native"):
        table.add_column(heading)
    for row in speeds.reset_index().to_dict("records"):
        numbers = (
            f"{row['cpu_s']:.3f}",
            f"{row['first_s']:.3f}",
            f"{row['peak_mb']:.0f}",
            f"{row['times_native']:.1f}x",
        )
        table.add_row(*(escape(str(row[name])) for name in ("case", "images", "engine")), *numbers)
    out.print(table)
