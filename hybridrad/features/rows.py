"""What an extractor hands to the cohort run: a finished row, or a payload for a later batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hybridrad.errors import Finding

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi


@dataclass(frozen=True)
class Row:
    """Values of one case in the order of the extractor's columns."""

    values: NDArray[np.float64]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """What a worker process hands over for a batch, e.g. rendered views; only the extractor looks into the payload."""

    payload: Any
    findings: tuple[Finding, ...] = ()


class Extractor(Protocol):
    """What every extractor tells the cohort run."""

    name: str
    image: str
    mask: str
    batched: bool

    def describe(self) -> dict[str, Any]:
        """Return everything that changes values, as plain JSON-able data."""

    def columns(self, dimension: int) -> list[str]:
        """Return the promised columns, block prefix included."""


class RowExtractor(Extractor, Protocol):
    """Does its whole work on one case in a worker process."""

    def extract(self, roi: Roi) -> Row:
        """Return the row of one case."""


class BatchedExtractor(Extractor, Protocol):
    """Prepares cases in worker processes and finishes them in batches in the main process."""

    def prepare(self, roi: Roi) -> Prepared:
        """Return what the batch needs of one case."""

    def finish(self, payloads: list[Any]) -> NDArray[np.float64]:
        """Return one row per payload, in the same order."""
