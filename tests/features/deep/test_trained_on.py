from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import load_file, save_file

import hybridrad as hr
from hybridrad.errors import WeightsError
from hybridrad.features.deep.backbones import build_network
from hybridrad.features.deep.checkpoints import write_weights
from hybridrad.features.deep.trained_on import finding_if_trained_on, image_digest
from hybridrad.features.deep.weights import find_weights
from hybridrad.imaging.roi import read_roi

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 48), dtype=np.uint8)
SMALL = {"input_size": 32, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}


@pytest.fixture
def weights(tmp_path):
    """A file whose weights were trained on the image of these tests, it says."""
    torch.save(build_network("squeezenet1_1").state_dict(), tmp_path / "plain.pth")
    told = {"backbone": "squeezenet1_1", "preprocessing": SMALL, "licence": "none", "origin": "here"}
    images = {"elsewhere": [], "my nodules": [image_digest(IMAGE), 7]}
    return write_weights(tmp_path / "plain.pth", tmp_path / "own.safetensors", **told, trained_on=images)


def roi_of(image):
    mask = np.zeros(image.shape, np.uint8)
    mask[12:30, 15:33] = 1
    return read_roi(sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask), case_id="a")


def test_a_study_records_what_weights_were_trained_on(weights):
    assert find_weights("squeezenet1_1", weights).describe()["trained_on"] == ["elsewhere", "my nodules"]


def test_an_image_that_was_trained_on_is_a_warning(weights):
    (finding,) = hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu").prepare(roi_of(IMAGE)).findings
    assert (finding.case_id, finding.code, finding.severity) == ("a", "W_TRAINED_ON", "warning")
    assert "own.safetensors" in finding.message
    assert "'my nodules'" in finding.message


@pytest.mark.parametrize("image", [IMAGE[::-1].copy(), IMAGE // 2, IMAGE[1:]], ids=["flipped", "darker", "cut"])
def test_another_image_is_not_warned_of(weights, image):
    assert not hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu").prepare(roi_of(image)).findings


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_an_image_is_known_whatever_type_it_is_stored_in(weights, dtype):
    assert finding_if_trained_on("a", IMAGE.astype(dtype), weights=weights)


def test_a_volume_is_not_taken_for_a_picture_with_the_same_values():
    assert len({image_digest(IMAGE), image_digest(IMAGE[None]), image_digest(IMAGE.reshape(48, 40))}) == 3


def test_weights_that_say_nothing_warn_of_nothing(tmp_path):
    torch.save(build_network("squeezenet1_1").state_dict(), tmp_path / "plain.pth")
    for weights in (tmp_path / "plain.pth", "untrained"):
        assert not hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu").prepare(roi_of(IMAGE)).findings


def test_a_list_of_images_that_cannot_be_read_is_an_error(weights, tmp_path):
    damaged = tmp_path / "damaged.safetensors"
    save_file(load_file(weights), damaged, {"hybridrad": json.dumps({"trained_on": {"my nodules": "no digests"}})})
    with pytest.raises(WeightsError, match=r"damaged\.safetensors lists its training images"):
        finding_if_trained_on("a", IMAGE, weights=damaged)


def test_a_cohort_run_counts_the_cases_that_were_trained_on(weights, tmp_path):
    for name in ("seen", "new"):
        image = IMAGE if name == "seen" else IMAGE[::-1].copy()
        sitk.WriteImage(sitk.GetImageFromArray(image), tmp_path / f"{name}.png")
        sitk.WriteImage(roi_of(image).mask, tmp_path / f"{name}_mask.png")
    lines = [f"{name},{name},{name}.png,{name}_mask.png,{i}" for i, name in enumerate(("seen", "new"))]
    (tmp_path / "cohort.csv").write_text("\n".join(["case_id,patient_id,image,mask,label", *lines]))
    extractor = hr.EmbeddingExtractor("squeezenet1_1", weights, device="cpu")
    cohort = hr.read_cohort(tmp_path / "cohort.csv")
    run = hr.extract_features(cohort, [extractor], store=tmp_path / "run", progress=False)
    assert run.findings.xs("W_TRAINED_ON", level="code").index.tolist() == ["seen"]
