"""Texture features of a region: GLCM, GLRLM, GLSZM, GLDM and NGTDM with the values of PyRadiomics 3.0.1."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.ill_conditioned import recompute
from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.offsets import Offsets, both_ways, one_way

# The order of the kernels' enumerations.
_PAIRS = (
    "Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation DifferenceAverage "
    "DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2 InverseVariance JointAverage JointEnergy "
    "JointEntropy MCC MaximumProbability SumAverage SumEntropy SumSquares"
)
_DIFFERENCES = "Busyness Coarseness Complexity Contrast Strength"
# One formula for all matrices of levels and sizes; PyRadiomics has a name of its own for each. A dash: not a feature
# of that class.
_RUNS = (
    "ShortRunEmphasis LongRunEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized RunLengthNonUniformity "
    "RunLengthNonUniformityNormalized RunPercentage GrayLevelVariance RunVariance RunEntropy LowGrayLevelRunEmphasis "
    "HighGrayLevelRunEmphasis ShortRunLowGrayLevelEmphasis ShortRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis "
    "LongRunHighGrayLevelEmphasis"
)
_ZONES = (
    "SmallAreaEmphasis LargeAreaEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized SizeZoneNonUniformity "
    "SizeZoneNonUniformityNormalized ZonePercentage GrayLevelVariance ZoneVariance ZoneEntropy "
    "LowGrayLevelZoneEmphasis HighGrayLevelZoneEmphasis SmallAreaLowGrayLevelEmphasis SmallAreaHighGrayLevelEmphasis "
    "LargeAreaLowGrayLevelEmphasis LargeAreaHighGrayLevelEmphasis"
)
_DEPENDENCES = (
    "SmallDependenceEmphasis LargeDependenceEmphasis GrayLevelNonUniformity - DependenceNonUniformity "
    "DependenceNonUniformityNormalized - GrayLevelVariance DependenceVariance DependenceEntropy LowGrayLevelEmphasis "
    "HighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis SmallDependenceHighGrayLevelEmphasis "
    "LargeDependenceLowGrayLevelEmphasis LargeDependenceHighGrayLevelEmphasis"
)
NAMES = {
    "glcm": tuple(_PAIRS.split()),
    "glrlm": tuple(_RUNS.split()),
    "glszm": tuple(_ZONES.split()),
    "gldm": tuple(_DEPENDENCES.split()),
    "ngtdm": tuple(_DIFFERENCES.split()),
}
TEXTURE_CLASSES = tuple(NAMES)


def texture_features(
    levels_zyx: NDArray[np.int32],
    n_levels: int,
    *,
    spacing_zyx: Sequence[float],
    settings: Mapping[str, Any],
    classes: Collection[str] = TEXTURE_CLASSES,
) -> dict[str, dict[str, float]]:
    """Return the texture features of a region by class and name.

    Parameters
    ----------
    levels_zyx : int ndarray of 3 dimensions, or of 2 for 2D images
        Grey levels of the crop to the region's bounding box: 1 to ``n_levels`` inside the region, 0 outside.
    n_levels : int
        Largest grey level in the region.
    spacing_zyx : sequence of float
        In mm; matters only where ``settings["weighting_norm"]`` is set.
    settings : mapping
        Those in force for the image, as ``RadiomicsSettings.in_force`` gives them: ``distances``, ``weighting_norm``,
        ``symmetrical_glcm``, ``gldm_a``, ``force_2d`` and ``force_2d_dimension`` are read.
    classes : collection of str
        Some of ``TEXTURE_CLASSES``.

    Returns
    -------
    dict of dict of float
        NaN, and fill values such as a Coarseness of 1e6, where PyRadiomics has them.

    Raises
    ------
    ValueError
        No voxel of such a crop can have a neighbour (PyRadiomics fails there too); a level is out of range; the
        region is empty; the matrices would be too large.

    Examples
    --------
    >>> from hybridrad.features.radiomics.settings import RadiomicsSettings
    >>> settings = RadiomicsSettings().in_force("Original")
    >>> levels = np.array([[1, 1, 2], [1, 2, 2]], dtype=np.int32)
    >>> found = texture_features(levels, 2, spacing_zyx=(1, 1), settings=settings, classes=["gldm"])
    >>> found["gldm"]["LowGrayLevelEmphasis"]
    0.625
    """
    levels, spacing = np.ascontiguousarray(levels_zyx, dtype=np.int32), tuple(spacing_zyx)
    flat_axis = settings["force_2d_dimension"] if settings["force_2d"] else None
    if levels.ndim == 2:
        # PyRadiomics works in as many dimensions as the image has; a third one of a single voxel changes nothing.
        levels, spacing = levels[np.newaxis], (1.0, *spacing)
        flat_axis = None if flat_axis is None else flat_axis + 1
    pairs = one_way(levels.shape, settings["distances"], flat_axis=flat_axis)
    adjacent = one_way(levels.shape, (1,), flat_axis=flat_axis)
    pair_weights = _pair_weights(pairs, spacing, settings["weighting_norm"])
    run_weights = _lengths(adjacent, spacing, settings["weighting_norm"])
    found = load_kernels().texture_features(
        levels,
        n_levels,
        pairs=pairs,
        neighbours=both_ways(levels.shape, settings["distances"], flat_axis=flat_axis),
        adjacent=adjacent,
        pair_weights=[] if pair_weights is None else pair_weights.tolist(),
        run_weights=[] if run_weights is None else run_weights.tolist(),
        symmetrical=settings["symmetrical_glcm"],
        tolerance=settings["gldm_a"],
        classes=list(classes),
    )
    features = {
        name: {
            feature: value for feature, value in zip(NAMES[name], found[name].tolist(), strict=True) if feature != "-"
        }
        for name in classes
    }
    if "pairs" in found:
        features["glcm"] |= recompute(
            found["pairs"], found["levels"], symmetrical=settings["symmetrical_glcm"], weights=pair_weights
        )
    return features


def _lengths(offsets: Offsets, spacing: Sequence[float], norm: str | None) -> NDArray[np.float64] | None:
    """Return the length of each offset, by which its runs are weighted; 1 for no_weighting, None without a norm."""
    steps_mm = np.abs(offsets) * np.asarray(spacing, dtype=np.float64)
    match norm:
        case None:
            return None
        case "infinity":
            return np.asarray(steps_mm.max(axis=1))
        case "euclidean":
            return np.asarray(np.sqrt((steps_mm**2).sum(axis=1)))
        case "manhattan":
            return np.asarray(steps_mm.sum(axis=1))
        case "no_weighting":
            return np.ones(len(offsets))
    raise ValueError(f"unknown weighting norm {norm!r}.")


def _pair_weights(offsets: Offsets, spacing: Sequence[float], norm: str | None) -> NDArray[np.float64] | None:
    lengths = _lengths(offsets, spacing, norm)
    return lengths if lengths is None or norm == "no_weighting" else np.exp(-(lengths**2))
