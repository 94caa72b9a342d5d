"""One ridge with penalty factors of blocks, for values and for events in time: the same questions to both."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

import hybridrad as hr
from hybridrad.models.survival.partial_likelihood import PartialLikelihood
from tests.models.test_outcome_models import TASKS, model_of, outcome_table, quality

PAIR = ["radiomics", "deep"]


@pytest.mark.parametrize("task", TASKS)
def test_with_equal_factors_it_is_the_plain_ridge_on_all_columns(task):
    X, y, patient = outcome_table(task)
    fused = model_of("BlockPenalty", task)(PAIR, factors=dict.fromkeys(PAIR, 1.0)).fit(X, y, groups=patient)
    plain = model_of("Block", task)({"all": [*X.filter(regex="^(radiomics|deep)__")]}).fit(X, y, groups=patient)
    np.testing.assert_allclose(fused.predict(X), plain.predict(X), atol=1e-9)
    np.testing.assert_allclose(fused.oof_predictions_, plain.oof_predictions_, atol=1e-9)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("factor", "tolerance"), [(np.inf, 1e-9), (1e12, 1e-5)])
def test_a_block_with_an_endless_penalty_is_left_out(task, factor, tolerance):
    X, y, patient = outcome_table(task)
    fused = model_of("BlockPenalty", task)(PAIR, factors={"radiomics": 1.0, "deep": factor})
    alone = model_of("Block", task)("radiomics").fit(X, y, groups=patient)
    np.testing.assert_allclose(fused.fit(X, y, groups=patient).predict(X), alone.predict(X), atol=tolerance)
    assert np.abs(fused.shap_values(X)[:, 7:]).max() < tolerance


def prepared(model, X, block):
    """Return the scaled columns of a block, before the factor divides them."""
    return model.fit_.preparation.prepared_[block].scaled(X.filter(regex=f"^{block}__").to_numpy())


def test_factors_of_values_are_penalties_of_a_plain_ridge():
    X, y, patient = outcome_table("regression")
    model = hr.BlockPenaltyRegressor(PAIR, factors={"radiomics": 1.0, "deep": 16.0}).fit(X, y, groups=patient)
    parts = [prepared(model, X, block) for block in PAIR]
    # A ridge with a penalty matrix D is least squares with rows of its root below.
    root = np.sqrt(model.fit_.penalty * np.repeat([1.0, 16.0], [p.shape[1] for p in parts]))
    rows = np.vstack([np.hstack(parts), np.diag(root)])
    coef = np.linalg.lstsq(rows, np.concatenate([y - y.mean(), np.zeros(len(root))]))[0]
    np.testing.assert_allclose(model.predict(X), np.hstack(parts) @ coef + y.mean(), atol=1e-8)
    assert not np.allclose(coef, Ridge(alpha=model.fit_.penalty).fit(np.hstack(parts), y).coef_)


def test_factors_of_risks_are_penalties_of_the_partial_likelihood():
    X, y, patient = outcome_table("survival")
    model = hr.BlockPenaltySurvival(PAIR, factors={"radiomics": 1.0, "deep": 16.0}).fit(X, y, groups=patient)
    parts = [prepared(model, X, block) for block in PAIR]
    design, weights = np.hstack(parts), np.repeat([1.0, 16.0], [p.shape[1] for p in parts])
    likelihood = PartialLikelihood(y["event"], y["time"])

    def objective(coef: np.ndarray) -> tuple[float, np.ndarray]:
        penalty = model.fit_.penalty * weights * coef
        value = 0.5 * float(penalty @ coef) - likelihood.value(design @ coef)
        return value, penalty - design.T @ likelihood.gradient(design @ coef)

    slow = minimize(objective, np.zeros(design.shape[1]), jac=True, options={"gtol": 1e-8}).x
    np.testing.assert_allclose(model.predict(X), design @ slow, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_the_search_ends_where_no_single_change_is_better_and_shows_what_it_tried(task):
    X, y, patient = outcome_table(task)
    model = model_of("BlockPenalty", task)(PAIR).fit(X, y, groups=patient)
    assert (model.search_.loc[0, PAIR] == 1.0).all()
    chosen = model.search_[(model.search_[PAIR] == model.factors_).all(axis=1)]
    least = model.search_["inner_loss"].min()
    assert chosen["inner_loss"].item() == least == pytest.approx(model.fit_.inner_losses.min(), rel=1e-9)
    changed = [(*model.factors_.where(model.factors_.index != b, f),) for b in PAIR for f in (1.0, 4.0, 16.0, 64.0)]
    tried = {tuple(row) for row in model.search_[PAIR].to_numpy()}
    assert all(c in tried for c in changed if min(c) == 1.0)


@pytest.mark.parametrize("task", TASKS)
def test_the_order_of_blocks_changes_nothing(task):
    X, y, patient = outcome_table(task)
    one, other = (model_of("BlockPenalty", task)(b).fit(X, y, groups=patient) for b in (PAIR, PAIR[::-1]))
    np.testing.assert_allclose(one.factors_[PAIR], other.factors_[PAIR])
    np.testing.assert_allclose(one.predict(X), other.predict(X), atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_contributions_add_up_and_new_patients_are_ordered(task):
    X, y, patient = outcome_table(task)
    model = model_of("BlockPenalty", task)().fit(X, y, groups=patient)
    new, truth, _ = outcome_table(task, seed=7)
    total = model.shap_values(new).sum(axis=1) + model.expected_prediction_
    np.testing.assert_allclose(total, model.predict(new), atol=1e-8)
    assert quality(task, truth, model.predict(new)) > 0.4
    assert model.factors_["radiomics"] == 1.0


def test_the_unit_of_the_values_changes_no_factor():
    X, y, patient = outcome_table("regression")
    one, other = (hr.BlockPenaltyRegressor(PAIR).fit(X, t, groups=patient) for t in (y, 1000.0 * y - 3.0))
    np.testing.assert_array_equal(one.factors_, other.factors_)
    np.testing.assert_allclose(other.predict(X), 1000.0 * one.predict(X) - 3.0, rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("factors", "message"),
    [({"radiomic": 1.0, "deep": 1.0}, "Did you mean radiomics"), ({"deep": 1.0}, "has none"), ((0.0, 1.0), "positive")],
)
def test_wrong_factors_are_refused(task, factors, message):
    X, y, _ = outcome_table(task)
    with pytest.raises(ValueError, match=message):
        model_of("BlockPenalty", task)(PAIR, factors=factors).fit(X, y)
