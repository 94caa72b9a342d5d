"""Does the library's own radiomics engine give the reference values of IBSI 1 for the digital phantom?

    python benchmarks/ibsi_phantom.py PHANTOM_FOLDER REFERENCE.csv [--out docs/ibsi.md]

The phantom has grey levels 1 to 6, which a bin width of 1 keeps. A value agrees if it is within the published tolerance
of the published value once rounded to three significant digits, as the published values are. Where a definition is
known to differ (``DIFFERENCES``), the value is put into IBSI's definition by one formula and has to agree then; what
does not is unexplained.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hybridrad.features.radiomics.columns import ON_REQUEST
from hybridrad.features.radiomics.extractor import RadiomicsExtractor
from hybridrad.features.radiomics.settings import RadiomicsSettings
from hybridrad.imaging.roi import Roi, read_roi

CLASSES = ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
# Class -> prefix and suffix of IBSI's tags. PyRadiomics averages GLCM and GLRLM features over the directions in 3D.
_TAGS = {
    "shape": ("morph_", ""),
    "firstorder": ("stat_", ""),
    "glcm": ("cm_", "_3D_avg"),
    "glrlm": ("rlm_", "_3D_avg"),
    "glszm": ("szm_", "_3D"),
    "gldm": ("ngl_", "_3D"),
    "ngtdm": ("ngt_", "_3D"),
}
_PAIRS = {
    "shape": (
        "Elongation pca_elongation, Flatness pca_flatness, LeastAxisLength pca_least_axis, "
        "MajorAxisLength pca_maj_axis, Maximum3DDiameter diam, MeshVolume volume, MinorAxisLength pca_min_axis, "
        "Sphericity sphericity, SurfaceArea area_mesh, SurfaceVolumeRatio av, VoxelVolume vol_approx, "
        "Compactness1 comp_1, Compactness2 comp_2, SphericalDisproportion sph_dispr"
    ),
    "firstorder": (
        "10Percentile p10, 90Percentile p90, Energy energy, InterquartileRange iqr, Kurtosis kurt, Maximum max, "
        "MeanAbsoluteDeviation mad, Mean mean, Median median, Minimum min, Range range, "
        "RobustMeanAbsoluteDeviation rmad, RootMeanSquared rms, Skewness skew, Variance var"
    ),
    "glcm": (
        "Autocorrelation auto_corr, ClusterProminence clust_prom, ClusterShade clust_shade, "
        "ClusterTendency clust_tend, Contrast contrast, Correlation corr, DifferenceAverage diff_avg, "
        "DifferenceEntropy diff_entr, DifferenceVariance diff_var, Id inv_diff, Idm inv_diff_mom, "
        "Idmn inv_diff_mom_norm, Idn inv_diff_norm, Imc1 info_corr1, Imc2 info_corr2, InverseVariance inv_var, "
        "JointAverage joint_avg, JointEnergy energy, JointEntropy joint_entr, MaximumProbability joint_max, "
        "SumAverage sum_avg, SumEntropy sum_entr, SumSquares joint_var"
    ),
    "glrlm": (
        "GrayLevelNonUniformity glnu, GrayLevelNonUniformityNormalized glnu_norm, GrayLevelVariance gl_var, "
        "HighGrayLevelRunEmphasis hgre, LongRunEmphasis lre, LongRunHighGrayLevelEmphasis lrhge, "
        "LongRunLowGrayLevelEmphasis lrlge, LowGrayLevelRunEmphasis lgre, RunEntropy rl_entr, "
        "RunLengthNonUniformity rlnu, RunLengthNonUniformityNormalized rlnu_norm, RunPercentage r_perc, "
        "RunVariance rl_var, ShortRunEmphasis sre, ShortRunHighGrayLevelEmphasis srhge, "
        "ShortRunLowGrayLevelEmphasis srlge"
    ),
    "glszm": (
        "GrayLevelNonUniformity glnu, GrayLevelNonUniformityNormalized glnu_norm, GrayLevelVariance gl_var, "
        "HighGrayLevelZoneEmphasis hgze, LargeAreaEmphasis lze, LargeAreaHighGrayLevelEmphasis lzhge, "
        "LargeAreaLowGrayLevelEmphasis lzlge, LowGrayLevelZoneEmphasis lgze, SizeZoneNonUniformity zsnu, "
        "SizeZoneNonUniformityNormalized zsnu_norm, SmallAreaEmphasis sze, SmallAreaHighGrayLevelEmphasis szhge, "
        "SmallAreaLowGrayLevelEmphasis szlge, ZoneEntropy zs_entr, ZonePercentage z_perc, ZoneVariance zs_var"
    ),
    "gldm": (
        "DependenceEntropy dc_entr, DependenceNonUniformity dcnu, DependenceNonUniformityNormalized dcnu_norm, "
        "DependenceVariance dc_var, GrayLevelNonUniformity glnu, GrayLevelVariance gl_var, "
        "HighGrayLevelEmphasis hgce, LargeDependenceEmphasis hde, LargeDependenceHighGrayLevelEmphasis hdhge, "
        "LargeDependenceLowGrayLevelEmphasis hdlge, LowGrayLevelEmphasis lgce, SmallDependenceEmphasis lde, "
        "SmallDependenceHighGrayLevelEmphasis ldhge, SmallDependenceLowGrayLevelEmphasis ldlge"
    ),
    "ngtdm": ("Busyness busyness, Coarseness coarseness, Complexity complexity, Contrast contrast, Strength strength"),
}


def _tags() -> dict[str, str]:
    found = {}
    for name, pairs in _PAIRS.items():
        prefix, suffix = _TAGS[name]
        for feature, tag in (pair.split() for pair in pairs.split(", ")):
            found[f"original_{name}_{feature}"] = f"{prefix}{tag}{suffix}"
    # First-order features of the grey levels; IBSI has them among those of the intensity histogram.
    histogram = {"original_firstorder_Entropy": "ih_entropy", "original_firstorder_Uniformity": "ih_uniformity"}
    return found | histogram


# Feature -> tag in the reference file.
IBSI_TAGS = _tags()
NO_COUNTERPART = {
    "original_shape_Maximum2DDiameterColumn": "IBSI has no diameter within a plane",
    "original_shape_Maximum2DDiameterRow": "IBSI has no diameter within a plane",
    "original_shape_Maximum2DDiameterSlice": "IBSI has no diameter within a plane",
    "original_firstorder_StandardDeviation": "IBSI has only its square, the variance",
    "original_firstorder_TotalEnergy": "IBSI has only Energy, without the volume of a voxel",
    "original_glcm_MCC": "IBSI has no maximal correlation coefficient",
}


@dataclass(frozen=True)
class Difference:
    """A definition that is not IBSI's: why, and IBSI's value from ours and the number of voxels."""

    reason: str
    to_ibsi: Callable[[float, int], float]


_AXES = Difference(
    "the covariance of the voxel positions is divided by n here, by n - 1 in the reference values",
    lambda value, n_voxels: value * math.sqrt(n_voxels / (n_voxels - 1)),
)
DIFFERENCES = {
    "original_firstorder_Kurtosis": Difference("IBSI subtracts 3 (excess kurtosis)", lambda value, _: value - 3),
    "original_shape_MajorAxisLength": _AXES,
    "original_shape_MinorAxisLength": _AXES,
    "original_shape_LeastAxisLength": _AXES,
}

_INTRODUCTION = """\
# The reference values of IBSI

