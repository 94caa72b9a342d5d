from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import torchvision
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hybridrad.datasets import render_lesion
from hybridrad.errors import FeatureError, RunError, WeightsError
from hybridrad.features.deep import batching
from hybridrad.features.deep.embeddings import EmbeddingExtractor
from hybridrad.features.deep.weights import Preprocessing
from hybridrad.imaging.roi import read_roi
from hybridrad.imaging.views import Views

SMALL = Preprocessing(64, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")


def small_extractor(**options):
    return EmbeddingExtractor("squeezenet1_1", "untrained", **{"device": "cpu", "preprocessing": SMALL, **options})


def image_and_mask(seed=0, constant=False):
    voxels = np.random.default_rng(seed).normal(0, 100, (6, 30, 40)).astype(np.float32)
    image = sitk.GetImageFromArray(np.zeros_like(voxels) if constant else voxels)
    region = np.zeros(voxels.shape, np.uint8)
    region[2:5, 8:20, 10:24] = 1
    mask = sitk.GetImageFromArray(region)
    for member in (image, mask):
        member.SetSpacing((1.0, 1.0, 2.0))
    return image, mask


@pytest.fixture(scope="module")
def roi():
    return read_roi(*image_and_mask(), case_id="007")


def test_one_case_without_a_cohort_gives_named_values():
    extractor = small_extractor(name="deep_adjacent")
    row = extractor.extract_one(*image_and_mask(), case_id="007")
    assert row.name == "007"
    assert list(row.index) == extractor.columns(3)
    assert row.index[7] == "deep_adjacent__squeezenet1_1_0007"
    assert row.dtype == np.float64
    assert np.isfinite(row).all()
    assert row.std() > 0


def test_a_row_does_not_depend_on_the_cases_of_its_batch():
    extractor = small_extractor()
    payloads = [extractor.prepare(read_roi(*image_and_mask(seed))).payload for seed in range(6)]
    together = extractor.finish(payloads)
    assert together.shape == (6, 512)
    for i, payload in enumerate(payloads):
        assert np.array_equal(extractor.finish([payload])[0], together[i])
        assert np.array_equal(extractor.finish(payloads[::-1])[5 - i], together[i])


def test_the_batch_size_does_not_change_a_bit_on_a_cpu(roi):
    rows = [small_extractor(batch_size=size) for size in (1, 7, 32)]
    payload = rows[0].prepare(roi).payload
    first, *others = (extractor.finish([payload] * 3) for extractor in rows)
    assert all(np.array_equal(first, other) for other in others)


def test_the_next_cases_begin_with_the_batch_that_the_memory_sufficed_for(monkeypatch):
    asked = []

    def embed(model, views, expected, *, batch_size, on_batch_size, **_):
        asked.append(batch_size)
        on_batch_size(min(batch_size, 32))
        return np.zeros((len(views), 512), np.float32)

    monkeypatch.setattr(batching, "embed", embed)
    extractor = small_extractor()
    for _ in range(2):
        extractor.finish([np.zeros((1, 1, 20, 20), np.float32)])
    assert asked == [256, 32]


def test_a_run_hands_over_as_many_cases_as_the_device_can_use(monkeypatch):
    assert small_extractor(batch_size=5).batch_size == 5
    cases = {}
    for device in ("cpu", "cuda"):
        monkeypatch.setattr(EmbeddingExtractor, "_device", lambda self, device=device: device)
        cases[device] = small_extractor().batch_size
    assert cases == {"cpu": 16, "cuda": 64}


def test_views_of_a_case_are_averaged():
    rng = np.random.default_rng(0)
    one, two, three = (rng.random((1, 1, side, side), dtype=np.float32) for side in (40, 40, 70))
    extractor = small_extractor()
    singles = extractor.finish([one, two, three])
    both = extractor.finish([three, np.concatenate([one, two])])
    assert np.array_equal(both[0], singles[2])
    np.testing.assert_allclose(both[1], singles[:2].mean(axis=0), rtol=1e-12)


def test_grey_and_colour_cases_of_differing_sizes_can_share_a_batch():
    rng = np.random.default_rng(0)
    grey = rng.random((1, 1, 50, 50), dtype=np.float32)
    colour = np.repeat(grey, 3, axis=1)
    extractor = small_extractor()
    rows = extractor.finish([grey, rng.random((2, 3, 31, 31), dtype=np.float32), colour])
    np.testing.assert_allclose(rows[0], rows[2], rtol=1e-6, atol=1e-7)


def test_nothing_to_finish_gives_no_rows():
    assert small_extractor().finish([]).shape == (0, 512)


def test_what_the_network_sees_is_a_view_of_0_to_1_at_native_resolution(roi):
    prepared = small_extractor(views=Views(margin_mm=3)).prepare(roi)
    assert prepared.payload.dtype == np.float32
    assert prepared.payload.shape == (1, 1, 20, 20)
    assert 0 <= prepared.payload.min() < prepared.payload.max() <= 1
    assert prepared.findings == ()


def test_a_constant_view_is_a_finding():
    prepared = small_extractor().prepare(read_roi(*image_and_mask(constant=True), case_id="flat"))
    (finding,) = prepared.findings
    assert (finding.case_id, finding.code) == ("flat", "W_CONSTANT_EMBEDDING")


class BrokenViews:
    def render(self, roi):
        return np.full((1, 1, 8, 8), np.nan, np.float32)


def test_views_that_are_not_finite_fail_their_case(roi):
    with pytest.raises(FeatureError, match="007: E_EMBEDDING"):
        small_extractor(views=BrokenViews()).prepare(roi)


def test_embeddings_that_are_not_finite_fail_and_name_their_cases():
    extractor = small_extractor()
    good = np.random.default_rng(0).random((1, 1, 20, 20), dtype=np.float32)
    with pytest.raises(FeatureError, match="b: E_EMBEDDING") as caught:
        extractor.finish([good, np.full_like(good, np.nan)], case_ids=["a", "b"])
    assert caught.value.details["positions"] == [1]


def test_the_description_is_plain_data_and_says_everything_that_changes_values():
    described = small_extractor(views=Views(relative_margin=0.25)).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["weights"]["name"] == "untrained"
    assert described["preprocessing"]["input_size"] == 64
    assert described["views"] == Views(relative_margin=0.25).describe()
    assert described["device"] == "cpu"
    assert set(described["versions"]) == {"torch", "torchvision"}


def test_the_batch_size_is_not_part_of_the_description():
    assert small_extractor(batch_size=2).describe() == small_extractor(batch_size=9).describe()


def test_a_pickle_carries_no_network_and_gives_the_same_values(roi):
    extractor = small_extractor()
    payload = extractor.prepare(roi).payload
    row = extractor.finish([payload])
    carried = pickle.dumps(extractor)
    assert len(carried) < 5000
    assert np.array_equal(pickle.loads(carried).finish([payload]), row)  # noqa: S301  what this test has just pickled


def test_a_worker_prepares_and_names_columns_without_torch(roi, tmp_path):
    extractor = small_extractor()
    extractor.describe()
    (tmp_path / "work.pickle").write_bytes(pickle.dumps((extractor, roi)))
    script = (
        "import pickle, sys; extractor, roi = pickle.load(open(sys.argv[1], 'rb'));"
        "extractor.prepare(roi); extractor.columns(3);"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path / "work.pickle")], check=False).returncode == 0


