"""Do the reported 95 % intervals cover the truth? Simulated cohorts, compared as a user does, truth from many draws.

    python benchmarks/interval_coverage.py --out coverage.csv --jobs 2
    python benchmarks/interval_coverage.py --out coverage.csv --patients 60 --data-sets 3 --truth-draws 20

One truth (population) for all data sets. Each is run through `hr.compare_models` with 5 folds and R repeats. What an
interval must cover is the estimand of the study: the expected performance of the procedure when it is trained on as
many patients as one outer training fold. It is the mean test AUC, on 3000 new patients each, of models trained on that
many patients; the truth of a regret is the maximum over the single arms of these means minus that of the hedge, or, for
`selected`, the mean AUC of the arm with the least inner loss minus that of the hedge. Rerun to resume.
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from draw_tables import markdown
from resumable import Rows, add_rows, read_rows
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

import hybridrad as hr
from hybridrad.datasets import TABLE_SCENARIOS
from hybridrad.models.memo import shared_fits
from hybridrad.record import versions

SINGLES = ["size", "radiomics", "deep"]
ARMS = [*SINGLES, "hedge"]
SELECTED = "(selected)"
KEY = ["kind", "scenario", "n", "repeats", "seed"]
# No arm reads clinical columns; one, a number, is there, because text columns make the reading of tables slow.
N_CLINICAL = 1
COLUMNS = [*KEY, "quantity", "value", "low", "high", "upper", "seconds"]
FOLDS = 5


def arms(X: pd.DataFrame) -> dict[str, Any]:
    models = hr.standard_models(X, names=ARMS)
    models["hedge"].set_params(n_bootstrap=0)
    return models


def data_set(scenario: str, n: int, repeats: int, seed: int) -> Rows:
    """Return the intervals that a study of one simulated cohort reports."""
    start = time.perf_counter()
    X, cohort = hr.make_table(n, scenario=scenario, random_state=seed, n_clinical=N_CLINICAL)
    cv = hr.NestedCV(outer=FOLDS, repeats=repeats)
    study = hr.compare_models(arms(X), X, cohort, cv=cv, explain=False, random_state=seed)
    folds = study.splits.attrs["n_folds"]
    if folds != FOLDS:
        raise ValueError(f"{n} patients were split into {folds} folds, not {FOLDS}; take more patients.")
    found = {f"AUC {arm}": (*study.scores.loc[(arm, "roc_auc"), ["value", "low", "high"]], np.nan) for arm in ARMS}
    for single in SINGLES:
        row = study.comparisons.loc[("hedge", single, "roc_auc")]
        found[f"hedge - {single}"] = (row["difference"], row["low"], row["high"], np.nan)
    for reference in ("best_in_hindsight", "selected"):
        row = study.regret.loc[("hedge", reference, "roc_auc")]
        found[f"regret {reference}"] = (row["regret"], row["low"], row["high"], row["upper_one_sided"])
    seconds = time.perf_counter() - start
    key = {"kind": "data set", "scenario": scenario, "n": n, "repeats": repeats, "seed": seed, "seconds": seconds}
    return [
        key | {"quantity": name, **dict(zip(("value", "low", "high", "upper"), values, strict=True))}
        for name, values in found.items()
    ]


def truth_draw(scenario: str, n: int, seed: int) -> Rows:
    """Return the test AUC of each arm trained on the patients of one outer training fold."""
    start = time.perf_counter()
    options = {"scenario": scenario, "n_clinical": N_CLINICAL}
    X, cohort = hr.make_table(n * (FOLDS - 1) // FOLDS, random_state=1_000_000 + seed, **options)
    X_test, test = hr.make_table(3000, random_state=2_000_000 + seed, **options)
    auc, loss = {}, {}
    with shared_fits():
        for name, arm in arms(X).items():
            arm.fit(X, cohort.y.to_numpy(), groups=cohort.patient_id.to_numpy())
            auc[name] = roc_auc_score(test.y, arm.decision_function(X_test))
            loss[name] = getattr(arm, "oof_loss_", np.inf)
    auc[SELECTED] = auc[min(SINGLES, key=lambda name: loss[name])]
    key = {"kind": "truth", "scenario": scenario, "n": n, "repeats": 0, "seed": seed}
    rest = {"low": np.nan, "high": np.nan, "upper": np.nan, "seconds": time.perf_counter() - start}
    return [key | {"quantity": name, "value": value} | rest for name, value in auc.items()]


def truths(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the true value of every quantity and the standard error it is known with."""
    auc = rows.pivot_table(index="seed", columns="quantity", values="value")
    draws = {f"AUC {arm}": auc[arm] for arm in ARMS}
    draws |= {f"hedge - {single}": auc["hedge"] - auc[single] for single in SINGLES}
    best = auc[SINGLES].mean().idxmax()
    draws |= {"regret best_in_hindsight": auc[best] - auc["hedge"], "regret selected": auc[SELECTED] - auc["hedge"]}
    table = pd.DataFrame(draws)
    return pd.DataFrame({"truth": table.mean(), "se": table.std(ddof=1) / np.sqrt(len(table)), "draws": len(table)})


