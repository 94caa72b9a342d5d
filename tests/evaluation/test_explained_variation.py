from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hybridrad.evaluation.explained_variation import cox_snell, largest_cox_snell, nagelkerke


def test_values_agree_with_r(r_numbers):
    table = r_numbers["made_up"]
    X, y = np.column_stack([table[k] for k in ("x1", "x2", "x3")]), np.array(table["y"])
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y)
    assert [model.intercept_[0], *model.coef_[0]] == pytest.approx(table["coef"], abs=1e-5)
    p = model.predict_proba(X)[:, 1]
    assert cox_snell(y, p) == pytest.approx(table["cox_snell"], abs=1e-8)
    assert nagelkerke(y, p) == pytest.approx(table["nagelkerke"], abs=1e-8)


def test_the_prevalence_explains_nothing_and_perfect_predictions_all():
    y = np.array([0, 0, 0, 1])
    assert cox_snell(y, np.full(4, 0.25)) == pytest.approx(0)
    assert nagelkerke(y, y.astype(float)) == pytest.approx(1)
    assert largest_cox_snell(0.25) == pytest.approx(cox_snell(y, y.astype(float)))


def test_predictions_worse_than_the_prevalence_are_negative():
    assert cox_snell([0, 1], [0.9, 0.1]) < 0


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="both of them"):
        cox_snell([1, 1], [0.5, 0.5])
