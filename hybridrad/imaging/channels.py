"""Channels of an image or a mask: transparency, grey saved as colour, real colour."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hybridrad.errors import Finding, ImageError

LUMINANCE_WEIGHTS = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the luminance, by ITU-R BT.601, as JPEG files use them."""

_COLOUR_TYPES = (sitk.sitkVectorUInt8, sitk.sitkVectorUInt16)

MAX_GREY_SPREAD = 8
"""Largest difference of the channels of one pixel that counts as compression, in grey levels of 8 bit."""
MAX_MEAN_GREY_SPREAD = 2.0
"""Largest mean difference of the channels that counts as compression, in grey levels of 8 bit."""


def drop_opaque_alpha(image: sitk.Image) -> sitk.Image | None:
    """Return the first three of four channels if the fourth is the same everywhere, else None.

    The alpha channel of an image without transparency holds one value, the largest of its type.
    """
    alpha = sitk.GetArrayViewFromImage(image)[..., 3]
    if alpha.min() != np.iinfo(alpha.dtype).max:
        return None
    return sitk.Compose([sitk.VectorIndexSelectionCast(image, c) for c in range(3)])


def channel_spread(image: sitk.Image) -> tuple[int, float]:
    """Return the largest and the mean difference of the three unsigned channels within a pixel, in stored units."""
    first, second, third = np.moveaxis(sitk.GetArrayViewFromImage(image), -1, 0)
    if np.array_equal(first, second) and np.array_equal(second, third):
        return 0, 0.0
    # The channels are unsigned, so the larger minus the smaller cannot overflow. Pairwise, not by a reduction over the
    # last axis: that is ten times slower for an axis of three.
    spread = np.maximum(np.maximum(first, second), third) - np.minimum(np.minimum(first, second), third)
    return int(spread.max()), float(spread.mean())


def grey_if_equal(image: sitk.Image, *, exactly: bool = False) -> sitk.Image | None:
    """Return a three-channel image as grey, in the same pixel type, if its channels are equal up to compression.

    "Up to compression" is meant for 8-bit images: no pixel whose channels differ by more than ``MAX_GREY_SPREAD``
    levels and at most ``MAX_MEAN_GREY_SPREAD`` on average. Radiographs saved as JPEG have equal channels; where noise
    of up to two levels lay on each channel before saving, they differ by up to 7 levels and 0.8 on average (qualities
    50 to 95). A tint, a coloured label or a Doppler signal exceeds a limit. Other pixel types must be equal exactly.
    Nearly equal channels become their rounded luminance, which is what a JPEG stores.

    Parameters
    ----------
    image : SimpleITK.Image
        Three channels.
    exactly : bool
        Accept only equal channels.

    Returns
    -------
    SimpleITK.Image or None
        None if the image is coloured.
    """
    largest, mean = channel_spread(image)
    if largest == 0:
        return sitk.VectorIndexSelectionCast(image, 0)
    if exactly or image.GetPixelID() != sitk.sitkVectorUInt8:
        return None
    if largest > MAX_GREY_SPREAD or mean > MAX_MEAN_GREY_SPREAD:
        return None
    grey = sitk.GetImageFromArray(np.rint(luminance(sitk.GetArrayViewFromImage(image))).astype(np.uint8))
    grey.CopyInformation(image)
    return grey


def luminance(channels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the weighted sum of red, green and blue.

    Parameters
    ----------
    channels : ndarray of shape (..., 3)

    Examples
    --------
    >>> import numpy as np
    >>> float(luminance(np.array([100, 100, 100])).round(6))
    100.0
    """
    return np.asarray(channels, dtype=np.float64) @ np.array(LUMINANCE_WEIGHTS)


def single_channel_if_grey(image: sitk.Image, *, what: str, case_id: str) -> tuple[sitk.Image, tuple[Finding, ...]]:
    """Return an image with one channel if it is grey, with three if it is coloured.

    Parameters
    ----------
    image : SimpleITK.Image
    what : str
        How messages call the image.

    Raises
    ------
    ImageError
        E_IMAGE_DIM: neither grey nor colour.
    """
    n_channels = image.GetNumberOfComponentsPerPixel()
    if n_channels == 1:
        return image, ()
    plain = image
    if n_channels == 4 and image.GetPixelID() in _COLOUR_TYPES:
        without_alpha = drop_opaque_alpha(image)
        if without_alpha is None:
            raise ImageError(
                "E_IMAGE_DIM",
                case_id=case_id,
                stage="read",
                message=f"{what} has transparent pixels (four channels, size {image.GetSize()}).",
                hint="Save it without its alpha channel.",
            )
        plain = without_alpha
    if plain.GetNumberOfComponentsPerPixel() != 3 or plain.GetPixelID() not in _COLOUR_TYPES:
        raise ImageError(
            "E_IMAGE_DIM",
            case_id=case_id,
            stage="read",
            message=f"{what} has {n_channels} channels ({image.GetPixelIDTypeAsString()}), size {image.GetSize()}.",
            hint="Save the wanted channel as an image of its own.",
        )
    grey = grey_if_equal(plain)
    if grey is None:
        return plain, ()
    largest, _ = channel_spread(plain)
    finding = Finding(
        case_id,
        "N_GREY_FROM_COLOUR",
        stage="read",
        message=f"{what}: three channels that differ by at most {largest} grey levels are read as one.",
    )
    return grey, (finding,)


def single_channel_if_equal(mask: sitk.Image, *, exactly: bool) -> sitk.Image | None:
    """Return a mask of three (or three and an opaque fourth) equal channels as one, or None if they differ."""
    plain: sitk.Image | None = mask
    if mask.GetNumberOfComponentsPerPixel() == 4 and mask.GetPixelID() in _COLOUR_TYPES:
        plain = drop_opaque_alpha(mask)
    if plain is None or plain.GetNumberOfComponentsPerPixel() != 3:
        return None
    return grey_if_equal(plain, exactly=exactly)
