from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.evaluation.audit_surrogates import (
    LOUD,
    noise_like,
    one_label_each,
    patient_noise,
    permuted_labels,
    site_scaled_noise,
)

PATIENTS = np.repeat([f"p{i}" for i in range(30)], np.arange(30) % 3 + 1)
LABEL_OF_PATIENT = np.array(["no", "yes"])[np.arange(30) % 2]
LABELS = np.repeat(LABEL_OF_PATIENT, np.arange(30) % 3 + 1)


def rng(seed=0):
    return np.random.default_rng(seed)


def mixed_table(n=40):
    return pd.DataFrame(
        {
            "value": rng().lognormal(size=n),
            "count": np.arange(n),
            "sex": np.array(["f", "m"], dtype=object)[np.arange(n) % 2],
            "missing": np.where(np.arange(n) % 4, rng(1).normal(size=n), np.nan),
        },
        index=pd.Index([f"c{i:02d}" for i in range(n)], name="case_id"),
    )


# ---- labels ----


def test_labels_move_between_patients_as_a_whole():
    labels, stratum = permuted_labels(LABELS, PATIENTS, rng())
    assert one_label_each(labels, PATIENTS)
    of_patient = pd.Series(labels).groupby(PATIENTS).first()
    assert sorted(of_patient) == sorted(LABEL_OF_PATIENT)
    assert (stratum == 0).all()
    assert (labels != LABELS).any()


def test_every_patient_gets_every_label_equally_often():
    drawn = np.stack([permuted_labels(LABELS, PATIENTS, rng(s))[0] == "yes" for s in range(400)])
    assert np.abs(drawn.mean(axis=0) - 0.5).max() < 0.12


def test_labels_that_differ_within_a_patient_go_to_one_with_as_many_cases():
    y = np.where(np.arange(len(PATIENTS)) % 2, 1, 0)
    labels, stratum = permuted_labels(y, PATIENTS, rng())
    n_cases = pd.Series(y).groupby(PATIENTS).transform("size").to_numpy()
    assert np.array_equal(stratum, n_cases)
    for count in (1, 2, 3):
        sums = [pd.Series(v)[n_cases == count].groupby(PATIENTS[n_cases == count]).sum() for v in (y, labels)]
        assert sorted(sums[0]) == sorted(sums[1])


@pytest.mark.parametrize("mixed", [False, True])
def test_labels_stay_within_their_stratum(mixed):
    groups, site = np.repeat(np.arange(40), 2), np.repeat(np.arange(40) % 4 // 3, 2)
    y = np.arange(80) % 2 if mixed else groups // 4 % 2
    labels, stratum = permuted_labels(y, groups, rng(), strata=site)
    assert not np.array_equal(labels, y)
    for name in (0, 1):
        assert labels[site == name].sum() == y[site == name].sum()
        assert not set(stratum[site == name]) & set(stratum[site != name])


def test_a_patient_in_two_strata_is_refused():
    with pytest.raises(ValueError, match="patient b has cases in several strata"):
        permuted_labels(np.array([0, 1, 1]), np.array(["a", "b", "b"]), rng(), strata=np.array([0, 0, 1]))


def test_a_patient_like_no_other_keeps_its_labels_and_is_left_out():
    groups = np.array(["a", "a", "a", "b", "b", "c", "c"])
    labels, stratum = permuted_labels(np.array([0, 1, 1, 0, 1, 1, 1]), groups, rng())
    assert labels[:3].sum() == 2
    assert stratum.tolist() == [-1, -1, -1, 2, 2, 2, 2]


# ---- noise ----


def test_noise_keeps_values_types_names_and_missing_cells_of_each_column():
    table = mixed_table()
    noise = noise_like(table, rng())
    assert noise.dtypes.equals(table.dtypes)
    assert noise.index.equals(table.index)
    for name in table:
        assert sorted(noise[name].dropna()) == sorted(table[name].dropna())
    assert (noise["count"] != table["count"]).sum() > 30


def test_columns_are_permuted_independently_and_know_nothing_of_the_case():
    X = np.repeat(np.arange(500.0)[:, None], 2, axis=1)
    noise = noise_like(X, rng())
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.15
    assert abs(np.corrcoef(noise[:, 0], X[:, 0])[0, 1]) < 0.15


@pytest.mark.parametrize("as_frame", [True, False])
def test_equal_rows_stay_equal_and_different_ones_different(as_frame):
    X = np.vstack([rng().normal(size=(20, 6)), rng().normal(size=(5, 6))[:5]])
    noise = np.asarray(noise_like(pd.DataFrame(X) if as_frame else X, rng(1)))
    assert np.array_equal(noise[:5], noise[20:])
    assert len(np.unique(noise, axis=0)) == 20


def test_columns_to_be_kept_stay():
    table = mixed_table()
    noise = noise_like(table, rng(), keep=["sex"])
    assert noise["sex"].equals(table["sex"])
    assert not noise["value"].equals(table["value"])


def test_stacks_of_images_keep_their_shape_and_type():
    images = rng().integers(0, 255, size=(12, 4, 5)).astype(np.uint8)
    for noise in (noise_like(images, rng()), patient_noise(images, np.arange(12) // 2, rng())):
        assert noise.shape == images.shape
        assert noise.dtype == np.uint8


def test_noise_of_patients_is_alike_within_and_unlike_between_them():
    table = mixed_table()
    groups = np.arange(40) // 4
    noise = patient_noise(table, groups, rng())
    within = noise["value"].groupby(groups).std().max()
    assert 0 < within < 0.01 * noise["value"].std()
    assert noise["sex"].groupby(groups).nunique().max() == 1
    assert noise["value"].round(1).nunique() > 5


def test_half_of_the_sites_are_loud_and_all_values_positive():
    sites = np.repeat(list("abcd"), [40, 30, 20, 10])
    table = pd.concat([mixed_table(50), mixed_table(50)]).reset_index(drop=True).assign(site=sites)
    noise, quiet = site_scaled_noise(table, sites, rng(), keep=["site"])
    assert set(sites[quiet]) == {"a", "c"}
    ratio = noise["value"][~quiet].std() / noise["value"][quiet].std()
    assert 0.7 * LOUD < ratio < 1.4 * LOUD
    assert (noise[["value", "count", "missing"]] > 0).all(axis=None)
    assert noise["site"].equals(table["site"])
