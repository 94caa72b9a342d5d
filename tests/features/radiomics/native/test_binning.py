from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native.binning import bin_edges, grey_levels, level_volume
from hybridrad.features.radiomics.pyradiomics_import import import_pyradiomics

pytest.importorskip("hybridrad.features.radiomics._kernels")


def levels_of_pyradiomics(values, width, count):
    given_settings = {"binWidth": width} if count is None else {"binWidth": width, "binCount": count}
    operations = import_pyradiomics().imageoperations
    return operations.binImage(values, np.ones(values.shape, dtype=bool), **given_settings)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from(["u1", "i2", "i4", "f4", "f8"]),
    kind=st.sampled_from(["spread", "constant", "two", "on edges", "negative"]),
    width=st.sampled_from([25.0, 7.3, 0.1, 1.0, 100.0]),
    count=st.sampled_from([None, None, 1, 2, 16, 255]),
)
def test_levels_are_those_of_pyradiomics(seed, dtype, kind, width, count):
    pytest.importorskip("radiomics")
    rng, n = np.random.default_rng(seed), 60
    values = {
        "spread": lambda: rng.normal(100, 30, size=n),
        "constant": lambda: np.full(n, rng.normal(60, 30)),
        "two": lambda: rng.choice([3.0, 90.0], size=n),
        "on edges": lambda: width * rng.integers(0, 9, size=n),
        "negative": lambda: rng.normal(-100, 30, size=n),
    }[kind]()
    if dtype == "u1":
        values = values.clip(0, 255)
    values = values.astype(dtype)
    expected, edges = levels_of_pyradiomics(values, width, count)
    levels, largest = grey_levels(values, bin_width=width, bin_count=count)
    assert levels.tolist() == expected.tolist()
    assert largest == expected.max()
    assert bin_edges(values, bin_width=width, bin_count=count).tolist() == np.asarray(edges, dtype=float).tolist()


def test_levels_are_counted_by_looking_at_every_edge():
    rng = np.random.default_rng(0)
    values = rng.normal(size=500)
    edges = bin_edges(values, bin_width=0.25)
    levels, _ = grey_levels(values, bin_width=0.25)
    assert levels.tolist() == [sum(edge <= value for edge in edges) for value in values]


def test_a_bin_width_that_is_too_small_is_refused_before_the_memory_is_full():
    with pytest.raises(ValueError, match="bin edges"):
        grey_levels(np.array([0.0, 1e12]), bin_width=0.001)
    with pytest.raises(ValueError, match="finer than the rounding"):
        grey_levels(np.array([1e20, 1e20]), bin_width=25.0)


def test_a_volume_of_levels_is_0_outside():
    mask = np.array([[[True, False], [False, True]]])
    assert level_volume(mask, np.array([2, 5], dtype=np.int32)).tolist() == [[[2, 0], [0, 5]]]
