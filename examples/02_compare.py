"""Compare radiomics-only, deep-only and fused models on the same patient-grouped folds, and write the report."""

import sys
from pathlib import Path

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")

cohort = hr.make_cohort(folder / "cohort", n_patients=60, scenario="both", random_state=0)
run = hr.extract_features(
    cohort,
    [
        hr.RadiomicsExtractor(),
        hr.EmbeddingExtractor("squeezenet1_1", weights="untrained", views=hr.Views("largest_slice", window="lung")),
    ],
    store=folder / "study",
    n_jobs=2,
)
study = hr.compare_models(
    hr.standard_models(run.features),
    run.features,
    cohort,
    cv=hr.NestedCV(outer=5, repeats=2, inner=4),
    baseline="deep",
    run=run,
    n_jobs=2,
    random_state=0,
    title="A first comparison",
)
print(study.scores.xs("roc_auc", level="metric")[["value", "low", "high"]].round(3))
print(study.comparisons[["difference", "low", "high", "verdict"]].round(3))
print(study.regret[["regret", "low", "high"]].round(3))
print(hr.write_report(study, folder / "study" / "report.html"))
