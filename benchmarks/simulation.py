"""How do fused arms do on patients never used, against the block that is truly best?

Simulated cohorts, trained on n patients, tested on 3000 others of the same population, another truth for each seed:

    python benchmarks/simulation.py --out sim.csv --jobs 2
    python benchmarks/simulation.py --out sim.csv --scenarios both none --patients 60 --draws 3
    python benchmarks/simulation.py --out sim.csv --arms hedge priority   # adds arms to the draws that lack them

A real cohort, trained on n patients, tested on all the others:

    python benchmarks/simulation.py --out real.csv --real RUN/features.parquet COHORT.csv --patients 40 80 160 320
    ... --first-order        # radiomics reduced to first-order features without energy: deep is the better block
    ... --missing 0.4        # as well: `late` and `hedge` where so many test cases have no deep block

Rerun to resume: draws that stand in the CSV are not done again. `--report` only prints the tables of what is there.
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import date
from pathlib import Path

from draw_tables import real_report, simulation_report
from draws import SINGLES, Draw, of_draws, read, run_all

import hybridrad as hr
from hybridrad.datasets import TABLE_SCENARIOS
from hybridrad.record import versions

FUSED = ("concat", "early", "late", "hedge")
VARIANTS = ("3 cases per patient", "prevalence 0.2")
WITH_VARIANTS = ("radiomics", "both")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="CSV of every fit; made, or added to")
    parser.add_argument("--scenarios", nargs="+", default=list(TABLE_SCENARIOS), choices=list(TABLE_SCENARIOS))
    parser.add_argument("--patients", type=int, nargs="+", help="default 40 60 100 150 300; real: 40 80 160")
    parser.add_argument("--draws", type=int, help="default 30; real: 50")
    parser.add_argument("--arms", nargs="+", help="further arms of standard_models beside the default ones")
    parser.add_argument("--without", nargs="+", default=[], help="arms to leave out")
    parser.add_argument("--no-variants", action="store_true", help="without several cases per patient and imbalance")
    parser.add_argument("--real", type=Path, nargs=2, metavar=("FEATURES", "COHORT"))
    parser.add_argument("--first-order", action="store_true")
    parser.add_argument("--missing", type=float, default=0.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    more = [a for a in options.arms or [] if a not in (*SINGLES, *FUSED)]
    if options.real:
        arms = [a for a in SINGLES if a != "clinical"] + [*FUSED, "late_all", "hedge_first", *more]
        features, cohort = (str(path.resolve()) for path in options.real)
        variant = "first order" if options.first_order else "all"
        draws = [
            Draw(features, variant, n, seed, cohort)
            for n in options.patients or (40, 80, 160)
            for seed in range(options.draws or 50)
        ]
    else:
        arms = [*SINGLES, *FUSED, "hedge_clinical", "late_all", "late_raw", "hedge_first", *more]
        cells = [(scenario, "") for scenario in options.scenarios]
        if not options.no_variants:
            cells += [(s, variant) for s in WITH_VARIANTS if s in options.scenarios for variant in VARIANTS]
        draws = [
            Draw(scenario, variant, n, seed)
            for scenario, variant in cells
            for n in options.patients or (40, 60, 100, 150, 300)
            for seed in range(options.draws or 30)
        ]
    arms = [arm for arm in dict.fromkeys(arms) if arm not in options.without]
    start = time.perf_counter()
    if options.report:
        rows = of_draws(read(options.out), draws)
    else:
        rows = run_all(draws, arms, options.out, n_jobs=options.jobs, missing=options.missing)
    machine = f"{platform.machine()}, {options.jobs} jobs, {time.perf_counter() - start:.0f} s"
    print(f"{date.today()}, hybridrad {hr.__version__}, {machine}; seeds from 0")
    print(", ".join(f"{k} {v}" for k, v in versions().items()))
    if options.real:
        rows = rows.assign(data=Path(draws[0].data).parent.name)
        print(real_report(rows))
    else:
        print(simulation_report(rows, arms))
    seconds = rows.groupby(["n", "seed", "data", "variant"])["seconds"].sum().groupby(level="n")
    per_n = ", ".join(f"n = {n}: {s:.1f}" for n, s in seconds.mean().items())
    print(f"\nSeconds of fitting per draw, all arms: {per_n}")


if __name__ == "__main__":
    main()
