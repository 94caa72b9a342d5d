"""Squares cut out of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def cut_square(
    picture: NDArray[Any], box: tuple[tuple[int, int], ...], side: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the square, filled with the nearest pixels of the picture, and where it lies beyond the picture."""
    rows, columns = (np.arange(side) + first - (side - (last - first + 1)) // 2 for first, last in box[:2])
    height, width = picture.shape[:2]
    beyond = ((rows < 0) | (rows >= height))[:, np.newaxis] | ((columns < 0) | (columns >= width))
    return picture[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)], beyond
