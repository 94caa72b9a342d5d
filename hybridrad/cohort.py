"""The cohort table: who the cases are, where their files lie, and all that can be said before extraction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad._checks import check_choice, did_you_mean, findings_table
from hybridrad.case import Case, cases_of, is_path_column
from hybridrad.cohort_checks import (
    about_all,
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
from hybridrad.tables import as_labels, as_numbers, as_text, as_variable, read_table, with_decimal_points

__all__ = ["Case", "Cohort", "cohort_from_frame", "read_cohort"]

_IDS = ("case_id", "patient_id")
_RESERVED = (*_IDS, "label", "mask_label", "split")


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

    Examples
    --------
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
        """Return the ``<block>__<feature>`` columns of the table as float64, missing values as NaN.

        Raises
        ------
        RunError
            There are none, or a cell is not a finite number.
        """
        self._refuse_duplicates()
        names = self._feature_columns()
        if not names:
            raise RunError(
                f"{self._name} has no column named <block>__<feature>; it has {first_of(self.table.columns)}.",
                hint="Name features like radiomics__original_glcm_Contrast.",
            )
        return pd.DataFrame({name: as_numbers(self.table[name]) for name in names})

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
            columns |= {c: as_numbers(self.table[c]).array for c in self._feature_columns()}
        labels = self.table[self.label].tolist() if by_class else [None] * len(self)
        findings += column_findings(pd.DataFrame(columns, index=self.table.index), labels)
        return findings_table(one_of_each(findings))

    @property
    def _name(self) -> str:
        return Path(self.source).name

    def _feature_columns(self) -> list[str]:
        return [c for c in self.table.columns if _is_feature(c) and c not in (*self.clinical, self.label)]

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


def read_cohort(
    path: str | Path,
    *,
    clinical: Sequence[str] = (),
    images: bool = True,
    label: str | None = "label",
    positive: Any = None,
    allow_outside_root: bool = False,
) -> Cohort:
    r"""Read a cohort table from a CSV or Parquet file.

    Cells of a CSV file are read as text, so that the id "007" stays "007"; numbers are parsed afterwards, column by
    column. The separator (``,`` ``;`` or tab) is found from the header; decimal commas are understood in files that are
    not separated by commas, and refused where they could be thousands. Empty cells, ``NA``, ``NaN`` and ``NULL`` are
    missing values (``None`` is a word: it may be a grade). White space around cells is removed.

    Parameters
    ----------
    path : str or Path
        Table with ``case_id, patient_id, image, mask, label``, or with ``time`` (positive, in any unit) and ``event``
        (1, or 0: censored) in place of the label; optional ``mask_label, site, split``, further sequences
        and regions as ``image:NAME`` and ``mask:NAME``. Without ``patient_id`` each case is a patient of its own.
        Paths are relative to the folder of the table.
    clinical : sequence of str
        Columns to offer to the models as clinical variables.
    images : bool, default True
        False reads a plain table of labels and ``<block>__<feature>`` columns.
    label : str or None, default "label"
        Column that holds the label; if it is another one, the column ``label`` is ignored. None takes the column
        ``label`` if there is one and does without if not: enough to extract features, not to compare models.
    positive : optional
        The positive class; by default the larger of two labels.
    allow_outside_root : bool, default False
        Accept paths (links followed) that lead outside the folder of the table.

    Raises
    ------
    RunError
        The file is no table in UTF-8 or Parquet, lacks a column, or a column cannot be what it was named for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "cohort.csv"
    ...     _ = file.write_text("case_id;label;age\n007;benign;61,5\n008;malignant;70\n")
    ...     cohort = read_cohort(file, images=False, clinical=["age"])
    >>> cohort.clinical_table()["clinical__age"].to_dict()
    {'007': 61.5, '008': 70.0}
    """
    file = Path(path)
    table, decimal_comma = read_table(file)
    root = file.resolve().parent
    draft = Cohort(table, _names(clinical), label or "label", positive, root, str(path), images, allow_outside_root)
    return _cleaned(draft if _needs_label(draft, label) else _without_label(draft), decimal_comma=decimal_comma)


def cohort_from_frame(
    table: pd.DataFrame,
    *,
    root: str | Path | None = None,
    clinical: Sequence[str] = (),
    images: bool = True,
    label: str | None = "label",
    positive: Any = None,
    allow_outside_root: bool = False,
) -> Cohort:
    """Make a cohort of a table in memory, as ``read_cohort`` does of a file.

    Parameters
    ----------
    table : DataFrame
        ``case_id`` is a column or the named index.
    root : str or Path, optional
        Folder the paths are relative to and may not leave; without it they are taken as they are.
    clinical, images, label, positive, allow_outside_root
        As in ``read_cohort``.

    Raises
    ------
    RunError
        A column is missing or cannot be what it was named for.

    Examples
    --------
    >>> table = pd.DataFrame({"case_id": [7, 8], "label": ["benign", "malignant"]})
    >>> cohort_from_frame(table, images=False, positive="benign").classes
    ['malignant', 'benign']
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a pandas DataFrame, got {type(table).__name__}.")
    frame = table.reset_index() if table.index.name == "case_id" else table
    draft = Cohort(
        frame,
        _names(clinical),
        label or "label",
        positive,
        None if root is None else Path(root).resolve(),
        has_images=images,
        allow_outside_root=allow_outside_root,
    )
    return _cleaned(draft if _needs_label(draft, label) else _without_label(draft), decimal_comma=False)


