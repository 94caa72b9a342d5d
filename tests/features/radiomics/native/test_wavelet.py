"""Bands of a box against the transform of the whole image."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridrad.features.radiomics.native.wavelet import wavelet_bands


def of_the_whole_image(image, *, wavelet, level, start_level, axes):
    """Level by level on the whole image, made even by a wrapped voxel, named as PyRadiomics names the bands."""
    data = np.pad(image, [(0, n % 2) for n in image.shape], mode="wrap")
    inside = tuple(slice(0, n) for n in image.shape)
    bands = {}
    for step in range(start_level + level):
        [found] = pywt.swtn(data, wavelet, level=1, start_level=0, axes=axes)
        data = found["a" * len(axes)]
        wanted = step - start_level
        prefix = "wavelet" if wanted == 0 else f"wavelet{wanted + 1}"
        named = {key.replace("a", "L").replace("d", "H"): band[inside] for key, band in found.items()}
        approximation = named.pop("L" * len(axes))
        if wanted >= 0:
            bands |= {f"{prefix}-{key}": band for key, band in named.items()}
    return bands | {f"{prefix}-{'L' * len(axes)}": approximation}


@st.composite
def boxes(draw, shape):
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    return tuple(slice(a, draw(st.integers(a + 1, n))) for a, n in zip(starts, shape, strict=True))


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    st.sampled_from(["haar", "coif1", "db4", "bior3.3", "sym5"]),
    st.integers(1, 2),
    st.integers(0, 2),
    st.sampled_from([np.int16, np.uint8, np.float32, np.float64]),
)
def test_every_band_has_the_bits_of_the_whole_image(data, wavelet, level, start_level, dtype):
    shape = tuple(data.draw(st.lists(st.integers(2, 31), min_size=2, max_size=3)))
    image = np.random.default_rng(shape).integers(0, 200, size=shape).astype(dtype)
    axes = list(reversed(range(len(shape))))
    if len(shape) == 3 and data.draw(st.booleans()):
        axes.remove(data.draw(st.sampled_from(axes)))
    box = data.draw(boxes(shape))
    how = {"wavelet": wavelet, "level": level, "start_level": start_level, "axes": tuple(axes)}
    expected = of_the_whole_image(image, **how)
    found = dict(wavelet_bands(image, box, **how))
    assert set(found) == set(expected)
    for name, band in found.items():
        assert band.dtype == (np.float32 if dtype is np.float32 else np.float64)
        np.testing.assert_array_equal(band, expected[name][box], err_msg=name)


def test_letters_follow_the_axes_from_x_to_z():
    image = np.zeros((16, 16, 16))
    image[:] = np.arange(16) % 2  # alternates along x only
    bands = dict(wavelet_bands(image, (slice(6, 9),) * 3, wavelet="haar", level=1, start_level=0, axes=(2, 1, 0)))
    strong = {name for name, band in bands.items() if np.abs(band).max() > 0.1}
    assert strong == {"wavelet-LLL", "wavelet-HLL"}


@pytest.mark.parametrize("margin", [2, 3])
def test_only_voxels_in_reach_matter(margin):
    image = np.random.default_rng(0).normal(size=(40, 41))
    box = (slice(15, 20), slice(16, 18))
    changed = image.copy()
    changed[: box[0].start - margin] = np.nan
    changed[:, box[1].stop + margin :] = np.nan
    how = {"wavelet": "coif1", "level": 1, "start_level": 0, "axes": (1, 0)}
    before, after = (dict(wavelet_bands(each, box, **how)) for each in (image, changed))
    same = all(np.array_equal(before[name], after[name]) for name in before)
    assert same == (margin == 3)  # coif1 reaches 2 voxels back and 3 ahead
