"""How long does the main path take? Extraction and comparison of a synthetic cohort, medians of several runs.

python benchmarks/main_path.py --patients 40 --runs 3 --jobs 2
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import hybridrad as hr
from hybridrad.record import versions


def timed(call: Callable[[], object]) -> tuple[float, object]:
    """Return wall time in seconds and what the call gave."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = hr.make_cohort(folder / "cohort", n_patients=options.patients, random_state=0)
        radiomics = hr.RadiomicsExtractor()
        deep = hr.EmbeddingExtractor("squeezenet1_1", weights="untrained", views=hr.Views("largest_slice"))
        for run in range(options.runs):
            for label, extractors in {"radiomics": [radiomics], "radiomics and deep": [radiomics, deep]}.items():
                store = folder / f"{label}-{run}"
                seconds, extracted = timed(
                    lambda extractors=extractors, store=store: hr.extract_features(
                        cohort, extractors, store=store, n_jobs=options.jobs, progress=False
                    )
                )
                times.setdefault(f"extract {label}", []).append(seconds)
            seconds, _ = timed(
                lambda store=store, extractors=extractors: hr.extract_features(
                    cohort, extractors, store=store, n_jobs=options.jobs, progress=False
                )
            )
            times.setdefault("extract again, all stored", []).append(seconds)
            features = extracted.features
            seconds, _ = timed(
                lambda features=features: hr.compare_models(
                    hr.standard_models(features), features, cohort, cv=hr.NestedCV(5, 2, 4), n_jobs=options.jobs
                )
            )
            times.setdefault("compare default arms, 5x2", []).append(seconds)
    size = f"{options.jobs} jobs, {options.patients} cases"
    print(f"{date.today()}, hybridrad {hr.__version__}, {platform.machine()}, {size}")
    print(", ".join(f"{k} {v}" for k, v in versions().items()))
    reference = statistics.median(times["extract radiomics"])
    for label, seconds in times.items():
        median = statistics.median(seconds)
        ratio = median / reference
        print(f"{label:32s} median {median:7.2f} s of {len(seconds)} runs, {ratio:5.2f} x radiomics extraction")


if __name__ == "__main__":
    main()
