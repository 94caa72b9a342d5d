"""What would let a model see what it must not: every arm, the same questions."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hybridrad.models import block_model, case_classifier
from hybridrad.models.memo import shared_fits
from hybridrad.models.ridge_path import fit_ridge
from hybridrad.models.standard import standard_models
from hybridrad.splits import inner_splits

ARMS = ["size", "radiomics", "deep", "deep_size", "concat", "early", "late", "hedge"]
ON_REQUEST = ["priority", "block_penalty"]


@pytest.mark.parametrize("name", [*ARMS, *ON_REQUEST, "radiomics_xgb"])
def test_no_patient_straddles_the_inner_folds(name, table, monkeypatch):
    X, y, groups = table
    seen = []

    def spy(*args, **kwargs):
        folds = inner_splits(*args, **kwargs)
        seen.append((args[1], folds))
        return folds

    monkeypatch.setattr(case_classifier, "inner_splits", spy)
    standard_models(X, names=[name])[name].fit(X, y, groups=groups)
    assert seen
    for patients, folds in seen:
        assert all(not set(patients[train]) & set(patients[test]) for train, test in folds)
        assert len(np.unique(patients)) == len(set(groups))


@pytest.mark.parametrize("name", ["radiomics", "concat", "early", *ON_REQUEST])
def test_rows_left_out_of_an_inner_fold_influence_nothing_fitted_there(name, table, monkeypatch):
    X, y, groups = table
    fits = []

    def record(values, codes, patients, *, folds, preparation, **options):
        train, test = folds[0]
        poisoned = values.copy()
        poisoned[test] = 1e6
        for data in (values, poisoned):
            fits.append(pickle.dumps(preparation.fresh().fit(data[train], codes[train], patients[train])))
        return fit_ridge(values, codes, patients, folds=folds, preparation=preparation, **options)

    module = {"radiomics": block_model.__name__}.get(name, f"hybridrad.models.{name}")
    monkeypatch.setattr(f"{module}.fit_ridge", record)
    standard_models(X, names=[name])[name].fit(X, y, groups=groups)
    assert fits[0] == fits[1]


def test_poisoned_inner_test_rows_leave_the_other_folds_logits_alone(table):
    X, y, groups = table
    codes = np.unique(groups, return_inverse=True)[1]
    _, test = inner_splits(y, codes, n_folds=4, random_state=0)[0]
    order = np.argsort(test)
    model = standard_models(X, names=["radiomics"])["radiomics"].fit(X, y, groups=groups)
    poisoned = X.copy()
    last = test[order[-1]]
    poisoned.iloc[last] = poisoned.iloc[last] * 1.0001
    again = standard_models(X, names=["radiomics"])["radiomics"].fit(poisoned, y, groups=groups)
    assert model.fit_.penalty == again.fit_.penalty
    others = np.setdiff1d(test, [last])
    np.testing.assert_array_equal(model.oof_logits_[others], again.oof_logits_[others])


@pytest.mark.parametrize("name", [*ARMS, *ON_REQUEST])
def test_predictions_do_not_depend_on_the_other_cases_asked_about(name, table):
    X, y, groups = table
    model = standard_models(X, names=[name])[name].fit(X.iloc[:60], y[:60], groups=groups[:60])
    before = pickle.dumps(model)
    rest = X.iloc[60:].copy()
    alone = model.decision_function(rest.iloc[:1])
    rest.iloc[1:] = 1e6
    np.testing.assert_allclose(model.decision_function(rest)[:1], alone, rtol=1e-10, atol=1e-12)
    assert pickle.dumps(model) == before


def test_noise_gives_no_arm_an_edge(make_table):
    scores = {name: [] for name in ARMS}
    for seed in range(12):
        X, y, groups = make_table(60, seed=seed, signal=0.0)
        X["size__volume_ml"] = np.random.default_rng(seed).lognormal(size=len(X))
        half = int(np.searchsorted(groups.astype(int), 30))
        arms = standard_models(X, names=ARMS)
        for name in ("hedge", "deep_size"):
            arms[name].set_params(n_bootstrap=0)
        with shared_fits():
            for model in arms.values():
                model.fit(X.iloc[:half], y[:half], groups=groups[:half])
        for name, model in arms.items():
            scores[name].append(roc_auc_score(y[half:], model.decision_function(X.iloc[half:])))
    means = {name: np.mean(values) for name, values in scores.items()}
    assert all(0.43 < mean < 0.57 for mean in means.values()), means


@pytest.mark.parametrize("name", [*ARMS, *ON_REQUEST])
def test_the_same_seed_gives_the_same_model(name, table):
    X, y, groups = table
    one, again = (standard_models(X, names=[name])[name].fit(X, y, groups=groups) for _ in range(2))
    np.testing.assert_array_equal(one.decision_function(X), again.decision_function(X))
    np.testing.assert_array_equal(one.oof_logits_, again.oof_logits_)
