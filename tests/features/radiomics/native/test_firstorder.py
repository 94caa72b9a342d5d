from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native.binning import grey_levels
from hybridrad.features.radiomics.native.firstorder import first_order

pytest.importorskip("hybridrad.features.radiomics._kernels")
KINDS = ("normal", "skewed", "constant", "nearly constant", "two", "integers", "outlier", "large")


def intensities(kind, n, rng):
    return {
        "normal": lambda: rng.normal(size=n) * 60,
        "skewed": lambda: rng.exponential(size=n) * 1000,
        "constant": lambda: np.full(n, rng.normal()),
        "nearly constant": lambda: 1000 + rng.normal(size=n) * 1e-9,
        "two": lambda: rng.choice([-3.5, 90.0], size=n),
        "integers": lambda: rng.integers(-1000, 3000, size=n).astype(float),
        "outlier": lambda: np.append(rng.normal(size=n - 1), 1e9),
        "large": lambda: 1e6 + rng.integers(0, 3, size=n),
    }[kind]()


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS), n=st.integers(1, 300), shift=st.sampled_from([0, 1000]))
def test_features_are_those_of_pyradiomics(seed, kind, n, shift, reference, assert_same):
    values, spacing = intensities(kind, n, np.random.default_rng(seed)).reshape(1, 1, n), (1.5, 0.7, 0.9)
    width = max(25.0, float(np.ptp(values)) / 100)
    given_settings = {"bin_width": width, "voxel_array_shift": shift}
    levels, _ = grey_levels(values.ravel(), bin_width=width)
    found = first_order(values.ravel(), levels, voxel_volume=float(np.prod(spacing)), voxel_array_shift=shift)
    scale = float(np.abs(values).max())
    # Sums of deviations that cancel; fourth moments of an outlier.
    scales = {"Skewness": 1.0, "Mean": scale, "Range": scale, "InterquartileRange": scale, "Variance": 1e-6 * scale**2}
    expected = reference("firstorder", values, np.ones(values.shape, dtype=bool), spacing, given_settings)
    assert_same(found, expected, scales=scales)


def test_order_statistics_are_those_of_a_sorted_list():
    rng = np.random.default_rng(3)
    for values in (rng.normal(size=5000), rng.integers(0, 4, size=4097).astype(float), np.append(np.zeros(999), 1e300)):
        found = first_order(values, np.ones(len(values), dtype=np.int32), voxel_volume=1.0)
        assert found["Median"] == np.median(values)
        for name, share in (("10Percentile", 10), ("90Percentile", 90)):
            assert found[name] == np.percentile(values, share)


def test_no_intensities_and_intensities_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="empty"):
        first_order(np.array([]), np.array([], dtype=np.int32), voxel_volume=1.0)
    with pytest.raises(ValueError, match="finite"):
        first_order(np.array([1.0, np.nan]), np.array([1, 1], dtype=np.int32), voxel_volume=1.0)
