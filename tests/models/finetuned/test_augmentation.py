from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

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


def twin(augmentation: Augmentation, pictures: torch.Tensor, *, shows_region: bool, together: bool) -> torch.Tensor:
    """The plain twin: a chain of torchvision's random transforms, which draw from torch's own generator."""
    a, side, moves, values = augmentation, pictures.shape[-1], [v2.Identity()], [v2.Identity()]
    moves += [v2.RandomHorizontalFlip()] if a.flip in ("horizontal", "both") else []
    moves += [v2.RandomVerticalFlip()] if a.flip == "both" else []
    if a.rotation_deg or a.scale or a.shift:
        turned = np.deg2rad(min(a.rotation_deg, 45.0))
        reach = (np.cos(turned) + np.sin(turned)) / (1.0 - a.scale) / 2 - 0.5 + a.shift
        border = min(int(np.ceil(reach * side)), side - 1)
        shift, scale = a.shift * side / (side + 2 * border), (1.0 - a.scale, 1.0 + a.scale)
        bilinear = v2.InterpolationMode.BILINEAR
        moves += [v2.Pad(border, padding_mode="reflect")]
        moves += [v2.RandomAffine(a.rotation_deg, (shift, shift), scale, interpolation=bilinear), v2.CenterCrop(side)]
    values += [v2.ColorJitter(brightness=a.intensity, contrast=a.intensity)] if a.intensity else []
    values += [v2.Lambda(lambda one: one + a.noise_sd * torch.randn_like(one))] if a.noise_sd else []
    moved, changed = v2.Compose(moves), v2.Compose(values)

    def alike(some: torch.Tensor) -> torch.Tensor:
        some = moved(some)
        if not shows_region:
            return changed(some)
        return torch.cat([changed(some[:, :1]).expand(-1, some.shape[1] - 1, -1, -1), some[:, -1:]], dim=1)

    return torch.cat([alike(some) for some in ([pictures] if together else pictures.split(1))]).clamp(0.0, 1.0)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"flip": "both"},
        {"flip": "none", "rotation_deg": 60.0, "scale": 0.5, "shift": 0.3, "intensity": 1.0, "noise_sd": 0.2},
        {**NOTHING, "flip": "horizontal", "shift": 0.07},
        {**NOTHING, "flip": "none", "intensity": 0.2},
        {**NOTHING, "flip": "none", "noise_sd": 0.1},
    ],
)
def test_it_is_what_torchvisions_random_transforms_give_to_the_last_bit_by_any_generator(settings, together):
    for channels, shows_region, side in ((1, False, 24), (3, False, 33), (3, True, 24)):
        pictures = torch.rand((5, channels, side, side), generator=torch.Generator().manual_seed(1))
        options, augmentation = {"shows_region": shows_region, "together": together}, Augmentation(**settings)
        with torch.random.fork_rng():
            torch.manual_seed(2)
            wanted = twin(augmentation, pictures, **options)
            torch.manual_seed(2)
            plain = augmentation.apply(pictures, **options)
        own = augmentation.apply(pictures, **options, generator=torch.Generator().manual_seed(2))
        assert torch.equal(plain, wanted)
        assert torch.equal(own, wanted)


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