def _needs_label(draft: Cohort, label: str | None) -> bool:
    """Return whether the label must be there: it was asked for, and time and event do not stand in for it."""
    return label is not None and not (label == "label" and has_survival(draft.table.columns))


def _without_label(draft: Cohort) -> Cohort:
    """Return the draft of a cohort for which no label was asked; a column ``label`` is used if it is there."""
    if draft.label in draft.table.columns:
        return draft
    return replace(draft, table=draft.table.assign(**{draft.label: None}), has_label=False)


def _cleaned(draft: Cohort, *, decimal_comma: bool) -> Cohort:
    """Return the cohort with its columns checked and typed."""
    raw = draft.table.rename(columns=lambda c: str(c).strip())
    raw = raw.loc[:, raw.columns != ""]  # what has no name (an index written by pandas) cannot be asked for
    _check_columns(raw, draft)
    ids, notes = as_text(raw["case_id"]), []
    if None in ids:
        raise RunError(f"{draft._name}: case_id is empty in row {ids.index(None) + 1}.", hint="Give every row an id.")
    stripped = [v for c in _IDS if c in raw for v in raw[c] if isinstance(v, str) and v != v.strip()]
    if stripped:
        notes.append(about_all("N_ID_STRIPPED", f"{len(stripped)} ids had white space around them; it was removed."))
    numeric = [c for c in raw.columns if c in draft.clinical or (_is_feature(c) and not draft.has_images)]
    numeric += [c for c in (TIME,) if c in raw and c not in numeric and draft.task == "survival"]
    raw = with_decimal_points(raw, numeric, decimal_comma=decimal_comma).set_axis(pd.Index(ids, name="case_id"))
    columns: dict[str, pd.Series] = {}
    for name in raw.columns.drop("case_id"):
        column = raw[name]
        if name in draft.clinical:
            columns[name] = as_variable(column)
        elif name == draft.label:
            labels = as_labels(column.tolist())
            whole = all(isinstance(v, int | float) for v in labels)
            columns[name] = pd.Series(labels, raw.index, dtype=None if whole else object)
        elif name in _RESERVED or is_path_column(name) or not pd.api.types.is_numeric_dtype(column):
            columns[name] = pd.Series(as_text(column), raw.index, dtype=object)
        else:
            columns[name] = column
    if "patient_id" not in columns:
        columns["patient_id"] = pd.Series(ids, raw.index, dtype=object)
        hint = "If a patient can have several cases, add a column patient_id: splits must be by patient."
        notes.append(about_all("N_PATIENT_ASSUMED", "no column patient_id; each case is a patient of its own.", hint))
    cohort = replace(draft, table=pd.DataFrame(columns, raw.index), notes=tuple(notes), positive=None)
    return replace(cohort, positive=_positive(draft.positive, cohort.classes, draft.label))


def _check_columns(raw: pd.DataFrame, draft: Cohort) -> None:
    names, where = list(raw.columns), draft._name
    if not raw.columns.is_unique:
        raise RunError(f"{where}: the column {raw.columns[raw.columns.duplicated()][0]!r} stands twice.")
    if not len(raw):
        raise RunError(f"{where} holds no cases.")
    for name in ("case_id", draft.label, *draft.clinical):
        if name not in names:
            raise RunError(f"{where} has no column {name!r}; it has {first_of(names, 12)}.{did_you_mean(name, names)}")
    for name in draft.clinical:
        if name in _RESERVED or name == draft.label or is_path_column(name):
            raise RunError(f"the column {name!r} cannot be a clinical variable: it is an id, a path or the label.")
    if draft.label in (*_IDS, "mask_label") or is_path_column(draft.label):
        raise RunError(f"the column {draft.label!r} cannot be the label: it is an id, a path or a mask value.")
    if draft.has_images:
        for kind in ("image", "mask"):
            if not any(c == kind or c.startswith(f"{kind}:") for c in names):
                hint = f"Add it, or read a plain feature table with images=False.{did_you_mean(kind, names)}"
                raise RunError(f"{where} has no column {kind!r}; it has {first_of(names, 12)}.", hint=hint)
    for name in _IDS:
        for value in raw[name] if name in names else ():
            if isinstance(value, float | np.floating) and (float(value) % 1 > 0 or abs(float(value)) > 2**53):
                raise RunError(
                    f"{where}: {name} holds the number {value!r}; ids must be text or whole numbers.",
                    hint="Store ids as text: as decimal numbers they have lost digits already.",
                )


def _positive(wanted: Any, classes: list[Any], label: str) -> Any:
    if wanted is None:
        return classes[-1] if len(classes) == 2 else None
    spellings = [wanted, *as_text([wanted]), *as_labels([wanted])]
    found = [c for c in classes if c in spellings]
    if not found:
        near = did_you_mean(str(wanted), map(str, classes))
        raise RunError(f"the positive class {wanted!r} does not occur in {label}; it has {first_of(classes)}.{near}")
    return found[0]


def _names(names: Sequence[str]) -> tuple[str, ...]:
    listed = (names,) if isinstance(names, str) else tuple(map(str, names))
    if len(set(listed)) < len(listed):
        raise RunError(f"clinical names a column twice: {', '.join(listed)}.")
    return listed


def _is_feature(column: str) -> bool:
    block, separator, feature = column.partition("__")
    return bool(block and separator and feature)
