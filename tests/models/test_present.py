"""Members that refuse missing values, in fusions of cases some of which lack a block."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import assert_all_finite

import hybridrad as hr
from tests.models.test_outcome_models import outcome_table

BLOCKS = ["radiomics", "deep", "size"]
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
TUNED = hr.TunedModel(LOGISTIC, {"logisticregression__C": [0.001, 0.1]})


class FirstColumn(BaseEstimator):
    """A risk that is the first column; refuses missing values."""

    def fit(self, X, y):
        assert_all_finite(np.asarray(X))
        return self

    def predict(self, X):
        assert_all_finite(np.asarray(X))
        return np.asarray(X, dtype=float)[:, 0]


def without_deep(X: pd.DataFrame, rows: slice | list[int]) -> pd.DataFrame:
    X = X.copy()
    X.iloc[rows, [c.startswith("deep__") for c in X.columns]] = np.nan
    return X


def logits(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


def parts(task, request):
    """Return X, y, patients, the two fusions and an estimator that refuses missing values."""
    if task in ("table", "three_classes"):
        return *request.getfixturevalue(task), (hr.LateFusion, hr.HedgedFusion), LOGISTIC
    kind = {"regression": "Regressor", "survival": "Survival"}[task]
    fusions = tuple(getattr(hr, f"{name}{kind}") for name in ("Late", "Hedged"))
    return *outcome_table(task), fusions, LinearRegression() if task == "regression" else FirstColumn()


@pytest.mark.parametrize("task", ["table", "three_classes", "regression", "survival"])
@pytest.mark.parametrize("which", [0, 1])
def test_one_case_without_a_block_is_answered_and_the_others_are_as_ever(task, which, request):
    X, y, groups, fusions, estimator = parts(task, request)
    model = fusions[which](BLOCKS, estimators={"deep": estimator}).fit(X, y, groups=groups)
    found, whole = logits(model, without_deep(X, [2])), logits(model, X)
    others = np.arange(len(X)) != 2
    np.testing.assert_allclose(found[others], whole[others], atol=1e-12)
    assert np.isfinite(found).all()
    assert not np.allclose(found[2], whole[2])


@pytest.mark.parametrize("task", ["table", "three_classes", "regression", "survival"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_member_is_fitted_to_the_training_cases_that_have_its_block(task, which, request):
    X, y, groups, fusions, estimator = parts(task, request)
    model = fusions[which](BLOCKS, estimators={"deep": estimator}).fit(without_deep(X, slice(0, 20)), y, groups=groups)
    alone = type(model.members_["deep"])("deep", estimator=estimator).fit(X.iloc[20:], y[20:], groups=groups[20:])
    np.testing.assert_array_equal(logits(model.members_["deep"], X), logits(alone, X))
    oof = model.oof_logits_ if hasattr(model, "oof_logits_") else model.oof_predictions_
    assert len(oof) == len(X)
    assert np.isfinite(oof).all()
    assert any(f"fitted to those that have it ({len(X) - 20} of {len(X)})" in text for text in model.findings_)


@pytest.mark.parametrize("fusion", [hr.LateFusion, hr.HedgedFusion])
def test_a_tuned_member_may_refuse_missing_values_too(fusion, table):
    X, y, groups = table
    model = fusion(BLOCKS, estimators={"deep": TUNED}).fit(without_deep(X, slice(0, 20)), y, groups=groups)
    assert np.isfinite(model.decision_function(without_deep(X, slice(50, 60)))).all()


def test_the_absent_member_has_no_say(table):
    X, y, groups = table
    model = hr.LateFusion(BLOCKS, estimators={"deep": LOGISTIC}).fit(X, y, groups=groups)
    rest = np.mean([model.members_[b].decision_function(X) for b in ("radiomics", "size")], axis=0)
    np.testing.assert_allclose(model.decision_function(without_deep(X, [0, 1]))[:2], rest[:2], atol=1e-12)


def test_without_any_block_the_members_answer_as_on_average(table):
    X, y, groups = table
    estimators = dict.fromkeys(BLOCKS, LOGISTIC)
    model = hr.LateFusion(BLOCKS, estimators=estimators).fit(X, y, groups=groups)
    wanted = np.mean([m.oof_logits_.mean() for m in model.members_.values()])
    assert model.decision_function(X.iloc[:1] * np.nan)[0] == pytest.approx(wanted)


@pytest.mark.parametrize("fusion", [hr.LateFusion, hr.HedgedFusion])
def test_contributions_stay_exact_where_training_cases_lack_a_block(fusion, table):
    X, y, groups = table
    inner = hr.BlockModel({"all": slice(None)}, inner=3)
    model = fusion(BLOCKS, estimators={"deep": inner}).fit(without_deep(X, slice(0, 20)), y, groups=groups)
    holes = without_deep(X, slice(10, 30))
    total = model.shap_values(holes).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(holes), atol=1e-8)


def test_where_too_few_cases_have_a_block_the_default_member_is_fitted_to_all_and_another_says_why_not(table):
    X, y, groups = table
    rare = without_deep(X, slice(2, None))
    model = hr.LateFusion(BLOCKS).fit(rare, y, groups=groups)
    assert model.findings_ == [
        f"Too few training cases have block deep; its member was fitted to all of them (2 of {len(X)})."
    ]
    with pytest.raises(ValueError, match=f"block 'deep': 2 of {len(X)} training cases have it, too few"):
        hr.LateFusion(BLOCKS, estimators={"deep": LOGISTIC}).fit(rare, y, groups=groups)


def test_a_class_that_only_cases_without_the_block_have_is_too_few(three_classes):
    X, y, groups = three_classes
    lacking = without_deep(X, list(np.flatnonzero(y == 2)))
    model = hr.HedgedFusion(BLOCKS, n_bootstrap=0).fit(lacking, y, groups=groups)
    assert "Too few training cases have block deep" in model.findings_[0]
    assert model.decision_function(X).shape == (len(X), 3)
