"""Repeated extractions from perturbed readings of every case: what `hybridrad.ICCFilter` judges features by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad._checks import check_positive
from hybridrad.cohort import Cohort
from hybridrad.features.blocks import SEPARATOR, block_of
from hybridrad.features.changed import ChangedExtractor
from hybridrad.features.runner import extract_features

if TYPE_CHECKING:
    from hybridrad.imaging.perturb import Perturbation
    from hybridrad.imaging.roi import Roi

MARK = "~"  # between the name of an extractor and the number of a repetition


class PerturbedExtractor(ChangedExtractor):
    """An extractor that sees perturbed readings of the regions; its columns carry the number of the repetition.

    Parameters
    ----------
    extractor : RadiomicsExtractor, EmbeddingExtractor or an own one
    perturbation : Perturbation
    repetition : int
        0 is the region as it was read.
    random_state : int

    Examples
    --------
    >>> from hybridrad.features.radiomics.extractor import RadiomicsExtractor
    >>> from hybridrad.imaging.perturb import Perturbation
    >>> original = RadiomicsExtractor({"featureClass": {"firstorder": ["Mean"]}})
    >>> PerturbedExtractor(original, Perturbation(noise=1), 2).columns(3)
    ['radiomics~2__original_firstorder_Mean']
    """

    def __init__(self, extractor: Any, perturbation: Perturbation, repetition: int, *, random_state: int = 0) -> None:
        super().__init__(extractor)
        self.perturbation, self.repetition, self.random_state = perturbation, repetition, random_state
        self.name = f"{extractor.name}{MARK}{repetition}"

    def columns(self, dimension: int) -> list[str]:
        """Return the columns of the original under the name of this repetition."""
        features = (c.removeprefix(f"{self.extractor.name}{SEPARATOR}") for c in self.extractor.columns(dimension))
        return [f"{self.name}{SEPARATOR}{feature}" for feature in features]

    def _description(self) -> dict[str, Any]:
        drawn = {"repetition": self.repetition, "random_state": self.random_state}
        return {"name": self.name, "perturbation": {**asdict(self.perturbation), **drawn} if self.repetition else None}

    def _changed(self, roi: Roi) -> Roi:
        from hybridrad.imaging.perturb import perturbed

        if self.repetition == 0:
            return roi
        return perturbed(roi, self.perturbation, random_state=self.random_state, repetition=self.repetition)


@dataclass(frozen=True)
class Repeats:
    """What repeated extractions gave.

    Attributes
    ----------
    features : DataFrame
        Index ``case_id, repetition`` (0: as it was read); columns as of the feature table. A case is there with all its
        repetitions or not at all.
    failures : DataFrame
        Index ``case_id, stage``; why a case is not in ``features``. The stage names extractor and repetition.
    findings : DataFrame
    extractors : list of dict
    """

    features: pd.DataFrame
    failures: pd.DataFrame
    findings: pd.DataFrame
    extractors: list[dict[str, Any]] = field(repr=False)


def extract_repeats(
    cohort: Cohort,
    extractors: Sequence[Any],
    perturbation: Perturbation,
    *,
    repetitions: int = 4,
    store: str | Path,
    n_jobs: int = 1,
    random_state: int = 0,
    timeout_s: float = 600.0,
    progress: bool = True,
) -> Repeats:
    """Extract the features of a cohort again and again, from perturbed readings of every region.

    One case in, one case out: the perturbations of a case hang on it alone, so the table can be made once, for all
    folds. It is ``repeats`` of `hybridrad.ICCFilter`, which then uses the training cases only.

    Parameters
    ----------
    cohort : Cohort
    extractors : sequence
        Those of the study whose features are to be judged.
    perturbation : Perturbation
    repetitions : int, default 4
        Perturbed readings of each case, beside the one as it was read.
    store : path
        A folder of its own; an interrupted extraction goes on there.
    n_jobs, random_state, progress
        As for `hybridrad.extract_features`.
    timeout_s : float, default 600
        Time limit for one reading of a case, in seconds.

    Returns
    -------
    Repeats

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=2, random_state=0)
    >>> mean = hr.RadiomicsExtractor({"featureClass": {"firstorder": ["Mean"]}})
    >>> repeats = hr.extract_repeats(
    ...     cohort, [mean], hr.Perturbation(noise=1.0), repetitions=2, store=folder + "/repeats", progress=False)
    >>> repeats.features.index.tolist()[:3]
    [('case_0001', 0), ('case_0001', 1), ('case_0001', 2)]
    """
    check_positive(repetitions, name="repetitions")
    if perturbation.is_identity:
        raise ValueError("the perturbation is none: every repetition would be the same; say how much to perturb.")
    numbers = range(int(repetitions) + 1)
    wrapped = [
        PerturbedExtractor(extractor, perturbation, number, random_state=random_state)
        for number in numbers
        for extractor in extractors
    ]
    run = extract_features(
        cohort,
        wrapped,
        store=store,
        n_jobs=n_jobs,
        timeout_s=timeout_s * len(numbers),
        progress=progress,
    )
    return Repeats(_long(run.features, numbers), run.failures, run.findings, run.extractors)


def _long(wide: pd.DataFrame, numbers: range) -> pd.DataFrame:
    """Return a row for each case and repetition."""
    parts = {}
    for number in numbers:
        ending = f"{MARK}{number}"
        of_number = [c for c in wide.columns if block_of(c).endswith(ending)]
        names = {c: block_of(c).removesuffix(ending) + c[len(block_of(c)) :] for c in of_number}
        parts[number] = wide[of_number].rename(columns=names)
    table = pd.concat(parts, names=["repetition", "case_id"]).reorder_levels(["case_id", "repetition"])
    return table.loc[list(wide.index)]
