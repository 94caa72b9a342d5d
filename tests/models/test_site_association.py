from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest
from scipy.stats.contingency import association, crosstab

from hybridrad.models.site_association import site_label_association


@pytest.mark.parametrize("n_labels", [2, 3])
def test_v_is_that_of_scipy(n_labels):
    rng = np.random.default_rng(0)
    site = rng.choice(["a", "b", "c"], 90)
    y = (rng.integers(0, n_labels, 90) + (site == "a")) % n_labels
    found = site_label_association(site, y, n_permutations=10)
    assert found.cramers_v == pytest.approx(association(crosstab(site, y).count, method="cramer"))
    assert found.n_patients == 90


def test_p_is_close_to_the_chi_squared_test_where_counts_are_large():
    rng = np.random.default_rng(3)
    site = np.repeat(["a", "b"], 200)
    y = rng.random(400) < np.where(site == "a", 0.5, 0.58)
    theirs = chi2_contingency(crosstab(site, y).count, correction=False).pvalue
    assert site_label_association(site, y, n_permutations=1999).p_value == pytest.approx(theirs, abs=0.04)


def test_without_a_link_p_is_uniform_though_v_is_large():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(150):
        site, y = rng.choice(list("abcd"), 40), rng.integers(0, 2, 40)
        found.append(site_label_association(site, y, n_permutations=99, random_state=seed))
    assert np.mean([f.cramers_v > 0.3 for f in found]) > 0.1
    assert kstest([f.p_value for f in found], "uniform").pvalue > 0.01


def test_patients_are_permuted_not_cases():
    site = np.repeat(["a", "b"], 30)
    y = np.repeat([0, 1, 0, 1, 1, 1], 10)
    patients = np.arange(60) // 10
    by_patient = site_label_association(site, y, patients)
    assert by_patient.n_patients == 6
    assert by_patient.p_value > 0.2
    assert site_label_association(site, y).p_value < 0.05


@pytest.mark.parametrize(
    ("site", "y", "groups", "message"),
    [
        (["a"] * 4, [0, 1, 0, 1], None, "site holds one value"),
        (list("abab"), [1] * 4, None, "y holds one value"),
        (list("abab"), [0, 1, 0, 1], [1, 1, 2, 2], "several sites"),
        (list("abab"), [0, 1, 0], None, "values"),
    ],
)
def test_what_cannot_be_judged_is_refused(site, y, groups, message):
    with pytest.raises(ValueError, match=message):
        site_label_association(site, y, groups)
