from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.shape import shape_2d_features, shape_features

pytest.importorskip("hybridrad.features.radiomics._kernels")
SPACING = (1.5, 0.7, 0.9)
SIDES = st.tuples(*[st.integers(1, 9)] * 3)


def masks(kind, shape, rng):
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return {
        "sparse": lambda: rng.random(shape) < 0.15,
        "holes": lambda: rng.random(shape) < 0.8,
        "full": lambda: np.ones(shape, dtype=bool),
        "diagonal plane": lambda: (z == y) & (x >= 0),
        "oblique plane": lambda: np.abs(z + 0.6 * y - 0.3 * x - 2) < 0.5,
        "one voxel": lambda: (z == 0) & (y == 0) & (x == 0),
    }[kind]()


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["sparse", "holes", "full", "diagonal plane", "oblique plane", "one voxel"]),
    shape=SIDES,
    equal=st.booleans(),
)
def test_features_are_those_of_pyradiomics(seed, kind, shape, equal, reference, assert_same, cropped):
    mask = masks(kind, shape, np.random.default_rng(seed))
    if not mask.any():
        return
    (mask,) = cropped(mask)
    spacing = (0.8, 0.8, 0.8) if equal else SPACING
    assert_same(shape_features(mask, spacing), reference("shape", mask.astype(np.uint8), mask, spacing))


@settings(deadline=None)
@given(
    seed=st.integers(0, 10**6), share=st.sampled_from([0.2, 0.6, 0.9, 1.0]), shape=st.tuples(*[st.integers(2, 12)] * 2)
)
def test_2d_features_are_those_of_pyradiomics(seed, share, shape, reference, assert_same, cropped):
    mask = np.random.default_rng(seed).random(shape) < share
    if mask.sum() < 2:
        return
    (mask,) = cropped(mask)
    assert_same(shape_2d_features(mask, SPACING[1:]), reference("shape2D", mask.astype(np.uint8), mask, SPACING[1:]))


def test_diameters_are_those_of_all_pairs_of_points():
    mask = np.random.default_rng(2).random((6, 7, 8)) < 0.3
    padded, points = np.pad(mask, 1), []
    for axis, offset in enumerate(np.eye(3, dtype=int)):
        for place in np.argwhere(padded != np.roll(padded, 1, axis=axis)):
            points.append((place - offset / 2) * SPACING)
    pairs = [(a - b, np.linalg.norm(a - b)) for a, b in itertools.combinations(points, 2)]
    expected = [max(length for d, length in pairs if d[axis] == 0) for axis in range(3)]
    found = load_kernels().shape_sums(mask.astype(np.uint8), *SPACING)["diameters"]
    assert found == pytest.approx([*expected, max(length for _, length in pairs)], rel=1e-14)


def test_moments_and_cubes_are_those_of_plain_loops():
    mask = np.random.default_rng(4).random((4, 5, 6)) < 0.5
    sums, padded = load_kernels().shape_sums(mask.astype(np.uint8), 1.0, 1.0, 1.0), np.pad(mask, 1)
    count, position = np.zeros(256, dtype=int), np.zeros((256, 3), dtype=int)
    for place in itertools.product(*(range(n - 1) for n in padded.shape)):
        corners = itertools.product(*((p, p + 1) for p in place))
        number = sum(int(padded[corner]) << k for k, corner in enumerate(corners))
        if 0 < number < 255:
            count[number] += 1
            position[number] += place
    assert sums["cubes"].tolist() == count.tolist()
    assert sums["cube_positions"].tolist() == position.tolist()
    zz, yy, xx, zy, zx, yx = sums["covariance"]
    expected = np.cov(np.argwhere(mask).T, ddof=0)
    np.testing.assert_allclose([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]], expected, rtol=1e-12, atol=1e-14)


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="empty"):
        shape_features(np.zeros((3, 3, 3), dtype=bool), SPACING)
