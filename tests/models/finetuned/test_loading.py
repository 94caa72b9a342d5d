from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

import hybridrad as hr
from hybridrad.errors import RunError
from hybridrad.models.finetuned import inputs, loading
from hybridrad.models.finetuned.memory import PicturesAtOnce


@pytest.fixture
def ahead(monkeypatch):
    """Batches are prepared ahead on the CPU as well."""
    monkeypatch.setattr(loading, "worthwhile", lambda device: True)


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    yield
    assert not loaders()


def loaders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == loading.THREAD_NAME]


class Numbers:
    """Stands in for pictures: each batch is a random number, drawn when it is loaded."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.at_once, self.fails_at, self.loaded = PicturesAtOnce("cpu"), fails_at, []

    def load(self, positions, *, varied, generator=None):
        if positions[0] == self.fails_at:
            raise RunError(f"case {positions[0]} cannot be read.")
        self.loaded.append(positions[0])
        return torch.rand(1, generator=generator), [threading.current_thread().name]


PIECES = [[i] for i in range(8)]


def test_batches_come_in_their_order_with_the_random_numbers_of_one_after_the_other(ahead):
    with inputs.seeded(0):
        wanted = [float(torch.rand(1)) for _ in PIECES]
    batches = Numbers()
    with inputs.seeded(0), loading.loading(batches, PIECES, varied=True) as loads:
        found = []
        for value, (thread,) in loads:
            torch.manual_seed(7)  # a step that is computed again sets torch's own generator back
            assert thread == loading.THREAD_NAME
            found.append(float(value))
    assert found == wanted
    assert batches.loaded == list(range(8))


def test_on_a_cpu_no_thread_is_started():
    with loading.loading(Numbers(), PIECES, varied=True) as loads:
        assert {thread for _, (thread,) in loads} == {threading.current_thread().name}


def test_no_more_batches_than_a_few_are_prepared_ahead(ahead):
    batches = Numbers()
    with loading.loading(batches, PIECES, varied=True) as loads:
        next(loads)
        time.sleep(0.1)
        assert len(batches.loaded) <= 1 + loading.AHEAD + 1


def test_an_error_comes_out_where_its_batch_is_asked_for(ahead):
    with loading.loading(Numbers(fails_at=2), PIECES, varied=True) as loads:
        assert len([next(loads), next(loads)]) == 2
        with pytest.raises(RunError, match="case 2 cannot be read"):
            next(loads)


def test_an_error_of_the_caller_and_an_early_stop_end_the_thread(ahead):
    def failing_step() -> None:
        with loading.loading(Numbers(), PIECES, varied=True) as loads:
            next(loads)
            raise KeyError

    with pytest.raises(KeyError):
        failing_step()
    assert not loaders()
    with loading.loading(Numbers(), PIECES, varied=True) as loads:
        for _ in loads:
            break


def trained(blobs, recipe, kind=hr.FineTunedCNN):
    options = {"augment": hr.Augmentation(), "recipe": recipe, "inner_folds": 2, "device": "cpu"}
    return kind("squeezenet1_1", "untrained", views_store=blobs, **options).fit(blobs.X, blobs.y, groups=blobs.groups)


@pytest.mark.parametrize(
    "recipe",
    [hr.TrainingRecipe("head", epochs=3, batch_size=4), hr.TrainingRecipe("last_blocks", epochs=2, batch_size=4)],
    ids=["features", "pictures"],
)
def test_weights_are_the_same_to_the_last_bit_with_and_without(blobs, recipe, monkeypatch):
    plain = trained(blobs, recipe)
    started, start = [], threading.Thread.start
    monkeypatch.setattr(loading, "worthwhile", lambda device: True)
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self.name) or start(self))
    again = trained(blobs, recipe)
    assert loading.THREAD_NAME in started
    assert plain.network_state_.keys() == again.network_state_.keys()
    assert all(np.array_equal(plain.network_state_[name], again.network_state_[name]) for name in plain.network_state_)
    assert np.array_equal(plain.oof_logits_, again.oof_logits_)
    assert np.array_equal(plain.predict_proba(blobs.X), again.predict_proba(blobs.X))


def test_pictures_that_cannot_be_read_stop_a_fit_and_leave_no_thread(make_blobs, ahead):
    blobs = make_blobs(12)
    read, calls = blobs.pictures, []

    def pictures(case_ids):
        calls.append(list(case_ids))
        if len(calls) > 6:
            raise RunError("the disk is gone.")
        return read(case_ids)

    blobs.pictures = pictures
    with pytest.raises(RunError, match="the disk is gone"):
        trained(blobs, hr.TrainingRecipe("last_blocks", epochs=2, batch_size=4))
    assert not loaders()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_for_a_gpu_batches_are_pinned_and_those_of_one_after_the_other(blobs):
    batches = inputs.PictureBatches(blobs, list(blobs.X.index), hr.Augmentation(), "cuda")
    pieces = inputs.chunks(range(20), 4)
    with inputs.seeded(0):
        wanted = [batches.load(piece, varied=True)[0] for piece in pieces]
    with inputs.seeded(0), loading.loading(batches, pieces, varied=True) as loads:
        found = [pictures for pictures, _ in loads]
    assert all(pictures.is_pinned() for pictures in found)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
