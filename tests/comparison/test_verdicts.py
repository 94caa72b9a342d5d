from __future__ import annotations

import numpy as np
import pytest

from hybridrad.comparison.verdicts import verdict


@pytest.mark.parametrize(
    ("gain", "p", "low", "interval_90", "margin", "word"),
    [
        (0.10, 0.01, 0.05, (0.06, 0.14), 0.05, "better"),
        (-0.10, 0.01, -0.15, (-0.14, -0.06), 0.05, "worse"),
        (-0.02, 0.01, -0.03, (-0.03, -0.01), 0.05, "worse"),
        (0.00, 0.90, -0.03, (-0.02, 0.02), 0.05, "equivalent"),
        (0.00, 0.90, -0.06, (-0.04, 0.04), 0.05, "equivalent"),
        (0.04, 0.20, -0.02, (-0.01, 0.09), 0.05, "non-inferior"),
        (0.04, 0.20, -0.06, (-0.04, 0.12), 0.05, "inconclusive"),
        (0.00, 0.90, -0.03, (-0.02, 0.02), None, "inconclusive"),
        (0.10, np.nan, np.nan, (np.nan, np.nan), 0.05, "inconclusive"),
    ],
)
def test_the_first_rule_that_holds_gives_the_word(gain, p, low, interval_90, margin, word):
    low_90, high_90 = interval_90
    assert verdict(gain, p_value=p, low=low, low_90=low_90, high_90=high_90, margin=margin) == word


def test_a_proven_small_loss_is_not_hidden_by_equivalence():
    assert verdict(-0.01, p_value=0.001, low=-0.015, low_90=-0.014, high_90=-0.006, margin=0.05) == "worse"
