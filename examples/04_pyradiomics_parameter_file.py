"""Use the PyRadiomics parameter file you already have; know the columns before anything is computed."""

import sys
from pathlib import Path

import hybridrad as hr

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "example_output")
settings = hr.RadiomicsSettings.from_yaml(Path(__file__).with_name("params.yaml"))
print(settings.bin_width, settings.resampled_pixel_spacing)
print(
    len(settings.promised_columns(3)),
    "features are promised for a 3D image, the last:",
    settings.promised_columns(3)[-1],
)

# A mistyped key is refused, with a guess at what was meant; PyRadiomics would ignore it.
try:
    hr.RadiomicsSettings.from_dict({"setting": {"binWidht": 10}})
except hr.RunError as error:
    print("refused:", error)

# One case needs no cohort.
cohort = hr.make_cohort(folder / "cohort", n_patients=4, random_state=0)
case = cohort.cases()[0]
row = hr.RadiomicsExtractor(settings).extract_one(case.paths["image"], case.paths["mask"])
print(row.filter(like="glcm").round(3))
