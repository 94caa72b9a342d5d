"""How do fused arms do on patients never used? Trained on n patients of a run folder's features, tested on the rest.

python benchmarks/fused_arms.py RUN/features.parquet COHORT.csv --patients 40 80 160 --draws 8
With --missing 0.4 the deep block of that share of the test cases is taken away, and `late` and `hedge` are compared
with the same models that read training medians in its place.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

import hybridrad as hr
from hybridrad.models.memo import shared_fits

ARMS = ["size", "radiomics", "deep", "concat", "late", "hedge", "priority", "block_penalty"]


def draws(X: pd.DataFrame, label: pd.Series, patient: pd.Series, *, n: int, how_many: int) -> Iterator[tuple]:
    """Yield fitted arms with the test table and labels, one draw of n training patients after the other."""
    for seed in range(how_many):
        drawn = np.random.default_rng([n, seed]).permutation(patient.unique())[:n]
        train = patient.isin(drawn).to_numpy()
        arms = hr.standard_models(X, names=ARMS)
        arms["hedge"].set_params(n_bootstrap=0)
        with shared_fits():
            for arm in arms.values():
                arm.fit(X[train], label[train], groups=patient[train])
        yield arms, X[~train], label[~train].to_numpy()


def compared(arms: dict, X: pd.DataFrame, y: np.ndarray, medians: pd.Series, *, missing: float) -> pd.Series:
    """Return scores of one draw: AUC by arm, or of both rules for a missing block."""
    if missing == 0:
        return pd.Series({name: roc_auc_score(y, arm.decision_function(X)) for name, arm in arms.items()})
    gone = np.random.default_rng(len(y)).random(len(y)) < missing
    deep = X.columns[X.columns.str.startswith("deep__")]
    holes, filled = X.copy(), X.copy()
    holes.loc[gone, deep] = np.nan
    filled.loc[gone, deep] = medians[deep].to_numpy()
    found = {}
    for name in ("late", "hedge"):
        for rule, table in (("without", holes), ("medians", filled)):
            p = arms[name].predict_proba(table)[:, 1]
            found[f"{name} {rule} auc"], found[f"{name} {rule} log loss"] = roc_auc_score(y, p), log_loss(y, p)
    return pd.Series(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--patients", type=int, nargs="+", default=[40, 80, 160])
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--missing", type=float, default=0.0)
    options = parser.parse_args()
    X = pd.read_parquet(options.features)
    cohort = pd.read_csv(options.cohort, dtype={"case_id": str, "patient_id": str}).set_index("case_id").loc[X.index]
    for n in options.patients:
        rows = [
            compared(arms, rest, y, X.drop(index=rest.index).median(), missing=options.missing)
            for arms, rest, y in draws(X, cohort["label"], cohort["patient_id"], n=n, how_many=options.draws)
        ]
        table = pd.DataFrame(rows)
        print(f"\n{options.features.parent.name}, {n} training patients, {options.draws} draws")
        columns = {"mean": table.mean(), "sd": table.std()}
        if options.missing == 0:
            gain = table.sub(table["hedge"], axis=0)
            columns |= {"minus hedge": gain.mean(), "se": gain.std() / np.sqrt(len(gain))}
        print(pd.DataFrame(columns).round(4).to_string())


if __name__ == "__main__":
    main()
