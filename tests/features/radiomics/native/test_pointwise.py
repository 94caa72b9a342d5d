"""Each filter against the formula written out for the whole image."""

from __future__ import annotations

import numpy as np
import pytest

from hybridrad.features.radiomics.native.pointwise import POINTWISE, largest_absolute


def plain_square(image):
    return (1 / np.sqrt(np.abs(image).max()) * image) ** 2


def plain_square_root(image):
    return np.array([np.sign(v) * np.sqrt(abs(v) * np.abs(image).max()) for v in image.flat]).reshape(image.shape)


def plain_logarithm(image):
    logs = np.sign(image) * np.log(np.abs(image) + 1)
    return logs * (np.abs(image).max() / np.abs(logs).max())


def plain_exponential(image):
    largest = np.abs(image).max()
    return np.exp(np.log(largest) / largest * image)


PLAIN = {
    "Square": plain_square,
    "SquareRoot": plain_square_root,
    "Logarithm": plain_logarithm,
    "Exponential": plain_exponential,
}


@pytest.mark.parametrize("name", POINTWISE)
def test_a_crop_gives_the_bits_of_the_whole_image(name):
    image = np.random.default_rng(0).integers(-700, 1500, size=(6, 7, 8)).astype(np.float64)
    image[0, 0, 0] = 0
    crop = image[1:4, 2:6, 0:5]
    found = POINTWISE[name](crop, largest=largest_absolute(image))
    np.testing.assert_array_equal(found, PLAIN[name](image)[1:4, 2:6, 0:5])


@pytest.mark.parametrize(
    ("values", "largest"), [([-5, 3], 5.0), ([2, 7], 7.0), ([-32768, 0], 32768.0)], ids=["low", "high", "int16"]
)
def test_the_largest_absolute_intensity_may_be_at_either_end(values, largest):
    assert largest_absolute(np.array(values, dtype=np.int16)) == largest


def test_one_nan_in_the_image_makes_the_scale_nan():
    assert np.isnan(largest_absolute(np.array([1.0, np.nan])))


def test_an_image_of_zeros_gives_nan_where_the_scale_divides_by_zero():
    zeros = np.zeros((2, 2))
    with np.errstate(all="ignore"):
        assert np.isnan(POINTWISE["Square"](zeros, largest=0.0)).all()
        assert np.isnan(POINTWISE["Logarithm"](zeros, largest=0.0)).all()
        assert np.isnan(POINTWISE["Exponential"](zeros, largest=0.0)).all()
    assert (POINTWISE["SquareRoot"](zeros, largest=0.0) == 0).all()
