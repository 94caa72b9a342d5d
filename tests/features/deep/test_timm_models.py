"""Networks of timm, with timm itself: its smallest ones, and Xception, which torchvision lacks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import hybridrad as hr
from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep import timm_models
from hybridrad.features.deep.batching import network_input

timm = pytest.importorskip("timm", reason="needs timm: pip install 'hybridrad[timm]'")

PAYLOADS = [np.random.default_rng(0).random((2, 1, 50, 40), dtype=np.float32)]


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    torch.manual_seed(1)
    model = timm.create_model("test_resnet", pretrained=False).eval()
    path = tmp_path_factory.mktemp("weights") / "test_resnet.safetensors"
    save_file(model.state_dict(), path)
    return model, path


def test_a_local_file_gives_what_timm_itself_gives_before_the_classifier(weights_file):
    model, path = weights_file
    extractor = hr.EmbeddingExtractor("timm:test_resnet", path)
    expected = extractor._find_weights().preprocessing
    assert (expected.input_size, expected.mean) == (160, (0.5, 0.5, 0.5))  # as timm keeps them
    with torch.inference_mode():
        views = torch.stack([network_input(view, expected) for view in PAYLOADS[0]])
        plain = model.forward_head(model.forward_features(views), pre_logits=True).mean(dim=0).numpy()
    found = extractor.finish(PAYLOADS)[0]
    assert len(found) == len(extractor.columns()) == model.num_features
    assert np.abs(found - plain).max() < 1e-5
    assert extractor.columns()[0] == "deep__timm_test_resnet_0000"


@pytest.mark.parametrize("backbone", ["timm:test_vit", "timm:test_convnext", "timm:test_efficientnet"])
def test_other_architectures_give_the_width_they_promise(backbone):
    extractor = hr.EmbeddingExtractor(backbone, "untrained")
    assert extractor.finish(PAYLOADS).shape == (1, len(extractor.columns()))


def test_layers_of_a_network_of_timm_can_be_read():
    extractor = hr.EmbeddingExtractor("timm:test_resnet", "untrained", layers=["layer2", "last_map"], pooling="mean")
    found = extractor.finish(PAYLOADS)
    assert found.shape == (1, len(extractor.columns()))
    assert np.isfinite(found).all()


def test_xception_is_there_under_the_name_the_literature_uses():
    extractor = hr.EmbeddingExtractor("timm:xception", "untrained")
    assert len(extractor.columns()) == 2048
    assert extractor.describe()["preprocessing"]["input_size"] == 299


def test_timm_and_its_version_are_part_of_what_a_study_records():
    assert hr.EmbeddingExtractor("timm:test_resnet", "untrained").describe()["versions"]["timm"] == timm.__version__


def test_a_name_or_a_tag_that_timm_lacks_is_an_error_that_helps():
    with pytest.raises(RunError, match=r"has no network 'test_resnt'. Did you mean test_resnet"):
        hr.EmbeddingExtractor("timm:test_resnt", "untrained").columns()
    with pytest.raises(WeightsError, match=r"no weights 'r160_in1'.*r160_in1k"):
        hr.EmbeddingExtractor("timm:test_resnet", "r160_in1").describe()


def test_weights_that_cannot_be_downloaded_say_which_file_to_fetch(monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="comes with timm")

    def unreachable(*_):
        raise OSError("no connection")

    monkeypatch.setattr(hub, "hf_hub_download", unreachable)
    with pytest.raises(WeightsError, match=r"no connection.*Fetch model.safetensors of timm/test_resnet"):
        hr.EmbeddingExtractor("timm:test_resnet").describe()
    settings = timm_models.settings_of("timm:test_resnet", None)
    assert settings["hf_hub_id"].startswith("timm/test_resnet")
