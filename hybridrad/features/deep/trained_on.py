"""Which images weights were trained on: written into their file as digests, told of the cases of a cohort."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import Finding, WeightsError
from hybridrad.features.deep.checkpoints import stored_facts

_DIGEST = np.dtype("<u8")


def image_digest(image_zyx: NDArray[Any]) -> int:
    """Return 64 bits that tell an image by its shape and its values, rounded, whatever type they are stored in.

    Examples
    --------
    >>> image = np.arange(6).reshape(2, 3)
    >>> image_digest(image) == image_digest(image.astype(np.float32)), image_digest(image) == image_digest(image.T)
    (True, False)
    """
    limit = np.iinfo(np.int32)
    digest = hashlib.blake2b(repr(image_zyx.shape).encode(), digest_size=_DIGEST.itemsize)
    # Plane by plane, so that a large volume is not copied as a whole.
    for plane in image_zyx if image_zyx.ndim > 2 else image_zyx[None]:
        values = np.clip(np.nan_to_num(plane.astype(np.float64)), limit.min, limit.max)
        digest.update(np.rint(values).astype("<i4").tobytes())
    return int.from_bytes(digest.digest(), "little")


def as_text(images: Mapping[str, Iterable[int]]) -> dict[str, str]:
    """Return digests by data set as text for the header of a file.

    Examples
    --------
    >>> as_text({"my nodules": [2, 1]})
    {'my nodules': 'AQAAAAAAAAACAAAAAAAAAA=='}
    """
    return {
        name: base64.b64encode(np.unique(np.array(list(digests), dtype=_DIGEST)).tobytes()).decode()
        for name, digests in images.items()
    }


def finding_if_trained_on(case_id: str, image_zyx: NDArray[Any], *, weights: Path) -> tuple[Finding, ...]:
    """Return a warning if the file says that its weights were trained on this very image.

    Other crops, resampled or converted images of the same patient are not recognised.

    Raises
    ------
    WeightsError
        The list of images in the file cannot be read.
    """
    return finding_if_known(case_id, [image_digest(image_zyx)], weights=weights) if lists_images(weights) else ()


def lists_images(weights: Path) -> bool:
    """Return whether a file lists images that its weights were trained on.

    Raises
    ------
    WeightsError
        The list of images in the file cannot be read.
    """
    return bool(_images(weights))


def finding_if_known(case_id: str, digests: Iterable[int], *, weights: Path) -> tuple[Finding, ...]:
    """Return a warning if the file lists one of the images of a case, told by their digests.

    Raises
    ------
    WeightsError
        The list of images in the file cannot be read.
    """
    wanted = set(digests)
    found = next((name for name, listed in _images(weights).items() if wanted & listed), None)
    if found is None:
        return ()
    return (
        Finding(
            case_id,
            "W_TRAINED_ON",
            stage="views",
            message=f"{weights.name} was trained on this very image (data set {found!r}).",
            hint="What such weights reach on this cohort says nothing about other patients; take others here.",
        ),
    )


def _images(weights: Path) -> dict[str, frozenset[int]]:
    """Return the digests in a file by data set; read once per process while the file stays the same."""
    status = weights.stat() if weights.is_file() else None
    return _images_of(weights, *((status.st_size, status.st_mtime_ns) if status else (0, 0)))


@lru_cache(maxsize=4)
def _images_of(weights: Path, size: int, mtime_ns: int) -> dict[str, frozenset[int]]:
    try:
        return {
            name: frozenset(np.frombuffer(base64.b64decode(text, validate=True), dtype=_DIGEST).tolist())
            for name, text in stored_facts(weights).trained_on.items()
            if text
        }
    except (binascii.Error, ValueError) as err:
        raise WeightsError(f"{weights.name} lists its training images in a way that cannot be read: {err}.") from err
