from __future__ import annotations

import numpy as np
import pytest

from hybridrad.features.radiomics.native.resegment import resegmented

VALUES = np.array([[-40, 10, 20, 30], [40, 50, 60, 900]])
INSIDE = VALUES < 100


@pytest.mark.parametrize(
    ("mode", "limits", "kept"),
    [
        ("absolute", [20], [20, 30, 40, 50, 60]),
        ("absolute", [10, 40], [10, 20, 30, 40]),
        ("relative", [0.5], [30, 40, 50, 60]),
        ("relative", [0.25, 0.75], [20, 30, 40]),
        ("sigma", [-1, 1], [10, 20, 30, 40, 50]),
        ("absolute", [1000], []),
    ],
)
def test_intensities_between_the_limits_stay_both_included(mode, limits, kept):
    found = resegmented(VALUES, INSIDE, limits=limits, mode=mode)
    assert VALUES[found].tolist() == kept
    assert INSIDE.sum() == 7, "the region that was given is left as it is"