The features of `engine="native"` on the digital phantom of the Image Biomarker Standardisation Initiative (IBSI 1)
beside the published reference values, measured in 3D with a bin width of 1, which keeps the phantom's grey levels 1 to
6; the table is what `benchmarks/ibsi_phantom.py` found. A value agrees if, rounded to three significant digits as the
published values are, it is within the published tolerance.""".splitlines()
_SCOPE = """\
The features are those of PyRadiomics 3.0.1 and differ from IBSI where its definitions do; for the axis lengths see
[PyRadiomics issue 610](https://github.com/AIM-Harvard/pyradiomics/issues/610). IBSI's variants for GLCM and GLRLM are
those averaged over the 3D directions (`3D_avg`); GLDM is IBSI's NGLDM with distance 1 and coarseness 0. The phantom is
measured as it is, so the table says nothing about resampling, resegmentation or where bins begin; and it is small:
values of other definitions, such as other ways to interpolate a percentile, may be the same on it. The reference file
states no level of consensus.""".splitlines()
_REFERENCE = """\
Phantom and reference values: Zwanenburg A et al. The Image Biomarker Standardization Initiative: standardized
quantitative radiomics for high-throughput image-based phenotyping. Radiology 2020;295:328-338.""".splitlines()


@dataclass(frozen=True)
class Compared:
    """One feature beside its reference."""

    feature: str
    tag: str
    ours: float
    reference: float
    tolerance: float
    in_ibsi_definition: float

    @property
    def verdict(self) -> str:
        if agrees(self.ours, self.reference, self.tolerance):
            return "agrees"
        explained = self.feature in DIFFERENCES and agrees(self.in_ibsi_definition, self.reference, self.tolerance)
        return "differs, explained" if explained else "unexplained"

    @property
    def remark(self) -> str:
        if self.feature not in DIFFERENCES:
            return ""
        within = "within the tolerance, although " if self.verdict == "agrees" else ""
        return f"{within}{DIFFERENCES[self.feature].reason}; in IBSI's definition {self.in_ibsi_definition:.6g}"


def agrees(value: float, reference: float, tolerance: float) -> bool:
    """Return whether a value, rounded to three significant digits, is within the tolerance of its reference.

    >>> agrees(1494.6, 1490, 0), agrees(9.245, 9.31, 0.06)
    (True, False)
    """
    return abs(float(f"{value:.3g}") - reference) <= tolerance + 1e-9 * abs(reference)


def phantom_roi(folder: Path) -> Roi:
    """Return the region of the phantom."""
    files = [folder / "nifti" / name for name in ("image/phantom.nii.gz", "mask/mask.nii.gz")]
    return read_roi(*files, case_id="ibsi_phantom")


def measured(roi: Roi) -> dict[str, float]:
    """Return all features of the native engine, those it gives only on request included."""
    plain = RadiomicsSettings(bin_width=1.0)
    extra = [f"original_{name}_{feature}" for name in CLASSES for feature in ON_REQUEST.get(name, ())]
    wanted: dict[str, list[str]] = {name: [] for name in CLASSES}
    for column in [*plain.promised_columns(3), *extra]:
        _, name, feature = column.split("_")
        wanted[name].append(feature)
    extractor = RadiomicsExtractor(plain.replace(feature_classes=wanted), engine="native")
    names = [column.removeprefix("radiomics__") for column in extractor.columns(3)]
    return dict(zip(names, map(float, extractor.extract(roi).values), strict=True))


def compare(found: Mapping[str, float], reference_csv: Path, *, n_voxels: int) -> list[Compared]:
    """Return the features that have a reference, in the order they were measured."""
    reference = pd.read_csv(reference_csv, sep=";", index_col="tag")
    rows = []
    for feature, value in found.items():
        if feature in IBSI_TAGS:
            tag = IBSI_TAGS[feature]
            wanted, tolerance = reference.loc[tag, ["reference value", "tolerance"]].astype(float)
            converted = DIFFERENCES[feature].to_ibsi(value, n_voxels) if feature in DIFFERENCES else value
            rows.append(Compared(feature, tag, value, wanted, tolerance, converted))
    return rows


def report(found: Mapping[str, float], rows: Sequence[Compared]) -> list[str]:
    """Return the lines of the page."""
    verdicts = Counter(row.verdict for row in rows)
    without = [feature for feature in found if feature not in IBSI_TAGS]
    outside = [row.feature.removeprefix("original_") for row in rows if row.verdict != "agrees"]
    lines = [
        *_INTRODUCTION,
        "",
        f"* {verdicts['agrees']} of the {len(rows)} features that IBSI has too agree: all but {', '.join(outside)}.",
        f"* {verdicts['differs, explained']} differ for a known reason, and agree once put into IBSI's definition.",
        f"* {verdicts['unexplained']} differ without an explanation.",
        f"* {len(without)} have no counterpart in IBSI.",
        "",
        *_SCOPE,
        "",
        "| feature | IBSI tag | ours | reference | tolerance | verdict | remark |",
        "|---|---|---|---|---|---|---|",
    ]
    by_feature = {row.feature: row for row in rows}
    for feature, value in found.items():
        name = feature.removeprefix("original_")
        if feature in by_feature:
            row = by_feature[feature]
            lines.append(
                f"| {name} | {row.tag} | {value:.6g} | {row.reference:g} | {row.tolerance:g} | {row.verdict} | "
                f"{row.remark} |"
            )
        else:
            lines.append(f"| {name} | | {value:.6g} | | | no counterpart | {NO_COUNTERPART.get(feature, '')} |")
    return [*lines, "", *_REFERENCE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phantom", type=Path, help="folder with nifti/image/phantom.nii.gz and nifti/mask/mask.nii.gz")
    parser.add_argument("reference", type=Path, help="IBSI's ibsi_1_dig_phantom.csv")
    parser.add_argument("--out", type=Path, help="write the page to this file")
    given = parser.parse_args()
    roi = phantom_roi(given.phantom)
    found = measured(roi)
    lines = report(found, compare(found, given.reference, n_voxels=roi.n_voxels))
    print("\n".join(lines))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
