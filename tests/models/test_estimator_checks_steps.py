from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hybridrad.models.combat import ComBat
from hybridrad.models.icc_filter import ICCFilter
from hybridrad.models.mrmr import MRMRFilter
from hybridrad.models.redundancy import RedundancyFilter
from hybridrad.models.relevance import RelevanceFilter
from hybridrad.models.size_decorrelation import SizeDecorrelation
from hybridrad.models.variance import VarianceFilter


@pytest.mark.filterwarnings("ignore:ComBat was given no sites")  # the checks know of none
@parametrize_with_checks(
    [
        ComBat(),
        ICCFilter({"0": 0.9}, unknown="keep"),
        MRMRFilter(n_columns=2),
        RedundancyFilter(),
        RelevanceFilter(n_columns=2),
        SizeDecorrelation(size=0),
        VarianceFilter(),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
