from __future__ import annotations

import numpy as np
import pytest
import torch

from hybridrad.features.deep.pooling import on_grid, pool_map

RNG = np.random.default_rng(0)
MAP = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)


def pooled(how, values=MAP, region=None):
    region = None if region is None else torch.from_numpy(region)
    return pool_map(torch.from_numpy(values), how=how, region=region).numpy()


def test_mean_and_maximum_are_those_of_numpy():
    np.testing.assert_allclose(pooled("mean"), MAP.mean(axis=(2, 3)), atol=1e-6)
    np.testing.assert_array_equal(pooled("max"), MAP.max(axis=(2, 3)))
    np.testing.assert_allclose(pooled("mean_max"), np.hstack([MAP.mean(axis=(2, 3)), MAP.max(axis=(2, 3))]), atol=1e-6)


def test_the_generalised_mean_is_the_cubic_one_of_what_is_positive():
    by_hand = [[np.mean([max(v, 1e-6) ** 3 for v in channel.ravel()]) ** (1 / 3) for channel in case] for case in MAP]
    np.testing.assert_allclose(pooled("gem"), by_hand, rtol=1e-5)


def test_the_generalised_mean_lies_between_mean_and_maximum():
    positive = np.abs(MAP)
    assert (pooled("mean", positive) < pooled("gem", positive)).all()
    assert (pooled("gem", positive) < pooled("max", positive)).all()


def test_a_masked_mean_weights_each_cell_by_the_share_that_the_region_covers():
    region = (RNG.random((2, 1, 8, 15)) < 0.4).astype(np.float32)
    by_hand = np.zeros((2, 3))
    for case in range(2):
        shares = [[region[case, 0, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3].mean() for j in range(5)] for i in range(4)]
        for channel in range(3):
            by_hand[case, channel] = (MAP[case, channel] * shares).sum() / np.sum(shares)
    np.testing.assert_allclose(pooled("masked_mean", region=region), by_hand, rtol=1e-5, atol=1e-6)


def test_a_region_of_one_pixel_keeps_the_cell_it_lies_in():
    region = np.zeros((2, 1, 400, 500), np.float32)
    region[:, :, 201, 399] = 1.0
    np.testing.assert_allclose(pooled("masked_mean", region=region), MAP[:, :, 2, 3], rtol=1e-6)


def test_a_region_everywhere_gives_the_plain_mean():
    whole = np.ones((2, 1, 7, 7), np.float32)
    np.testing.assert_allclose(pooled("masked_mean", region=whole), pooled("mean"), atol=1e-6)


def test_volumes_are_pooled_over_all_three_axes():
    values = RNG.normal(size=(1, 2, 2, 3, 3)).astype(np.float32)
    region = np.zeros((1, 1, 4, 6, 6), np.float32)
    region[0, 0, 3, 5, 0] = 1.0
    np.testing.assert_allclose(pooled("mean", values), values.mean(axis=(2, 3, 4)), atol=1e-6)
    np.testing.assert_allclose(pooled("masked_mean", values, region), values[:, :, 1, 2, 0], rtol=1e-6)


def test_pooling_does_not_stay_in_half_precision():
    values = torch.full((1, 1, 64, 64), 1.0, dtype=torch.bfloat16)
    values[0, 0, 0, 0] = 1.0078125
    assert pool_map(values, how="mean").dtype == torch.float32
    assert float(pool_map(values, how="mean")) == pytest.approx(1 + 0.0078125 / 4096, abs=1e-8)


def test_a_masked_mean_without_a_region_is_an_error():
    with pytest.raises(ValueError, match="region is missing"):
        pooled("masked_mean")


def test_the_shares_of_a_grid_add_up_to_the_area():
    region = torch.from_numpy((RNG.random((1, 1, 12, 12)) < 0.3).astype(np.float32))
    assert float(on_grid(region, (3, 4)).mean()) == pytest.approx(float(region.mean()))
