"""Local binary patterns, in slices by scikit-image and in 3D by spherical harmonics.

Both compare voxels with interpolated neighbours, and where tissue is flat the last bit decides. So they see the same
arrays, at the same coordinates, as in PyRadiomics: whole slices, the whole volume.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.boxes import Box

_CHUNK = 20_000
"""Voxels worked on at a time: each needs a few kilobytes."""


def lbp_2d(values: NDArray[Any], box: Box, *, radius: float, samples: int, method: str, axis: int = 0) -> NDArray[Any]:
    """Return the local binary patterns of the slices of a box.

    Parameters
    ----------
    values : ndarray
        The whole image, 2D or 3D.
    box : Box
    radius : float
        In pixels.
    samples : int
    method : {"default", "ror", "uniform", "var"}
    axis : int
        Across which a 3D image is sliced.

    Returns
    -------
    ndarray of the shape of the box
        float64 of a 2D image. Of a 3D image in its own type, as PyRadiomics writes the patterns back into the image.

    References
    ----------
    Ojala T, Pietikainen M, Maenpaa T. Multiresolution gray-scale and rotation invariant texture classification with
    local binary patterns. IEEE Trans Pattern Anal Mach Intell 2002;24:971-87.
    """
    from skimage.feature import local_binary_pattern

    def patterns(plane: NDArray[Any]) -> NDArray[np.float64]:
        with warnings.catch_warnings():
            # scikit-image warns of images with fractions; PyRadiomics gives it those too.
            warnings.simplefilter("ignore")
            # A copy, because a view into an image is read-only and scikit-image asks for more.
            return np.asarray(local_binary_pattern(plane.copy(), P=samples, R=radius, method=method))

    if values.ndim == 2:
        return patterns(values)[box]
    along = np.moveaxis(values, axis, 0) if axis == 0 else values.swapaxes(0, axis)
    window = list(box)
    window[0], window[axis] = window[axis], window[0]
    found = np.empty(tuple(one.stop - one.start for one in window), dtype=values.dtype)
    with np.errstate(invalid="ignore"):
        for place, index in enumerate(range(window[0].start, window[0].stop)):
            found[place] = patterns(along[index])[tuple(window[1:])]
    return found.swapaxes(0, axis)


def lbp_3d(
    values: NDArray[Any], inside: NDArray[np.bool_], box: Box, *, levels: int, radius: float, subdivision: int
) -> dict[str, NDArray[np.float64]]:
    """Return the rotation invariant patterns of the voxels of a region, and the kurtosis on the sphere around them.

    Parameters
    ----------
    values : ndarray
        The whole 3D image.
    inside : bool ndarray
        The region within the box.
    box : Box
    levels : int
        Degrees of the spherical harmonics, from 0.
    radius : float
        Of the sphere, in voxels.
    subdivision : int
        Of the icosahedron whose corners sample the sphere.

    Returns
    -------
    dict
        ``lbp-3D-m1`` to ``lbp-3D-m<levels>`` and ``lbp-3D-k``; 0 outside the region.

    References
    ----------
    Banerjee J, Moelker A, Niessen WJ, van Walsum T. 3D LBP-based rotationally invariant region description. ACCV 2012
    Workshops. https://doi.org/10.1007/978-3-642-37410-4_3
    """
    from scipy.ndimage import map_coordinates, spline_filter
    from scipy.stats import kurtosis
    from trimesh.creation import icosphere

    corners = np.array(icosphere(subdivision, radius).vertices)
    harmonics, degrees = _harmonics(corners, levels=levels, radius=radius)
    coefficients = spline_filter(values, order=3, output=np.float64, mode="mirror")
    voxels = np.argwhere(inside) + [one.start for one in box]
    found = np.empty((levels + 1, len(voxels)))
    for start in range(0, len(voxels), _CHUNK):
        some = voxels[start : start + _CHUNK]
        around = some[:, None, :] + corners[None, :, :]
        # In the type of the image, so that samples of an integer image are integers, as in PyRadiomics.
        sampled = map_coordinates(
            coefficients, around.transpose(2, 0, 1), order=3, prefilter=False, output=values.dtype
        )
        above = np.greater_equal(sampled, values[tuple(some.T)][:, None]).astype(int)
        weights = (above[:, :, None] * harmonics[None, :, :]).sum(axis=1)
        spectra = [
            (weights[:, None, degrees == degree] * harmonics[None, :, degrees == degree]).sum(axis=2)
            for degree in range(levels)
        ]
        # Side by side, so that NumPy adds up the samples in the order it does in PyRadiomics.
        norms = np.sqrt((np.stack(spectra, axis=2) ** 2).sum(axis=1))
        found[:levels, start : start + _CHUNK] = np.real(norms).T
        found[levels, start : start + _CHUNK] = np.real(kurtosis(sampled, axis=1))
    names = [*(f"lbp-3D-m{degree + 1}" for degree in range(levels)), "lbp-3D-k"]
    images = {}
    for name, of_voxels in zip(names, found, strict=True):
        images[name] = np.zeros(inside.shape)
        images[name][inside] = of_voxels
    return images


def _harmonics(
    corners: NDArray[np.float64], *, levels: int, radius: float
) -> tuple[NDArray[np.complex128], NDArray[np.int_]]:
    from scipy import special

    # Polar and azimuthal angle change places against SciPy's names, as they do in PyRadiomics.
    polar = np.arccos(corners[:, 2] / radius)
    azimuth = np.arctan2(corners[:, 1], corners[:, 0])
    orders = [(order, degree) for degree in range(levels) for order in range(-degree, degree + 1)]
    if hasattr(special, "sph_harm_y"):  # SciPy 1.15 and later; it takes degree before order, and polar before azimuth
        columns = [special.sph_harm_y(degree, order, azimuth, polar) for order, degree in orders]
    else:
        columns = [special.sph_harm(order, degree, polar, azimuth) for order, degree in orders]
    return np.stack(columns, axis=1), np.array([degree for _, degree in orders])
