from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.regression.block_choice import BlockChoiceRegressor
from hybridrad.models.regression.block_penalty import BlockPenaltyRegressor
from hybridrad.models.regression.boosted import BoostedRegressor
from hybridrad.models.regression.priority import PriorityRegressor
from hybridrad.models.regression.regressors import (
    BlockRegressor,
    ConcatRegressor,
    EarlyRegressor,
    HedgedRegressor,
    LateRegressor,
)

EVERYTHING = {"all": slice(None)}


@parametrize_with_checks(
    [
        BlockRegressor(EVERYTHING),
        BoostedRegressor(n_estimators=80),
        BlockRegressor(EVERYTHING, estimator=BoostedRegressor(n_estimators=80)),
        ConcatRegressor(EVERYTHING),
        EarlyRegressor(EVERYTHING),
        LateRegressor(EVERYTHING),
        HedgedRegressor(EVERYTHING, n_bootstrap=5),
        BlockChoiceRegressor(EVERYTHING),
        BlockChoiceRegressor({"all": slice(None), "again": slice(None)}),
        BlockPenaltyRegressor(EVERYTHING),
        BlockPenaltyRegressor({"all": slice(None), "again": slice(None)}, factors=(1.0, 4.0)),
        PriorityRegressor(EVERYTHING),
        PriorityRegressor({"all": slice(None), "again": slice(None)}, offsets="nested"),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
