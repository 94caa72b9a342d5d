"""The heat maps of a study: read off the networks in the folds of its first repeat, so that all are out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hybridrad.heat import HeatMaps, check_network, fold_heat, gathered, network_in, score_of

if TYPE_CHECKING:
    from hybridrad.evaluation.result import EvaluationResult

Reader = Callable[[str, Any, pd.DataFrame], dict[str, Any]]


def with_heat(
    read: Reader, models: Mapping[str, Any], X: pd.DataFrame, splits: pd.DataFrame, *, n_cases: int
) -> Reader:
    """Return what a study reads off every fitted arm, and the heat of its network in the folds of the first repeat.

    With ``n_cases=0`` nothing is added.

    Raises
    ------
    ValueError
        No arm is a network, or ``n_cases`` is no number of cases.
    MissingDependencyError, RunError
        See `heat_maps`: said before the first fit.
    """
    if isinstance(n_cases, bool) or not isinstance(n_cases, int | np.integer) or n_cases < 0:
        raise ValueError(f"heat_maps must be a whole number of cases, got {n_cases!r}.")
    if n_cases == 0:
        return read
    networks = {name: network for name, model in models.items() if (network := network_in(model)) is not None}
    if not networks:
        raise ValueError(
            "heat_maps was asked for and no arm is a network. A network that is only a member of a fusion needs an "
            'arm of its own, models["finetuned"] = BlockModel("finetuned", estimator=network); both share one fit.'
        )
    for name, network in networks.items():
        check_network(network, name)
    tested = splits[(splits["role"] == "test") & (splits.index.get_level_values("repeat") == _first_repeat(splits))]
    tests = tuple(
        tuple(X.index[np.sort(X.index.get_indexer(part.index.get_level_values("case_id")))])
        for _, part in tested.groupby(level="fold")
    )
    return partial(_read_with_heat, read, tests)


def heat_of_folds(
    result: EvaluationResult, models: Mapping[str, Any], splits: pd.DataFrame, *, n_cases: int, random_state: int
) -> HeatMaps | None:
    """Return the heat maps that the folds left behind; None where there are none."""
    first = _first_repeat(splits)
    parts: dict[str, tuple[pd.DataFrame, list[NDArray[Any]], Any]] = {}
    for (name, repeat, fold), extra in result.extras.items():
        heat = (extra or {}).get("heat")
        network = network_in(models[name])
        if heat is None or network is None or repeat != first:
            continue
        predicted = result.predictions.xs((name, repeat, fold), level=("model", "repeat", "fold")).loc[heat["case_id"]]
        scores = predicted.filter(regex=r"^y_score").to_numpy(dtype=float)
        whole = np.column_stack([1.0 - scores, scores]) if scores.shape[1] == 1 else scores
        table = predicted[["patient_id", "y_true"]].assign(
            repeat=repeat, fold=fold, called=heat["called"], y_score=score_of(whole, heat["called"])
        )
        before, cells, store = parts.get(name, (None, [], network.views_store))
        parts[name] = (table if before is None else pd.concat([before, table]), [*cells, *heat["cells"]], store)
    return gathered(parts, n_cases, random_state) if parts else None


def _read_with_heat(
    read: Reader, tests: tuple[tuple[str, ...], ...], name: str, fitted: Any, X_test: pd.DataFrame
) -> dict[str, Any]:
    wanted = tuple(X_test.index) in tests and network_in(fitted) is not None
    return {**read(name, fitted, X_test), "heat": fold_heat(fitted, X_test) if wanted else None}


def _first_repeat(splits: pd.DataFrame) -> int:
    return int(splits.index.get_level_values("repeat").min())
