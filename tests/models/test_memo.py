from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models import block_model
from hybridrad.models.block_model import BlockModel
from hybridrad.models.boosted import BoostedTrees
from hybridrad.models.memo import share, shared_fits
from hybridrad.models.regression.regressors import BlockRegressor
from hybridrad.models.regression.tuned_forest import TunedForestRegressor
from hybridrad.models.standard import standard_models
from hybridrad.models.tuned_forest import TunedForest
from hybridrad.splits import inner_splits


def test_results_with_and_without_sharing_are_identical(table):
    X, y, groups = table
    alone = {n: m.fit(X, y, groups=groups) for n, m in standard_models(X).items()}
    with shared_fits() as fits:
        together = {n: m.fit(X, y, groups=groups) for n, m in standard_models(X).items()}
    assert fits.n_fitted == 3
    for name in alone:
        np.testing.assert_array_equal(alone[name].decision_function(X), together[name].decision_function(X))
        np.testing.assert_array_equal(alone[name].oof_logits_, together[name].oof_logits_)


def test_the_deep_block_is_fitted_once_for_all_arms(table, monkeypatch):
    X, y, groups = table
    fitted = []
    real = block_model._fit_default
    monkeypatch.setattr(block_model, "_fit_default", lambda *a: fitted.append(a[1]) or real(*a))
    with shared_fits():
        for model in standard_models(X, names=["deep", "hedge", "deep_size", "late"]).values():
            model.fit(X, y, groups=groups)
    assert sorted(fitted) == ["deep", "radiomics", "size"]


def test_other_rows_labels_patients_folds_or_estimators_are_not_shared(table):
    X, y, groups = table
    with shared_fits() as fits:
        BlockModel("deep").fit(X, y, groups=groups)
        BlockModel("deep").fit(X.iloc[::-1], y[::-1], groups=groups[::-1])
        BlockModel("deep").fit(X, 1 - y, groups=groups)
        BlockModel("deep").fit(X, y)
        BlockModel("deep", inner=3).fit(X, y, groups=groups)
        BlockModel("deep", random_state=1).fit(X, y, groups=groups)
        BlockModel("deep", estimator=BoostedTrees(n_estimators=5)).fit(X, y, groups=groups)
        BlockModel("deep", estimator=BoostedTrees(n_estimators=6)).fit(X, y, groups=groups)
    assert (fits.n_fitted, fits.n_shared) == (8, 0)


@pytest.mark.parametrize("model", [BlockModel, BlockRegressor])
def test_trees_of_another_seed_are_not_shared_where_the_folds_are_the_same(model, table, monkeypatch):
    X, y, groups = table
    estimator = {BlockModel: TunedForest, BlockRegressor: TunedForestRegressor}[model](n_estimators=(5,))
    folds = inner_splits(y, np.unique(groups, return_inverse=True)[1], n_folds=3, random_state=0)
    for module in ("case_classifier", "case_outcome"):
        monkeypatch.setattr(f"hybridrad.models.{module}.inner_splits", lambda *_, **__: folds)
    with shared_fits() as fits:
        for seed in (0, 1):
            model("size", estimator=estimator, random_state=seed).fit(X, y + 0.0, groups=groups)
    assert fits.n_fitted == 6  # designs of three folds and of all rows, and two forests


def test_nothing_is_kept_after_the_block_and_nested_blocks_share():
    with shared_fits() as outer, shared_fits() as inner:
        assert outer is inner
        assert [share("key", lambda: 1), share("key", lambda: 2)] == [1, 1]
    assert share("key", lambda: 3) == 3


def test_what_has_no_content_hash_is_fitted_each_time():
    with shared_fits() as fits:
        assert [share(lambda: 0, lambda: 1), share((i for i in "a"), lambda: 2)] == [1, 2]
    assert fits.n_shared == 0
