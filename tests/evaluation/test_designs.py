from __future__ import annotations

import pytest

from hybridrad.evaluation.designs import FixedSplit, LeaveOneSiteOut, OwnFolds, design_from
from hybridrad.evaluation.nested import NestedCV


@pytest.mark.parametrize("text", ["sites", "folds:", "5by10"])
def test_a_design_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="is none of"):
        design_from(text)


def test_designs_are_read_from_text():
    assert design_from("split") == FixedSplit()
    assert design_from("folds: a, b").folds == ["a", "b"]
    assert design_from("3x2", inner=3) == NestedCV(3, 2, 3)


@pytest.mark.parametrize("design", [LeaveOneSiteOut, FixedSplit, lambda **k: OwnFolds("fold", **k)])
def test_fewer_than_two_inner_folds_are_refused(design):
    with pytest.raises(ValueError, match="inner must be an integer of at least 2"):
        design(inner=1)
