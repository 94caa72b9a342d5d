from __future__ import annotations

import numpy as np
import pytest

from hybridrad.features.radiomics.native.marching_cubes import triangles
from hybridrad.features.radiomics.native.shape import _surface

SPACINGS = [(1.0, 1.0, 1.0), (0.5, 1.7, 2.3), (3.1, 0.4, 0.9)]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_arrangement_has_the_surface_and_volume_of_pyradiomics(spacing):
    shape = pytest.importorskip("radiomics").cShape
    for number in range(256):
        cube = np.array([number >> k & 1 for k in range(8)], dtype=np.int8).reshape(2, 2, 2)
        count = np.zeros(256, dtype=np.int64)
        count[number] = 1
        found = _surface(count, np.zeros((256, 3), dtype=np.int64), np.array(spacing))
        area, volume, _ = shape.calculate_coefficients(cube, np.array(spacing))
        assert found == pytest.approx((area, volume), rel=1e-12, abs=1e-14)


def test_triangles_of_a_single_corner_and_its_complement_are_the_same_but_for_their_sense():
    arrangement, corners = triangles()
    one, rest = corners[arrangement == 1], corners[arrangement == 254]
    assert one.shape == rest.shape == (1, 3, 3)
    assert {tuple(c) for c in one[0]} == {tuple(c) for c in rest[0]}
    assert np.allclose(np.cross(*(one[0, 1:] - one[0, 0])), -np.cross(*(rest[0, 1:] - rest[0, 0])))


def test_a_ball_of_voxels_has_nearly_the_volume_of_a_ball():
    z, y, x = np.ogrid[-12:13, -12:13, -12:13]
    ball = np.pad(z**2 + y**2 + x**2 <= 100, 1)
    corners = [
        ball[a : a - 1 or None, b : b - 1 or None, c : c - 1 or None] for a in (0, 1) for b in (0, 1) for c in (0, 1)
    ]
    number = sum(corner.astype(int) << k for k, corner in enumerate(corners))
    count = np.bincount(number.ravel(), minlength=256)
    place = np.array([[np.sum(axis[number == k]) for axis in np.indices(number.shape)] for k in range(256)])
    _, volume = _surface(count, place, np.ones(3))
    assert volume == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)


def test_an_edge_is_crossed_halfway_and_no_arrangement_has_more_than_five_triangles():
    arrangement, corners = triangles()
    assert np.bincount(arrangement, minlength=256).max() == 5
    assert set(np.unique(corners)) == {0.0, 0.5, 1.0}
    assert ((corners == 0.5).sum(axis=2) == 1).all()
