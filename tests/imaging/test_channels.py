from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from hybridrad.imaging.channels import MAX_GREY_SPREAD, grey_if_equal, single_channel_if_grey


def colour(red, green, blue, dtype=np.uint8) -> sitk.Image:
    image = sitk.GetImageFromArray(np.dstack([red, green, blue]).astype(dtype), isVector=True)
    image.SetSpacing((0.5, 0.25))
    return image


def test_equal_channels_become_one_with_the_same_values_type_and_grid(pixels):
    for dtype, pixel_id in [(np.uint8, sitk.sitkUInt8), (np.uint16, sitk.sitkUInt16)]:
        grey = grey_if_equal(colour(pixels, pixels, pixels, dtype))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(grey), pixels)
        assert (grey.GetPixelID(), grey.GetSpacing()) == (pixel_id, (0.5, 0.25))


def test_channels_that_differ_by_compression_become_their_luminance(pixels):
    base = np.clip(pixels, 3, 250).astype(int)
    grey = grey_if_equal(colour(base + 1, base, base - 1))
    luminance = 0.299 * (base + 1) + 0.587 * base + 0.114 * (base - 1)
    assert grey.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_allclose(sitk.GetArrayFromImage(grey), luminance, atol=0.5)


@pytest.mark.parametrize("spread", [1, 2])
def test_sixteen_bit_channels_must_be_equal_exactly(pixels, spread):
    assert grey_if_equal(colour(pixels.astype(int) + spread, pixels, pixels, np.uint16)) is None


def test_a_tint_over_the_whole_image_is_colour(pixels):
    base = np.clip(pixels, 10, 240).astype(int)
    assert grey_if_equal(colour(base + 5, base, base)) is None


def test_one_coloured_mark_makes_an_image_coloured(pixels):
    red = pixels.copy()
    green = pixels.copy()
    red[5, 5], green[5, 5] = 200, 200 - MAX_GREY_SPREAD - 1
    assert grey_if_equal(colour(red, green, green)) is None


def test_a_colour_photograph_stays_as_it_is():
    rng = np.random.default_rng(0)
    image = colour(*rng.integers(0, 256, size=(3, 20, 20)))
    kept, findings = single_channel_if_grey(image, what="photo", case_id="007")
    assert kept is image
    assert findings == ()


def test_the_note_on_grey_tells_how_equal_the_channels_were(pixels):
    _, (finding,) = single_channel_if_grey(colour(pixels, pixels, pixels), what="p.png", case_id="007")
    assert (finding.code, finding.severity) == ("N_GREY_FROM_COLOUR", "note")
    assert "0 grey levels" in finding.message


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_flat_image_is_grey_exactly_when_its_channels_are_close(red, green, blue):
    image = colour(*(np.full((4, 4), value) for value in (red, green, blue)))
    spread = max(red, green, blue) - min(red, green, blue)
    assert (grey_if_equal(image) is not None) == (spread <= 2)
