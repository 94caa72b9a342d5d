from __future__ import annotations

import hashlib
import socket
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch

from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep import weights
from hybridrad.features.deep.weights import Preprocessing, check_weights_argument, find_weights


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch hub folder of its own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def offline(hub, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    return hub


def test_without_network_the_error_says_which_file_belongs_where(offline):
    with pytest.raises(WeightsError) as caught:
        find_weights("resnet50", "IMAGENET1K_V2")
    text = str(caught.value)
    assert caught.value.code == "E_WEIGHTS"
    assert "ResNet50_Weights.IMAGENET1K_V2" in text
    assert "resnet50-11ad3fa6.pth" in text
    assert str(offline) in text
    assert "Name or service not known" in text
    assert "weights='path/to/file.pth'" in text
    assert "http" not in text


def test_without_network_nothing_is_random(offline):
    with pytest.raises(WeightsError):
        find_weights("squeezenet1_1", "DEFAULT")
    assert not offline.exists() or not list(offline.iterdir())


def test_a_download_that_was_cut_off_is_an_error(hub, monkeypatch):
    def wrong_hash(*arguments, **options):
        raise RuntimeError("invalid hash value")

    monkeypatch.setattr(torch.hub, "download_url_to_file", wrong_hash)
    with pytest.raises(WeightsError, match="invalid hash value"):
        find_weights("resnet18", "DEFAULT")


def test_a_damaged_file_in_the_cache_is_an_error(offline):
    offline.mkdir(parents=True)
    (offline / "resnet18-f37072fd.pth").write_bytes(b"half a file")
    with pytest.raises(WeightsError, match=r"damaged.*f37072fd"):
        find_weights("resnet18", "DEFAULT")


def test_a_file_in_the_cache_is_used_without_network_and_hashed(offline, monkeypatch):
    digest = hashlib.sha256(b"weights").hexdigest()
    offline.mkdir(parents=True)
    (offline / f"net-{digest[:8]}.pth").write_bytes(b"weights")
    entry = SimpleNamespace(url=f"https://example.org/models/net-{digest[:8]}.pth", name="IMAGENET1K_V1", meta={})
    recipe = weights._entry("resnet18", "DEFAULT").transforms
    monkeypatch.setattr(weights, "_entry", lambda backbone, name: SimpleNamespace(**entry.__dict__, transforms=recipe))
    found = find_weights("resnet18", "DEFAULT")
    assert found.sha256 == digest
    assert found.describe()["source"] == "torchvision"


def test_a_download_gives_up_after_a_while_and_leaves_the_time_out_as_it_was(hub, monkeypatch):
    seen = []

    def record(*arguments, **options):
        seen.append(socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr(torch.hub, "download_url_to_file", record)
    with pytest.raises(WeightsError, match="timed out"):
        find_weights("resnet18", "DEFAULT")
    assert seen[0] is not None
    assert socket.getdefaulttimeout() is None


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(WeightsError, match=r"IMAGENET1K_V1, IMAGENET1K_V2.*untrained"):
        find_weights("resnet50", "IMAGENET_V2")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        find_weights("resnet18", tmp_path / "absent.pth")


@pytest.mark.parametrize(
    ("backbone", "size", "way"), [("resnet18", 224, "bilinear"), ("efficientnet_b4", 380, "bicubic")]
)
def test_a_local_file_expects_what_the_default_weights_expect(tmp_path, offline, backbone, size, way):
    path = tmp_path / "own.safetensors"
    path.write_bytes(b"weights")
    found = find_weights(backbone, path)
    assert (found.preprocessing.input_size, found.preprocessing.interpolation) == (size, way)
    assert found.preprocessing.mean == (0.485, 0.456, 0.406)
    assert found.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_preprocessing_can_be_told_by_name_or_by_value(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"weights")
    assert find_weights("vit_b_16", path, preprocessing="IMAGENET1K_SWAG_E2E_V1").preprocessing.input_size == 384
    own = Preprocessing(64, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")
    assert find_weights("vit_b_16", path, preprocessing=own).preprocessing == own


def test_a_changed_file_has_a_new_hash(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"one")
    first = find_weights("resnet18", path).sha256
    path.write_bytes(b"three")
    assert find_weights("resnet18", path).sha256 != first


def test_the_description_names_the_file_and_not_its_folder(tmp_path):
    path = tmp_path / "own.pth"
    path.write_bytes(b"weights")
    described = find_weights("resnet18", path).describe()
    assert described["name"] == "own.pth"
    assert str(tmp_path) not in str(described)


def test_untrained_weights_say_so_with_their_seed():
    assert find_weights("resnet18", "untrained").describe() == {
        "name": "untrained", "source": "untrained", "sha256": None, "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize("nothing", [None, "", 3])
def test_no_weights_never_means_random_weights(nothing):
    with pytest.raises(RunError, match="names no weights"):
        check_weights_argument(nothing)
