from __future__ import annotations

import numpy as np
import pytest

from hybridrad.features.radiomics.grey_levels import count_grey_levels, suggest_bin_width


@pytest.mark.parametrize(
    ("low", "high", "width"), [(54, 166, 25), (0, 100, 25), (-101, 99, 25), (3, 3, 25), (0, 1, 0.03)]
)
def test_the_count_is_the_largest_grey_level_of_pyradiomics(low, high, width):
    imageoperations = pytest.importorskip("radiomics.imageoperations")
    values = np.linspace(low, high, 200)
    levels, _ = imageoperations.binImage(values, (np.arange(200),), binWidth=float(width))
    assert count_grey_levels(values, bin_width=width) == levels.max()


def test_8_bit_values_do_not_overflow():
    assert count_grey_levels(np.array([0, 250], np.uint8), bin_width=25) == 11


def test_a_number_of_bins_is_taken_as_it_is():
    assert count_grey_levels(np.array([0.0, 1.0]), bin_width=25, bin_count=64) == 64


def test_the_suggested_width_gives_about_32_levels():
    values = np.array([-1000.0, 400.0])
    assert 30 <= count_grey_levels(values, bin_width=float(suggest_bin_width(values))) <= 34
