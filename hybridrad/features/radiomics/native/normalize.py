"""Intensities as multiples of the image's standard deviation around its mean."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def normalized(image: sitk.Image, *, scale: float, remove_outliers: float | None) -> sitk.Image:
    """Return an image with mean 0 and standard deviation ``scale``, over all its voxels, as 64-bit float.

    Parameters
    ----------
    image : SimpleITK.Image
        Not constant.
    scale : float
    remove_outliers : float or None
        Intensities beyond that many standard deviations are set to the limit.

    Examples
    --------
    >>> image = sitk.GetImageFromArray(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> sitk.GetArrayFromImage(normalized(image, scale=2.0, remove_outliers=1.0)).round(3).tolist()
    [[-2.0, -0.775], [0.775, 2.0]]
    """
    statistics = sitk.StatisticsImageFilter()
    # With several threads the sums depend, in the last bit, on which of them is ready first.
    statistics.SetNumberOfThreads(1)
    statistics.SetNumberOfWorkUnits(1)
    statistics.Execute(image)
    values = sitk.GetArrayFromImage(image).astype(np.float64, copy=False)
    values += -statistics.GetMean()
    values *= 1.0 / statistics.GetSigma()
    if remove_outliers is not None:
        np.clip(values, -remove_outliers, remove_outliers, out=values)
    values *= scale
    found = sitk.GetImageFromArray(values)
    found.CopyInformation(image)
    return found
