"""Compare models on a feature table that other software made: no images needed."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")
folder.mkdir(parents=True, exist_ok=True)

# One row a case: ids, label, clinical columns, features. PyRadiomics' own column names are understood: they become the
# block radiomics, and the volume gives the block size. Features of other software are named <block>__<feature>.
rng = np.random.default_rng(0)
n = 80
risk = rng.normal(size=n)
table = pd.DataFrame(
    {
        "case_id": [f"{i:03d}" for i in range(n)],
        "patient_id": [
            f"p{i // 2:03d}" for i in range(n)
        ],  # two cases a patient: never split between training and test
        "label": np.where(risk + rng.normal(size=n) > 0, "malignant", "benign"),
        "age": rng.normal(60, 10, n).round(),
        "smoker": rng.choice(["yes", "no", ""], n),
        "diagnostics_Versions_PyRadiomics": "v3.0.1",
        "original_shape_VoxelVolume": 1000 * np.exp(0.3 * risk + rng.normal(size=n)),
    }
)
for name in ("Autocorrelation", "Contrast", "Correlation", "Idm", "Imc1", "JointEnergy", "JointEntropy", "MCC"):
    table[f"original_glcm_{name}"] = 0.4 * risk + rng.normal(size=n)
for i in range(30):
    table[f"deep__net_{i:04d}"] = 0.2 * risk + rng.normal(size=n)
table.to_csv(folder / "table.csv", index=False)

cohort = hr.read_cohort(folder / "table.csv", images=False, clinical=["age", "smoker"], positive="malignant")
print(cohort.check()[["severity", "message"]].to_string(max_colwidth=100))  # which column became what
features = cohort.features()
models = hr.standard_models(features, clinical=cohort.clinical_table().columns)
study = hr.compare_models(
    models, features, cohort, cv=hr.NestedCV(outer=5, repeats=2, inner=4), baseline="deep", n_jobs=2
)
print(study.scores.xs("roc_auc", level="metric")[["value", "low", "high", "n_patients"]].round(3))
