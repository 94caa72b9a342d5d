"""Reference numbers of scikit-survival, which is no dependency of the project (GPL); made once in a place of its own.

    pip install scikit-survival==0.28.0 && python survival_sksurv.py    # writes survival_data.csv, survival_sksurv.json

The table is made up: exponential times, censoring between 0 and 12, two markers, and survival from the true model.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import sksurv
from sksurv.metrics import brier_score, concordance_index_censored, cumulative_dynamic_auc, integrated_brier_score
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

HERE = Path(__file__).parent
HORIZONS = [1.0, 2.0, 3.5, 5.0]

rng = np.random.default_rng(11)
n = 120
x = rng.normal(size=(n, 2))
hazard = 0.15 * np.exp(0.9 * x[:, 0] + 0.3 * x[:, 1])
true_time, censored = rng.exponential(1 / hazard), rng.uniform(0.5, 12, n)
table = pd.DataFrame({"event": (true_time <= censored).astype(int), "time": np.minimum(true_time, censored).round(6)})
table["risk"] = (x[:, 0] + rng.normal(0, 0.5, n)).round(2)  # rounded, so that some risks are equal
for t in HORIZONS:
    table[f"survival_{t:g}"] = np.exp(-0.15 * t * np.exp(table["risk"])).round(6)
table["part"] = np.where(np.arange(n) < 70, "train", "test")
table.to_csv(HERE / "survival_data.csv", index=False)

table = pd.read_csv(HERE / "survival_data.csv")
test, train = table[table["part"] == "test"], table[table["part"] == "train"]
survival = {
    name: Surv.from_arrays(part["event"].astype(bool), part["time"])
    for name, part in (("train", train), ("test", test), ("all", table))
}
predicted = test[[f"survival_{t:g}" for t in HORIZONS]].to_numpy()
out = {"sksurv": sksurv.__version__, "horizons": HORIZONS}
out["concordance"] = concordance_index_censored(test["event"].astype(bool), test["time"], test["risk"])[0]
for name in ("train", "all"):  # what censoring is estimated from
    auc, _ = cumulative_dynamic_auc(survival[name], survival["test"], test["risk"], HORIZONS)
    _, brier = brier_score(survival[name], survival["test"], predicted, HORIZONS)
    integrated = integrated_brier_score(survival[name], survival["test"], predicted, HORIZONS)
    out[name] = {"auc": auc.tolist(), "brier": brier.tolist(), "integrated_brier": float(integrated)}
times, curve = kaplan_meier_estimator(table["event"].astype(bool), table["time"])
out["kaplan_meier"] = {"times": times[::15].tolist(), "survival": curve[::15].tolist()}
(HERE / "survival_sksurv.json").write_text(json.dumps(out, indent=1) + "\n")
