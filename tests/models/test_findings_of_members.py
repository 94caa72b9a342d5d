"""What an estimator says of itself reaches whoever holds it."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hybridrad as hr
from tests.models.test_outcome_models import outcome_table

SAID = "No number of epochs was any good (0.7, 0.6)."
PASSED_ON = [f"Block deep: {SAID}"]


class Candid(LogisticRegression):
    """Says what went wrong."""

    def fit(self, X, y):
        self.findings_ = [SAID]
        return super().fit(X, y)


class CandidValue(LinearRegression):
    """Says what went wrong."""

    def fit(self, X, y):
        self.findings_ = [SAID]
        return super().fit(X, y)


@pytest.mark.parametrize(
    "estimator",
    [Candid(), make_pipeline(StandardScaler(), Candid()), hr.TunedModel(Candid(), {"C": [0.01, 0.1]})],
    ids=["plain", "in a Pipeline", "tuned"],
)
def test_findings_of_an_estimator_are_those_of_its_block(estimator, table):
    X, y, groups = table
    assert hr.BlockModel("deep", estimator=estimator).fit(X, y, groups=groups).findings_ == PASSED_ON
    assert hr.BlockModel("deep").fit(X, y, groups=groups).findings_ == []


@pytest.mark.parametrize("fusion", [hr.LateFusion, hr.HedgedFusion])
def test_findings_of_a_member_are_those_of_the_fusion(fusion, table):
    X, y, groups = table
    model = fusion(["radiomics", "deep"], estimators={"deep": Candid()}).fit(X, y, groups=groups)
    assert model.findings_ == PASSED_ON


@pytest.mark.parametrize("fusion", [hr.LateRegressor, hr.HedgedRegressor])
def test_findings_of_a_member_of_a_regression_are_those_of_the_fusion(fusion):
    X, y, patient = outcome_table("regression")
    model = fusion(["radiomics", "deep"], estimators={"deep": CandidValue()}).fit(X, y, groups=patient)
    assert model.findings_ == PASSED_ON


def test_a_variant_that_was_chosen_says_what_its_estimator_says(table):
    X, y, groups = table
    model = hr.BlockChoice(["deep"], estimator=Candid()).fit(X, y, groups=groups)
    assert model.findings_[1:] == PASSED_ON
