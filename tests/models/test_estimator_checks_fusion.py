from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.block_choice import BlockChoice
from hybridrad.models.block_penalty import BlockPenaltyFusion
from hybridrad.models.priority import PriorityFusion

EVERYTHING = {"all": slice(None)}


@parametrize_with_checks(
    [
        BlockChoice(EVERYTHING),
        BlockChoice({"all": slice(None), "again": slice(None)}),
        BlockPenaltyFusion(EVERYTHING),
        BlockPenaltyFusion({"all": slice(None), "again": slice(None)}, factors=(1.0, 4.0)),
        PriorityFusion(EVERYTHING),
        PriorityFusion({"all": slice(None), "again": slice(None)}),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
