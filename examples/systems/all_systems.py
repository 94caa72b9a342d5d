"""Run all systems of this folder, one after another, and print one table of them.

    python examples/systems/all_systems.py --cohort COHORT.csv --weights SQUEEZENET.safetensors --fast --out RUN
    python examples/systems/all_systems.py --only kim_2018 tomita_2018 --weights untrained --fast --out RUN

The radiographs are those of ``--cohort``. Tomita and Heimer need CT: that of ``--ct-cohort``, or else synthetic
volumes. Each script says what its system is, and what of its paper is kept. A system that is in the table of ``--out``
already is not run again; delete ``systems.csv`` there to begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pandas as pd
from seed_system import TABLE, Options, Row, as_markdown, keep, parser_of, say_what_stands_in

SYSTEMS = {
    "kim_2018": "Kim 2018",
    "chung_2018": "Chung 2018",
    "tomita_2018": "Tomita 2018",
    "heimer_2018": "Heimer 2018",
    "olczak_2017": "Olczak 2017",
    "urakawa_2019": "Urakawa 2019",
    "adams_2019": "Adams 2019",
    "pranata_2019": "Pranata 2019",
}
ON_CT = ("tomita_2018", "heimer_2018")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--ct-cohort", type=Path, metavar="CT.csv", help="Cohort table of CT volumes.")
    parser.add_argument("--only", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS), help="These systems.")
    typed = vars(parser.parse_args(arguments))
    ct_cohort, only = typed.pop("ct_cohort"), typed.pop("only")
    options = Options(**typed)
    options.out.mkdir(parents=True, exist_ok=True)
    say_what_stands_in(options)
    for name in only:
        if SYSTEMS[name] in finished(options.out):
            continue
        print(f"--- {name}", flush=True)
        rows: list[Row] = import_module(name).systems(replace(options, cohort=ct_cohort) if name in ON_CT else options)
        keep(rows, options.out)
    table = pd.read_csv(options.out / TABLE)
    order = {title: i for i, title in enumerate(SYSTEMS.values())}
    print(as_markdown(table.sort_values("system", key=lambda names: names.map(order), kind="stable")))


def finished(out: Path) -> set[str]:
    path = out / TABLE
    return set(pd.read_csv(path)["system"]) if path.is_file() else set()


if __name__ == "__main__":
    main()
