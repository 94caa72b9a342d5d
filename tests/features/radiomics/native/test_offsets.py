from __future__ import annotations

import itertools

import numpy as np
import pytest

from hybridrad.features.radiomics.native.offsets import both_ways, one_way


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 4, 9), (3, 1, 2), (2, 2, 2)])
@pytest.mark.parametrize("distances", [[1], [2], [1, 2], [3, 1], [1, 1]])
@pytest.mark.parametrize("flat_axis", [None, 0, 1, 2])
@pytest.mark.parametrize("both", [True, False])
def test_offsets_and_their_order_are_those_of_pyradiomics(shape, distances, flat_axis, both):
    matrices = pytest.importorskip("radiomics").cMatrices
    arguments = (np.array(shape), np.array(distances), int(both), flat_axis is not None, flat_axis or 0)
    ours = both_ways if both else one_way
    try:
        expected = matrices.generate_angles(*arguments)
    except RuntimeError:
        with pytest.raises(ValueError, match="no two voxels"):
            ours(shape, distances, flat_axis=flat_axis)
    else:
        assert ours(shape, distances, flat_axis=flat_axis).tolist() == expected.tolist()


def test_all_neighbours_at_a_distance_and_no_others():
    found = {tuple(offset) for offset in both_ways((9, 9, 9), [2]).tolist()}
    every = itertools.product(range(-2, 3), repeat=3)
    assert found == {offset for offset in every if max(map(abs, offset)) == 2}


def test_one_way_has_each_direction_once():
    half, full = one_way((9, 9, 9), [1, 2]), both_ways((9, 9, 9), [1, 2])
    assert {tuple(o) for o in half.tolist()} | {tuple(o) for o in (-half).tolist()} == {tuple(o) for o in full.tolist()}
    assert 2 * len(half) == len(full)


def test_offsets_are_handed_out_read_only():
    with pytest.raises(ValueError, match="read-only"):
        one_way((5, 5, 5), [1])[0] = 7


def test_distances_below_one_are_refused():
    with pytest.raises(ValueError, match="1 or more"):
        one_way((5, 5, 5), [0])
