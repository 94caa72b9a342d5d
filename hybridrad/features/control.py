"""A control run: the same extraction of the same cohort, from control regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrad._checks import check_choice
from hybridrad.cohort import Cohort
from hybridrad.features.assembly import ExtractionRun
from hybridrad.features.changed import ChangedExtractor
from hybridrad.features.runner import extract_features

if TYPE_CHECKING:
    from hybridrad.imaging.roi import Roi

CONTROL_NAMES = ("shuffled_voxels", "background_only")


class ControlExtractor(ChangedExtractor):
    """An extractor that sees control regions instead of the real ones; columns and settings are those of the original.

    Parameters
    ----------
    extractor : RadiomicsExtractor, EmbeddingExtractor or an own one
    control : {"shuffled_voxels", "background_only"}
    random_state : int

    Examples
    --------
    >>> from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    >>> original = RadiomicsExtractor({"featureClass": {"firstorder": ["Mean"]}})
    >>> ControlExtractor(original, "shuffled_voxels").columns(3)
    ['radiomics__original_firstorder_Mean']
    """

    def __init__(self, extractor: Any, control: str, *, random_state: int = 0) -> None:
        super().__init__(extractor)
        self.control = check_choice(control, CONTROL_NAMES, name="control")
        self.random_state = random_state

    def _description(self) -> dict[str, Any]:
        return {"control": {"kind": self.control, "random_state": self.random_state}}

    def _changed(self, roi: Roi) -> Roi:
        # Not at the top: SimpleITK is not needed for a look at names and columns.
        from hybridrad.imaging.controls import CONTROLS

        return CONTROLS[self.control](roi, random_state=self.random_state)


def extract_control(
    cohort: Cohort,
    extractors: Sequence[Any],
    *,
    control: str,
    store: str | Path,
    n_jobs: int = 1,
    random_state: int = 0,
    progress: bool = True,
) -> ExtractionRun:
    """Extract the features of a cohort from control regions, for `hybridrad.audit`.

    Parameters
    ----------
    cohort : Cohort
    extractors : sequence
        Those of the study.
    control : {"shuffled_voxels", "background_only"}
        Voxels of each region in random order, or the region filled with values from its surroundings.
    store : path
        A folder of its own; ``RUN/controls/<control>`` is found by ``hybridrad audit RUN``.
    n_jobs, random_state, progress
        As for `hybridrad.extract_features`.

    Returns
    -------
    ExtractionRun

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=2, random_state=0)
    >>> mean = hr.RadiomicsExtractor({"featureClass": {"firstorder": ["Mean"]}})
    >>> control = hr.extract_control(
    ...     cohort, [mean], control="shuffled_voxels", store=folder + "/control", progress=False
    ... )
    >>> real = hr.extract_features(cohort, [mean], store=folder + "/run", progress=False)
    >>> bool((abs(control.features - real.features) < 1e-9).all(axis=None))
    True
    """
    wrapped = [ControlExtractor(extractor, control, random_state=random_state) for extractor in extractors]
    return extract_features(cohort, wrapped, store=store, n_jobs=n_jobs, progress=progress)
