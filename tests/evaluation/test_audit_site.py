from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from hybridrad.evaluation.audit_site import cramers_v, predictability, site_check


def cohort(*, shift, link, n=80, seed=0):
    """Features that know the site by ``shift``, and labels that go with it by ``link``."""
    rng = np.random.default_rng(seed)
    site = np.array(["north", "south"])[np.arange(n) % 4 // 2]
    north = site == "north"
    X = pd.DataFrame(rng.normal(size=(n, 12)) + shift * north[:, None])
    return X, (rng.random(n) < np.where(north, 0.5 + link, 0.5 - link)).astype(int), np.arange(n), site


def auc_by_refitting(values, site, patient_fold):
    """The slow, obvious twin: scikit-learn's ridge, fold by fold and site by site."""
    aucs = []
    for name in np.unique(site):
        score = np.zeros(len(site))
        for k in np.unique(patient_fold):
            train, test = patient_fold != k, patient_fold == k
            scaler = StandardScaler().fit(values[train])
            model = Ridge(alpha=values.shape[1]).fit(scaler.transform(values[train]), site[train] == name)
            score[test] = model.predict(scaler.transform(values[test]))
        aucs.append(roc_auc_score(site == name, score))
    return np.mean(aucs)


@pytest.mark.parametrize(
    ("shift", "link", "verdict"), [(1.0, 0.35, "fail"), (1.0, 0.0, "pass"), (0.0, 0.35, "pass"), (0.0, 0.0, "pass")]
)
def test_only_a_site_that_features_know_and_that_knows_the_label_confounds(shift, link, verdict):
    assert site_check(*cohort(shift=shift, link=link)).verdict == verdict


def test_honest_cohorts_are_accused_once_in_twenty_at_most():
    verdicts = [site_check(*cohort(shift=1.0, link=0.0, n=50, seed=s)).verdict for s in range(60)]
    assert verdicts.count("fail") <= 6  # binomial(60, 0.05): 6 or fewer with probability 0.97


def test_predictability_agrees_with_ridge_fitted_fold_by_fold():
    X, _, groups, site = cohort(shift=0.4, link=0.0)
    sites = np.stack([site, np.random.default_rng(0).permutation(site)])
    found = predictability(X.to_numpy(), sites, groups)
    fold = np.random.default_rng([0, 12]).permutation(80) % 5
    assert found == pytest.approx([auc_by_refitting(X.to_numpy(), s, fold) for s in sites])


def test_missing_values_and_small_sites_are_no_obstacle():
    X, y, groups, site = cohort(shift=1.0, link=0.35)
    X.iloc[::5, 3] = np.nan
    site = np.where(np.arange(80) < 4, "tiny", site)
    site = np.where((np.arange(80) >= 4) & (np.arange(80) < 8), "little", site)
    check = site_check(X, y, groups, site)
    assert check.verdict == "fail"
    assert check.message.startswith("3 sites")


@pytest.mark.parametrize("sites", [None, ["one"] * 80, [f"s{i}" for i in range(80)]])
def test_without_two_sites_it_cannot_be_judged(sites):
    X, y, groups, _ = cohort(shift=0.0, link=0.0)
    assert site_check(X, y, groups, sites).verdict == "cannot be judged"


def test_cramers_v_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    assert cramers_v(a, b) == pytest.approx(association(pd.crosstab(a, b).to_numpy(), method="cramer"))
    assert cramers_v(np.zeros(10), np.arange(10) % 2) == 0.0
