from __future__ import annotations

import numpy as np
import pytest

from hybridrad.models.early import BalancedPreparation, EarlyFusion, distinct_columns

BLOCKS = ["radiomics", "deep"]


def test_every_block_has_inertia_one_and_few_components(table):
    X, y, groups = table
    model = EarlyFusion(BLOCKS).fit(X, y, groups=groups)
    preparation = model.fit_.preparation
    design = preparation.scaled(X.to_numpy()) @ preparation.rotation_
    start = 0
    for n_components in model.n_components_.values():
        part = design[:, start : start + n_components]
        assert np.mean(np.sum(part**2, axis=1)) == pytest.approx(1)
        start += n_components
    # 22 patients of the smaller class, two blocks: 22 / (5 * 2)
    assert model.n_components_ == {"radiomics": 2, "deep": 2}


@pytest.mark.parametrize("data", ["table", "three_classes", "clinical_table"])
def test_contributions_are_folded_back_to_the_columns_and_add_up(data, request):
    given = request.getfixturevalue(data)
    X, y, groups = given if isinstance(given, tuple) else (given, *request.getfixturevalue("table")[1:])
    model = EarlyFusion().fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)


def test_clinical_columns_are_not_rotated(clinical_table, table):
    _, y, groups = table
    model = EarlyFusion(["radiomics", "clinical"]).fit(clinical_table, y, groups=groups)
    assert model.n_components_["clinical"] == 4  # age; sex: f, m, missing


def test_redundant_columns_leave_whatever_their_order():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6))
    X = np.column_stack([X, X[:, 0] + 0.1 * rng.normal(size=80), X[:, 1]])
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    order = rng.permutation(8)
    kept, kept_turned = distinct_columns(X), distinct_columns(X[:, order])
    assert len(kept) == 6
    assert np.abs(np.corrcoef(X[:, kept].T) - np.eye(6)).max() <= 0.9
    np.testing.assert_allclose(np.sort(X[0, kept]), np.sort(X[0, order[kept_turned]]))


def test_the_order_of_columns_in_a_block_changes_nothing(table):
    X, y, groups = table
    turned = X[X.columns[::-1]]
    one, other = (EarlyFusion(BLOCKS).fit(t, y, groups=groups) for t in (X, turned))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(turned), atol=1e-6)


def test_a_block_without_variance_has_no_component(table):
    X, y, _ = table
    model = EarlyFusion(["radiomics", "flat"]).fit(X.assign(flat__0=1.0), y)
    assert model.n_components_["flat"] == 0


def test_components_count_patients_not_cases(table):
    X, y, groups = table
    blocks = {"deep": np.arange(9, 39)}
    flags = np.zeros(X.shape[1], bool)
    by_case = BalancedPreparation(blocks=blocks, categorical=flags).fit(X.to_numpy(), y, np.arange(len(y)))
    by_patient = BalancedPreparation(blocks=blocks, categorical=flags)
    by_patient.fit(X.to_numpy(), y, np.unique(groups, return_inverse=True)[1])
    assert by_patient.n_components_["deep"] < by_case.n_components_["deep"]
