"""Designs besides repeated k-fold: leave one site out, a fixed test split, and folds of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from hybridrad.evaluation.nested import NestedCV


class Design(Protocol):
    """What `hybridrad.compare_models` takes as ``cv``."""

    @property
    def inner(self) -> int:
        """Inner folds."""


@dataclass(frozen=True)
class LeaveOneSiteOut:
    """Every site is tested once by models that were trained at all the others.

    The scores are random-effects summaries of the estimates of the sites, the intervals are about the mean over sites,
    and a prediction interval says what to expect at a new one; see `hybridrad.evaluation.random_effects`. A site with
    fewer than two patients of some class cannot be scored; it stays in every training part, and the study says so.

    Parameters
    ----------
    column : str, default "site"
        Column of the cohort.
    inner : int, default 4
        Inner folds, by patient.

    Examples
    --------
    >>> LeaveOneSiteOut()
    LeaveOneSiteOut(column='site', inner=4)
    """

    column: str = "site"
    inner: int = 4

    def __post_init__(self) -> None:
        _check_inner(self.inner)


@dataclass(frozen=True)
class FixedSplit:
    """One training and one test part, named by a column of the cohort: an external set or a split made beforehand.

    Parameters
    ----------
    column : str, default "split"
    train, test : str or tuple of str, optional
        Values of the column. Default: a value ``train``, ``training`` or ``development`` and the one other value there
        is. Every value must be named: a case that is silently in neither part would be lost.
    inner : int, default 4
        Inner folds of the training part, by patient.

    Examples
    --------
    >>> FixedSplit(test="external").test
    'external'
    """

    column: str = "split"
    train: str | tuple[str, ...] | None = None
    test: str | tuple[str, ...] | None = None
    inner: int = 4

    def __post_init__(self) -> None:
        _check_inner(self.inner)


@dataclass(frozen=True, eq=False)
class OwnFolds:
    """Folds that were made elsewhere.

    Parameters
    ----------
    folds : str, sequence of str or DataFrame
        A column of the cohort with the fold each case is tested in; several columns are repeats. Or a splits table:
        index ``repeat, fold, case_id``, column ``role`` (``train`` or ``test``). The splits of a study that left sites
        out keep that design (``attrs["kind"]``), and its statistics.
    inner : int, default 4
        Inner folds, by patient.

    Examples
    --------
    >>> OwnFolds("fold").inner
    4
    """

    folds: str | Sequence[str] | pd.DataFrame
    inner: int = 4

    def __post_init__(self) -> None:
        _check_inner(self.inner)


def design_from(text: str, *, inner: int = 4) -> NestedCV | LeaveOneSiteOut | FixedSplit | OwnFolds:
    """Read ``5x10``, ``site``, ``split`` or ``folds:COLUMN``; ``site:COLUMN`` and ``split:COLUMN`` name the column.

    Examples
    --------
    >>> design_from("site:hospital")
    LeaveOneSiteOut(column='hospital', inner=4)
    >>> design_from("5x2")
    NestedCV(outer=5, repeats=2, inner=4)
    """
    kind, _, column = (part.strip() for part in text.partition(":"))
    if kind == "site":
        return LeaveOneSiteOut(column or "site", inner=inner)
    if kind == "split":
        return FixedSplit(column or "split", inner=inner)
    if kind == "folds" and column:
        names = [name.strip() for name in column.split(",")]
        return OwnFolds(names[0] if len(names) == 1 else names, inner=inner)
    try:
        return NestedCV.parse(text, inner=inner)
    except ValueError as err:
        raise ValueError(f"{text!r} is none of FOLDSxREPEATS (5x10), site, split and folds:COLUMN.") from err


def columns_of(design: Design) -> list[str]:
    """Return the columns of the cohort table that a design reads.

    Examples
    --------
    >>> columns_of(LeaveOneSiteOut("hospital")), columns_of(OwnFolds(["fold_1", "fold_2"]))
    (['hospital'], ['fold_1', 'fold_2'])
    """
    if isinstance(design, LeaveOneSiteOut | FixedSplit):
        return [design.column]
    folds = design.folds if isinstance(design, OwnFolds) else []
    return [folds] if isinstance(folds, str) else [] if isinstance(folds, pd.DataFrame) else list(folds)


def _check_inner(inner: int) -> None:
    if isinstance(inner, bool) or not isinstance(inner, int | np.integer) or inner < 2:
        raise ValueError(f"inner must be an integer of at least 2, got {inner!r}.")
