"""Take the out-of-fold predictions and the figures of a study into a paper."""

import sys
from pathlib import Path

import hybridrad as hr
from hybridrad.run_folder import load_study, save_study

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")

cohort = hr.make_cohort(folder / "cohort", n_patients=60, scenario="radiomics", random_state=2)
run = hr.extract_features(cohort, [hr.RadiomicsExtractor()], store=folder / "paper", n_jobs=2)
study = hr.compare_models(
    {"size": hr.BlockModel("size"), "radiomics": hr.BlockModel("radiomics")},
    run.features,
    cohort,
    cv=hr.NestedCV(outer=5, repeats=2, inner=4),
    baseline="size",
    run=run,
    n_jobs=2,
)

# Every out-of-fold prediction, one row per model, repeat, fold and case: score it with the tool your journal wants.
print(study.predictions.loc["radiomics"].head(3))

# The tables go to plain files and come back as they were.
save_study(study, folder / "paper")
study = load_study(folder / "paper")

# SVG and PDF of every figure lie beside the report.
report = hr.write_report(study, folder / "paper" / "report.html")
for figure in sorted((report.parent / "figures").glob("*.pdf")):
    print(figure.name)
