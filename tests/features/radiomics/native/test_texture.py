"""Texture features against PyRadiomics, and the matrices behind them against plain loops."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.columns import FEATURES
from hybridrad.features.radiomics.native.binning import grey_levels, level_volume
from hybridrad.features.radiomics.native.kernels import load_kernels
from hybridrad.features.radiomics.native.offsets import both_ways, one_way
from hybridrad.features.radiomics.native.texture import TEXTURE_CLASSES, texture_features
from hybridrad.features.radiomics.settings import RadiomicsSettings

pytest.importorskip("hybridrad.features.radiomics._kernels")
SPACING = (1.5, 0.7, 0.9)
MASKS = {
    "sparse": lambda shape, rng: rng.random(shape) < 0.15,
    "holes": lambda shape, rng: rng.random(shape) < 0.8,
    "full": lambda shape, rng: np.ones(shape, dtype=bool),
    "one slice": lambda shape, rng: np.broadcast_to(
        (np.arange(shape[0]) == 0).reshape(-1, *[1] * (len(shape) - 1)), shape
    ),
    "two voxels": lambda shape, rng: np.isin(np.arange(np.prod(shape)).reshape(shape), [0, np.prod(shape) - 1]),
}
VALUES = {
    "many levels": lambda shape, rng: rng.normal(size=shape) * 1000,
    "some levels": lambda shape, rng: rng.normal(size=shape) * 60,
    "two levels": lambda shape, rng: rng.choice([-40.0, 70.0], size=shape),
    "constant": lambda shape, rng: np.full(shape, 33.0),
    "gaps": lambda shape, rng: rng.choice([0.0, 10.0, 900.0, 5000.0], size=shape),
}
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "bin_width": st.sampled_from([5.0, 25.0, 100.0]),
        "bin_count": st.integers(1, 40),
        "distances": st.sampled_from([[2], [1, 2], [3], [2, 1]]),
        "weighting_norm": st.sampled_from(["euclidean", "manhattan", "infinity", "no_weighting"]),
        "symmetrical_glcm": st.booleans(),
        "gldm_a": st.integers(0, 4),
    },
)


def in_force(**given_settings):
    return RadiomicsSettings(**given_settings).in_force("Original")


def compare(values, mask, spacing, wanted, reference, assert_same):
    """Compare all classes; where PyRadiomics finds no offset, so must we."""
    levels, n = grey_levels(values[mask], bin_width=wanted["bin_width"], bin_count=wanted["bin_count"])
    volume = level_volume(mask, levels)
    try:
        expected = {name: reference(name, values, mask, spacing, wanted) for name in TEXTURE_CLASSES}
    except RuntimeError:
        with pytest.raises(ValueError, match="no two voxels"):
            texture_features(volume, n, spacing_zyx=spacing, settings=wanted)
        return
    found = texture_features(volume, n, spacing_zyx=spacing, settings=wanted)
    for name in TEXTURE_CLASSES:
        # Sums of odd powers of level differences, which cancel.
        assert_same(found[name], expected[name], scales={"ClusterShade": float(n) ** 3})


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(*[st.integers(1, 8)] * 3),
    mask=st.sampled_from(sorted(MASKS)),
    values=st.sampled_from(sorted(VALUES)),
    wanted=SETTINGS,
    flat_axis=st.sampled_from([None, None, 0, 1, 2]),
)
def test_features_are_those_of_pyradiomics(
    seed, shape, mask, values, wanted, flat_axis, reference, assert_same, cropped
):
    rng = np.random.default_rng(seed)
    inside = MASKS[mask](shape, rng)
    if np.count_nonzero(inside) < 2:
        return
    inside, intensities = cropped(inside, VALUES[values](shape, rng))
    flat = {} if flat_axis is None else {"force_2d": True, "force_2d_dimension": flat_axis}
    compare(intensities, inside, SPACING, in_force(**wanted, **flat), reference, assert_same)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(*[st.integers(2, 12)] * 2),
    mask=st.sampled_from(sorted(MASKS)),
    values=st.sampled_from(sorted(VALUES)),
    wanted=SETTINGS,
)
def test_features_of_2d_images_are_those_of_pyradiomics(
    seed, shape, mask, values, wanted, reference, assert_same, cropped
):
    rng = np.random.default_rng(seed)
    inside = MASKS[mask](shape, rng)
    if np.count_nonzero(inside) < 2:
        return
    inside, intensities = cropped(inside, VALUES[values](shape, rng))
    compare(intensities, inside, SPACING[1:], in_force(**wanted), reference, assert_same)


@pytest.mark.parametrize("n_levels", [30, 150, 300])
def test_features_of_smooth_images_with_many_levels_are_those_of_pyradiomics(n_levels, reference, assert_same):
    rng, shape = np.random.default_rng(n_levels), (12, 14, 16)
    values = rng.normal(size=shape)
    for axis in range(3):
        values = values + np.roll(values, 1, axis=axis)
    width = float(np.ptp(values)) / n_levels
    compare(values, rng.random(shape) < 0.9, SPACING, in_force(bin_width=width), reference, assert_same)


def test_every_promised_texture_feature_is_there():
    levels = np.random.default_rng(0).integers(0, 6, size=(5, 6, 7)).astype(np.int32)
    found = texture_features(levels, 5, spacing_zyx=SPACING, settings=in_force())
    assert {name: set(features) for name, features in found.items()} == {
        name: set(FEATURES[name]) for name in TEXTURE_CLASSES
    }


def plain_matrices(levels, pairs, neighbours, adjacent, tolerance):
    """The same matrices by looking at one voxel after the other."""
    at = {tuple(place): int(levels[tuple(place)]) for place in np.argwhere(levels).tolist()}

    def moved(place, offset, times=1):
        return tuple(p + times * o for p, o in zip(place, offset, strict=True))

    glcm = [Counter((level, at[moved(p, o)]) for p, level in at.items() if moved(p, o) in at) for o in pairs]
    glrlm = []
    for offset in adjacent:
        lines, runs = Counter(), Counter()
        for place, level in at.items():
            start = place
            while all(0 <= s < n for s, n in zip(moved(start, offset, -1), levels.shape, strict=True)):
                start = moved(start, offset, -1)
            lines[start] += 1
            if at.get(moved(place, offset, -1)) != level:
                length = 1
                while at.get(moved(place, offset, length)) == level:
                    length += 1
                runs[level, length] += 1
        glrlm.append(runs if max(lines.values()) > 1 else Counter())
    glszm, seen = Counter(), set()
    for place, level in at.items():
        zone = {place} - seen
        edge = list(zone)
        while edge:
            centre = edge.pop()
            for offset, way in product(adjacent, (1, -1)):
                other = moved(centre, offset, way)
                if at.get(other) == level and other not in zone:
                    zone.add(other)
                    edge.append(other)
        seen |= zone
        if zone:
            glszm[level, len(zone)] += 1
    gldm, ngtdm = Counter(), Counter()
    for place, level in at.items():
        around = [at[moved(place, offset)] for offset in neighbours if moved(place, offset) in at]
        gldm[level, 1 + sum(abs(other - level) <= tolerance for other in around)] += 1
        ngtdm[level] += abs(level - np.mean(around)) if around else 0.0
    return glcm, glrlm, glszm, gldm, ngtdm


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(*[st.integers(2, 7)] * 3),
    n_levels=st.sampled_from([1, 2, 5, 60, 3000]),
    distances=st.sampled_from([[1], [2, 1]]),
    flat_axis=st.sampled_from([None, 0, 2]),
    tolerance=st.integers(0, 2),
)
def test_matrices_are_those_of_plain_loops(seed, shape, n_levels, distances, flat_axis, tolerance):
    rng = np.random.default_rng(seed)
    levels = (rng.integers(1, n_levels + 1, size=shape) * (rng.random(shape) < 0.7)).astype(np.int32)
    if not levels.any():
        return
    pairs, adjacent = one_way(shape, distances, flat_axis=flat_axis), one_way(shape, [1], flat_axis=flat_axis)
    neighbours = both_ways(shape, distances, flat_axis=flat_axis)
    found = load_kernels().texture_matrices(
        levels, n_levels, pairs=pairs, neighbours=neighbours, adjacent=adjacent, tolerance=tolerance
    )
    glcm, glrlm, glszm, gldm, ngtdm = plain_matrices(
        levels, pairs.tolist(), neighbours.tolist(), adjacent.tolist(), tolerance
    )
    present = found["levels"].tolist()
    assert present == np.unique(levels[levels > 0]).tolist()
    for matrix, expected in zip(found["glcm"], glcm, strict=True):
        assert {(present[i], present[j]): matrix[i, j] for i, j in np.argwhere(matrix)} == expected
    for matrix, expected in zip(found["glrlm"], glrlm, strict=True):
        assert {(present[i], j + 1): matrix[i, j] for i, j in np.argwhere(matrix)} == expected
    for name, expected in (("glszm", glszm), ("gldm", gldm)):
        assert {(level, size): count for level, size, count in found[name].tolist()} == expected
    np.testing.assert_allclose(found["ngtdm"], [ngtdm[level] for level in present], rtol=1e-12, atol=1e-12)


def test_what_cannot_be_measured_is_refused_beforehand():
    levels = np.ones((3, 3, 3), dtype=np.int32)
    for bad, n_levels, problem in ((levels * 0, 1, "empty"), (levels * 9, 5, "n_levels"), (-levels, 5, "n_levels")):
        with pytest.raises(ValueError, match=problem):
            texture_features(bad, n_levels, spacing_zyx=SPACING, settings=in_force())
    with pytest.raises(ValueError, match="65535"):
        texture_features(levels, 100_000, spacing_zyx=SPACING, settings=in_force())
    with pytest.raises(ValueError, match="no two voxels"):
        texture_features(levels[:1, :1, :1], 1, spacing_zyx=SPACING, settings=in_force())
    many = np.arange(1, 6**5 + 1, dtype=np.int32).reshape(6, 6, 216)
    with pytest.raises(ValueError, match="too many grey levels"):
        texture_features(many, many.max(), spacing_zyx=SPACING, settings=in_force())


def test_the_kernel_refuses_offsets_and_weights_that_do_not_fit():
    def call(**changes):
        offsets = one_way((3, 3, 3), [1])
        arguments = {
            "pairs": offsets,
            "neighbours": offsets,
            "adjacent": offsets,
            "pair_weights": [],
            "run_weights": [],
        }
        levels = np.ones((3, 3, 3), dtype=np.int32)
        return load_kernels().texture_features(
            levels, 1, **(arguments | changes), symmetrical=True, tolerance=0, classes=["glcm", "gldm"]
        )

    assert set(call()) == {"glcm", "gldm"}
    zero, far = np.zeros((1, 3), dtype=np.int32), np.full((1, 3), 2000, dtype=np.int32)
    for changes in (
        {"pairs": zero},
        {"neighbours": far},
        {"adjacent": far},
        {"pairs": zero[:0]},
        {"pair_weights": [1.0]},
        {"run_weights": [1.0]},
    ):
        with pytest.raises(ValueError, match=next(iter(changes))):
            call(**changes)


def test_features_do_not_depend_on_the_call_before():
    levels = np.random.default_rng(0).integers(0, 9, size=(9, 10, 11)).astype(np.int32)
    first = texture_features(levels, 8, spacing_zyx=SPACING, settings=in_force())
    texture_features(levels[::-1] * 2, 16, spacing_zyx=SPACING, settings=in_force(distances=[2]))
    assert texture_features(levels, 8, spacing_zyx=SPACING, settings=in_force()) == first
