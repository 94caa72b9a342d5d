"""First-order features with the values of PyRadiomics 3.0.1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.kernels import load_kernels

# The order of the kernel's enumeration.
_STATISTICS = (
    *("10Percentile", "25Percentile", "Median", "75Percentile", "90Percentile", "Minimum", "Maximum", "Mean", "Energy"),
    *("MeanAbsoluteDeviation", "RobustMeanAbsoluteDeviation", "moment_2", "moment_3", "moment_4"),
)
_EPSILON = np.spacing(1)


def first_order(
    values: NDArray[np.float64], levels: NDArray[np.int32], *, voxel_volume: float, voxel_array_shift: float = 0
) -> dict[str, float]:
    """Return the first-order features of a region.

    Parameters
    ----------
    values : float64 ndarray of 1 dimension
        Finite intensities of the region.
    levels : int32 ndarray
        Their grey levels, for Entropy and Uniformity.
    voxel_volume : float
        Product of the spacings, in mm3 or mm2.
    voxel_array_shift : float, default 0
        Added to intensities before they are squared.

    Raises
    ------
    ValueError
        There is no intensity, or one is not finite.

    Examples
    --------
    >>> found = first_order(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 2], dtype=np.int32), voxel_volume=2.0)
    >>> found["Energy"], found["TotalEnergy"], found["Median"]
    (21.0, 42.0, 2.0)
    """
    values = np.ascontiguousarray(values, dtype=np.float64)
    raw = load_kernels().first_order(values, float(voxel_array_shift)).tolist()
    found = dict(zip(_STATISTICS, raw, strict=True))
    moments = [found.pop(f"moment_{k}") for k in (2, 3, 4)]
    # Where all intensities are nearly the same, moments are the rounding errors of the mean, and Skewness and Kurtosis
    # ratios of these: only NumPy's own sums give what PyRadiomics gives.
    if np.sqrt(moments[0]) <= 1e-6 * max(abs(found["Minimum"]), abs(found["Maximum"])):
        found["Mean"] = float(np.mean(values))
        from_mean = values - found["Mean"]
        moments = [float(np.mean(from_mean**k)) for k in (2, 3, 4)]
        found["MeanAbsoluteDeviation"] = float(np.mean(np.abs(from_mean)))
    variance, third, fourth = moments
    divisor = variance if variance != 0 else 1.0
    counts = np.bincount(levels)
    shares = counts[counts > 0] / len(levels)
    found |= {
        "InterquartileRange": found.pop("75Percentile") - found.pop("25Percentile"),
        "Range": found["Maximum"] - found["Minimum"],
        "TotalEnergy": found["Energy"] * voxel_volume,
        "RootMeanSquared": float(np.sqrt(found["Energy"] / len(values))),
        "Variance": variance,
        "StandardDeviation": float(np.sqrt(variance)),
        "Skewness": third / divisor**1.5,
        "Kurtosis": fourth / divisor**2.0,
        "Entropy": float(-np.sum(shares * np.log2(shares + _EPSILON))),
        "Uniformity": float(np.sum(shares**2)),
    }
    return found
