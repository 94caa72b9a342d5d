"""Do the arms stay at chance when there is nothing to find? Shuffle labels between whole patients, compare, average.

    python benchmarks/shuffled_labels.py RUN/features.parquet COHORT.csv --shuffles 20 --jobs 2

The labels of a patient's cases move together to another patient with as many cases, so that the number of cases per
patient and class, and the ties between cases of one patient, stay as they were.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import hybridrad as hr
from hybridrad.cohort import cohort_from_frame


def shuffled(labels: pd.Series, patients: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Return labels moved between patients with the same number of cases."""
    cases_of = patients.groupby(patients).indices
    result = labels.to_numpy().copy()
    by_count: dict[int, list[str]] = {}
    for patient, cases in cases_of.items():
        by_count.setdefault(len(cases), []).append(patient)
    for members in by_count.values():
        for patient, donor in zip(members, rng.permutation(members), strict=True):
            result[cases_of[patient]] = labels.to_numpy()[cases_of[donor]]
    return pd.Series(result, index=labels.index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--shuffles", type=int, default=20)
    parser.add_argument("--cv", default="5x1")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    features = pd.read_parquet(options.features)
    cohort = hr.read_cohort(options.cohort, images=False).subset(features.index)
    rows = []
    for shuffle in range(options.shuffles):
        labels = shuffled(cohort.label_values, cohort.patient_id, np.random.default_rng(shuffle))
        table = pd.DataFrame(
            {"case_id": labels.index, "patient_id": cohort.patient_id.to_numpy(), "label": labels.to_numpy()}
        )
        study = hr.compare_models(
            hr.standard_models(features),
            features,
            cohort_from_frame(table, images=False),
            cv=hr.NestedCV.parse(options.cv),
            explain=False,
            n_jobs=options.jobs,
            random_state=shuffle,
        )
        rows.append(study.scores.xs("roc_auc", level="metric")["value"].rename(shuffle))
        print(f"{shuffle + 1}/{options.shuffles}", flush=True)
    aucs = pd.DataFrame(rows)
    summary = pd.DataFrame({"mean": aucs.mean(), "sd": aucs.std(), "lowest": aucs.min(), "highest": aucs.max()})
    n_patients = cohort.patient_id.nunique()
    print(f"{date.today()}, hybridrad {hr.__version__}: {len(cohort.table)} cases of {n_patients} patients,")
    print(f"{options.shuffles} shuffles, cv {options.cv}")
    print(summary.round(3).to_string())
    outside = summary.index[(summary["mean"] < 0.45) | (summary["mean"] > 0.55)]
    print("all arms within 0.45 to 0.55" if not len(outside) else f"OUTSIDE 0.45 to 0.55: {', '.join(outside)}")


if __name__ == "__main__":
    main()
