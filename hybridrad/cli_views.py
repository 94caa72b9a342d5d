"""`hybridrad views`: a contact sheet of what the network sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hybridrad.cli_options import CohortArg, OutsideOpt, ViewOptions, WhereOpt, in_groups, read_asked
from hybridrad.console import say


@in_groups
def views(
    cohort_file: CohortArg,
    shown: ViewOptions,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE", help="The sheet: .png, .pdf or .svg.")] = Path(
        "views.png"
    ),
    n_cases: Annotated[int, typer.Option("--n", metavar="N", min=1, max=200, help="Cases, drawn by chance.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of that draw.")] = 0,
    label: Annotated[
        str | None, typer.Option("--label", help="Column written over the pictures; default label.")
    ] = None,
    where: WhereOpt = None,
    allow_outside_root: OutsideOpt = False,
) -> None:
    """Draw a contact sheet of what the network would see of the cases."""
    from hybridrad.reporting.view_sheet import FILE_KINDS, draw_views

    if out_file.suffix.lower() not in FILE_KINDS:
        raise typer.BadParameter(f"{out_file.name} ends in none of {', '.join(FILE_KINDS)}.", param_hint="--out")
    cohort = read_asked(cohort_file, label=label, where=where, allow_outside_root=allow_outside_root)
    sheet = draw_views(cohort, shown.views(), n_cases=n_cases, random_state=seed)
    path = sheet.save(out_file)
    n_failed = sheet.failures.index.get_level_values("case_id").nunique()
    say(f"{len(sheet.case_ids) - n_failed} of {len(sheet.case_ids)} cases shown (of {len(cohort.table)} in all).")
    for row in sheet.failures.reset_index().to_dict("records"):
        say(f"  failed: {row['case_id']} ({row['stage']}): {row['code']}: {row['message']} {row['hint']}".rstrip())
    say(f"Written: {path}")
    raise typer.Exit(2 if n_failed else 0)
