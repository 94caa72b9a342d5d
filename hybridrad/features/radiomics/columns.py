"""Names of PyRadiomics' features, and the columns a configuration promises before any image is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

# Class -> its features in the order PyRadiomics 3.0.1 computes them when all are asked for.
_FEATURES_AS_TEXT = {
    "firstorder": (
        "10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum MeanAbsoluteDeviation Mean "
        "Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared Skewness TotalEnergy Uniformity "
        "Variance"
    ),
    "glcm": (
        "Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation DifferenceAverage "
        "DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2 InverseVariance JointAverage JointEnergy "
        "JointEntropy MCC MaximumProbability SumAverage SumEntropy SumSquares"
    ),
    "gldm": (
        "DependenceEntropy DependenceNonUniformity DependenceNonUniformityNormalized DependenceVariance "
        "GrayLevelNonUniformity GrayLevelVariance HighGrayLevelEmphasis LargeDependenceEmphasis "
        "LargeDependenceHighGrayLevelEmphasis LargeDependenceLowGrayLevelEmphasis LowGrayLevelEmphasis "
        "SmallDependenceEmphasis SmallDependenceHighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis"
    ),
    "glrlm": (
        "GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance HighGrayLevelRunEmphasis "
        "LongRunEmphasis LongRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis LowGrayLevelRunEmphasis RunEntropy "
        "RunLengthNonUniformity RunLengthNonUniformityNormalized RunPercentage RunVariance ShortRunEmphasis "
        "ShortRunHighGrayLevelEmphasis ShortRunLowGrayLevelEmphasis"
    ),
    "glszm": (
        "GrayLevelNonUniformity GrayLevelNonUniformityNormalized GrayLevelVariance HighGrayLevelZoneEmphasis "
        "LargeAreaEmphasis LargeAreaHighGrayLevelEmphasis LargeAreaLowGrayLevelEmphasis LowGrayLevelZoneEmphasis "
        "SizeZoneNonUniformity SizeZoneNonUniformityNormalized SmallAreaEmphasis SmallAreaHighGrayLevelEmphasis "
        "SmallAreaLowGrayLevelEmphasis ZoneEntropy ZonePercentage ZoneVariance"
    ),
    "ngtdm": "Busyness Coarseness Complexity Contrast Strength",
    "shape": (
        "Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn Maximum2DDiameterRow "
        "Maximum2DDiameterSlice Maximum3DDiameter MeshVolume MinorAxisLength Sphericity SurfaceArea "
        "SurfaceVolumeRatio VoxelVolume"
    ),
    "shape2D": (
        "Elongation MajorAxisLength MaximumDiameter MeshSurface MinorAxisLength Perimeter PerimeterSurfaceRatio "
        "PixelSurface Sphericity"
    ),
}
FEATURES: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _FEATURES_AS_TEXT.items()}
# Redundant features that are computed only when asked for by name.
ON_REQUEST: dict[str, tuple[str, ...]] = {
    "firstorder": ("StandardDeviation",),
    "shape": ("Compactness1", "Compactness2", "SphericalDisproportion"),
    "shape2D": ("SphericalDisproportion",),
}
# Names PyRadiomics still accepts and silently does not compute: class -> name -> what says the same.
RETIRED: dict[str, dict[str, str]] = {
    "glcm": {
        "Dissimilarity": "DifferenceAverage",
        "Homogeneity1": "Id",
        "Homogeneity2": "Idm",
        "SumVariance": "ClusterTendency",
    },
    "gldm": {"DependencePercentage": "", "GrayLevelNonUniformityNormalized": "Uniformity of firstorder"},
}
IMAGE_TYPES = (
    "Original",
    "LoG",
    "Wavelet",
    "Square",
    "SquareRoot",
    "Logarithm",
    "Exponential",
    "Gradient",
    "LBP2D",
    "LBP3D",
)
_FIXED_NAMES = {
    "Original": "original",
    "Square": "square",
    "SquareRoot": "squareroot",
    "Logarithm": "logarithm",
    "Exponential": "exponential",
    "Gradient": "gradient",
    "LBP2D": "lbp-2D",
}


def image_names(image_type: str, *, dimension: int, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the images one image type gives, in PyRadiomics' order.

    Parameters
    ----------
    image_type : str
        One of ``IMAGE_TYPES``.
    dimension : {2, 3}
    settings : mapping
        Settings in force for this image type, snake_case.

    Examples
    --------
    >>> image_names("LoG", dimension=3, settings={"sigma": (1.0, 3)})
    ['log-sigma-1-0-mm-3D', 'log-sigma-3-mm-3D']
    >>> image_names("Wavelet", dimension=2, settings={"level": 1, "force_2d": False})
    ['wavelet-LH', 'wavelet-HL', 'wavelet-HH', 'wavelet-LL']
    """
    if image_type == "LoG":
        return [f"log-sigma-{str(sigma).replace('.', '-')}-mm-3D" for sigma in settings["sigma"]]
    if image_type == "Wavelet":
        return _wavelet_names(n_axes=dimension - int(settings["force_2d"]), level=settings["level"])
    if image_type == "LBP3D":
        return [*(f"lbp-3D-m{level + 1}" for level in range(settings["lbp_3d_levels"])), "lbp-3D-k"]
    return [_FIXED_NAMES[image_type]]


def feature_names(feature_class: str, wanted: Sequence[str] | None) -> list[str]:
    """Return the features of a class that are computed: those asked for, or all that are not redundant.

    Examples
    --------
    >>> feature_names("ngtdm", None)
    ['Busyness', 'Coarseness', 'Complexity', 'Contrast', 'Strength']
    """
    return list(dict.fromkeys(wanted)) if wanted else list(FEATURES[feature_class])


def column_names(
    images: Sequence[str], classes: Mapping[str, Sequence[str] | None], *, shapes: Sequence[str]
) -> list[str]:
    """Return column names: the shape classes first, then every image with every other class.

    Parameters
    ----------
    images : sequence of str
        Names as ``image_names`` gives them.
    classes : mapping
        Feature class -> features asked for, or None for all.
    shapes : sequence of str
        The shape classes that apply to the images' dimension.

    Examples
    --------
    >>> column_names(["original"], {"firstorder": ["Mean"], "shape": ["MeshVolume"]}, shapes=["shape"])
    ['original_shape_MeshVolume', 'original_firstorder_Mean']
    """
    columns = [
        # PyRadiomics takes shape before shape2D, whatever the order in the file, and always from the original mask.
        f"original_{shape}_{feature}"
        for shape in ("shape", "shape2D")
        if shape in shapes
        for feature in feature_names(shape, classes[shape])
    ]
    for image, (name, wanted) in product(images, classes.items()):
        if not name.startswith("shape"):
            columns += [f"{image}_{name}_{feature}" for feature in feature_names(name, wanted)]
    return columns


def _wavelet_names(*, n_axes: int, level: int) -> list[str]:
    bands = ["".join(letters) for letters in product("LH", repeat=n_axes)]
    approximation, details = bands[0], bands[1:]
    prefixes = ["wavelet", *(f"wavelet{index}" for index in range(2, level + 1))]
    return [*(f"{prefix}-{band}" for prefix in prefixes for band in details), f"{prefixes[-1]}-{approximation}"]
