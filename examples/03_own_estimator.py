"""Bring your own scikit-learn estimator into the comparison, on the same folds as everybody else."""

import sys
from pathlib import Path

from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")

cohort = hr.make_cohort(folder / "cohort", n_patients=60, scenario="radiomics", random_state=1)
run = hr.extract_features(cohort, [hr.RadiomicsExtractor()], store=folder / "radiomics_only", n_jobs=2)

# Everything that learns goes into the pipeline: it is refitted on the training patients of each fold.
ten_best = make_pipeline(StandardScaler(), SelectKBest(f_classif, k=10), LogisticRegression(max_iter=1000))
models = {
    "size": hr.BlockModel("size"),
    "radiomics": hr.BlockModel("radiomics"),
    # A block model around any classifier: it sees this block only, and its scores are calibrated on inner folds.
    "forest": hr.BlockModel("radiomics", estimator=ExtraTreesClassifier(n_estimators=100, random_state=0)),
    # Or any classifier at all; it gets the whole feature table.
    "ten_best": ten_best,
}
study = hr.compare_models(
    models,
    run.features,
    cohort,
    cv=hr.NestedCV(outer=5, repeats=2, inner=4),
    baseline="radiomics",
    run=run,
    n_jobs=2,
)
print(study.comparisons.xs("roc_auc", level="metric")[["difference", "low", "high", "verdict"]].round(3))
