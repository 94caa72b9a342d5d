"""A cohort that has been read: who the cases are, their outcome, and all that can be said before extraction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_choice, did_you_mean, findings_table
from hybridrad.case import Case, cases_of
from hybridrad.cohort_checks import (
    class_findings,
    column_findings,
    first_of,
    id_findings,
    one_of_each,
    shared_file_findings,
)
from hybridrad.cohort_outcomes import (
    EVENT,
    TIME,
    has_survival,
    survival_findings,
    survival_of,
    value_findings,
    values_of,
)
from hybridrad.errors import Finding, RunError
from hybridrad.feature_columns import how_to_use, is_feature, with_notes, with_size
from hybridrad.tables import as_numbers

_IDS = ("case_id", "patient_id")


@dataclass(frozen=True, eq=False)
class Cohort:
    """A cohort table that has been read: one row per case, ids as text, labels and clinical columns typed.

    Made by ``read_cohort`` or ``cohort_from_frame``. A table with duplicate ids is kept, so that ``check`` can list
    them, but whatever leads on to extraction or modelling refuses it.

    Parameters
    ----------
    table : DataFrame
        Index ``case_id`` (str). Ids, paths and other text are str or None, the label is int, float or str, named
        clinical columns are float or categories (str or None).
    clinical : tuple of str
    label : str
        The column that holds the label.
    positive : optional
        The positive class; always set when there are two classes.
    root : Path, optional
        Folder the paths are relative to and may not leave; None takes them as they are.
    source : str
        The file the table came from.
    has_images, allow_outside_root : bool
    notes : tuple of Finding
        What was noticed while reading.
    feature_names : dict
        Without images: column of the table -> feature ``<block>__<feature>``.
    feature_notes : tuple of Finding
        What is to be said of columns that got a block or are left out.

    Examples
    --------
    >>> from hybridrad.cohort import cohort_from_frame
    >>> cohort = cohort_from_frame(pd.DataFrame({"case_id": ["007", "008"], "label": [0, 1]}), images=False)
    >>> cohort
    Cohort(table in memory: 2 cases of 2 patients; label: 0 (1 case), 1 (1 case, positive))
    >>> cohort.y.to_dict()
    {'007': 0, '008': 1}
    """

    table: pd.DataFrame
    clinical: tuple[str, ...] = ()
    label: str = "label"
    positive: Any = None
    root: Path | None = None
    source: str = "table in memory"
    has_images: bool = True
    allow_outside_root: bool = False
    has_label: bool = True
    notes: tuple[Finding, ...] = field(default=(), repr=False)
    feature_names: Mapping[str, str] = field(default_factory=dict, repr=False)
    feature_notes: tuple[Finding, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        if self.task == "survival":
            patients = self.table["patient_id"].nunique()
            return f"Cohort({self._name}: {len(self)} cases of {patients} patients; time and event)"
        counts = self.summary()["cases"].to_dict()
        counts |= {"none": missing} if (missing := int(self.table[self.label].isna().sum())) else {}
        classes = ", ".join(
            f"{c} ({n} case{'s' * (n != 1)}{', positive' * (c == self.positive)})" for c, n in counts.items()
        )
        clinical = f"; clinical: {', '.join(self.clinical)}" if self.clinical else ""
        patients = self.table["patient_id"].nunique()
        return f"Cohort({self._name}: {len(self)} cases of {patients} patients; {self.label}: {classes}{clinical})"

    @property
    def patient_id(self) -> pd.Series:
        """Patient of each case (str); RunError where one is missing, since then nothing can be split by patient."""
        return self._complete("patient_id", code="E_PATIENT_MISSING")

    @property
    def label_values(self) -> pd.Series:
        """Label of each case as the table gives it (int, float or str), None where there is none."""
        return self.table[self.label]

    @property
    def classes(self) -> list[Any]:
        """Labels that occur, sorted, the positive class last."""
        return sorted(sorted(set(self.table[self.label].dropna())), key=lambda c: bool(c == self.positive))

    @property
    def y(self) -> pd.Series:
        """Label of each case as its position in ``classes`` (int64, 0 to K - 1).

        Raises
        ------
        RunError
            A case has no label; leave such cases out with ``subset``.
        """
        labels = self._complete(self.label, code="E_LABEL_MISSING")
        position = {label: i for i, label in enumerate(self.classes)}
        return labels.map(position).astype(np.int64)

    @property
    def task(self) -> str:
        """What the table asks for by itself: survival with ``time`` and ``event`` and no label, else classification."""
        return "survival" if not self.has_label and has_survival(self.table.columns) else "classification"

    @property
    def values(self) -> pd.Series:
        """Label of each case as a number (float64), for regression; RunError where one is missing or is no number."""
        self._refuse_duplicates()
        return values_of(self.table[self.label], source=self._name)

    @property
    def survival(self) -> pd.DataFrame:
        """Columns ``event`` (bool) and ``time`` of each case; RunError where a cell cannot be what it was named for."""
        self._refuse_duplicates()
        return survival_of(self.table, source=self._name)

    def targets(self, task: str) -> NDArray[Any]:
        """Return what models of a task are fitted to.

        Parameters
        ----------
        task : {"classification", "regression", "survival"}

        Returns
        -------
        array of shape (n_cases,)
            Positions in ``classes`` (int64); values (float64); or a structured array with ``event`` and ``time``.

        Examples
        --------
        >>> from hybridrad.cohort import cohort_from_frame
        >>> table = pd.DataFrame({"case_id": ["a", "b"], "time": [2.5, 4.0], "event": [1, 0]})
        >>> cohort_from_frame(table, images=False).targets("survival")["event"].tolist()
        [True, False]
        """
        if task == "regression":
            return self.values.to_numpy(dtype=float)
        if task == "survival":
            known = self.survival
            y = np.empty(len(known), dtype=[(EVENT, np.bool_), (TIME, np.float64)])
            y[EVENT], y[TIME] = known[EVENT], known[TIME]
            return y
        return self.y.to_numpy()

    def summary(self) -> pd.DataFrame:
        """Return the numbers of cases and patients of each class, in order of ``classes``.

        Examples
        --------
        >>> from hybridrad.cohort import cohort_from_frame
        >>> table = pd.DataFrame({"case_id": ["a", "b"], "patient_id": ["p", "p"], "label": ["no", "no"]})
        >>> cohort_from_frame(table, images=False).summary().loc["no"].to_dict()
        {'cases': 2, 'patients': 1}
        """
        patients = self.table["patient_id"].groupby(self.table[self.label])
        counts = pd.DataFrame({"cases": patients.size(), "patients": patients.nunique()})
        return counts.reindex(pd.Index(self.classes, name=self.label))

    def subset(self, case_ids: Iterable[str]) -> Cohort:
        """Return the cohort of these cases, in this order; RunError if one is not there or is asked for twice."""
        self._refuse_duplicates()
        wanted = [str(c) for c in case_ids]
        known = set(self.table.index)
        absent = [c for c in wanted if c not in known]
        if absent:
            raise RunError(
                f"{len(absent)} of {len(wanted)} case ids are not in {self._name}: {first_of(absent)}; "
                f"it holds {len(self)}: {first_of(self.table.index)}.",
                hint="Both tables must name the cases alike." + did_you_mean(absent[0], known),
            )
        if len(set(wanted)) < len(wanted):
            twice = first_of(pd.Index(wanted)[pd.Index(wanted).duplicated()].unique())
            raise RunError(f"case ids are asked for twice: {twice}.", code="E_DUPLICATE_ID")
        return replace(self, table=self.table.loc[wanted])

    def cases(self) -> list[Case]:
        """Return one Case per row, in order; a row that cannot be used carries its ``error``."""
        self._refuse_duplicates()
        return cases_of(self.table, root=self.root, allow_outside_root=self.allow_outside_root)

    def clinical_table(self) -> pd.DataFrame:
        """Return the named clinical columns as ``clinical__<column>``: float, or object with str and None."""
        self._refuse_duplicates()
        return self.table[list(self.clinical)].add_prefix("clinical__")

    def features(self) -> pd.DataFrame:
        """Return the features of the table as float64, missing values as NaN, under ``<block>__<feature>``.

        Columns without a block that look like PyRadiomics features are the block ``radiomics``, or what ``block`` of
        `read_cohort` said. Without a block ``size`` one is made of a volume (or area) among the shape features.

        Raises
        ------
        RunError
            There are none, or a cell is not a finite number.

        Examples
        --------
        >>> from hybridrad.cohort import cohort_from_frame
        >>> table = pd.DataFrame({"case_id": ["a", "b"], "label": [0, 1], "original_shape_VoxelVolume": [9e2, 2e3]})
        >>> list(cohort_from_frame(table, images=False).features())
        ['radiomics__original_shape_VoxelVolume', 'size__volume_ml']
        """
        self._refuse_duplicates()
        if not self._feature_columns():
            others = [c for c in self.table.columns if c not in (*_IDS, self.label)]
            raise RunError(
                f"{self._name} has no column named <block>__<feature> and none that looks like a PyRadiomics feature; "
                f"it has {first_of(others, 12)}.",
                hint=f"Name features like radiomics__original_glcm_Contrast; {how_to_use()}",
            )
        features, derived = with_size(self._features())
        return with_notes(features, (*self.feature_notes, *derived))

    def check(self, *, task: str = "auto", n_jobs: int = 1) -> pd.DataFrame:
        """Return everything that can be said before extraction, as the findings table.

        Parameters
        ----------
        task : {"auto", "classification", "regression", "survival"}
            What the outcome is to be; ``auto`` as for `hybridrad.compare_models`.
        n_jobs : int, default 1
            Processes that read the images (1: this one); -1 takes all cores.

        Returns
        -------
        DataFrame
            Index ``case_id, code``; columns ``severity, stage, message, hint``. What concerns the table as a whole
            stands under the case_id ``(cohort)``; one row for each case and code.

        Examples
        --------
        >>> from hybridrad.cohort import cohort_from_frame
        >>> table = pd.DataFrame({"case_id": ["a", "a"], "patient_id": ["p", "q"], "label": [0, 1]})
        >>> cohort_from_frame(table, images=False).check().loc[("a", "E_DUPLICATE_ID"), "message"]
        'case_id stands in 2 rows.'
        """
        task = check_choice(task, ["auto", "classification", "regression", "survival"], name="task")
        task = self.task if task == "auto" else task
        by_class = task == "classification" and self.has_label
        findings = [*self.notes, *id_findings(self.table, label=self.label if by_class else None)]
        if by_class:
            findings += class_findings(self.table, self.summary(), label=self.label)
        elif task == "regression":
            findings += value_findings(self.table[self.label])
        elif task == "survival":
            if not has_survival(self.table.columns):
                survival_of(self.table, source=self._name)  # says which column is missing
            findings += survival_findings(self.table)
        columns = {f"clinical__{c}": self.table[c].array for c in self.clinical}
        if self.has_images:
            # The one call upwards, made here and not on import: reading a table must not load an imaging library.
            from hybridrad.imaging.inspection import inspect_cases

            cases = cases_of(self.table, root=self.root, allow_outside_root=self.allow_outside_root)
            findings += shared_file_findings(self.table)
            findings += [case.error.as_finding() for case in cases if case.error is not None]
            findings += inspect_cases([case for case in cases if case.error is None], n_jobs=n_jobs)
        else:
            features = self._features()
            columns |= {str(c): features[c].array for c in features}
            findings += [*self.feature_notes, *with_size(features)[1]]
        labels = self.table[self.label].tolist() if by_class else [None] * len(self)
        findings += column_findings(pd.DataFrame(columns, index=self.table.index), labels)
        return findings_table(one_of_each(findings))

    @property
    def _name(self) -> str:
        return Path(self.source).name

    def _feature_columns(self) -> dict[str, str]:
        """Return column of the table -> feature; a cohort with images has those that carry a block."""
        if self.feature_names:
            return dict(self.feature_names)
        return {c: c for c in self.table.columns if is_feature(c) and c not in (*self.clinical, self.label)}

    def _features(self) -> pd.DataFrame:
        # Arrays: a table with an id twice is still looked at.
        found = {name: as_numbers(self.table[column]).array for column, name in self._feature_columns().items()}
        return pd.DataFrame(found, index=self.table.index)

    def _refuse_duplicates(self) -> None:
        index = self.table.index
        if not index.is_unique:
            raise RunError(
                f"{self._name}: case ids stand in several rows: {first_of(index[index.duplicated()].unique())}.",
                code="E_DUPLICATE_ID",
                hint="Give every region an id of its own; Cohort.check() lists them all.",
            )

    def _complete(self, column: str, *, code: str) -> pd.Series:
        self._refuse_duplicates()
        values = self.table[column]
        missing = values.index[values.isna()]
        if len(missing):
            message = f"{self._name}: {len(missing)} of {len(self)} cases have no {column}: {first_of(missing)}."
            raise RunError(message, code=code, hint="Fill the column, or leave these cases out with Cohort.subset().")
        return values
