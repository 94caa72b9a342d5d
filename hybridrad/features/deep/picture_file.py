"""The extractor behind a view store: views of a case, resized and appended to one file of planes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import FeatureError
from hybridrad.features.deep.trained_on import image_digest
from hybridrad.features.rows import Prepared
from hybridrad.imaging.roi import Roi
from hybridrad.imaging.views import Views

FILE_NAME = "pictures.raw"
# Of which image the pictures are: the place of a case's first plane, and the digest of the image it was rendered from.
# In a file of its own, so that rows and pictures are those of stores that were made before there was one.
IMAGES_NAME = "images.raw"
_IMAGE = np.dtype([("first_plane", "<u8"), ("digest", "<u8")])
BLOCK = "pictures"
FIELDS = ("first_plane", "n_views", "n_channels")
DTYPES = ("uint8", "float16")
# Rows are stored when this many cases are ready; what was not stored is rendered again after an interruption.
CASES_AT_ONCE = 8


@dataclass(frozen=True)
class Rendered:
    """Planes of a case, shape (n_views, channels + 1, height, width), and the digest of the image they are of."""

    planes: NDArray[np.float32]
    image: int


class PictureExtractor:
    """Render the views of a case, resize them to a square and append them to a file; the row says where they are.

    A plane is one channel of one view, or the region of one view; the planes of a case follow each other: first the
    channels of all views, then the region of each. It is an extractor like others, so that `extract_features` gives it
    worker processes that can be killed, resumption and failures as rows.

    Parameters
    ----------
    views : Views
    folder : path
        Where the file is.
    input_px : int
        Height and width of a plane.
    dtype : {"uint8", "float16"}
    image, mask : str
        Columns of the cohort table.
    """

    name = BLOCK
    doing = "Views"  # beside the progress of a run
    batched = True
    batch_size = CASES_AT_ONCE

    def __init__(self, views: Views, folder: Path, *, input_px: int, dtype: str, image: str, mask: str) -> None:
        self.views, self.folder, self.input_px, self.dtype = views, Path(folder), input_px, dtype
        self.image, self.mask = image, mask

    def describe(self) -> dict[str, Any]:
        """Return everything that changes the pictures, as plain data."""
        return {
            "kind": "pictures",
            "name": self.name,
            "image": self.image,
            "mask": self.mask,
            "views": self.views.describe(),
            "input_px": self.input_px,
            "dtype": self.dtype,
            "resize": "bilinear, antialiased",
        }

    def columns(self, dimension: int = 3) -> list[str]:
        """Return the columns of a row: where the planes of a case begin and how many there are."""
        return [f"{BLOCK}__{field}" for field in FIELDS]

    def prepare(self, roi: Roi) -> Prepared:
        """Render the views of one case; runs in a worker process and loads no network.

        Returns
        -------
        Prepared
            ``payload`` is a `Rendered`; the region is the last channel of its planes.

        Raises
        ------
        FeatureError
            The views hold values that are not finite, or are no flat pictures.
        """
        pictures, regions = self.views.render_with_region(roi)
        if pictures.ndim != 4:
            raise FeatureError(
                "E_EMBEDDING",
                case_id=roi.case_id,
                stage="views",
                message=f"views of shape {pictures.shape} are no flat pictures.",
                hint="Fine-tuned networks see 2D views; use slices, adjacent, orthogonal or mip.",
            )
        if not np.isfinite(pictures).all():
            raise FeatureError(
                "E_EMBEDDING", case_id=roi.case_id, stage="views", message="the views hold values that are not finite."
            )
        planes = np.concatenate([pictures, regions[:, np.newaxis]], axis=1, dtype=np.float32)
        return Prepared(Rendered(planes, image_digest(roi.image_zyx)))

    def finish(self, payloads: list[Rendered]) -> NDArray[np.float64]:
        """Append the planes of each case to the file and return where they are, shape (n_cases, 3)."""
        rows = []
        plane_bytes = self.input_px**2 * np.dtype(self.dtype).itemsize
        path = self.folder / FILE_NAME
        path.touch()
        with path.open("r+b") as file:
            # An interrupted write may have left a part of a plane; nothing points to it.
            position = -(-file.seek(0, os.SEEK_END) // plane_bytes)
            file.seek(position * plane_bytes)
            for rendered in (payload.planes for payload in payloads):
                n_views, n_channels = len(rendered), rendered.shape[1] - 1
                planes = np.concatenate([rendered[:, :-1].reshape(-1, *rendered.shape[2:]), rendered[:, -1]])
                file.write(to_stored(resized(planes, self.input_px), self.dtype).tobytes())
                rows.append((position, n_views, n_channels))
                position += len(planes)
            file.flush()
            # The pictures must be there before the rows that point to them.
            os.fsync(file.fileno())
        self._append_images([row[0] for row in rows], [payload.image for payload in payloads])
        return np.array(rows, dtype=np.float64)

    def _append_images(self, first_planes: list[int], digests: list[int]) -> None:
        path = self.folder / IMAGES_NAME
        path.touch()
        with path.open("r+b") as file:
            file.seek(-(-file.seek(0, os.SEEK_END) // _IMAGE.itemsize) * _IMAGE.itemsize)
            file.write(np.array(list(zip(first_planes, digests, strict=True)), dtype=_IMAGE).tobytes())
            file.flush()
            os.fsync(file.fileno())


def read_image_digests(folder: Path) -> dict[int, int]:
    """Return the digest of the image that pictures were rendered from, by the place of their first plane.

    Empty for a folder of pictures that was made before images were recorded.

    Examples
    --------
    >>> read_image_digests(Path("no such folder"))
    {}
    """
    path = folder / IMAGES_NAME
    if not path.is_file():
        return {}
    content = path.read_bytes()
    records = np.frombuffer(content, dtype=_IMAGE, count=len(content) // _IMAGE.itemsize)
    return dict(zip(records["first_plane"].tolist(), records["digest"].tolist(), strict=True))


def resized(planes: NDArray[np.float32], input_px: int) -> NDArray[np.float32]:
    """Return planes (n, h, w) resized to ``input_px``, as the embeddings do it: antialiased, clipped to 0..1."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))[None]
    if tuple(tensor.shape[-2:]) != (input_px, input_px):
        tensor = torch.nn.functional.interpolate(
            tensor, size=(input_px, input_px), mode="bilinear", align_corners=False, antialias=True
        )
    return np.asarray(tensor[0].clamp(0.0, 1.0).numpy())


def to_stored(planes: NDArray[np.float32], dtype: str) -> NDArray[np.uint8] | NDArray[np.float16]:
    """Return values 0..1 in the stored type: 256 grey levels, or half precision.

    Examples
    --------
    >>> to_stored(np.array([0.0, 0.5, 1.0], np.float32), "uint8").tolist()
    [0, 128, 255]
    """
    return np.rint(planes * 255.0).astype(np.uint8) if dtype == "uint8" else planes.astype(np.float16)