def test_a_network_left_in_train_mode_cannot_happen(roi):
    extractor = small_extractor()
    extractor.finish([extractor.prepare(roi).payload])
    assert not any(module.training for module in extractor._network().modules())


def test_weights_that_change_during_a_run_are_noticed(tmp_path):
    path = tmp_path / "net.pth"
    state = torchvision.models.squeezenet1_1(weights=None).state_dict()
    torch.save(state, path)
    extractor = EmbeddingExtractor("squeezenet1_1", path, device="cpu")
    extractor.describe()
    torch.save({key: value + 1 for key, value in state.items()}, path)
    with pytest.raises(WeightsError, match="changed"):
        extractor.finish([np.zeros((1, 1, 20, 20), np.float32)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "deep__two"}, "no block name"),
        ({"name": ""}, "no block name"),
        ({"device": "gpu"}, "not one of auto"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 2.5}, "whole number"),
        ({"batch_size": "most"}, "batch_size"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small_extractor(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_gpu_that_is_not_there_is_an_error():
    with pytest.raises(RunError, match="no CUDA GPU"):
        EmbeddingExtractor("squeezenet1_1", "untrained", device="cuda").describe()


def test_a_network_sees_what_surrounds_a_region_and_radiomics_cannot():
    traits = np.random.default_rng(0).standard_normal((50, 3))
    extractor, geometry = small_extractor(), {"shape": (24, 48, 48), "spacing_mm": (2.0, 1.0, 1.0)}
    payloads = []
    for i, own in enumerate(traits):
        image, mask = (sitk.GetImageFromArray(a) for a in render_lesion(own, **geometry, random_state=i))
        payloads.append(extractor.prepare(read_roi(image, mask)).payload)
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(1, 5, 9)))
    found = cross_val_predict(model, extractor.finish(payloads), traits[:, 1], cv=KFold(5))
    assert np.corrcoef(found, traits[:, 1])[0, 1] > 0.5


