"""Extractors with known behaviour, importable by worker processes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybridrad.errors import FeatureError, MissingDependencyError
from hybridrad.features.rows import Prepared, Row
from hybridrad.imaging.roi import Roi


@dataclass
class MeanInRoi:
    """Mean intensity of the region; does what it is told to named cases, and leaves a trace of each call."""

    trace: str
    name: str = "radiomics"
    image: str = "image"
    mask: str = "mask"
    batched: bool = False
    version: int = 1
    fails: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    dies: tuple[str, ...] = ()
    hangs: tuple[str, ...] = ()
    lacks_package: bool = False
    seconds: float = 0.0

    def describe(self) -> dict[str, Any]:
        return {"version": self.version}

    def columns(self, dimension: int) -> list[str]:
        return [f"{self.name}__mean_{dimension}d", f"{self.name}__sd"]

    def extract(self, roi: Roi) -> Row:
        with Path(self.trace).open("a") as file:
            file.write(f"{roi.case_id}\n")
        time.sleep(self.seconds)
        if self.lacks_package:
            raise MissingDependencyError("the package is not installed.", code="E_MISSING_DEPENDENCY", hint="Get it.")
        if roi.case_id in self.fails:
            raise FeatureError("E_RADIOMICS", case_id=roi.case_id, stage="radiomics", message="no luck.")
        if roi.case_id in self.breaks:
            raise ZeroDivisionError("nobody foresaw this")
        if roi.case_id in self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        if roi.case_id in self.hangs:
            time.sleep(600)
        inside = roi.image_zyx[roi.mask_zyx.astype(bool)]
        return Row(np.array([inside.mean(), inside.std()]))


@dataclass
class BatchedSum:
    """Sum of the image, finished in batches; refuses a batch that holds an image with a given sum."""

    name: str = "deep"
    image: str = "image"
    mask: str = "mask"
    batched: bool = True
    batch_size: int = 3
    refuses: float | None = None

    def describe(self) -> dict[str, Any]:
        return {}

    def columns(self, dimension: int) -> list[str]:
        return [f"{self.name}__sum"]

    def prepare(self, roi: Roi) -> Prepared:
        return Prepared(np.array([roi.image_zyx.sum()], dtype=np.float32))

    def finish(self, payloads: list[np.ndarray]) -> np.ndarray:
        sums = np.array([p[0] for p in payloads], dtype=float)
        if self.refuses is not None and (sums == self.refuses).any():
            raise FeatureError("E_EMBEDDING", case_id="case", stage="embedding", message="not finite.")
        return sums[:, None]
