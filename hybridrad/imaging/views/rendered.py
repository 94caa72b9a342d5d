"""The pictures of a case, and where its region lies in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rendered(NamedTuple):
    """What ``Views.render_with_region`` returns.

    Parameters
    ----------
    pictures : float32 ndarray of shape (n_views, channels, height, width) or (1, channels, depth, height, width)
        As ``Views.render`` returns them.
    regions : bool ndarray of shape (n_views, height, width) or (1, depth, height, width)
        The region in the same crop; False beyond the image. Of adjacent slices, that of the middle one; of a
        projection, that of the whole region.
    """

    pictures: NDArray[np.float32]
    regions: NDArray[np.bool_]
