from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.icc import icc_interval, intraclass_correlation
from hybridrad.models.icc_filter import ICCFilter

COLUMNS = ["radiomics__steady", "radiomics__shaky", "radiomics__flat"]


@pytest.fixture
def repeats() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    cases = pd.MultiIndex.from_product([[f"c{i:02d}" for i in range(30)], ["first", "second"]])
    truth = np.repeat(rng.normal(size=(30, 2)), 2, axis=0)
    values = truth + rng.normal(size=(60, 2)) * [0.1, 2.0]
    return pd.DataFrame(np.column_stack([values, np.ones(60)]), index=cases, columns=COLUMNS)


@pytest.fixture(name="X")
def first_extraction(repeats) -> pd.DataFrame:
    return repeats.xs("first", level=1)


def test_features_that_repeat_are_kept(repeats, X):
    step = ICCFilter(repeats=repeats).fit(X)
    assert step.get_feature_names_out().tolist() == COLUMNS[:1]
    cube = repeats[COLUMNS[0]].to_numpy().reshape(30, 2)
    assert step.icc_[0] == pytest.approx(float(intraclass_correlation(cube)))
    assert np.isnan(step.icc_[2])


def test_only_training_cases_are_used(repeats, X):
    train = X.iloc[:15]
    step = ICCFilter(repeats=repeats).fit(train)
    poisoned = repeats.copy()
    poisoned.loc[list(X.index[15:])] = 1e6
    np.testing.assert_array_equal(step.icc_, ICCFilter(repeats=poisoned).fit(train).icc_)
    assert step.n_repeated_ == 15
    assert ICCFilter(repeats=repeats, cases="all").fit(train).n_repeated_ == 30


def test_the_lower_limit_is_stricter(repeats, X):
    step = ICCFilter(repeats=repeats, use="lower", kind="3,1").fit(X)
    cube = repeats[COLUMNS[1]].to_numpy().reshape(30, 2)
    assert step.icc_[1] == pytest.approx(float(icc_interval(cube, kind="3,1")[0]))
    assert step.icc_[1] < ICCFilter(repeats=repeats, kind="3,1").fit(X).icc_[1]


def test_incomplete_cases_are_left_out_of_a_column(repeats, X):
    holes = repeats.copy()
    holes.iloc[0, 0] = np.nan
    kept = ICCFilter(repeats=holes.drop(("c05", "second"))).fit(X)
    complete = repeats.drop(["c00", "c05"], level=0)[COLUMNS[0]].to_numpy().reshape(28, 2)
    assert kept.icc_[0] == pytest.approx(float(intraclass_correlation(complete)))


def test_known_correlations_can_be_given(X):
    known = pd.Series([0.9, 0.8, 0.1], index=COLUMNS)
    assert ICCFilter(known, threshold=0.85).fit(X).get_support().tolist() == [True, False, False]
    for unknown, kept in [("keep", [True, True, True]), ("drop", [True, False, False])]:
        assert ICCFilter({COLUMNS[0]: 0.9}, unknown=unknown).fit(X).get_support().tolist() == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either icc or repeats"),
        ({"icc": {COLUMNS[0]: 0.9}}, "for 2 columns"),
        ({"icc": {COLUMNS[0]: 0.9}, "use": "lower"}, "needs repeats"),
        ({"icc": {COLUMNS[0]: 0.9}, "kind": "1,1"}, "kind"),
    ],
)
def test_wrong_settings_are_refused(X, options, message):
    with pytest.raises(ValueError, match=message):
        ICCFilter(**options).fit(X)


def test_repeats_that_do_not_belong_are_refused(repeats, X):
    with pytest.raises(ValueError, match="none of the training cases"):
        ICCFilter(repeats=repeats).fit(X.set_axis([f"other{i}" for i in range(30)]))
    with pytest.raises(ValueError, match="no case ids"):
        ICCFilter(repeats=repeats).fit(X.to_numpy())
    with pytest.raises(ValueError, match="two levels"):
        ICCFilter(repeats=X).fit(X)
    with pytest.raises(ValueError, match="fewer than two"):
        ICCFilter(repeats=repeats.iloc[:2]).fit(X)
