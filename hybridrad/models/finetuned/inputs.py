"""What a network is fed with: pictures from a store, or the features of a frozen trunk computed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hybridrad.errors import RunError
from hybridrad.models.finetuned.architecture import CaseNetwork
from hybridrad.models.finetuned.augmentation import Augmentation
from hybridrad.models.finetuned.loading import loading
from hybridrad.models.finetuned.memory import PicturesAtOnce

# Of a frozen trunk: how many random versions of each picture there are; an epoch takes one of them at random.
FEATURE_DRAWS = 8
# Cases whose pictures are in the computer's memory together where nothing is trained.
CASES_AT_ONCE = 32


class Pictures(Protocol):
    """What keeps the pictures: `hybridrad.features.deep.view_store.ViewStore`, or anything with these three.

    ``shows_region`` says whether the last channel is the region. ``shows_volume``, if there is one, says whether the
    pictures of a case are slices of one volume.
    """

    input_px: int
    shows_region: bool

    def pictures(self, case_ids: Iterable[str]) -> list[NDArray[np.float32]]:
        """Return (n_views, channels, input_px, input_px) with values 0..1 for each case."""


Loaded = tuple[Tensor, list[int]]
"""Pictures or features of cases, one after the other, and how many each case has."""


class Batches(Protocol):
    """Cases by position: what is loaded of them, and class scores of that."""

    at_once: PicturesAtOnce

    def load(self, positions: Sequence[int], *, varied: bool, generator: torch.Generator | None = None) -> Loaded:
        """Return what the network is given of cases; ``varied``: with random changes, for training.

        Random numbers come from ``generator``, by default torch's own.
        """

    def scores(self, network: CaseNetwork, loaded: Loaded) -> Tensor:
        """Return class scores (n_cases, n_classes)."""


class PictureBatches:
    """Cases as pictures, through the whole network."""

    def __init__(
        self,
        store: Pictures,
        case_ids: Sequence[str],
        augment: Augmentation | None,
        device: str,
        *,
        n_views: int | None = None,
    ) -> None:
        self.store, self.case_ids, self.augment, self.device = store, list(case_ids), augment, device
        self.n_views = n_views
        self.at_once = PicturesAtOnce(device)

    def scores(self, network: CaseNetwork, loaded: Loaded) -> Tensor:
        """Return class scores (n_cases, n_classes)."""
        pictures, lengths = loaded
        return network.score(self.features(network, pictures), lengths)

    def features(self, network: CaseNetwork, pictures: Tensor) -> Tensor:
        """Return the trunk's features of pictures, so many at once as memory suffices for."""
        return self.at_once.through(network.features, pictures, network.centre)

    def load(self, positions: Sequence[int], *, varied: bool, generator: torch.Generator | None = None) -> Loaded:
        """Return the pictures of cases (n, 3, side, side), and how many views each case has."""
        ids = [self.case_ids[i] for i in positions]
        found = self.store.pictures(ids)
        for case_id, one in zip(ids, found, strict=True):
            if self.n_views not in (None, len(one)):
                raise RunError(
                    f"case {case_id!r} has {len(one)} views, the first training case {self.n_views}; views that are "
                    "concatenated must be as many for every case.",
                    hint='Use pool="mean" or "max", or a kind of view with a fixed number.',
                )
        cases = [torch.from_numpy(np.ascontiguousarray(one, dtype=np.float32)) for one in found]
        if varied and self.augment is not None:
            told = {
                "shows_region": self.store.shows_region,
                "together": getattr(self.store, "shows_volume", False),
            }
            cases = [self.augment.apply(case, **told, generator=generator) for case in cases]
        return torch.cat([case.expand(-1, 3, -1, -1) for case in cases]), [len(case) for case in cases]


class FeatureBatches:
    """Cases as features of a frozen trunk: computed once for all inner folds, because nothing is learned in it."""

    def __init__(self, draws: list[list[Tensor]], device: str) -> None:
        self.draws, self.device = draws, device
        self.at_once = PicturesAtOnce(device)

    def load(self, positions: Sequence[int], *, varied: bool, generator: torch.Generator | None = None) -> Loaded:
        """Return the features of cases (n, width), and how many views each case has."""
        chosen = [0] * len(positions)
        if varied:
            chosen = torch.randint(len(self.draws), (len(positions),), generator=generator).tolist()
        cases = [self.draws[d][i] for d, i in zip(chosen, positions, strict=True)]
        return torch.cat(cases), [len(case) for case in cases]

    def scores(self, network: CaseNetwork, loaded: Loaded) -> Tensor:
        """Return class scores (n_cases, n_classes)."""
        features, lengths = loaded
        return network.score(features.to(self.device, non_blocking=True), lengths)


def frozen_features(network: CaseNetwork, batches: PictureBatches, *, n_draws: int, seed: int) -> FeatureBatches:
    """Return the features of all cases as they are, and of ``n_draws`` random versions of them."""
    everyone = range(len(batches.case_ids))
    draws = []
    for draw in range(1 + (n_draws if batches.augment is not None else 0)):
        with seeded(seed, draw):
            draws.append(features_of(network, batches, everyone, varied=draw > 0))
    return FeatureBatches(draws, batches.device)


def features_of(
    network: CaseNetwork, batches: PictureBatches, positions: Iterable[int], *, varied: bool = False
) -> list[Tensor]:
    """Return the trunk's features (n_views, width) of each case, on the CPU."""
    found: list[Tensor] = []
    network.eval()
    pieces = chunks(list(positions), CASES_AT_ONCE)
    with torch.no_grad(), loading(batches, pieces, varied=varied) as loads:
        for pictures, lengths in loads:
            features = batches.at_once.attempt(partial(batches.features, network, pictures))
            found += features.cpu().split(lengths)
    return found


def chunks(positions: Sequence[int], size: int) -> list[Sequence[int]]:
    """Return consecutive pieces of a sequence.

    Examples
    --------
    >>> chunks([4, 5, 6], 2)
    [[4, 5], [6]]
    """
    return [positions[start : start + size] for start in range(0, len(positions), size)]


@contextmanager
def seeded(*seed: int) -> Iterator[None]:
    """Seed torch's generators inside the ``with`` block and leave them as they were."""
    devices: list[Any] = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
        yield
