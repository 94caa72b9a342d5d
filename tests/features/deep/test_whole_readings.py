"""Embeddings from an image to a row: volumes, the region on the map, several views, files that describe themselves."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torchvision
from safetensors import safe_open

from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep.checkpoints import write_weights
from hybridrad.features.deep.embeddings import EmbeddingExtractor
from hybridrad.features.deep.weights import Preprocessing
from hybridrad.imaging.roi import read_roi
from hybridrad.imaging.views import Views
from tests.devices import DEVICES

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
FLAT = Preprocessing(64, MEAN, STD, "bilinear")
FILE = {"input_size": 64, "mean": MEAN, "std": STD, "interpolation": "bilinear"}


def lesion(*, shift: float = 0.0):
    """Return an image, 12 x 40 x 40 voxels of noise, and a ball in it; ``shift`` is added far from the ball."""
    z, y, x = np.mgrid[:12, :40, :40]
    distance = np.sqrt((2.0 * (z - 6)) ** 2 + (y - 20) ** 2 + (x - 20) ** 2)
    voxels = np.random.default_rng(0).normal(100.0, 20.0, distance.shape) + shift * (distance > 14)
    image = sitk.GetImageFromArray(voxels.astype(np.float32))
    mask = sitk.GetImageFromArray((distance <= 7).astype(np.uint8))
    for member in (image, mask):
        member.SetSpacing((1.0, 1.0, 2.0))
    return image, mask


def row_of(extractor, **options) -> np.ndarray:
    return np.asarray(extractor.extract_one(*lesion(**options), case_id="a"))


def test_a_volume_goes_through_a_video_network_as_torchvision_computes_it(tmp_path):
    torch.manual_seed(0)
    plain = torchvision.models.video.r3d_18(weights=None).eval()
    torch.save(plain.state_dict(), tmp_path / "net.pth")
    volume = Preprocessing(32, MEAN, STD, "bilinear", depth=8)
    views = Views("volume", relative_margin=0.5, spacing_mm=1.0)
    extractor = EmbeddingExtractor("r3d_18", tmp_path / "net.pth", views, device="cpu", preprocessing=volume)
    payload = extractor.prepare(read_roi(*lesion(), case_id="a")).payload
    assert payload.ndim == 5
    row = extractor.finish([payload])[0]

    plain.fc = torch.nn.Identity()
    grey = torch.nn.functional.interpolate(torch.from_numpy(payload), size=(8, 32, 32), mode="trilinear")
    mean, std = (torch.tensor(v).view(1, 3, 1, 1, 1) for v in (MEAN, STD))
    with torch.inference_mode():
        wanted = plain((grey.repeat(1, 3, 1, 1, 1) - mean) / std)[0].numpy()
    assert row.shape == wanted.shape == (512,)
    assert wanted.std() > 0.01
    # Shrinking is antialiased here and not there, so the two see slightly different pictures.
    assert np.corrcoef(row, wanted)[0, 1] > 0.98


def test_a_flat_network_refuses_volumes_and_a_video_network_flat_views():
    with pytest.raises(RunError):
        EmbeddingExtractor("squeezenet1_1", "untrained", Views("volume"), device="cpu").describe()
    with pytest.raises(RunError):
        EmbeddingExtractor("r3d_18", "untrained", Views("largest_slice"), device="cpu").describe()


def test_pooling_over_the_region_is_the_weighted_mean_of_the_map_where_the_region_lies():
    views = Views("largest_slice", relative_margin=1.0)
    whole, masked = (
        EmbeddingExtractor("squeezenet1_1", "untrained", views, device="cpu", preprocessing=FLAT, pooling=pooling)
        for pooling in ("mean", "masked_mean")
    )
    roi = read_roi(*lesion(), case_id="a")
    shown = views.render_with_region(roi)
    payload = masked.prepare(roi).payload
    np.testing.assert_array_equal(payload[:, -1], shown.regions)
    np.testing.assert_array_equal(payload[:, :-1], whole.prepare(roi).payload)
    # Where the region is the whole picture, both poolings are one.
    everywhere = payload.copy()
    everywhere[:, -1] = 1.0
    np.testing.assert_allclose(masked.finish([everywhere]), whole.finish([payload[:, :-1]]), rtol=1e-5, atol=1e-6)
    assert np.abs(masked.finish([payload]) - whole.finish([payload[:, :-1]])).max() > 1e-3


def test_a_region_of_one_pixel_is_enough_to_pool_over():
    flat = lesion()[0][:, :, 6]
    dot = sitk.Image(flat.GetSize(), sitk.sitkUInt8)
    dot.CopyInformation(flat)
    dot[1, 1] = 1
    extractor = EmbeddingExtractor("squeezenet1_1", "untrained", Views("image"), device="cpu", pooling="masked_mean")
    assert np.isfinite(extractor.extract_one(flat, dot, case_id="a")).all()


def test_views_of_a_case_are_pooled_as_numpy_pools_their_rows():
    views = Views("orthogonal", spacing_mm=1.0)
    extractors = {
        how: EmbeddingExtractor("squeezenet1_1", "untrained", views, device="cpu", preprocessing=FLAT, view_pooling=how)
        for how in ("mean", "max", "mean_max", "statistics")
    }
    payload = extractors["mean"].prepare(read_roi(*lesion(), case_id="a")).payload
    assert len(payload) == 3
    each = np.vstack([extractors["mean"].finish([one[None]]) for one in payload])
    wanted = {
        "mean": each.mean(axis=0),
        "max": each.max(axis=0),
        "mean_max": np.concatenate([each.mean(axis=0), each.max(axis=0)]),
        "statistics": np.concatenate([each.mean(axis=0), each.std(axis=0), each.max(axis=0)]),
    }
    for how, extractor in extractors.items():
        np.testing.assert_allclose(extractor.finish([payload])[0], wanted[how], rtol=1e-4, atol=1e-5, err_msg=how)
        assert len(extractor.columns(3)) == len(wanted[how])


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_stays_near_single_precision(device):
    rows = [
        row_of(EmbeddingExtractor("squeezenet1_1", "untrained", device=device, preprocessing=FLAT, precision=precision))
        for precision in ("fp32", "bf16")
    ]
    assert np.abs(rows[0] - rows[1]).max() < 0.05 * np.abs(rows[0]).max()
    assert np.corrcoef(*rows)[0, 1] > 0.999


def test_a_file_that_describes_itself_needs_no_further_word(tmp_path):
    torch.manual_seed(0)
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    torch.save(state, tmp_path / "net.pth")
    told = {"backbone": "squeezenet1_1", "licence": "CC0", "origin": "made in a test"}
    path = write_weights(tmp_path / "net.pth", tmp_path / "net.safetensors", preprocessing=FILE, **told)
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == set(state)
    own = EmbeddingExtractor("squeezenet1_1", path, device="cpu")
    by_hand = EmbeddingExtractor("squeezenet1_1", tmp_path / "net.pth", device="cpu", preprocessing=FLAT)
    np.testing.assert_array_equal(row_of(own), row_of(by_hand))
    described = own.describe()["weights"]
    assert (described["licence"], described["origin"]) == ("CC0", "made in a test")
    assert len(described["sha256"]) == 64
    with pytest.raises(WeightsError, match="squeezenet1_1"):
        EmbeddingExtractor("squeezenet1_0", path, device="cpu").describe()


def test_files_are_not_written_over_and_not_described_by_half(tmp_path):
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "net.pth")
    words = {"backbone": "squeezenet1_1", "licence": "", "origin": ""}
    (tmp_path / "there.safetensors").touch()
    with pytest.raises(ValueError, match="not exist yet"):
        write_weights(tmp_path / "net.pth", tmp_path / "there.safetensors", preprocessing=FILE, **words)
    with pytest.raises(ValueError, match="wanted"):
        write_weights(tmp_path / "net.pth", tmp_path / "new.safetensors", preprocessing={"mean": MEAN}, **words)
    with pytest.raises(WeightsError):
        write_weights(
            tmp_path / "net.pth", tmp_path / "new.safetensors", preprocessing=FILE, **words | {"backbone": "resnet18"}
        )
    assert not (tmp_path / "new.safetensors").exists()
