from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.regression.regressors import BlockRegressor
from hybridrad.models.regression.tuned_boosted import TunedBoostedRegressor
from hybridrad.models.regression.tuned_elastic_net import TunedElasticNetRegressor
from hybridrad.models.regression.tuned_forest import TunedForestRegressor
from hybridrad.models.regression.tuned_svm import TunedSVMRegressor

EVERYTHING = {"all": slice(None)}


@parametrize_with_checks(
    [
        TunedSVMRegressor(C=(1.0,), gamma=(1.0,), linear_C=(0.1,)),
        TunedForestRegressor(n_estimators=(10, 20), min_samples_leaf=(1,)),
        TunedBoostedRegressor(n_estimators=(30, 150), max_depth=(2,), learning_rate=(0.1,)),
        TunedElasticNetRegressor(strength=(0.3, 0.01), l1_ratio=(0.5,)),
        BlockRegressor(EVERYTHING, estimator=TunedElasticNetRegressor(strength=(0.01,))),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
