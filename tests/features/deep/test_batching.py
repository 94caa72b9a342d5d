from __future__ import annotations

import numpy as np
import pytest
import torch

from hybridrad.features.deep import batching
from hybridrad.features.deep.batching import embed, exact_arithmetic, network_input
from hybridrad.features.deep.network import load_network
from hybridrad.features.deep.weights import Preprocessing, Weights
from tests.devices import DEVICES

EXPECTED = Preprocessing(64, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")
RNG = np.random.default_rng(0)
IMAGES = [RNG.random((1, side, side), dtype=np.float32) for side in (20, 90, 64, 33, 120, 64, 50)]


@pytest.fixture(scope="module", params=["squeezenet1_1", "shufflenet_v2_x0_5"])
def model(request):
    return load_network(request.param, Weights("untrained", "untrained", None, None, EXPECTED))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def cpu_embeddings(model, images):
    return embed(model, images, EXPECTED, device="cpu", batch_size=16, on_departure=pytest.fail)


def test_an_embedding_does_not_depend_on_its_neighbours_to_the_last_bit(model):
    together = cpu_embeddings(model, IMAGES)
    for i, image in enumerate(IMAGES):
        others = IMAGES[:i] + IMAGES[i + 1 :]
        assert np.array_equal(cpu_embeddings(model, [image])[0], together[i])
        assert np.array_equal(cpu_embeddings(model, [image, *others])[0], together[i])
        assert np.array_equal(cpu_embeddings(model, [*others, image])[-1], together[i])


@pytest.mark.parametrize("device", DEVICES)
def test_an_embedding_is_the_same_at_every_batch_size_within_1e_4(device):
    resnet = load_network("resnet18", Weights("untrained", "untrained", None, None, EXPECTED), device=device)
    found = [
        embed(resnet, IMAGES, EXPECTED, device=device, batch_size=size, on_departure=pytest.fail) for size in (1, 3, 7)
    ]
    for other in found[1:]:
        assert np.abs(other - found[0]).max() <= 1e-4 * np.abs(found[0]).max()


def test_an_embedding_does_not_depend_on_the_number_of_threads_to_the_last_bit(model, two_threads):
    with_two = cpu_embeddings(model, IMAGES)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert np.array_equal(cpu_embeddings(model, IMAGES), with_two)


def test_an_embedding_equals_a_plain_pass_of_the_same_image(model):
    with torch.inference_mode():
        plain = model(network_input(IMAGES[1], EXPECTED)[None])[0].numpy()
    np.testing.assert_allclose(cpu_embeddings(model, IMAGES)[1], plain, rtol=1e-5, atol=1e-6)


def test_a_callers_autocast_does_not_halve_the_precision(model):
    plain = cpu_embeddings(model, IMAGES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(cpu_embeddings(model, IMAGES), plain)


def test_a_callers_lower_precision_is_not_used_and_stays_as_it_was(model):
    plain, before = cpu_embeddings(model, IMAGES), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert np.array_equal(cpu_embeddings(model, IMAGES), plain)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_global_flags_are_as_they_were_after_an_error_too(device):
    def flags():
        cudnn = torch.backends.cudnn
        return (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, torch.get_float32_matmul_precision())

    before = flags()
    with pytest.raises(KeyError), exact_arithmetic(device):
        raise KeyError
    assert flags() == before


def test_gradients_are_off_for_the_result_and_on_again_for_the_caller(model):
    cpu_embeddings(model, IMAGES[:1])
    assert torch.is_grad_enabled()
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("way", ["bilinear", "bicubic"])
def test_a_view_is_resized_whole_and_antialiased(way):
    checker = np.indices((256, 256)).sum(axis=0) % 2
    expected = Preprocessing(32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), way)
    small = network_input(checker[None].astype(np.float32), expected)[:, 2:-2, 2:-2]
    assert float((small - 0.5).abs().max()) < 0.01


def test_grey_becomes_three_equal_channels_before_each_is_normalised():
    made = network_input(IMAGES[2], EXPECTED).numpy()
    for channel in range(3):
        want = (IMAGES[2][0] - np.float32(EXPECTED.mean[channel])) / np.float32(EXPECTED.std[channel])
        np.testing.assert_allclose(made[channel], want, rtol=1e-6, atol=1e-6)


def test_colour_keeps_its_channels():
    colour = RNG.random((3, 64, 64), dtype=np.float32)
    plain = Preprocessing(64, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bicubic")
    np.testing.assert_array_equal(network_input(colour, plain).numpy(), colour)


def test_bicubic_resizing_does_not_leave_the_range_of_an_image():
    edge = np.zeros((1, 20, 20), np.float32)
    edge[:, :, 10:] = 1.0
    made = network_input(edge, Preprocessing(64, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bicubic"))
    assert float(made.min()) == 0.0
    assert float(made.max()) == 1.0


def with_little_memory(fits):
    def embed_on_gpu(model, images, *, device, batch_size):
        if batch_size > fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return np.full((len(images), 1), batch_size, np.float32)

    return embed_on_gpu


def test_a_gpu_out_of_memory_gets_halved_batches_and_says_so(model, monkeypatch):
    monkeypatch.setattr(batching, "_embed_on_gpu", with_little_memory(fits=4))
    said = []
    found = embed(model, IMAGES, EXPECTED, device="cuda", batch_size=16, on_departure=said.append)
    assert found[0, 0] == 4
    assert [sentence.split("batch of ")[1] for sentence in said] == [
        "16; went on with batches of 8.",
        "8; went on with batches of 4.",
    ]


def test_the_batch_size_that_a_gpu_has_memory_for_is_told(model, monkeypatch):
    monkeypatch.setattr(batching, "_embed_on_gpu", with_little_memory(fits=4))
    sizes = []
    for size in (16, 3):
        embed(
            model, IMAGES, EXPECTED, device="cuda", batch_size=size,
            on_departure=lambda _: None, on_batch_size=sizes.append,
        )  # fmt: skip
    assert sizes == [4, 3]


def test_a_gpu_without_memory_for_one_image_is_left_for_the_cpu(model, monkeypatch):
    monkeypatch.setattr(batching, "_embed_on_gpu", with_little_memory(fits=0))
    said = []
    found = embed(model, IMAGES, EXPECTED, device="cuda", batch_size=2, on_departure=said.append)
    assert np.array_equal(found, cpu_embeddings(model, IMAGES))
    assert said[-1].endswith("went on with the CPU.")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_embeddings_of_a_gpu_and_of_a_cpu_agree():
    untrained = Weights("untrained", "untrained", None, None, EXPECTED)
    on_gpu = load_network("resnet18", untrained, device="cuda")
    found = embed(on_gpu, IMAGES, EXPECTED, device="cuda", batch_size=3, on_departure=pytest.fail)
    scale = np.abs(found).max()
    np.testing.assert_allclose(cpu_embeddings(load_network("resnet18", untrained), IMAGES), found, atol=1e-4 * scale)
