from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.evaluation import nested
from hybridrad.evaluation.audit_poison import poisoned, poisoned_test_check
from hybridrad.evaluation.nested import NestedCV
from hybridrad.models.standard import standard_models
from tests.evaluation.arms import Undefined


class Forgetful(LogisticRegression):
    """Fits something else each time."""

    def fit(self, X, y):
        self.noise_ = np.random.default_rng().random()
        return super().fit(X, y)


def data(n=48):
    rng, ids = np.random.default_rng(0), pd.Index([f"c{i:02d}" for i in range(n)], name="case_id")
    names = ["size__volume_ml", "radiomics__a", "radiomics__b", "deep__0", "deep__1"]
    X, y = pd.DataFrame(rng.lognormal(size=(n, 5)), ids, names), np.arange(n) % 2
    return X, y, ids.to_numpy(), NestedCV(outer=3, repeats=2).splits(y, ids, ids)


def test_the_standard_arms_fit_the_same_to_the_last_bit():
    X, y, groups, splits = data()
    check = poisoned_test_check(standard_models(X, inner=3), X, y, groups, splits, inner=3)
    assert check.verdict == "pass"
    assert check.message.startswith("8 arms")


def test_an_evaluation_that_trains_on_the_test_rows_is_caught(monkeypatch):
    honest = nested.run_fold

    def leaky(plan, repeat, fold, train, test):
        return honest(plan, repeat, fold, np.sort(np.append(train, test[:1])), test)

    monkeypatch.setattr(nested, "run_fold", leaky)
    check = poisoned_test_check({"lr": make_pipeline(StandardScaler(), LogisticRegression())}, *data())
    assert (check.verdict, check.statistic) == ("fail", 1.0)


def test_scaling_before_the_split_is_caught(monkeypatch):
    honest = nested.FoldPlan

    def leaky(*, X, **rest):
        return honest(X=(X - X.mean()) / X.std(), **rest)

    monkeypatch.setattr(nested, "FoldPlan", leaky)
    assert poisoned_test_check({"lr": LogisticRegression()}, *data()).verdict == "fail"


def test_an_arm_that_is_not_repeatable_is_named():
    arms = {"forgetful": Forgetful(), "lr": LogisticRegression()}
    check = poisoned_test_check(arms, *data())
    assert check.verdict == "fail"
    assert "by forgetful." in check.message
    assert "random_state" in check.hint


def test_an_arm_that_fails_is_not_compared():
    assert "Not compared: u" in poisoned_test_check({"u": Undefined(), "lr": LogisticRegression()}, *data()).message
    assert poisoned_test_check({"u": Undefined()}, *data()).verdict == "cannot be judged"


@pytest.mark.parametrize("text", [["x", "y"], ["x", None]])
def test_only_the_named_rows_are_poisoned(text):
    table = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series(text, dtype=object)})
    out = poisoned(table, np.array([True, False]))
    assert out.loc[0].tolist() == [1e6, "poison"]
    assert out.loc[1].tolist() == [2.0, text[1]]
