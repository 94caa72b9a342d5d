from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.block_model import BlockModel
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.concat import ConcatFusion
from hybridrad.models.early import EarlyFusion
from hybridrad.models.hedge import HedgedFusion
from hybridrad.models.late import LateFusion
from hybridrad.models.skewness import SkewnessTransform

EVERYTHING = {"all": slice(None)}


@parametrize_with_checks(
    [
        SkewnessTransform(),
        BlockModel(EVERYTHING),
        BoostedTrees(n_estimators=30),
        BlockModel(EVERYTHING, estimator=BoostedTrees(n_estimators=10)),
        ConcatFusion(EVERYTHING),
        EarlyFusion(EVERYTHING),
        LateFusion(EVERYTHING),
        HedgedFusion(EVERYTHING, n_bootstrap=5),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
