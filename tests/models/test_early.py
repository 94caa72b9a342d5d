from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hybridrad.models.early import EarlyFusion

BLOCKS = ["radiomics", "deep"]


def test_every_block_has_inertia_one_and_size_a_quarter(table):
    X, y, groups = table
    fitted = EarlyFusion([*BLOCKS, "size"]).fit(X, y, groups=groups).fit_.preparation
    design = fitted.scaled(X.to_numpy())
    blocks = np.array([X.columns[source].split("__")[0] for source in fitted.sources_])
    inertia = {b: np.mean(np.sum(design[:, blocks == b] ** 2, axis=1)) for b in (*BLOCKS, "size")}
    assert inertia == pytest.approx({"radiomics": 1.0, "deep": 1.0, "size": 0.25})


def test_it_is_a_ridge_logistic_regression_of_the_balanced_columns(table):
    X, y, groups = table
    model = EarlyFusion(BLOCKS).fit(X, y, groups=groups)
    design = model.fit_.preparation.scaled(X.to_numpy())
    plain = LogisticRegression(C=model.fit_.penalty, tol=1e-10, max_iter=10_000).fit(design, y)
    np.testing.assert_allclose(model.decision_function(X), plain.decision_function(design), atol=1e-5)


def test_a_block_twice_as_wide_by_repetition_weighs_the_same(table):
    X, y, groups = table
    deep = [c for c in X if c.startswith("deep__")]
    wider = X.join(X[deep].add_suffix("_again"))
    one, other = (EarlyFusion(BLOCKS).fit(t, y, groups=groups) for t in (X, wider))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(wider), atol=1e-6)


@pytest.mark.parametrize("data", ["table", "three_classes", "clinical_table"])
def test_contributions_add_up(data, request):
    given = request.getfixturevalue(data)
    X, y, groups = given if isinstance(given, tuple) else (given, *request.getfixturevalue("table")[1:])
    model = EarlyFusion().fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)


def test_the_order_of_columns_in_a_block_changes_nothing(table):
    X, y, groups = table
    turned = X[X.columns[::-1]]
    one, other = (EarlyFusion(BLOCKS).fit(t, y, groups=groups) for t in (X, turned))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(turned), atol=1e-6)


def test_a_block_without_variance_adds_nothing(table):
    X, y, groups = table
    alone = EarlyFusion(["radiomics"]).fit(X, y, groups=groups)
    beside = EarlyFusion(["radiomics", "flat"]).fit(X.assign(flat__0=1.0), y, groups=groups)
    np.testing.assert_allclose(beside.decision_function(X.assign(flat__0=1.0)), alone.decision_function(X), atol=1e-10)
