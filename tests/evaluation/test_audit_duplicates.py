from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hybridrad.evaluation.audit_duplicates import (
    closeness,
    exact_copies,
    near_duplicate_check,
    patients_across_folds,
    same_image_check,
)
from hybridrad.splits import make_splits


def cloud(n=120, p=30, rank=6, seed=0):
    """Correlated, skewed columns, as radiomics are."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        np.exp(rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p)) / 2 + rng.normal(size=(n, p)) / 4)
    )


def closeness_by_loops(scores, patient, k=10):
    """The slow, obvious twin."""
    ratios, nearest = [], []
    for i in range(len(scores)):
        distance = np.sqrt(((scores - scores[i]) ** 2).sum(axis=1))
        others = [p for p in np.unique(patient) if p != patient[i]]
        by_patient = sorted(distance[patient == p].min() for p in others)
        ratios.append(by_patient[0] / by_patient[k - 1])
        nearest.append(min((d, j) for j, d in enumerate(distance) if patient[j] != patient[i])[1])
    beta = stats.beta(1, k - 1)
    m = np.log(beta.median()) / np.log(np.median(ratios))
    return beta.cdf(np.array(ratios) ** m), np.array(nearest)


# ---- patients ----


def test_splits_by_patient_pass_and_splits_by_case_fail():
    y, patients = np.arange(40) % 2, np.array([f"p{i // 4}" for i in range(40)])
    ids = [f"c{i}" for i in range(40)]
    patient_of = pd.Series(patients, ids)
    by_case = make_splits(y, ids, n_folds=4, repeats=2, random_state=0, case_id=ids)
    by_patient = make_splits(y, patients, n_folds=4, repeats=2, random_state=0, case_id=ids)
    assert patients_across_folds(by_patient, patient_of).verdict == "pass"
    check = patients_across_folds(by_case, patient_of)
    assert (check.verdict, check.statistic) == ("fail", 10.0)


def test_a_case_of_nobody_cannot_be_judged():
    splits = make_splits([0, 0, 1, 1], list("abcd"), n_folds=2, repeats=1, random_state=0, case_id=list("wxyz"))
    assert patients_across_folds(splits, pd.Series(["p"], ["w"])).verdict == "cannot be judged"


# ---- the same file ----


def test_a_file_may_serve_several_cases_of_one_patient_only():
    digests = {"a": {"image": "1", "image:ADC": "2"}, "b": {"image": "1"}, "c": {"image": "3"}}
    assert same_image_check(digests, pd.Series(["p", "p", "q"], list("abc"))).verdict == "pass"
    check = same_image_check(digests, pd.Series(["p", "r", "q"], list("abc")))
    assert check.verdict == "fail"
    assert "a, b" in check.message


def test_without_hashes_nothing_can_be_said():
    assert same_image_check({}, pd.Series(["p"], ["a"])).verdict == "cannot be judged"


# ---- near-duplicates ----


def test_closeness_agrees_with_loops_over_all_pairs():
    scores, patient = np.random.default_rng(0).normal(size=(60, 5)), np.arange(60) // 2
    p_values, nearest = closeness(scores, patient)
    slow, who = closeness_by_loops(scores, patient)
    np.testing.assert_allclose(p_values, slow, rtol=1e-9)
    assert np.array_equal(nearest, who)


@pytest.mark.parametrize(("n", "dimension"), [(300, 3), (600, 8)])
def test_p_values_are_uniform_on_an_even_cloud(n, dimension):
    p_values, _ = closeness(np.random.default_rng(1).random((n, dimension)), np.arange(n))
    assert stats.kstest(p_values, "uniform").statistic < 0.12


def test_cohorts_without_copies_are_not_accused():
    assert all(near_duplicate_check(cloud(seed=s), np.arange(120)).verdict == "pass" for s in range(40))


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
def test_a_copy_with_a_little_noise_is_found(noise):
    X = cloud()
    X.iloc[70] = X.iloc[3] * (1 + noise * np.random.default_rng(0).normal(size=X.shape[1]))
    check = near_duplicate_check(X, np.arange(120))
    assert check.verdict == "fail"
    assert "rows 3 and 70" in check.message


def test_several_copies_of_one_case_are_found():
    X = cloud()
    X.iloc[[20, 40, 60, 80]] = X.iloc[[3]].to_numpy()
    assert near_duplicate_check(X, np.arange(120)).statistic == 5.0


def test_slices_of_a_patient_may_be_alike():
    X = cloud(60)
    alike = pd.concat([X, X * 1.0001], ignore_index=True)
    groups = np.tile(np.arange(60), 2)
    assert near_duplicate_check(alike, groups).verdict == "pass"
    groups[60] = 99  # the second slice of patient 0 under another name
    check = near_duplicate_check(alike, groups)
    assert "rows 0 and 60" in check.message


def test_copies_in_the_same_fold_do_no_harm():
    X = cloud()
    X.iloc[70] = X.iloc[3]
    fold = np.arange(120) % 5
    assert near_duplicate_check(X, np.arange(120), fold=fold).verdict == "fail" if fold[70] != fold[3] else "pass"
    fold[70] = fold[3]
    assert near_duplicate_check(X, np.arange(120), fold=fold).verdict == "pass"


def test_a_copy_in_one_of_several_blocks_is_found():
    X = cloud(p=20)
    X.iloc[70, :10] = X.iloc[3, :10]
    blocks = {"radiomics": list(X.columns[:10]), "deep": list(X.columns[10:])}
    assert near_duplicate_check(X, np.arange(120), blocks=blocks).verdict == "fail"


@pytest.mark.parametrize(
    ("table", "groups"),
    [
        (cloud(8), np.arange(8)),
        (cloud(p=3), np.arange(120)),
        (pd.DataFrame(np.random.default_rng(0).integers(0, 3, (120, 9))), np.arange(120)),
        (pd.DataFrame({"sex": ["f", "m"] * 60}), np.arange(120)),
    ],
)
def test_what_has_no_scale_of_distances_cannot_be_judged(table, groups):
    assert near_duplicate_check(table, groups).verdict == "cannot be judged"


@pytest.mark.parametrize("n_different", [60, 30, 4])
def test_a_cohort_that_consists_of_exact_copies_fails(n_different):
    X = pd.DataFrame(np.tile(cloud(n_different).to_numpy(), (120 // n_different, 1)))
    check = near_duplicate_check(X, np.arange(120))
    assert (check.verdict, check.statistic, check.p_value) == ("fail", 120.0, 0.0)
    assert check.message.startswith(f"rows 0 and {n_different} are exact copies of different patients (120 cases")


def test_exact_copies_agree_with_a_comparison_of_all_pairs():
    rng = np.random.default_rng(0)
    values, patient, fold = rng.integers(0, 3, (60, 3)).astype(float), np.arange(60) // 2, np.arange(60) // 4 % 5
    values[::9, 1] = np.nan
    same = [[np.array_equal(a, b, equal_nan=True) for b in values] for a in values]
    apart = (patient[:, None] != patient) & (fold[:, None] != fold)
    wanted = [(i, int(np.flatnonzero(row)[0])) for i, row in enumerate(np.array(same) & apart) if row.any()]
    assert exact_copies(values, patient, fold) == wanted


@pytest.mark.parametrize("noise", [1e-6, 1e-3, 1e-2])
def test_copies_are_found_where_most_cases_have_one(noise):
    X = cloud()
    X.iloc[60:] = X.iloc[:60].to_numpy() * (1 + noise * np.random.default_rng(0).normal(size=(60, X.shape[1])))
    assert near_duplicate_check(X, np.arange(120)).verdict == "fail"


def test_copies_of_few_patients_are_found_before_neighbours_are_counted():
    X = cloud(8)
    X.iloc[5] = X.iloc[2]
    assert "exact copies" in near_duplicate_check(X, np.arange(8)).message


def test_cases_that_lack_a_block_are_no_copies_of_each_other():
    X = cloud()
    X.iloc[[3, 50, 70], :] = np.nan
    assert near_duplicate_check(X, np.arange(120)).verdict == "pass"


def test_each_reason_not_to_judge_has_its_own_words():
    alike = pd.DataFrame(np.tile(cloud(60).to_numpy(), (2, 1)))
    words = {
        "8 patients are too few": (cloud(8), np.arange(8), None),
        "no 5 columns of different numbers": (cloud(p=3), np.arange(120), None),
        "most rows coincide": (alike, np.arange(120), np.tile(np.arange(60) % 5, 2)),
    }
    for reason, (table, groups, fold) in words.items():
        check = near_duplicate_check(table, groups, fold=fold)
        assert check.verdict == "cannot be judged"
        assert reason in check.message


def test_missing_values_and_constant_columns_do_not_disturb():
    X = cloud()
    X.iloc[::7, 2] = np.nan
    X["constant"] = 1.0
    assert near_duplicate_check(X, np.arange(120)).verdict == "pass"
