"""Batches that are prepared ahead: while a GPU computes, a thread reads and changes the pictures that come next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from hybridrad.models.finetuned.inputs import Batches, Loaded

THREAD_NAME = "hybridrad-loading"
# Batches that wait, besides the one in work and the one being prepared.
AHEAD = 2
_WAIT_S = 0.05


def worthwhile(device: str) -> bool:
    """Return whether batches are prepared ahead for a device: for a GPU alone.

    On a CPU the network needs the cores itself, and its dropout draws from the generator that the changes of pictures
    draw from: prepared ahead, these would get other random numbers than in turn. A GPU has a generator of its own.

    Examples
    --------
    >>> worthwhile("cpu"), worthwhile("cuda:0")
    (False, True)
    """
    return device != "cpu"


@contextmanager
def loading(batches: Batches, pieces: Sequence[Sequence[int]], *, varied: bool) -> Iterator[Iterator[Loaded]]:
    """Give what ``batches.load`` gives for each piece, in their order and with the random numbers it would have drawn.

    Parameters
    ----------
    batches : Batches
    pieces : sequence of sequences of int
        Positions of the cases of each batch.
    varied : bool
        With random changes, by torch's generator as it is at the start.

    Raises
    ------
    Exception
        Whatever reading or changing a batch raises, where that batch is asked for. However the ``with`` block is left,
        no thread outlives it.
    """
    if len(pieces) < 2 or not worthwhile(batches.at_once.device):
        yield (batches.load(piece, varied=varied) for piece in pieces)
        return
    ahead = _Ahead(batches, pieces, varied=varied)
    try:
        yield ahead.batches()
    finally:
        ahead.close()


class _Failed:
    """What went wrong in the thread, on its way to the caller."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Ahead:
    def __init__(self, batches: Batches, pieces: Sequence[Sequence[int]], *, varied: bool) -> None:
        self._from, self._pieces, self._varied = batches, pieces, varied
        # A copy: steps that are tried again, or computed again for their gradients, set torch's own generator back.
        self._generator = torch.Generator()
        self._generator.set_state(torch.get_rng_state())
        self._waiting: Queue[Loaded | _Failed] = Queue(maxsize=AHEAD)
        self._stopped = Event()
        self._thread = Thread(target=self._work, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def batches(self) -> Iterator[Loaded]:
        for _ in self._pieces:
            found = self._waiting.get()
            if isinstance(found, _Failed):
                raise found.error
            yield found

    def close(self) -> None:
        self._stopped.set()
        # The thread may wait for a free place.
        while self._thread.is_alive():
            try:
                self._waiting.get(timeout=_WAIT_S)
            except Empty:
                continue
        self._thread.join()

    def _work(self) -> None:
        try:
            for piece in self._pieces:
                if self._stopped.is_set():
                    return
                values, lengths = self._from.load(piece, varied=self._varied, generator=self._generator)
                self._waiting.put((self._pinned(values), lengths))
        except BaseException as err:  # noqa: BLE001  the caller raises it
            self._waiting.put(_Failed(err))

    def _pinned(self, values: torch.Tensor) -> torch.Tensor:
        """Return values in memory that a GPU copies from while it computes; for the CPU as they are."""
        device = self._from.at_once.device
        if device == "cpu":
            return values
        with torch.cuda.device(device):
            return values.pin_memory()
