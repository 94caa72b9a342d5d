from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.models.concat import ConcatFusion


def test_it_is_what_everybody_does(table):
    X, y, groups = table
    model = ConcatFusion(["radiomics", "deep"]).fit(X, y, groups=groups)
    ridge = LogisticRegression(C=model.fit_.penalty, tol=1e-12, solver="newton-cholesky")
    plain = make_pipeline(StandardScaler(), ridge).fit(X.iloc[:, 1:], y)
    np.testing.assert_allclose(model.decision_function(X), plain.decision_function(X.iloc[:, 1:]), atol=1e-6)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_add_up(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = ConcatFusion(["radiomics", "deep"]).fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)
    assert not model.shap_values(X)[:, 0].any()


def test_a_column_in_two_blocks_enters_once(table):
    X, y, _ = table
    one = ConcatFusion({"a": [1, 2, 3]}).fit(X, y)
    twice = ConcatFusion({"a": [1, 2], "b": [2, 3]}).fit(X, y)
    np.testing.assert_array_equal(one.decision_function(X), twice.decision_function(X))
