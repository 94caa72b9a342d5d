"""Extractors that see a changed region: a control, or a perturbed reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybridrad.features.rows import Prepared, Row

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi


class ChangedExtractor:
    """An extractor that is shown regions after a change; settings are those of the original.

    Parameters
    ----------
    extractor : RadiomicsExtractor, EmbeddingExtractor or an own one
    """

    def __init__(self, extractor: Any) -> None:
        self.extractor = extractor
        self.name, self.image, self.mask = extractor.name, extractor.image, extractor.mask
        self.batched = extractor.batched
        self.batch_size = getattr(extractor, "batch_size", 1)

    @property
    def departures(self) -> list[str]:
        """What the original had to change under way."""
        return list(getattr(self.extractor, "departures", ()))

    def describe(self) -> dict[str, Any]:
        """Return the description of the original with the change."""
        return {**self.extractor.describe(), **self._description()}

    def columns(self, dimension: int) -> list[str]:
        """Return the columns of the original."""
        return list(self.extractor.columns(dimension))

    def extract(self, roi: Roi) -> Row:
        """Return the row of the changed region."""
        return self.extractor.extract(self._changed(roi))

    def prepare(self, roi: Roi) -> Prepared:
        """Return the payload of the changed region."""
        return self.extractor.prepare(self._changed(roi))

    def finish(self, payloads: Sequence[Any]) -> Any:
        """Return the rows of prepared regions."""
        return self.extractor.finish(payloads)

    def _changed(self, roi: Roi) -> Roi:
        raise NotImplementedError

    def _description(self) -> dict[str, Any]:
        raise NotImplementedError
