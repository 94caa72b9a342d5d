from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybridrad.errors import ImageError
from hybridrad.imaging.views import Views
from tests.imaging.views.made_up import VOLUMES_ONLY, boxed, noisy, roi_of


@pytest.fixture
def solid():
    mask = boxed((9, 24, 24), slice(3, 6), slice(8, 16), slice(6, 14))
    return roi_of(noisy(mask.shape), mask, spacing=(0.7, 0.7, 2.0))


@pytest.mark.parametrize("kind", VOLUMES_ONLY)
def test_a_flat_image_is_refused_where_a_volume_is_needed(kind):
    roi = roi_of(noisy((20, 20)), boxed((20, 20), slice(5, 15), slice(5, 15)))
    with pytest.raises(ImageError, match=f"007: E_IMAGE_DIM: views of kind '{kind}' need a 3D image") as caught:
        Views(kind).render(roi)
    assert caught.value.stage == "views"
    assert "largest_slice" in caught.value.hint


@pytest.mark.parametrize("views", [Views("adjacent"), Views("mip"), Views("slices", mask_channel=True)])
def test_colour_is_refused_where_the_channels_are_needed_otherwise(views):
    colours = np.random.default_rng(0).integers(0, 256, size=(6, 14, 14, 3)).astype(np.uint8)
    roi = roi_of(colours, boxed((6, 14, 14), slice(2, 4), slice(4, 10), slice(4, 10)), colour=True)
    with pytest.raises(ImageError, match="E_IMAGE_COLOUR"):
        views.render(roi)
    assert Views("slices").render(roi).shape[:2] == (2, 3)
    assert Views("orthogonal").render(roi).shape[:2] == (3, 3)


@pytest.mark.parametrize(
    "views",
    [
        Views("orthogonal"),
        Views("mip", mip_axis="y"),
        Views("mip", slab_margin_mm=3),
        Views("slices", margin_mm=0),
        Views("volume", spacing_mm=1),
    ],
)
def test_lengths_across_slices_need_a_spacing(solid, views):
    with pytest.raises(ImageError, match="E_NO_SPACING"):
        views.render(replace(solid, has_spacing=False))
    views.render(solid)


@pytest.mark.parametrize("kind", ["slices", "adjacent", "mip", "volume"])
def test_what_needs_no_millimetres_is_shown_without_spacing(solid, kind):
    assert Views(kind).render(replace(solid, has_spacing=False)).any()


@pytest.mark.parametrize(
    "views",
    [
        Views("volume", field_mm=800, spacing_mm=1),
        Views("volume", field_mm=1e9),
        Views("volume", spacing_mm=1e-5),
        Views("slices", n_slices=100_000, field_mm=50),
        Views("slices", field_mm=1e9),
        Views("orthogonal", spacing_mm=1e-4),
        Views("mip", margin_mm=1e6),
    ],
)
def test_views_beyond_the_limit_are_refused_before_they_are_made(solid, views):
    with pytest.raises(ImageError, match="E_CONFIG"):
        views.render(solid)
