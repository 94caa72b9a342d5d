"""Predict the time to an event, and a value, with the same arms, folds and report as classes."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")
folder.mkdir(parents=True, exist_ok=True)

# One row a case. The hazard of the event and the value hang on one hidden score that the features tell in part.
rng = np.random.default_rng(0)
n = 90
score = rng.normal(size=n)
months = 18 * (rng.exponential(size=n) / np.exp(score)) ** (1 / 1.3)  # Weibull
observed = rng.uniform(3, 60, n)  # the end of observation: whoever had no event until then is censored
table = pd.DataFrame({"case_id": [f"{i:03d}" for i in range(n)], "patient_id": [f"p{i:03d}" for i in range(n)]})
table["size__volume_ml"] = np.exp(0.2 * score + rng.normal(size=n))
for i in range(6):
    table[f"radiomics__texture_{i}"] = 0.6 * score + rng.normal(size=n)
for i in range(20):
    table[f"deep__net_{i:04d}"] = 0.3 * score + rng.normal(size=n)
cv = hr.NestedCV(outer=5, repeats=1, inner=3)

# Survival: time (any unit) and event (1, or 0: censored) in place of a label.
table.assign(time=np.minimum(months, observed).round(2), event=(months <= observed).astype(int)).to_csv(
    folder / "survival.csv", index=False
)
cohort = hr.read_cohort(folder / "survival.csv", images=False)
arms = hr.standard_models(cohort.features(), task="survival")
study = hr.compare_models(arms, cohort.features(), cohort, cv=cv, baseline="deep", horizons=[6, 12, 24], announce=print)
print(study.scores.xs("concordance", level="metric")[["value", "low", "high", "n_patients"]].round(3))
print(study.horizons.xs("brier", level="metric").loc[["hedge", "(Kaplan-Meier)"], ["value", "low", "high"]].round(3))
print("Report:", hr.write_report(study, folder / "survival" / "report.html").name)

# A value: the label is a number, and that it is no class has to be said.
table.assign(label=(50 + 8 * score + rng.normal(0, 5, n)).round(1)).to_csv(folder / "value.csv", index=False)
cohort = hr.read_cohort(folder / "value.csv", images=False)
arms = hr.standard_models(cohort.features(), task="regression")
study = hr.compare_models(arms, cohort.features(), cohort, task="regression", cv=cv, baseline="deep")
print(study.scores.loc["hedge", ["value", "low", "high", "n_patients"]].round(3))
print("Report:", hr.write_report(study, folder / "value" / "report.html").name)
