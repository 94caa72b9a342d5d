"""From a cohort table to a feature table: check it, extract radiomics and embeddings, look at what failed."""

import sys
from pathlib import Path

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")

# Your own table goes here: hr.read_cohort("cohort.csv", clinical=["age", "sex"]). It names, for each region of each
# image: case_id, patient_id, image, mask, label. This script makes a small synthetic one instead.
cohort = hr.make_cohort(folder / "cohort", n_patients=12, random_state=0)

findings = cohort.check()
print(findings[["severity", "message"]] if len(findings) else "nothing to complain about")

run = hr.extract_features(
    cohort,
    [
        hr.RadiomicsExtractor(hr.RadiomicsSettings(bin_width=25)),
        # `untrained` keeps this example offline; for a study use weights="DEFAULT" or a local file.
        hr.EmbeddingExtractor("squeezenet1_1", weights="untrained", views=hr.Views("largest_slice", margin_mm=10)),
    ],
    store=folder / "features",
    n_jobs=2,
)
print(run)
print(run.features.iloc[:3, :3])
print(run.failures if len(run.failures) else "no case failed")
