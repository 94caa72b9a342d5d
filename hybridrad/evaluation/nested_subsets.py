"""Training sets that grow: nested subsets of patients, and test patients that are in none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from hybridrad.errors import RunError
from hybridrad.splits import LEAST
from hybridrad.strata import CENSORED, strata_of

N_SIZES = 5
SMALLEST = 20  # patients, unless asked for: with fewer no arm is worth a point
_BIN = 5  # patients in each bin of a value, at least


def nested_subsets(
    y: ArrayLike,
    groups: ArrayLike,
    *,
    case_id: Sequence[str] | pd.Index,
    sizes: Sequence[int] | None = None,
    draws: int = 20,
    test_share: float = 0.3,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return splits with a growing training part and, within a draw, always the same test patients.

    In each draw a share of the patients is set aside for testing. The others are put in an order in which every
    beginning holds the classes (values, events) about as the whole does; a training set of n patients is the first n,
    so a smaller one lies inside every larger one and the steps of a curve are paired.

    Parameters
    ----------
    y, groups : arrays of shape (n_cases,)
        Outcome and patient of each case: classes; floats (regression); ``event`` and ``time`` (survival).
    case_id : sequence of str
    sizes : sequence of int, optional
        Patients in training; default five sizes, in equal ratios, up to all that are not tested.
    draws : int, default 20
    test_share : float, default 0.3
        Share of the patients that is tested on.
    random_state : int, default 0

    Returns
    -------
    DataFrame
        Index ``repeat`` (the draw), ``fold`` (the position of the size), ``case_id``; column ``role``. Cases of
        patients in neither part have no row. ``attrs["sizes"]``: the sizes.

    Raises
    ------
    RunError
        A size has fewer than 6 patients of a class (survival: with an event; regression: 12 patients), the test part
        fewer than 5 (regression: 10), or a size has more patients than there are (``E_FEW_PATIENTS``).

    Examples
    --------
    >>> ids = [f"c{i:03d}" for i in range(100)]
    >>> splits = nested_subsets(np.arange(100) % 2, ids, case_id=ids, draws=2)
    >>> splits.attrs["sizes"]
    [20, 27, 37, 51, 70]
    """
    if draws < 2 or not 0 < test_share < 1:
        raise ValueError(f"draws must be at least 2 and test_share in (0, 1), got {draws} and {test_share}.")
    names, patient = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    strata = strata_of(y, patient, n_folds=_BIN)
    holds = np.zeros((len(names), int(strata.codes.max()) + 1), dtype=bool)
    holds[patient, strata.codes] = True
    stratum = np.unique(holds, axis=0, return_inverse=True)[1].ravel()
    # What every part needs patients of: each class, events, or just patients.
    carries = holds
    if strata.task == "survival":
        carries = ~holds[:, [CENSORED]]
    elif strata.task == "regression":
        carries = np.ones((len(names), 1), dtype=bool)
    least, least_tested, who = LEAST[strata.task]
    ids = pd.Index(case_id).astype(str)
    parts: list[pd.DataFrame] = []
    wanted: list[int] = []
    for draw in range(draws):
        order = _interleaved(stratum, np.random.default_rng([random_state, draw]))
        n_test = round(test_share * len(names))
        tested, pool = order[:n_test], order[n_test:]
        if carries[tested].sum(axis=0).min() < least_tested:
            raise RunError(
                f"{n_test} test patients hold {carries[tested].sum(axis=0).min()} {who}; {least_tested} are needed.",
                code="E_FEW_PATIENTS",
                hint="Set a larger test_share; a learning curve wants a larger cohort than a comparison.",
            )
        wanted = wanted or _sizes(sizes, carries[pool], least)
        for position, size in enumerate(wanted):
            held = carries[pool[:size]].sum(axis=0)
            if held.min() < least:
                raise RunError(
                    f"{size} training patients hold {held.min()} {who}; {least} are needed.",
                    code="E_FEW_PATIENTS",
                    hint="Leave small sizes out.",
                )
            trained, held_out = np.isin(patient, pool[:size]), np.isin(patient, tested)
            chosen = trained | held_out
            index = pd.MultiIndex.from_product([[draw], [position], ids[chosen]], names=["repeat", "fold", "case_id"])
            parts.append(pd.DataFrame({"role": np.where(trained[chosen], "train", "test")}, index=index))
    table = pd.concat(parts)
    table.attrs["sizes"] = wanted
    return table


def _interleaved(stratum: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return all patients in an order whose every beginning holds the strata about in proportion."""
    position = np.empty(len(stratum))
    for s in np.unique(stratum):
        members = rng.permutation(np.flatnonzero(stratum == s))
        position[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
    return np.lexsort((rng.permutation(len(stratum)), position))


def _sizes(sizes: Sequence[int] | None, carries: NDArray[np.bool_], fewest: int) -> list[int]:
    most = len(carries)
    if sizes is None:
        # The smallest has the least patients of the rarer class that inner folds can live on.
        share = carries.mean(axis=0).min()
        least = int(np.ceil(fewest / share)) if share > 0 else most
        # One more of the rarer class than needed: a beginning holds the share only to the nearest patient.
        least = least if share >= 0.5 else int(np.ceil((fewest + 1) / share))
        least = max(least, min(SMALLEST, most // 2))
        if least * 2 > most:
            raise RunError(
                f"{most} patients to train on are too few for a learning curve: the smallest size would be {least}.",
                code="E_FEW_PATIENTS",
            )
        return sorted({int(n) for n in np.geomspace(least, most, N_SIZES)})
    wanted = sorted({int(n) for n in sizes})
    if len(wanted) < 2 or wanted[0] < 1:
        raise ValueError(f"sizes must be at least two different numbers of patients, got {list(sizes)}.")
    if wanted[-1] > most:
        raise RunError(f"{wanted[-1]} patients were asked for, {most} are not tested on.", code="E_FEW_PATIENTS")
    return wanted
