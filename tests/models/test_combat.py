from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from hybridrad.errors import RunError
from hybridrad.models.combat import ComBat

ORACLES = Path(__file__).parent / "oracles"
SETTINGS = {
    "eb": {},
    "mean_only": {"mean_only": True},
    "no_eb": {"empirical_bayes": False},
    "reference_b": {"reference": "b"},
    "reference_b_mean_only": {"reference": "b", "mean_only": True},
}


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_csv(ORACLES / "combat_data.csv")
    return table.drop(columns="site").to_numpy(), table["site"].to_numpy()


def theirs(setting: str) -> np.ndarray:
    fits = pd.read_csv(ORACLES / "combat_fits.csv")
    return fits[fits["setting"] == setting].drop(columns="setting").to_numpy()


@pytest.mark.parametrize("setting", SETTINGS)
def test_training_rows_come_out_as_from_neurocombat(setting, data):
    X, site = data
    np.testing.assert_allclose(ComBat(**SETTINGS[setting]).fit_transform(X, site=site), theirs(setting), atol=1e-10)


def test_the_published_stopping_rule_is_the_only_difference(data):
    X, site = data
    ours = ComBat().fit_transform(X, site=site)
    assert 1e-8 < np.abs(ours - theirs("published_stop")).max() < 1e-4


@pytest.mark.parametrize("setting", SETTINGS)
def test_new_cases_are_treated_as_the_training_cases_of_their_site(setting, data):
    X, site = data
    step = ComBat(**SETTINGS[setting]).fit(X, site=site)
    whole = step.transform(X, site=site)
    for i in (0, 20, 35):
        np.testing.assert_allclose(step.transform(X[[i]], site=site[[i]]), whole[[i]], atol=1e-12)


def test_one_site_is_left_as_it_is(data):
    X, _ = data
    np.testing.assert_allclose(ComBat().fit_transform(X, site=["a"] * len(X)), X, atol=1e-10)


def test_the_reference_site_is_left_as_it_is(data):
    X, site = data
    out = ComBat(reference="b").fit_transform(X, site=site)
    np.testing.assert_array_equal(out[site == "b"], X[site == "b"])


def test_labels_change_nothing(data):
    X, site = data
    y = (site == "a").astype(int)
    np.testing.assert_array_equal(ComBat().fit_transform(X, y, site=site), ComBat().fit_transform(X, site=site))


def test_an_unseen_site_is_refused_or_taken_as_the_reference(data):
    X, site = data
    known = site != "c"
    with pytest.raises(RunError, match="not in training") as caught:
        ComBat().fit(X[known], site=site[known]).transform(X, site=site)
    assert caught.value.code == "E_UNSEEN_SITE"
    step = ComBat(reference="a", unseen="reference").fit(X[known], site=site[known])
    out = step.transform(X, site=site)
    np.testing.assert_array_equal(out[~known], X[~known])
    assert not np.allclose(out[site == "b"], X[site == "b"])


def test_sites_are_looked_up_by_case_id(data):
    X, site = data
    table = pd.DataFrame(X, index=[f"c{i}" for i in range(len(X))], columns=[f"radiomics__{j}" for j in range(6)])
    by_case = dict(zip(table.index, site, strict=True))
    np.testing.assert_allclose(ComBat(by_case).fit_transform(table), theirs("eb"), atol=1e-10)
    shuffled = table.iloc[::-1]
    np.testing.assert_allclose(ComBat(by_case).fit(table).transform(shuffled)[::-1], theirs("eb"), atol=1e-10)
    with pytest.raises(ValueError, match="first 'c0'"):
        ComBat({"c1": "a"}).fit(table)
    with pytest.raises(ValueError, match="by case id"):
        ComBat(by_case).fit(X)


def test_sites_are_routed_through_pipelines(data):
    X, site = data
    y = np.arange(len(X)) % 2
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(ComBat(), LogisticRegression()).fit(X, y, site=site)
        scores = pipeline.decision_function(X, site=site)
    direct = LogisticRegression().fit(ComBat().fit_transform(X, site=site), y)
    np.testing.assert_allclose(scores, direct.decision_function(theirs("eb")), atol=1e-6)


