"""Does the library's own radiomics engine give the values of PyRadiomics, case by case and feature by feature?

    python benchmarks/native_equality.py [COHORT.csv] [--pair NAME IMAGE MASK ...] [--title TEXT] [--images all]
        [--spacing 1 1 1] [--bin-width W] [--params FILE] [--limit N] [--jobs 2] [--out TABLE.md]

Each case is read once and measured by both engines. ``--out`` appends, so that several runs make one report.
Two values are equal if |a - b| <= 1e-8 |b| + 1e-10 s, where b is PyRadiomics' value and s the natural scale of the
feature (``natural_scale``): what its terms are worth where they cancel out. Cases that both engines refuse are counted
by their code. Along an axis of fewer than 4 voxels B-spline resampling reads undefined memory, so both engines pad such
an axis first; PyRadiomics alone is no reference there, and these cases are counted on their own.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from hybridrad.cohort import Case, read_cohort
from hybridrad.errors import CaseError, Finding
from hybridrad.features.radiomics import engine_native, engine_pyradiomics
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.imaging.roi import Roi, read_roi

RELATIVE, OF_SCALE = 1e-8, 1e-10
POINTWISE = ("Square", "SquareRoot", "Logarithm", "Exponential")
IMAGES: dict[str, dict[str, Any]] = {
    "original": {"Original": {}},
    "log_wavelet": {"Original": {}, "LoG": {"sigma": [1.0, 2.0, 3.0]}, "Wavelet": {}},
    "all": {
        "Original": {},
        "LoG": {"sigma": [1.0, 2.0, 3.0]},
        "Wavelet": {},
        **{name: {} for name in POINTWISE},
        "Gradient": {},
        "LBP2D": {"bin_width": 1},
    },
}
# Features whose terms have the unit of the intensities and may cancel out.
INTENSITY = (
    "10Percentile",
    "90Percentile",
    "InterquartileRange",
    "Maximum",
    "MeanAbsoluteDeviation",
    "Mean",
    "Median",
    "Minimum",
    "Range",
    "RobustMeanAbsoluteDeviation",
    "RootMeanSquared",
    "StandardDeviation",
)


@dataclass
class Outcome:
    """What came of one case."""

    case_id: str
    what: str
    thin: bool = False
    names: list[str] = field(default_factory=list)
    ours: np.ndarray | None = None
    theirs: np.ndarray | None = None
    seconds: tuple[float, float] = (0.0, 0.0)


def natural_scale(name: str, row: Mapping[str, float]) -> float:
    """Return what a rounding error of a feature is to be compared with where the feature itself is near zero.

    Locations and spreads of intensities: the largest absolute intensity; the variance: its square; ClusterShade: the
    3/4th power of ClusterProminence, both being moments of the same distribution; all others, which are shares,
    entropies, correlations, moments of grey levels, lengths and areas: 1.
    """
    image, feature_class, feature = name.split("_")
    if feature_class == "firstorder" and feature in (*INTENSITY, "Variance"):
        largest = max(abs(row.get(f"{image}_firstorder_{end}", 0.0)) for end in ("Minimum", "Maximum"))
        return largest**2 if feature == "Variance" else largest
    if feature == "ClusterShade":
        return abs(row.get(f"{image}_glcm_ClusterProminence", 1.0)) ** 0.75
    return 1.0


@dataclass(frozen=True)
class Comparison:
    """Measures a case with both engines."""

    settings: RadiomicsSettings

    def __call__(self, case: Case) -> Outcome:
        try:
            roi = read_roi(case.paths["image"], case.paths["mask"], case_id=case.case_id, mask_label=case.mask_label)
            settings = self.settings
            promised = settings.promised_columns(roi.dimension)
        except CaseError as err:
            return Outcome(case.case_id, f"not read: {err.code}")
        start = time.process_time()
        ours = self._measured(engine_native, roi, settings, promised)
        middle = time.process_time()
        theirs = self._measured(engine_pyradiomics, roi, settings.to_pyradiomics(), promised)
        seconds = (middle - start, time.process_time() - middle)
        if isinstance(ours, str) or isinstance(theirs, str):
            codes = [found if isinstance(found, str) else "a row" for found in (ours, theirs)]
            same = codes[0] == codes[1]
            return Outcome(case.case_id, f"both refused: {codes[0]}" if same else f"other outcome: {codes}")
        thin = any(finding.code == "W_THIN_AXIS" for finding in theirs[1])
        what = "compared" if ours[1] == theirs[1] else "compared, other findings"
        return Outcome(case.case_id, what, thin, promised, ours[0], theirs[0], seconds)

    def _measured(
        self, engine: Any, roi: Roi, settings: Any, promised: Sequence[str]
    ) -> tuple[np.ndarray, tuple[Finding, ...]] | str:
        try:
            found: tuple[np.ndarray, tuple[Finding, ...]] = engine.measure(
                roi.grey(), roi.mask, settings, promised=promised, case_id=roi.case_id
            )
        except CaseError as err:
            return err.code
        return found


def differences(outcome: Outcome) -> np.ndarray:
    """Return the difference of each value as a multiple of what is allowed."""
    assert outcome.ours is not None
    assert outcome.theirs is not None
    row = dict(zip(outcome.names, outcome.theirs.tolist(), strict=True))
    scales = np.array([natural_scale(name, row) for name in outcome.names])
    allowed = RELATIVE * np.abs(outcome.theirs) + OF_SCALE * scales
    difference = np.abs(outcome.ours - outcome.theirs)
    return np.divide(difference, allowed, out=np.zeros_like(difference), where=difference > 0)


def family(name: str) -> str:
    """Return the kind of image a feature comes from.

    >>> family("wavelet2-HHL_glcm_Contrast")
    'wavelet'
    """
    return re.split(r"[-\d_]", name)[0]


def table(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the lines of a table: a row per kind of image and class."""
    found: dict[tuple[str, str], list[tuple[float, float, str, str]]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    beyond: Counter[tuple[str, str]] = Counter()
    identical: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        if outcome.ours is None or outcome.theirs is None:
            continue
        multiples = differences(outcome)
        with np.errstate(all="ignore"):
            relative = np.abs(outcome.ours - outcome.theirs) / np.abs(outcome.theirs)
        for name, multiple, share, same in zip(
            outcome.names, multiples, relative, outcome.ours == outcome.theirs, strict=True
        ):
            key = (family(name), name.split("_")[1])
            counts[key] += 1
            identical[key] += bool(same)
            beyond[key] += not multiple <= 1
            worst = found.setdefault(key, [])
            worst.append((float(multiple), float(share), name, outcome.case_id))
            if len(worst) > 50:
                worst.sort(reverse=True)
                del worst[1:]
    lines = [
        "| image | class | values | bit for bit | beyond | worst, in units of the limit | relative | where |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key in sorted(found):
        multiple, share, name, case_id = max(found[key])
        lines.append(
            f"| {key[0]} | {key[1]} | {counts[key]} | {identical[key] / counts[key]:.0%} | {beyond[key]} | "
            f"{multiple:.1e} | {share:.1e} | {name} of {case_id} |"
        )
    return lines


def report(outcomes: Sequence[Outcome], title: str) -> list[str]:
    """Return the lines of a report."""
    compared = [outcome for outcome in outcomes if outcome.ours is not None]
    multiples = [float(differences(outcome).max()) for outcome in compared]
    equal = sum(multiple <= 1 for multiple in multiples)
    ours, theirs = (sum(outcome.seconds[i] for outcome in compared) for i in (0, 1))
    lines = [
        f"## {title}",
        f"{len(outcomes)} cases; {len(compared)} measured by both engines, {equal} of them equal in every value; "
        f"{sum(outcome.thin for outcome in compared)} with a thin axis that was padded.",
        f"{sum(len(outcome.names) for outcome in compared)} values; CPU seconds {ours:.1f} here and {theirs:.1f} with "
        f"PyRadiomics, without reading: {theirs / max(ours, 1e-9):.1f}x.",
    ]
    for what, count in Counter(outcome.what for outcome in outcomes).most_common():
        lines.append(f"* {count} {what}")
    lines += ["", *table(outcomes), ""]
    for outcome, multiple in zip(compared, multiples, strict=True):
        if not multiple <= 1 or outcome.what != "compared":
            each = differences(outcome)
            worst = [
                f"{outcome.names[i]} {outcome.ours[i]:.12g} for {outcome.theirs[i]:.12g}"  # type: ignore[index]  # set
                for i in np.argsort(-each)[:3]
                if not each[i] <= 1
            ]
            lines.append(f"* {outcome.case_id}, {outcome.what}, {np.sum(each > 1)} values beyond: {'; '.join(worst)}")
    lines += [f"* {outcome.case_id}: {outcome.what}" for outcome in outcomes if outcome.what.startswith("other")]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path, nargs="?")
    parser.add_argument("--pair", nargs=3, action="append", default=[], metavar=("NAME", "IMAGE", "MASK"))
    parser.add_argument("--title")
    parser.add_argument("--images", choices=IMAGES, default="original")
    parser.add_argument("--spacing", type=float, nargs="+")
    parser.add_argument("--params", type=Path)
    parser.add_argument("--bin-width", type=float)
    parser.add_argument("--limit", type=int, help="compare that many cases, spread over the table")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="append the report to this file")
    given = parser.parse_args()
    settings = RadiomicsSettings.from_yaml(given.params) if given.params else RadiomicsSettings()
    if not given.params:
        settings = settings.replace(image_types=IMAGES[given.images])
    if given.spacing:
        settings = settings.with_spacing(given.spacing)
    if given.bin_width:
        settings = settings.replace(bin_width=given.bin_width)
    cases = read_cohort(given.cohort).cases() if given.cohort else []
    if given.limit and given.limit < len(cases):
        cases = [cases[i] for i in np.linspace(0, len(cases) - 1, given.limit).round().astype(int)]
    cases += [Case(name, name, {"image": Path(image), "mask": Path(mask)}, None) for name, image, mask in given.pair]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(Comparison(settings), cases, chunksize=1))
    what = given.title or (given.cohort.parent.name if given.cohort else "single cases")
    how = given.params.name if given.params else f"images {given.images}"
    spacing = " x ".join(f"{step:g}" for step in given.spacing) + " mm" if given.spacing else "as stored"
    lines = report(outcomes, f"{what}: {how}, spacing {spacing}, bin width {settings.bin_width:g}")
    print("\n".join(lines))
    if given.out:
        with given.out.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
