"""Are strictly nested offsets worth their time in PriorityFusion? python benchmarks/priority_offsets.py --seeds 12"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from hybridrad.models.priority import PriorityFusion

# Shift of the informative columns between the classes: clinical, radiomics, deep. None: radiomics repeats clinical.
SCENARIOS: dict[str, tuple[float, float | None, float]] = {
    "all three complement each other": (1.0, 1.0, 1.0),
    "the first block is noise": (0.0, 1.2, 0.8),
    "the later blocks are noise": (1.2, 0.0, 0.0),
    "the second block repeats the first": (1.2, None, 0.8),
}


def made_up(
    shifts: tuple[float, float | None, float], n: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    y = np.arange(n) % 2
    clinical, radiomics, deep = rng.normal(size=(n, 5)), rng.normal(size=(n, 60)), rng.normal(size=(n, 100))
    clinical[:, 0] += shifts[0] * y
    deep[:, :10] += 0.3 * shifts[2] * y[:, None]
    if shifts[1] is None:
        radiomics[:, :5] = clinical
    else:
        radiomics[:, :4] += 0.5 * shifts[1] * y[:, None]
    blocks = {"clinical": clinical, "radiomics": radiomics, "deep": deep}
    columns = {f"{name}__{j}": values[:, j] for name, values in blocks.items() for j in range(values.shape[1])}
    return pd.DataFrame(columns), y


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=12)
    rows = []
    for scenario, shifts in SCENARIOS.items():
        for n in (60, 150):
            for seed in range(parser.parse_args().seeds):
                rng = np.random.default_rng([seed, n])
                (X, y), (X_new, y_new) = made_up(shifts, n, rng), made_up(shifts, 1500, rng)
                for offsets in ("stacked", "nested"):
                    start = time.process_time()
                    model = PriorityFusion(offsets=offsets).fit(X, y)
                    seconds = time.process_time() - start
                    p = model.predict_proba(X_new)[:, 1]
                    later = model.steps_.iloc[1:]
                    found = (roc_auc_score(y_new, p), log_loss(y_new, p), later["kept"].mean(), later["gain"].iloc[0])
                    rows.append((scenario, n, seed, offsets, *found, seconds))
    columns = ["scenario", "n", "seed", "offsets", "auc", "log_loss", "kept", "gain_of_second", "seconds"]
    table = pd.DataFrame(rows, columns=columns).set_index(["scenario", "n", "seed", "offsets"])
    print(table.groupby(level=["scenario", "n", "offsets"], sort=False).mean().round(3).to_string())
    nested, stacked = (table.xs(offsets, level="offsets") for offsets in ("nested", "stacked"))
    for measure in ("auc", "log_loss"):
        difference = (nested[measure] - stacked[measure]).groupby(level=["scenario", "n"], sort=False)
        print(f"\nnested minus stacked, {measure}")
        print(pd.DataFrame({"mean": difference.mean(), "se": difference.sem()}).round(4).to_string())


if __name__ == "__main__":
    main()