def coverage(rows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return, for each quantity, how often its interval held the truth. No interval counts as a miss."""
    table = {}
    for name, part in rows.groupby("quantity", sort=False):
        true = truth.loc[name, "truth"]
        held = ((part["low"] <= true) & (true <= part["high"])).sum()
        between = binomtest(int(held), len(part)).proportion_ci(method="wilson")
        table[name] = {
            "truth (SE)": f"{true:+.3f} ({truth.loc[name, 'se']:.3f})",
            "mean estimate": part["value"].mean(),
            "covered": f"{held / len(part):.1%} ({between.low:.1%} to {between.high:.1%})",
            "half width": ((part["high"] - part["low"]) / 2).mean(),
            "truth below / above": f"{(true < part['low']).mean():.1%} / {(true > part['high']).mean():.1%}",
            "under the one-sided limit": f"{(true <= part['upper']).mean():.1%}"
            if part["upper"].notna().any()
            else "-",
            "without interval": int(part["low"].isna().sum()),
            "data sets": len(part),
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis("quantity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="CSV of everything; made, or added to")
    parser.add_argument("--patients", type=int, nargs="+", default=[60, 150], help="multiples of 5")
    parser.add_argument("--data-sets", type=int, default=200)
    parser.add_argument("--truth-draws", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--scenario", default="both", choices=list(TABLE_SCENARIOS))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if any(n % FOLDS for n in options.patients):
        parser.error(f"--patients must be multiples of {FOLDS}, so that all training folds are of one size.")
    scenario, repeats = options.scenario, options.repeats
    rows = read_rows(options.out, COLUMNS, text=["kind", "scenario", "quantity"])
    have = {tuple(key) for key in rows[KEY].itertuples(index=False)}
    for kind, run, wanted in [
        ("truth", truth_draw, [(scenario, n, s) for n in options.patients for s in range(options.truth_draws)]),
        ("data set", data_set, [(scenario, n, repeats, s) for n in options.patients for s in range(options.data_sets)]),
    ]:
        todo = [t for t in wanted if (kind, scenario, t[1], repeats if kind == "data set" else 0, t[-1]) not in have]
        print(f"{kind}: {len(wanted)} wanted, {len(wanted) - len(todo)} in {options.out}", flush=True)
        add_rows(options.out, COLUMNS, run, todo, options.jobs)
    rows = read_rows(options.out, COLUMNS, text=["kind", "scenario", "quantity"])
    rows = rows[rows["scenario"] == scenario]
    print(f"{date.today()}, hybridrad {hr.__version__}, {platform.machine()}; seeds from 0")
    print(", ".join(f"{k} {v}" for k, v in versions().items()))
    for n in options.patients:
        of_n = rows[rows["n"] == n]
        truth = truths(of_n[(of_n["kind"] == "truth") & (of_n["seed"] < options.truth_draws)])
        sets = of_n[(of_n["kind"] == "data set") & (of_n["repeats"] == repeats) & (of_n["seed"] < options.data_sets)]
        title = (
            f"{scenario}, {n} patients, {FOLDS} folds x {repeats} repeats; truth from {truth['draws'].iloc[0]} draws"
        )
        print(markdown(coverage(sets, truth), title + f" of {n * (FOLDS - 1) // FOLDS} patients"))
        print(f"\n{sets.drop_duplicates('seed')['seconds'].mean():.1f} s per data set")


if __name__ == "__main__":
    main()