def test_blocks_have_priors_of_their_own_and_other_columns_are_left_alone(data):
    X, site = data
    names = [f"radiomics__{j}" for j in range(3)] + [f"deep__{j}" for j in range(3)]
    table = pd.DataFrame(X, columns=names).assign(size__ml=np.arange(36.0))
    out = ComBat(blocks=["radiomics", "deep"]).fit_transform(table, site=site)
    np.testing.assert_allclose(out[:, :3], ComBat().fit_transform(X[:, :3], site=site))
    np.testing.assert_allclose(out[:, 3:6], ComBat().fit_transform(X[:, 3:], site=site))
    np.testing.assert_array_equal(out[:, 6], np.arange(36.0))


def test_gaps_and_constant_columns_stay_and_do_not_spoil_the_rest(data):
    X, site = data
    X = np.column_stack([X, np.full(36, 0.1)])
    holes = X.copy()
    holes[3, 0], holes[site == "c", 1] = np.nan, np.nan
    out = ComBat().fit_transform(holes, site=site)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(holes))
    np.testing.assert_array_equal(out[:, 6], X[:, 6])
    for column in (0, 2, 3):
        means = [np.nanmean(out[site == s, column]) for s in "abc"]
        assert np.ptp(means) < 0.5 * np.ptp([X[site == s, column].mean() for s in "abc"])


def test_a_single_column_is_not_shrunk(data):
    X, site = data
    alone = ComBat().fit_transform(X[:, :1], site=site)
    np.testing.assert_allclose(alone, theirs("no_eb")[:, :1], atol=1e-10)


def test_a_site_with_one_case_needs_mean_only(data):
    X, site = data
    lonely = np.where(np.arange(36) == 0, "d", site)
    with pytest.raises(ValueError, match="'d' has a single training case"):
        ComBat().fit(X, site=lonely)
    assert np.isfinite(ComBat(mean_only=True).fit_transform(X, site=lonely)).all()


def test_without_sites_it_warns_and_changes_nothing(data):
    X, site = data
    with pytest.warns(UserWarning, match="no sites"):
        step = ComBat().fit(X)
    np.testing.assert_array_equal(step.transform(X), X)
    with pytest.raises(ValueError, match="not to transform"):
        step.transform(X, site=site)


@pytest.mark.parametrize(
    ("options", "site", "message"),
    [
        ({"unseen": "reference"}, None, "needs reference"),
        ({"reference": "z"}, None, "not one of the training sites"),
        ({"unseen": "guess"}, None, "unseen"),
        ({}, ["a", None] * 18, "one site per case"),
        ({}, ["a", "b"], "one site per case"),
    ],
)
def test_wrong_settings_are_refused(options, site, message, data):
    X, sites = data
    with pytest.raises(ValueError, match=message):
        ComBat(**options).fit(X, site=sites if site is None else site)


@pytest.fixture(scope="module", name="preserving")
def data_with_covariates() -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    table = pd.read_csv(ORACLES / "combat_covariates.csv")
    table.index = pd.Index([f"c{i:02d}" for i in range(len(table))], name="case_id")
    return table[[f"f{j}" for j in range(6)]], table["site"].to_numpy(), table[["age", "sex", "stage"]]


@pytest.mark.parametrize("setting", ["eb", "mean_only", "no_eb", "reference_b"])
def test_with_covariates_training_rows_come_out_as_from_neurocombat(setting, preserving):
    X, site, covariates = preserving
    fits = pd.read_csv(ORACLES / "combat_covariate_fits.csv")
    wanted = fits[fits["setting"] == setting].drop(columns="setting").to_numpy()
    step = ComBat(covariates=covariates, **SETTINGS[setting])
    np.testing.assert_allclose(step.fit_transform(X, site=site), wanted, atol=1e-10)


def test_a_new_case_keeps_what_its_own_covariates_say(preserving):
    X, site, covariates = preserving
    step = ComBat(covariates=covariates).fit(X, site=site)
    whole = step.transform(X, site=site)
    np.testing.assert_allclose(step.transform(X.iloc[[30]], site=site[[30]]), whole[[30]], atol=1e-12)


