from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.block_model import BlockModel
from hybridrad.models.tuned_boosted import TunedBoostedTrees
from hybridrad.models.tuned_elastic_net import TunedElasticNet
from hybridrad.models.tuned_forest import TunedForest
from hybridrad.models.tuned_model import TunedModel
from hybridrad.models.tuned_svm import TunedSVM

EVERYTHING = {"all": slice(None)}


@parametrize_with_checks(
    [
        TunedSVM(C=(1.0,), gamma=(1.0,), linear_C=(0.1,)),
        TunedForest(n_estimators=(10, 20), min_samples_leaf=(1,)),
        TunedBoostedTrees(n_estimators=(10, 30), max_depth=(2,), learning_rate=(0.1,)),
        TunedElasticNet(C=(0.1, 1.0), l1_ratio=(0.5,)),
        BlockModel(EVERYTHING, estimator=TunedSVM(C=(1.0,), gamma=(1.0,), linear_C=())),
        TunedModel(BlockModel(EVERYTHING), {"inner": [2]}),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