@pytest.mark.shared_data
def test_imagenet_squeezenet_equals_a_plain_torchvision_computation(shared_data, roi):
    files = [shared_data / f"weights/squeezenet1_1_imagenet_features{suffix}" for suffix in (".safetensors", ".pth")]
    extractors = [EmbeddingExtractor("squeezenet1_1", path, device="cpu") for path in files]
    payload = extractors[0].prepare(roi).payload
    rows = [extractor.finish([payload])[0] for extractor in extractors]
    assert np.array_equal(*rows)

    model = torchvision.models.squeezenet1_1(weights=None)
    model.load_state_dict(torch.load(files[1], weights_only=True), strict=False)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(payload).double(), size=(224, 224), mode="bilinear", antialias=True
    )
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    # In double precision: in single, the plain computation itself moves by 1e-5 with the number of threads.
    with torch.inference_mode():
        plain = model.eval().double().features((resized.repeat(1, 3, 1, 1) - mean) / std).mean(dim=(2, 3))[0].numpy()
    assert plain.std() > 0.1
    np.testing.assert_allclose(rows[0], plain, rtol=1e-5, atol=1e-5)


# Computed once in double precision by torchvision alone (torch 2.14): what a later version may not change unnoticed.
GOLDEN_START = [0.0, 0.0, 0.0, 0.180660, 4.160459, 0.0, 6.291723, 3.267241]
GOLDEN_NORM = 101.63439


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("suffix", "sha256"),
    [
        (".safetensors", "2e486af44cb43cb0c768ea02a18824e59e5823032ebc7751ae0942191c9675d9"),
        (".pth", "a6336c07e065656e52eeda7883cccf6b556bb057a74acfeca97f53e2a37ea45f"),
    ],
)
def test_the_embedding_of_a_made_up_picture_is_the_one_that_was_written_down(shared_data, suffix, sha256):
    weights = shared_data / f"weights/squeezenet1_1_imagenet_features{suffix}"
    # A window of 0..255, so that the network sees the stored grey levels.
    views = Views("image", window=(127.5, 255.0))
    extractor = EmbeddingExtractor("squeezenet1_1", weights, views=views, device="cpu")
    assert extractor.describe()["weights"]["sha256"] == sha256
    y, x = np.indices((96, 96))
    image = sitk.GetImageFromArray(((y * y + 3 * x * y + 7 * x) % 256).astype(np.uint8))
    row = extractor.extract_one(image, sitk.GetImageFromArray(np.ones((96, 96), np.uint8)))
    np.testing.assert_allclose(row.iloc[:8], GOLDEN_START, rtol=1e-4, atol=1e-4)
    assert np.linalg.norm(row) == pytest.approx(GOLDEN_NORM, rel=1e-5)
