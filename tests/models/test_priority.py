from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from hybridrad.models.block_model import BlockModel
from hybridrad.models.preparation import ColumnPreparation
from hybridrad.models.priority import PriorityFusion
from hybridrad.models.ridge_logistic import log_loss, ridge_logistic_path
from hybridrad.models.ridge_path import fit_ridge

BLOCKS = ["size", "radiomics", "deep"]
ORACLES = Path(__file__).parent / "oracles"


def test_the_ridge_with_an_offset_is_that_of_glmnet():
    data, theirs = (pd.read_csv(ORACLES / f"glmnet_{name}.csv") for name in ("data", "fits"))
    X, y = data.filter(like="X").to_numpy(), data["y"].to_numpy()
    design = ColumnPreparation(categorical=np.zeros(7, bool), log=np.zeros(7, bool)).fit(X).scaled(X)
    path = ridge_logistic_path(design, y, n_classes=2, penalties=[0.5], offset=data["offset"].to_numpy())
    np.testing.assert_allclose(design @ path.coefs[0, :, 0] + path.intercepts[0, 0], theirs["with_offset"], atol=1e-6)


def test_the_multinomial_ridge_with_an_offset_is_the_optimum_found_slowly():
    rng = np.random.default_rng(0)
    X, y, offset = rng.normal(size=(50, 3)), rng.integers(0, 3, 50), rng.normal(size=(50, 3))

    def objective(free: np.ndarray) -> float:
        eta = X @ free[:9].reshape(3, 3) + free[9:] + offset
        return float(-2.0 * log_softmax(eta, axis=1)[np.arange(50), y].sum() + 0.5 * np.sum(free[:9] ** 2))

    slow = minimize(objective, np.zeros(12), options={"gtol": 1e-7}).x
    path = ridge_logistic_path(X, y, n_classes=3, penalties=[2.0], offset=offset)
    np.testing.assert_allclose(path.coefs[0], slow[:9].reshape(3, 3), atol=1e-5)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_contributions_add_up_and_blocks_left_out_add_nothing(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(BLOCKS, se_factor=1.0).fit(X, y, groups=groups)
    shap = model.shap_values(X)
    np.testing.assert_allclose(shap.sum(axis=1) + model.expected_logit_, model.decision_function(X), atol=1e-8)
    for block in model.steps_.index[~model.steps_["kept"]]:
        assert not shap[:, model.blocks_[block]].any()
        assert any(f"Block {block} was left out" in text for text in model.findings_)


def test_each_step_starts_where_the_one_before_ended(table):
    X, y, groups = table
    model = PriorityFusion(BLOCKS, se_factor=0.0).fit(X, y, groups=groups)
    steps = model.steps_
    assert list(steps.index) == BLOCKS
    np.testing.assert_allclose(steps["gain"], steps["loss_before"] - steps["loss_after"])
    after = np.where(steps["kept"], steps["loss_after"], steps["loss_before"])
    np.testing.assert_allclose(steps["loss_before"].iloc[1:], after[:-1])
    assert log_loss(model.oof_logits_, y) == pytest.approx(after[-1])
    assert steps["loss_before"].iloc[0] == pytest.approx(-np.mean(np.log(np.where(y, y.mean(), 1 - y.mean()))))


OFFSETS = ["stacked", "nested"]


@pytest.mark.parametrize("data", ["table", "three_classes", "few_of_one_class"])
def test_a_later_block_is_the_ridge_on_top_of_the_first_from_the_level_that_this_would_take(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(["deep", "radiomics"]).fit(X, y, groups=groups)
    first, later = BlockModel("deep").fit(X, y, groups=groups), model.fits_["radiomics"]
    design, n_outputs = later.preparation.scaled(X.filter(like="radiomics__").to_numpy()), later.coef.shape[1]
    known = first.oof_logits_.reshape(len(y), n_outputs)

    def loss(added: np.ndarray) -> float:
        return len(y) * log_loss((known + added).squeeze(), y)

    def objective(flat: np.ndarray) -> float:
        free = flat.reshape(-1, n_outputs)
        return loss(design @ free[:-1] + free[-1]) + 0.5 / later.penalty * np.sum(free[:-1] ** 2)

    slow = minimize(objective, np.zeros(later.coef.size + n_outputs), options={"gtol": 1e-6}).x.reshape(-1, n_outputs)
    level = slow[-1] - minimize(loss, np.zeros(n_outputs), options={"gtol": 1e-6}).x
    np.testing.assert_allclose(later.coef, slow[:-1], atol=1e-4)
    np.testing.assert_allclose(later.intercept, level - (level.mean() if n_outputs > 1 else 0.0), atol=1e-4)


@pytest.fixture(name="few_of_one_class")
def a_third_are_positive(make_table):
    X, y, groups = make_table(80, seed=3)
    kept = (y == 0) | (groups.astype(int) % 4 == 1)
    return X[kept], y[kept], groups[kept]


def several_cases_of_few_patients(seed: int, shift: float) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return 90 cases of 30 patients, a first block that tells a little and a second one that tells ``shift``."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(30), 3)
    y = rng.integers(0, 2, 90)
    X = pd.DataFrame(rng.normal(size=(90, 6)), columns=["size__ml", *(f"radiomics__{i}" for i in range(5))])
    X["size__ml"] = np.exp(X["size__ml"] + 0.5 * y)
    X["radiomics__0"] += shift * y
    return X, y, groups


@pytest.mark.parametrize("offsets", OFFSETS)
def test_a_later_block_that_tells_something_is_kept(offsets):
    kept = []
    for seed in range(20):
        X, y, groups = several_cases_of_few_patients(seed, 0.6)
        kept.append(PriorityFusion(offsets=offsets).fit(X, y, groups=groups).steps_["kept"]["radiomics"])
    assert np.mean(kept) > 0.7


@pytest.mark.parametrize("offsets", OFFSETS)
def test_a_later_block_that_tells_nothing_costs_nothing(offsets):
    gains = []
    for seed in range(20):
        X, y, groups = several_cases_of_few_patients(seed, 0.0)
        gains.append(PriorityFusion(offsets=offsets).fit(X, y, groups=groups).steps_["gain"]["radiomics"])
    assert abs(np.median(gains)) < 0.005  # an intercept learned from out-of-fold logits lowers it by 0.02


@pytest.mark.parametrize(("data", "offsets"), list(product(["table", "three_classes"], OFFSETS)))
def test_training_cases_without_the_first_block_are_answered_as_new_ones_are(data, offsets, request):
    X, y, groups = request.getfixturevalue(data)
    holes = X.copy()
    holes.loc[holes.index[:10], list(X.filter(like="radiomics__"))] = np.nan
    model = PriorityFusion(["radiomics", "deep"], se_factor=1e9, offsets=offsets).fit(holes, y, groups=groups)
    for train, test in model._start(holes, y, groups, blocks=["radiomics", "deep"]).folds:
        of_fold = fit_ridge(
            holes.filter(like="radiomics__").to_numpy()[train],
            y[train],
            np.arange(len(train)),
            n_classes=len(np.unique(y)),
            folds=[],
            preparation=ColumnPreparation(categorical=np.zeros(8, bool), log=np.zeros(8, bool)),
            penalties=[model.fits_["radiomics"].fit_.penalty],
        )
        for case in test[test < 10]:
            np.testing.assert_allclose(np.atleast_1d(model.oof_logits_[case]), of_fold.expected_logit)
    for answer in model.decision_function(holes)[:10]:
        np.testing.assert_allclose(answer, model.expected_logit_)
    assert model.steps_["loss_after"].iloc[0] == pytest.approx(log_loss(model.oof_logits_, y))


def test_the_first_block_is_its_block_model_and_stays(table):
    X, y, groups = table
    model = PriorityFusion(["size", "deep"], se_factor=1e9).fit(X, y, groups=groups)
    alone = BlockModel("size").fit(X, y, groups=groups)
    assert model.steps_["kept"].tolist() == [True, False]
    np.testing.assert_array_equal(model.decision_function(X), alone.decision_function(X))


def test_a_block_given_again_adds_nothing(table):
    X, y, groups = table
    columns = list(X.filter(like="radiomics__"))
    model = PriorityFusion({"radiomics": columns, "again": columns}, se_factor=1.0).fit(X, y, groups=groups)
    assert not model.steps_["kept"]["again"]


def test_without_a_list_cheap_blocks_come_first_and_others_last(table, clinical_table):
    _, y, groups = table
    X = clinical_table.assign(adc__0=0.0)
    model = PriorityFusion().fit(X, y, groups=groups)
    assert list(model.steps_.index) == ["clinical", "size", "radiomics", "deep", "adc"]


def test_noise_is_seldom_kept(make_table):
    kept = []
    for seed in range(20):
        X, y, groups = make_table(40, seed=seed)
        X = X.assign(noise__0=np.random.default_rng(seed).normal(size=len(X)))
        model = PriorityFusion(["radiomics", "noise"], se_factor=1.0).fit(X, y, groups=groups)
        kept.append(model.steps_["kept"]["noise"])
    assert np.mean(kept) <= 0.25


def test_standard_errors_count_patients(table):
    X, y, groups = table
    twice = X.iloc[np.arange(len(X)).repeat(2)]
    model = PriorityFusion(BLOCKS)
    once = model.fit(X, y, groups=groups).steps_["se"].iloc[0]
    again = model.fit(twice, y.repeat(2), groups=groups.repeat(2)).steps_["se"].iloc[0]
    assert again == pytest.approx(once, rel=0.2)


def test_a_negative_factor_is_refused(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="se_factor"):
        PriorityFusion(BLOCKS, se_factor=-1.0).fit(X, y)


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_stages_begin_with_the_first_block_and_end_with_the_model(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(BLOCKS).fit(X, y, groups=groups)
    staged = model.staged_predict_proba(X)
    assert list(staged) == BLOCKS
    alone = BlockModel("size").fit(X, y, groups=groups)
    np.testing.assert_allclose(staged["size"], alone.predict_proba(X))
    np.testing.assert_allclose(staged["deep"], model.predict_proba(X))


@pytest.mark.parametrize("data", ["table", "three_classes"])
def test_with_nested_offsets_contributions_still_add_up_and_steps_still_chain(data, request):
    X, y, groups = request.getfixturevalue(data)
    model = PriorityFusion(BLOCKS, offsets="nested").fit(X, y, groups=groups)
    total = model.shap_values(X).sum(axis=1) + model.expected_logit_
    np.testing.assert_allclose(total, model.decision_function(X), atol=1e-8)
    steps = model.steps_
    after = np.where(steps["kept"], steps["loss_after"], steps["loss_before"])
    np.testing.assert_allclose(steps["loss_before"].iloc[1:], after[:-1])


def test_a_single_block_has_no_offsets_to_nest(table):
    X, y, groups = table
    fits = [PriorityFusion(BLOCKS[:1], offsets=o).fit(X, y, groups=groups) for o in ("nested", "stacked")]
    np.testing.assert_array_equal(fits[0].decision_function(X), fits[1].decision_function(X))


def test_a_cohort_too_small_for_nested_offsets_says_so():
    rng = np.random.default_rng(0)
    y = np.array([0, 1, 0, 1, 0, 0, 0, 0])
    X = pd.DataFrame({"size__ml": rng.normal(size=8), "deep__0": rng.normal(size=8)})
    model = PriorityFusion(offsets="nested", inner=2).fit(X, y)
    assert model.findings_[0].startswith("Offsets are stacked, not nested")
    stacked = PriorityFusion(offsets="stacked", inner=2).fit(X, y)
    np.testing.assert_array_equal(model.decision_function(X), stacked.decision_function(X))