def test_an_age_difference_between_sites_stays_when_age_is_preserved():
    rng = np.random.default_rng(0)
    site = np.repeat(["a", "b"], 200)
    age = rng.normal(size=400) * 5 + 10 * (site == "b")
    X = pd.DataFrame(age[:, None] + rng.normal(size=(400, 3)) + 4 * (site == "b")[:, None]).add_prefix("f")
    gap = {
        name: np.diff([ComBat(covariates=given).fit_transform(X, site=site)[site == s].mean() for s in "ab"])[0]
        for name, given in {"plain": None, "age": pd.DataFrame({"age": age})}.items()
    }
    assert gap["plain"] == pytest.approx(0, abs=0.2)
    assert gap["age"] == pytest.approx(10, abs=1)


def test_covariates_may_be_columns_of_the_table_and_are_left_alone(preserving):
    X, site, covariates = preserving
    table = X.add_prefix("radiomics__").assign(clinical__age=covariates["age"].astype(float))
    out = ComBat(covariates=["clinical__age"]).fit_transform(table, site=site)
    np.testing.assert_array_equal(out[:, 6], table["clinical__age"])
    np.testing.assert_allclose(out[:, :6], ComBat(covariates=covariates[["age"]]).fit_transform(X, site=site))


def test_gaps_do_not_change_the_other_columns_when_covariates_are_preserved(preserving):
    X, site, covariates = preserving
    holes = X.copy()
    holes.iloc[4, 0] = np.nan
    step = ComBat(covariates=covariates, empirical_bayes=False)
    out, whole = step.fit_transform(holes, site=site), step.fit_transform(X, site=site)
    np.testing.assert_allclose(out[:, 1:], whole[:, 1:], atol=1e-10)
    without = np.arange(36) != 4
    alone = step.fit_transform(X[without], site=site[without])
    np.testing.assert_allclose(out[without, 0], alone[:, 0], atol=1e-10)


@pytest.mark.parametrize("y", [np.arange(36) % 2, np.array(["no", "yes"])[np.arange(36) % 2], np.arange(36) * 0.5])
def test_a_covariate_that_is_the_outcome_is_refused(y, preserving):
    X, site, covariates = preserving
    said = {"label": y, "renamed": pd.Series(y).map(lambda v: f"group {v}").to_numpy()}
    if y.dtype.kind == "f":
        said = {"label": y, "scaled": -3 * y + 1}
    for name, values in said.items():
        with pytest.raises(RunError, match=f"'{name}' is the outcome"):
            ComBat(covariates=covariates.assign(**{name: values})).fit(X, y, site=site)


def test_covariates_are_not_taken_for_the_outcome_by_chance(preserving):
    X, site, covariates = preserving
    rng = np.random.default_rng(1)
    all_different = covariates.assign(weight=rng.normal(size=36))
    for y in (np.arange(36) % 2, rng.normal(size=36)):
        assert np.isfinite(ComBat(covariates=all_different).fit(X, y, site=site).transform(X, site=site)).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.assign(age=t["age"].where(t.index != "c03")), RunError, "missing for 1 cases, the first 'c03'"),
        (lambda t: t.assign(scanner=[1.0] * 15 + [2.0] * 21), ValueError, "do not vary within sites"),
        (lambda t: t.assign(twice=2 * t["age"]), ValueError, "apart from each other"),
        (lambda t: t.iloc[1:], ValueError, "first 'c00'"),
        (lambda t: ["clinical__age"], ValueError, "no columns of the table"),
    ],
)
def test_covariates_that_cannot_be_preserved_are_refused(change, error, message, preserving):
    X, site, covariates = preserving
    with pytest.raises(error, match=message):
        ComBat(covariates=change(covariates)).fit(X, site=site)


def test_a_level_that_was_not_in_training_is_refused(preserving):
    X, site, covariates = preserving
    known = (covariates["stage"] != "III").to_numpy()
    step = ComBat(covariates=covariates).fit(X[known], site=site[known])
    with pytest.raises(RunError, match="'stage' is 'III'"):
        step.transform(X, site=site)
