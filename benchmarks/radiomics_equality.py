"""Are the radiomics features of a cohort those of a direct PyRadiomics call on the same files, to the last digit?

    python benchmarks/radiomics_equality.py COHORT.csv [--spacing 1 1 1] [--params FILE] [--limit N] [--jobs 2]

The direct call gets the paths of the files and the same parameters, and goes through PyRadiomics' own reading, schema
and loop; of an image that is read as grey from three equal channels it gets that grey image, as it cannot read colour.
``--integer-width`` gives it the bin width as an integer, as parameter files usually do: with NumPy 2 that overflows in
8-bit images (see "integer width" in the output).
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hybridrad.cohort import Case, read_cohort
from hybridrad.errors import CaseError
from hybridrad.features.radiomics.extractor import RadiomicsExtractor
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.imaging.roi import Roi, read_roi


class Outcome(NamedTuple):
    case_id: str
    what: str
    reason: str = ""
    seconds_ours: float = 0.0
    seconds_direct: float = 0.0


class Comparison(NamedTuple):
    extractor: RadiomicsExtractor
    integer_width: bool

    def __call__(self, case: Case) -> Outcome:
        for name in ("glcm", "imageoperations", "featureextractor"):
            logging.getLogger(f"radiomics.{name}").setLevel(logging.CRITICAL)
        start = time.perf_counter()
        try:
            roi = read_roi(case.paths["image"], case.paths["mask"], case_id=case.case_id, mask_label=case.mask_label)
            row = self.extractor.extract(roi)
        except CaseError as err:
            return Outcome(case.case_id, "failed here", f"{err.code}: {err.message}")
        middle = time.perf_counter()
        try:
            direct = self.directly(case, roi)
        except Exception as err:  # noqa: BLE001 - whatever PyRadiomics raises is the result
            return Outcome(case.case_id, "failed directly only", f"{type(err).__name__}: {' '.join(str(err).split())}")
        seconds = (middle - start, time.perf_counter() - middle)
        names = self.extractor.settings.promised_columns(roi.dimension)
        if list(direct) != names:
            return Outcome(case.case_id, "other columns directly", f"{len(direct)} instead of {len(names)}", *seconds)
        different = [n for n, ours, theirs in zip(names, row.values, direct.values(), strict=True) if ours != theirs]
        if not different:
            return Outcome(case.case_id, "identical", "", *seconds)
        relative = [abs(direct[n] - v) / max(abs(v), 1e-300) for n, v in zip(names, row.values, strict=True)]
        codes = {finding.code for finding in (*roi.findings, *row.findings)}
        reason = f"{self.reason(roi, codes)}; {len(different)} of {len(names)} features, at most {max(relative):.1e}"
        return Outcome(case.case_id, "different", reason, *seconds)

    def directly(self, case: Case, roi: Roi) -> dict[str, float]:
        params = self.extractor.settings.to_pyradiomics()
        if self.integer_width:
            params["setting"]["binWidth"] = int(params["setting"]["binWidth"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from radiomics.featureextractor import RadiomicsFeatureExtractor

            engine = RadiomicsFeatureExtractor(params)
            from_colour = any(finding.code == "N_GREY_FROM_COLOUR" for finding in roi.findings)
            image = roi.image if from_colour else str(case.paths["image"])
            found: dict[str, Any] = engine.execute(image, str(case.paths["mask"]), label=roi.label)
        return {name: float(value) for name, value in found.items() if not name.startswith("diagnostics_")}

    def reason(self, roi: Roi, codes: set[str]) -> str:
        inside = roi.image_zyx[roi.mask_zyx == 1]
        if self.integer_width and np.issubdtype(inside.dtype, np.integer):
            highest = float(inside.max()) + 2 * self.extractor.settings.bin_width
            if highest > np.iinfo(inside.dtype).max:
                return f"integer width: {highest:g} overflows {inside.dtype}"
        for code, words in (
            ("W_THIN_AXIS", "thin axis"),
            ("N_GEOMETRY_SNAPPED", "mask snapped to the image's grid"),
        ):
            if code in codes:
                return words
        return "no reason known"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--spacing", type=float, nargs="+")
    parser.add_argument("--params", type=Path)
    parser.add_argument("--limit", type=int, help="compare that many cases, spread over the table")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--integer-width", action="store_true")
    given = parser.parse_args()
    settings = RadiomicsSettings.from_yaml(given.params) if given.params else RadiomicsSettings()
    if given.spacing:
        settings = settings.with_spacing(given.spacing)
    cases = read_cohort(given.cohort).cases()
    if given.limit and given.limit < len(cases):
        cases = [cases[i] for i in np.linspace(0, len(cases) - 1, given.limit).round().astype(int)]
    compare = Comparison(RadiomicsExtractor(settings), given.integer_width)
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(compare, cases, chunksize=1))
    report(outcomes)


def report(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.what != "identical":
            print(f"{outcome.case_id}: {outcome.what}: {outcome.reason}")
    counts = Counter(outcome.what for outcome in outcomes)
    print(f"{len(outcomes)} cases; {counts['identical']} identical to the last digit")
    for what, count in counts.most_common():
        if what != "identical":
            reasons = Counter(o.reason.split(";")[0].split(":")[0] for o in outcomes if o.what == what)
            print(f"{count} {what}: {', '.join(f'{n} {reason}' for reason, n in reasons.most_common())}")
    ours, direct = (sum(getattr(o, f"seconds_{side}") for o in outcomes) for side in ("ours", "direct"))
    print(f"CPU-bound seconds: {ours:.1f} here (reading and checks included), {direct:.1f} directly")


if __name__ == "__main__":
    main()
