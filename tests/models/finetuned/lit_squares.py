"""Made-up pictures in which a square at a known place decides the label: bright for 1, dark for 0."""

from __future__ import annotations

import numpy as np
import pandas as pd


class LitSquares:
    """Stands in for a view store; the region is the square. ``X``, ``y`` and ``groups`` belong to the pictures."""

    shows_region = False

    def __init__(self, n_patients: int = 24, *, n_views: int = 1, side: int = 96, seed: int = 0) -> None:
        self.input_px = side
        rng = np.random.default_rng(seed)
        self.y = np.arange(n_patients) % 2
        ids = [f"c{i:03d}" for i in range(n_patients)]
        self.groups = np.array([f"p{i:02d}" for i in range(n_patients)])
        self.kept = {case_id: _case(rng, label, n_views, side) for case_id, label in zip(ids, self.y, strict=True)}
        self.X = pd.DataFrame({"finetuned__has_pictures": 1.0}, index=pd.Index(ids, name="case_id"))

    def pictures(self, case_ids) -> list[np.ndarray]:
        return [self.kept[case_id][0] for case_id in case_ids]

    def regions(self, case_ids) -> list[np.ndarray]:
        return [self.kept[case_id][1] for case_id in case_ids]

    def has(self, case_ids) -> np.ndarray:
        return np.array([case_id in self.kept for case_id in case_ids])


def _case(rng: np.random.Generator, label: int, n_views: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    # The grey that the weights' normalisation takes to 0, where random filters answer nothing.
    pictures = rng.normal(0.45, 0.02, (n_views, 1, side, side))
    regions = np.zeros((n_views, side, side), dtype=np.float32)
    for view in range(n_views):
        top, left = rng.integers(0, side - side // 3, 2)
        regions[view, top : top + side // 3, left : left + side // 3] = 1.0
        pictures[view, 0] += (0.5 if label else -0.4) * regions[view]
    return np.clip(pictures, 0, 1).astype(np.float32), regions
