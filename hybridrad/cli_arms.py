"""Arms asked for on the command line: a misspelt name is found before anything is extracted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import hybridrad as hr
from hybridrad.features.blocks import SEPARATOR
from hybridrad.features.worker import SIZE_BLOCK
from hybridrad.study_cases import check_baseline


def columns_to_come(blocks: Iterable[str]) -> list[str]:
    """Return a column of each block that an extraction will give, the size among them.

    Examples
    --------
    >>> columns_to_come(["radiomics", "deep"])
    ['size__any', 'radiomics__any', 'deep__any']
    """
    return [f"{block}{SEPARATOR}any" for block in (SIZE_BLOCK, *blocks)]


def check_arms(
    names: Sequence[str] | None,
    baseline: str | None,
    columns: Iterable[str],
    *,
    clinical: Sequence[str],
    task: str,
    networks: Sequence[str],
) -> None:
    """Refuse arms that there will not be, and a baseline that is none of them.

    Parameters
    ----------
    names : sequence of str or None
        Arms asked for; None for the standard set.
    baseline : str or None
    columns : iterable of str
        Columns of the feature table, or `columns_to_come`.
    clinical : sequence of str
    task : str
    networks : sequence of str
        Networks to be trained inside the folds; they and their hedges are made later.

    Raises
    ------
    ValueError
        A name is unknown, its blocks will not be in the table, or the baseline is no arm of the study.

    Examples
    --------
    >>> check_arms(["size", "hegde"], None, columns_to_come(["deep"]), clinical=(), task="classification", networks=())
    Traceback (most recent call last):
    ...
    ValueError: unknown model 'hegde'; known are ... Did you mean hedge?
    """
    made_later = {arm for network in networks for arm in (network, f"hedge_{network}")}
    asked = None if names is None else [name for name in names if name not in made_later]
    arms = hr.standard_models(list(columns), clinical=clinical, names=asked, task=task)
    if baseline is not None:
        check_baseline(baseline, list(arms) if names is None else names)
