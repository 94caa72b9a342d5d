"""Laplacian of Gaussian by recursive filters, computed along the lines that reach a box, to the bit as ITK computes it.

ITK filters along one axis after the other, in double within a line, in 32-bit float between them. The order of the axes
is kept here, and each pass keeps no more of its lines than the passes after it need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.boxes import Box, grown, within
from hybridrad.features.radiomics.native.kernels import load_kernels

REACH = 24
"""Further away than this many sigmas a voxel counts less than 1e-14 of a near one: the filters decay by exp(-1.37)."""

# Deriche's approximation: the sum of two damped waves, of frequency w and decay l per sigma.
_W = (0.6681, 2.0787)
_L = (-1.3932, -1.3732)
# Amplitudes of their cosines and sines, for the Gaussian and for its second derivative.
_GAUSSIAN = ((1.3530, -0.3531), (1.8151, 0.0902))
_CURVATURE = ((-1.3563, 0.3446), (5.2318, -2.2355))

Four = tuple[float, float, float, float]


def laplacian_of_gaussian(
    values: NDArray[Any], box: Box, *, spacing: Sequence[float], sigma: float
) -> NDArray[np.float32]:
    """Return the Laplacian of Gaussian in a box, normalised across scales.

    Parameters
    ----------
    values : ndarray
        The whole image, 2D or 3D; only the box and ``REACH`` sigmas around it are read.
    box : Box
    spacing : sequence of float
        In the order of the array, in mm.
    sigma : float
        In mm.

    References
    ----------
    Deriche R. Recursively implementing the Gaussian and its derivatives. INRIA report 1893, 1993.
    Farnebaeck G, Westin CF. Improving Deriche-style recursive Gaussian filters. J Math Imaging Vis 2006;26:293-9.

    Examples
    --------
    >>> flat = np.full((6, 7, 8), 5.0)
    >>> laplacian_of_gaussian(flat, (slice(2, 3),) * 3, spacing=(1.0, 1.0, 1.0), sigma=1.0).round(4).tolist()
    [[[0.0]]]
    """
    recursive_filter = load_kernels().recursive_filter
    outer = grown(box, [math.ceil(REACH * sigma / step) for step in spacing], values.shape)
    inner = within(box, outer)
    # The kernel works on volumes; axes are counted from the end, so that a plane may pass for a volume of one slice.
    around = values[outer].reshape((1,) * (3 - values.ndim) + tuple(one.stop - one.start for one in outer))
    axes = range(-1, -values.ndim - 1, -1)
    total: NDArray[np.float32] | None = None
    for derived in axes:
        lines = around
        for axis in (derived, *(other for other in axes if other != derived)):
            step = float(spacing[axis])
            table = second_derivative(sigma, step) if axis == derived else smoothing(sigma, step)
            lines = recursive_filter(lines, 3 + axis, inner[axis].start, inner[axis].stop, table)
        # Times the inverse, as ITK does: for spacings like 0.4 a division would round to another 32-bit float.
        part = lines.astype(np.float64) * (1.0 / (float(spacing[derived]) * float(spacing[derived])))
        total = (part if total is None else total + part).astype(np.float32)
    assert total is not None
    return total.reshape(tuple(one.stop - one.start for one in box))


def smoothing(sigma: float, spacing: float) -> NDArray[np.float64]:
    """Return the coefficients of a Gaussian of area 1, as the kernel takes them.

    Examples
    --------
    >>> smoothing(1.0, 1.0).shape
    (5, 4)
    """
    feedback, taps = _feedback(sigma / spacing), _taps(sigma / spacing, _GAUSSIAN)
    f1, f2, f3, f4 = feedback
    area = 2 * _moments(taps)[0] / (1.0 + f1 + f2 + f3 + f4) - taps[0]
    return _table([tap * (1.0 / area) for tap in taps], feedback)


def second_derivative(sigma: float, spacing: float) -> NDArray[np.float64]:
    """Return the coefficients of the second derivative of a Gaussian, per voxel squared, times ``sigma`` squared."""
    feedback = _feedback(sigma / spacing)
    plain, curved = _taps(sigma / spacing, _GAUSSIAN), _taps(sigma / spacing, _CURVATURE)
    f1, f2, f3, f4 = feedback
    d0, d1, d2 = 1.0 + f1 + f2 + f3 + f4, f1 + 2 * f2 + 3 * f3 + 4 * f4, f1 + 4 * f2 + 9 * f3 + 16 * f4
    # So much of the Gaussian is mixed in that a constant gives 0.
    mix = -(2 * _moments(curved)[0] - d0 * curved[0]) / (2 * _moments(plain)[0] - d0 * plain[0])
    n0, n1, n2 = (c + mix * g for g, c in zip(_moments(plain), _moments(curved), strict=True))
    # What the filter makes of a parabola, which is to be 1.
    bend = (n2 * d0 * d0 - d2 * n0 * d0 - 2 * n1 * d1 * d0 + 2 * d1 * d1 * n0) / (d0 * d0 * d0)
    scale = sigma * sigma / bend
    return _table([(c + mix * g) * scale for g, c in zip(plain, curved, strict=True)], feedback)


def _feedback(step: float) -> Four:
    (c1, c2), (e1, e2) = ([math.cos(w / step) for w in _W], [math.exp(decay / step) for decay in _L])
    return (
        -2 * (e2 * c2 + e1 * c1),
        4 * c2 * c1 * e1 * e2 + (e1 * e1 + e2 * e2),
        -2 * c1 * e1 * e2 * e2 + -2 * c2 * e2 * e1 * e1,
        e1 * e1 * e2 * e2,
    )


def _taps(step: float, amplitudes: tuple[tuple[float, float], tuple[float, float]]) -> Four:
    (a1, a2), (b1, b2) = amplitudes
    (s1, s2), (c1, c2) = ([math.sin(w / step) for w in _W], [math.cos(w / step) for w in _W])
    e1, e2 = (math.exp(decay / step) for decay in _L)
    return (
        a1 + a2,
        e2 * (b2 * s2 - (a2 + 2 * a1) * c2) + e1 * (b1 * s1 - (a1 + 2 * a2) * c1),
        ((a1 + a2) * c2 * c1 - (b1 * c2 * s1 + b2 * c1 * s2)) * (2 * e1 * e2) + (a2 * e1 * e1 + a1 * e2 * e2),
        e2 * e1 * e1 * (b2 * s2 - a2 * c2) + e1 * e2 * e2 * (b1 * s1 - a1 * c1),
    )


def _moments(taps: Four) -> tuple[float, float, float]:
    t0, t1, t2, t3 = taps
    return t0 + t1 + t2 + t3, t1 + 2 * t2 + 3 * t3, t1 + 4 * t2 + 9 * t3


def _table(taps: Sequence[float], feedback: Four) -> NDArray[np.float64]:
    n0, n1, n2, n3 = taps
    d1, d2, d3, d4 = feedback
    # The mirrored filter without the middle voxel, which the forward one has counted.
    behind = (n1 - d1 * n0, n2 - d2 * n0, n3 - d3 * n0, -d4 * n0)
    ahead_of_1, behind_of_1, feedback_of_1 = n0 + n1 + n2 + n3, sum(behind), 1.0 + d1 + d2 + d3 + d4
    borders = [[d * of_1 / feedback_of_1 for d in feedback] for of_1 in (ahead_of_1, behind_of_1)]
    return np.array([taps, behind, feedback, *borders])
