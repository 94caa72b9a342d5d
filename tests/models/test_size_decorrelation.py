from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hybridrad.models.size_decorrelation import SizeDecorrelation


def test_what_is_left_has_no_relation_to_log_size_in_training(clinical_table):
    X = clinical_table.drop(columns="clinical__sex")
    X["radiomics__r0"] += 3.0 * np.log(X["size__volume_ml"])
    out = SizeDecorrelation().set_output(transform="pandas").fit_transform(X)
    log_size = np.log(X["size__volume_ml"])
    changed = X.columns[X.columns.str.startswith(("radiomics__", "deep__"))]
    assert max(abs(np.corrcoef(log_size, out[c])[0, 1]) for c in changed) < 1e-10
    for column in ("size__volume_ml", "clinical__age"):
        pd.testing.assert_series_equal(out[column], X[column])
    np.testing.assert_allclose(out[changed].mean(), X[changed].mean())


def test_it_is_the_regression_of_the_training_rows():
    rng = np.random.default_rng(0)
    size = np.exp(rng.normal(size=40))
    x = 2.0 * np.log(size) + rng.normal(size=40)
    step = SizeDecorrelation(size=0).fit(np.column_stack([size, x])[:30])
    slope, _ = np.polyfit(np.log(size[:30]), x[:30], 1)
    expected = x - slope * (np.log(size) - np.log(size[:30]).mean())
    np.testing.assert_allclose(step.transform(np.column_stack([size, x]))[:, 1], expected)


def test_gaps_stay_and_do_not_spoil_the_rest():
    rng = np.random.default_rng(1)
    size = np.exp(rng.normal(size=30))
    X = np.column_stack([size, np.log(size) + 0.1 * rng.normal(size=30), np.full(30, np.nan)])
    X[0, 1], X[1, 0] = np.nan, np.nan
    out = SizeDecorrelation(size=0).fit_transform(X)
    assert np.isnan(out[0, 1])
    assert np.isnan(out[:, 2]).all()
    assert out[1, 1] == X[1, 1]
    left = out[2:, 1]
    assert abs(np.corrcoef(np.log(size[2:]), left)[0, 1]) < 0.1


def test_sizes_that_are_not_positive_enter_as_they_are_or_are_held():
    x = np.arange(6.0)
    assert not SizeDecorrelation(size=0).fit(np.column_stack([x, x])).logged_
    step = SizeDecorrelation(size=-2).fit(np.column_stack([x + 1, x]))
    assert step.logged_
    assert np.isfinite(step.transform([[0.0, 1.0]])).all()


def test_blocks_and_the_size_column_can_be_named(table):
    X, _, _ = table
    X = X.assign(size__area_mm2=X["size__volume_ml"] ** (2 / 3))
    step = SizeDecorrelation(size="size__area_mm2", blocks=["radiomics"]).fit(X)
    assert set(X.columns[step.slope_ != 0]) == set(X.filter(like="radiomics__"))


@pytest.mark.parametrize(("size", "message"), [(None, "2 columns of the block"), (99, "has 40 columns"), ("x", "x")])
def test_a_size_that_cannot_be_told_is_refused(table, size, message):
    X, _, _ = table
    with pytest.raises(ValueError, match=message):
        SizeDecorrelation(size=size).fit(X.assign(size__b=1.0))


def test_a_table_without_names_needs_the_position():
    with pytest.raises(ValueError, match="size=0"):
        SizeDecorrelation().fit(np.ones((3, 2)))
