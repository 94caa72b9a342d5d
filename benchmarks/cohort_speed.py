"""How long does a whole cohort run take with each radiomics engine, and what does a second worker bring?

    python benchmarks/cohort_speed.py COHORT.csv [--images 17 original] [--spacing 1 1 1] [--limit 100]

Whole `extract_features` runs into an empty folder, worker start and reading included: the native engine with one and
two workers, PyRadiomics behind the same cohort run with two.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date
from pathlib import Path

import hybridrad as hr
from hybridrad.bench import IMAGES
from hybridrad.record import versions

RUNS = (("native", 2), ("native", 1), ("pyradiomics", 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--images", choices=IMAGES, nargs="+", default=list(IMAGES))
    parser.add_argument("--spacing", type=float, nargs=3)
    parser.add_argument("--limit", type=int)
    given = parser.parse_args()
    cohort = hr.read_cohort(given.cohort, label=None)
    cohort = cohort.subset(cohort.table.index[: given.limit])
    print(f"{date.today()}, hybridrad {hr.__version__}; {', '.join(f'{k} {v}' for k, v in versions().items())}")
    print("| images | engine | workers | cases ok | wall s | times native with 2 workers |")
    print("|---|---|---|---|---|---|")
    for images in given.images:
        settings = hr.RadiomicsSettings.from_dict({"imageType": IMAGES[images]})
        settings = settings.with_spacing(given.spacing) if given.spacing else settings
        reference = 0.0
        for engine, n_jobs in RUNS:
            with tempfile.TemporaryDirectory() as store:
                start = time.perf_counter()
                extractor = hr.RadiomicsExtractor(settings, engine=engine)
                run = hr.extract_features(cohort, [extractor], store=store, n_jobs=n_jobs, progress=False)
                seconds = time.perf_counter() - start
            reference = reference or seconds
            n_ok = len(run.features)
            print(
                f"| {images} | {engine} | {n_jobs} | {n_ok} | {seconds:.1f} | {seconds / reference:.1f} |", flush=True
            )


if __name__ == "__main__":
    main()
