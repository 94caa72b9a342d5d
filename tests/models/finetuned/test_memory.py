from __future__ import annotations

import numpy as np
import pytest
import torch

import hybridrad as hr
from hybridrad.models.finetuned import inputs, training
from hybridrad.models.finetuned.architecture import CaseNetwork, build_case_network
from hybridrad.models.finetuned.augmentation import Augmentation
from hybridrad.models.finetuned.memory import PicturesAtOnce
from hybridrad.models.finetuned.pooling import PoolingPlan
from hybridrad.models.finetuned.recipe import TrainingRecipe


def limited(at_most: int, seen: list[int], real=CaseNetwork.features):
    """Return what stands in for a trunk on a device whose memory suffices for so many pictures."""

    def features(self, pictures):
        seen.append(len(pictures))
        if len(pictures) > at_most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, pictures)

    return features


def trained(store, at_once: int, *, backbone: str = "squeezenet1_1", dropout: float = 0.5):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_case_network(
            backbone, "untrained", input_px=32, pooling=PoolingPlan("mean"), n_classes=2, dropout=dropout
        )
    batches = inputs.PictureBatches(store, list(store.X.index), Augmentation(), "cpu")
    batches.at_once.n = at_once
    steps = training.train_epochs(
        network,
        batches,
        store.y.astype(np.intp),
        np.arange(len(store.y)),
        recipe=TrainingRecipe("all", epochs=2, batch_size=8, trunk_lr=1e-4, class_weight="balanced"),
        class_weights=np.array([0.5, 2.0]),
        seed=(0,),
        device="cpu",
    )
    return network, [next(steps), next(steps)], batches


def test_a_training_is_the_same_however_few_pictures_are_in_the_network_at_once(make_blobs):
    store = make_blobs(12, n_views=3)
    (whole, losses, _), (small, same_losses, _) = (trained(store, n) for n in (1000, 2))
    assert same_losses == pytest.approx(losses, rel=1e-5)
    for (name, one), other in zip(whole.state_dict().items(), small.state_dict().values(), strict=True):
        assert torch.allclose(one.float(), other.float(), atol=2e-5), name


def test_no_part_is_larger_than_allowed_in_training_and_validation(make_blobs, monkeypatch):
    store, seen = make_blobs(12, n_views=3), []
    monkeypatch.setattr(CaseNetwork, "features", limited(1000, seen))
    network, _, batches = trained(store, 5)
    training.class_scores(network, batches, range(len(store.y)))
    inputs.features_of(network, batches, range(len(store.y)))
    assert max(seen) == 5


def test_where_memory_does_not_suffice_the_step_is_tried_again_with_half_and_ends_the_same(make_blobs, monkeypatch):
    store, seen = make_blobs(12, n_views=3), []
    _, losses, _ = trained(store, 1000)
    monkeypatch.setattr(CaseNetwork, "features", limited(4, seen))
    _, same_losses, batches = trained(store, 32)
    assert same_losses == pytest.approx(losses, rel=1e-5)
    assert (batches.at_once.n, max(seen)) == (4, 24)
    assert batches.at_once.findings == [
        "The memory of the device did not suffice, and pictures went through the network in smaller parts "
        "(4 at once on cpu, not 32)."
    ]


def test_a_device_that_does_not_suffice_for_one_picture_is_named(make_blobs, monkeypatch):
    monkeypatch.setattr(CaseNetwork, "features", limited(0, []))
    with pytest.raises(MemoryError, match="memory of cpu does not suffice for one picture"):
        trained(make_blobs(6), 2)


def test_a_step_that_is_tried_again_has_the_random_numbers_of_the_first_try():
    at_once, drawn = PicturesAtOnce("cpu"), []

    def action() -> None:
        drawn.append(torch.rand(3))
        if len(drawn) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with torch.random.fork_rng():
        at_once.attempt(action)
    assert torch.equal(*drawn)
    assert at_once.n == at_once.first // 2


def test_short_memory_and_a_precision_that_was_not_used_are_findings(make_blobs, monkeypatch):
    store = make_blobs(12)
    recipe = TrainingRecipe("last_blocks", epochs=1, precision="bfloat16")
    monkeypatch.setattr(CaseNetwork, "features", limited(8, []))
    model = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe, device="cpu")
    model.fit(store.X, store.y, groups=store.groups)
    assert ["smaller parts (8 at once on cpu, not 32)" in text for text in model.findings_][:1] == [True]
    assert 'precision="bfloat16" is for a GPU; the network was trained in float32.' in model.findings_
    assert model.describe()["precision"] == "float32"
