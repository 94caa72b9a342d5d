"""Gradient magnitude of a box in an image, as SimpleITK gives it for the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.features.radiomics.native.boxes import Box, grown, within


def gradient_magnitude(
    values: NDArray[Any], box: Box, *, spacing: Sequence[float], use_spacing: bool
) -> NDArray[np.float32]:
    """Return the magnitude of the gradient in a box, bit for bit as of the whole image.

    Parameters
    ----------
    values : ndarray
        The whole image; only the box and one voxel around it are read.
    box : Box
    spacing : sequence of float
        In the order of the array.
    use_spacing : bool
        Per mm instead of per voxel.

    Examples
    --------
    >>> ramp = np.broadcast_to(np.arange(8, dtype=np.int16) * 3, (5, 8))
    >>> gradient_magnitude(ramp, (slice(2, 3), slice(3, 5)), spacing=(1.0, 1.5), use_spacing=True).tolist()
    [[2.0, 2.0]]
    """
    outer = grown(box, [1] * values.ndim, values.shape)
    crop = sitk.GetImageFromArray(values[outer])
    crop.SetSpacing([float(step) for step in reversed(spacing)])
    gradient = sitk.GradientMagnitudeImageFilter()
    gradient.SetUseImageSpacing(use_spacing)
    # A crop is small: to wake other threads costs more than they save, and the other cores have cases of their own.
    gradient.SetNumberOfThreads(1)
    gradient.SetNumberOfWorkUnits(1)
    return np.asarray(sitk.GetArrayFromImage(gradient.Execute(crop))[within(box, outer)])
