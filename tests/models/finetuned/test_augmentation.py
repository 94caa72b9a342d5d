from __future__ import annotations

import numpy as np
import pytest
import torch

from hybridrad.models.finetuned.augmentation import Augmentation

NOTHING = {"rotation_deg": 0.0, "scale": 0.0, "shift": 0.0, "intensity": 0.0, "noise_sd": 0.0}
PICTURES = torch.rand((6, 1, 24, 24), generator=torch.Generator().manual_seed(0))


def changed(**settings) -> torch.Tensor:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Augmentation(**{"flip": "none", **NOTHING, **settings}).apply(PICTURES)


def test_without_any_change_pictures_stay_as_they_are():
    assert torch.equal(changed(), PICTURES)


def test_a_flip_gives_the_picture_or_its_mirror_image_and_both_occur():
    flipped = changed(flip="horizontal")
    same = [torch.equal(a, b) for a, b in zip(flipped, PICTURES, strict=True)]
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, PICTURES, strict=True)]
    assert set(same) == {True, False}
    assert np.array_equal(np.array(same), ~np.array(mirrored))


@pytest.mark.parametrize("setting", [{"rotation_deg": 20.0}, {"scale": 0.3}, {"shift": 0.2}, {"noise_sd": 0.05}])
def test_each_picture_is_changed_in_its_own_way(setting):
    twins = PICTURES[:1].repeat(4, 1, 1, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        out = Augmentation(**{"flip": "none", **NOTHING, **setting}).apply(twins)
    assert out.shape == twins.shape
    assert all(not torch.equal(out[i], out[j]) for i in range(4) for j in range(i))


def test_slices_of_a_volume_are_moved_and_brightened_together_and_their_noise_is_their_own():
    twins = PICTURES[:1].repeat(6, 1, 1, 1)
    moving = {"flip": "both", "rotation_deg": 20.0, "scale": 0.3, "shift": 0.2, "intensity": 0.3}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        alike = Augmentation(**{**NOTHING, **moving}).apply(twins, together=True)
        noisy = Augmentation("none", **{**NOTHING, "noise_sd": 0.05}).apply(twins, together=True)
    assert not torch.equal(alike[0], twins[0])
    assert all(torch.equal(one, alike[0]) for one in alike)
    assert all(not torch.equal(noisy[i], noisy[j]) for i in range(6) for j in range(i))


@pytest.mark.parametrize("setting", [{"rotation_deg": 45.0}, {"scale": 0.5}, {"shift": 0.3}])
def test_what_comes_in_from_outside_is_the_picture_mirrored_not_black(setting):
    bright = torch.full((8, 1, 24, 24), 0.7)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        out = Augmentation(**{"flip": "none", **NOTHING, **setting}).apply(bright)
    assert torch.allclose(out, bright, atol=1e-5)


def test_values_stay_between_0_and_1():
    out = changed(intensity=0.9, noise_sd=0.5)
    assert float(out.min()) >= 0.0
    assert float(out.max()) <= 1.0


def test_colour_and_slices_as_channels_are_taken():
    out = Augmentation("both").apply(torch.rand(2, 3, 16, 16))
    assert out.shape == (2, 3, 16, 16)


def test_a_setting_out_of_range_is_refused_by_name():
    with pytest.raises(ValueError, match="shift"):
        Augmentation(shift=0.7)


def test_a_channel_that_shows_the_region_moves_with_the_picture_and_keeps_its_values():
    region = torch.zeros(6, 1, 24, 24)
    region[..., 6:18, 6:18] = 1.0
    shown = torch.cat([region * 0.5, region * 0.5, region], dim=1)
    settings = {**NOTHING, "shift": 0.2, "intensity": 0.5, "noise_sd": 0.1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        out = Augmentation("both", **settings).apply(shown, shows_region=True)
    assert torch.equal(out[:, 0], out[:, 1])
    inside = out[:, 2] > 0.999
    assert inside.flatten(1).any(dim=1).all()  # neither dimmed nor noisy
    grey_inside = torch.stack([grey[there].mean() for grey, there in zip(out[:, 0], inside, strict=True)])
    assert float(grey_inside.std()) > 0.03  # brightness was changed, each picture in its own way
    # Where the region went, the bright square of the picture went: nothing but noise lies outside.
    outside = torch.stack([grey[there].mean() for grey, there in zip(out[:, 0], out[:, 2] < 0.001, strict=True)])
    assert float(outside.max()) < float(grey_inside.min())
