"""Tiny made-up pictures with a known truth: a blob brighter or darker than its surroundings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hybridrad.errors import RunError


class Blobs:
    """Stands in for a view store: pictures in memory, one or several views of a case, two views of each second patient.

    ``X`` (index case_id, one column), ``y`` and ``groups`` belong to them.
    """

    input_px = 32
    shows_region = False

    def __init__(self, n_patients: int = 20, *, n_views: int = 1, n_classes: int = 2, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        patients = np.concatenate([np.arange(n_patients), np.arange(0, n_patients, 3)])
        self.y = (np.arange(n_patients) % n_classes)[patients]
        self.groups = np.array([f"p{i:02d}" for i in patients])
        ids = [f"c{i:03d}" for i in range(len(patients))]
        self.kept = {
            case_id: self._case(rng, label, n_views, n_classes) for case_id, label in zip(ids, self.y, strict=True)
        }
        self.X = pd.DataFrame({"size__area_px": 1.0}, index=pd.Index(ids, name="case_id"))

    def _case(self, rng: np.random.Generator, label: int, n_views: int, n_classes: int) -> np.ndarray:
        pictures = rng.normal(0.4, 0.05, (n_views, 1, 32, 32))
        rows, columns = np.mgrid[:32, :32]
        top, left = rng.integers(11, 21, 2)
        blob = (rows - top) ** 2 + (columns - left) ** 2 < 49
        pictures[rng.integers(n_views), 0, blob] += 0.35 * (2 * label / (n_classes - 1) - 1)
        return np.clip(pictures, 0, 1).astype(np.float32)

    def pictures(self, case_ids) -> list[np.ndarray]:
        lacking = [case_id for case_id in case_ids if case_id not in self.kept]
        if lacking:
            raise RunError(f"case {lacking[0]!r} has no pictures.")
        return [self.kept[case_id] for case_id in case_ids]

    def has(self, case_ids) -> np.ndarray:
        return np.array([case_id in self.kept for case_id in case_ids])


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_blobs():
    return Blobs


@pytest.fixture(scope="session")
def blobs() -> Blobs:
    return Blobs()
