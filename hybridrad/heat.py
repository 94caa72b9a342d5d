"""heat_maps(): where in its pictures a network finds its reasons, and how much of that lies in the region; out of fold.

A heat map is an illustration and no evidence. So that it can be doubted, the share of the heat inside the region stands
beside it, for every case and not only for those shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from hybridrad._checks import require

if TYPE_CHECKING:
    from hybridrad.evaluation.result import EvaluationResult
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier

Array = NDArray[np.float64]
HEAT_COLUMNS = [
    "repeat",
    "fold",
    "patient_id",
    "y_true",
    "called",
    "y_score",
    "n_views",
    "view",
    "cells",
    "heat_in_region",
    "region_area",
    "most_possible",
    "heat_in_box",
    "box_area",
    "shown",
]
SHOWN = 10


@dataclass(frozen=True)
class HeatMaps:
    """Heat maps of networks: what was measured for every case, and the pictures of some.

    Attributes
    ----------
    table : DataFrame
        Index ``model, case_id``. ``repeat, fold``: where the case was tested (-1 for a single network); ``y_true,
        called``: classes; ``y_score``: the probability of the positive class, with more than two classes of the called
        one; ``n_views``, and ``view``, the one with the most heat, counted from 0; ``cells``: of the heat map along a
        side; ``heat_in_region, heat_in_box``: share of the heat of all views inside the region, and inside the upright
        box around it (missing where there is no heat); ``region_area, box_area``: their share of the pictures;
        ``most_possible``: the largest share inside the region that heat on these cells could have; ``shown``: whether
        there is a picture.
    pictures, regions : list of uint8 ndarray of shape (side, side)
        Of the cases shown, in their order: the view with the most heat, and how much of each pixel the region covers.
    heats : list of float32 ndarray of shape (cells, cells)
        Their heat on the cells of the last map, at least 0.
    """

    table: pd.DataFrame
    pictures: list[NDArray[np.uint8]] = field(repr=False)
    regions: list[NDArray[np.uint8]] = field(repr=False)
    heats: list[NDArray[np.float32]] = field(repr=False)

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of the cases that have pictures."""
        return self.table[self.table["shown"]]


def heat_maps(
    model: Any,
    X: pd.DataFrame,
    y: ArrayLike | None = None,
    *,
    name: str = "network",
    n_cases: int = SHOWN,
    random_state: int = 0,
) -> HeatMaps:
    """Return the Grad-CAM of one fitted network for the cases of a table.

    They are out of fold only if the network was not trained on these cases or others of their patients; in a study,
    ``compare_models(..., heat_maps=10)`` sees to that.

    Parameters
    ----------
    model : fitted FineTunedCNN, MultiViewCNN or SliceSequence
        Or a `BlockModel` or Pipeline of one.
    X : DataFrame of shape (n_cases, n_features)
        As for ``predict``; cases without pictures are left out.
    y : array-like of shape (n_cases,), optional
        Labels; without them cases are shown whatever they are.
    name : str
        Of the model in the table.
    n_cases : int
        How many are shown: by chance, balanced over classes and over right and wrong calls.
    random_state : int
        Seed of that choice.

    Returns
    -------
    HeatMaps
        `draw_heat_maps` draws them.

    Raises
    ------
    TypeError
        The model holds no network.
    MissingDependencyError
        captum is not installed.
    RunError
        The network has no map that could be shown.

    References
    ----------
    Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrad as hr
    >>> folder = tempfile.mkdtemp()
    >>> cohort = hr.make_cohort(folder, n_patients=12, random_state=0)
    >>> store = hr.prepare_views(cohort, hr.Views(), store=folder + "/views", input_px=64, progress=False)
    >>> X, recipe = store.marker(), hr.TrainingRecipe("head", epochs=1)
    >>> network = hr.FineTunedCNN("squeezenet1_1", "untrained", views_store=store, recipe=recipe)
    >>> network = network.fit(X, cohort.y[X.index], groups=cohort.patient_id[X.index])
    >>> maps = heat_maps(network, X, cohort.y[X.index], n_cases=4)
    >>> len(maps.table), len(maps.pictures), maps.heats[0].shape
    (12, 4, (3, 3))
    """
    network = network_in(model)
    if network is None:
        raise TypeError(f"{type(model).__name__} holds no network such as FineTunedCNN; only these have heat maps.")
    _check(network, name)
    heat = fold_heat(model, X)
    rows = X.index.get_indexer(heat["case_id"])
    labels = None if y is None else np.asarray(column_or_1d(y))[rows]
    table = pd.DataFrame(
        {
            "repeat": -1,
            "fold": -1,
            "patient_id": "",
            "y_true": np.nan if labels is None else labels,
            "called": np.asarray(model.classes_)[heat["called"]],
            "y_score": _score_of(model.predict_proba(X)[rows], heat["called"]),
        },
        index=pd.Index(heat["case_id"], name="case_id"),
    )
    return _gathered({name: (table, heat["cells"], network.views_store)}, n_cases, random_state)


def network_in(model: Any) -> NetworkClassifier | None:
    """Return the network that a model is: itself, the estimator of a block model, the last step of a Pipeline."""
    from hybridrad.models.any_estimator import last_step
    from hybridrad.models.block_model import BlockModel
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier

    last = last_step(model)
    if isinstance(last, BlockModel):
        inside = getattr(last.fit_, "estimator", None) if hasattr(last, "fit_") else last.estimator
        return None if inside is None else network_in(inside)
    return last if isinstance(last, NetworkClassifier) else None


# ---- in the folds of a study ----

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
        _check(network, name)
    tested = splits[(splits["role"] == "test") & (splits.index.get_level_values("repeat") == _first_repeat(splits))]
    tests = tuple(
        tuple(X.index[np.sort(X.index.get_indexer(part.index.get_level_values("case_id")))])
        for _, part in tested.groupby(level="fold")
    )
    return partial(_read_with_heat, read, tests)


def fold_heat(fitted: Any, X_test: pd.DataFrame) -> dict[str, Any]:
    """Return the heat of every test case that has pictures, as plain data.

    Returns
    -------
    dict
        ``case_id`` (list), ``called`` (the position of the class that the model called in its classes), and ``cells``:
        for each case the heat for that class, float16 of shape (n_views, cells, cells).
    """
    from hybridrad.models.finetuned.grad_cam import case_heat

    network = network_in(fitted)
    if network is None:
        raise TypeError(f"{type(fitted).__name__} holds no network.")
    store = network.views_store
    there = np.asarray(store.has(X_test.index)) if network.missing == "average" else np.ones(len(X_test), dtype=bool)
    cases = X_test[there]
    called = np.searchsorted(fitted.classes_, fitted.predict(cases)) if len(cases) else np.empty(0, dtype=int)
    heat = case_heat(network, list(cases.index), called.tolist())
    return {"case_id": list(cases.index), "called": called, "cells": [_as_half(cells) for cells in heat]}


def study_heat(
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
            repeat=repeat, fold=fold, called=heat["called"], y_score=_score_of(whole, heat["called"])
        )
        before, cells, store = parts.get(name, (None, [], network.views_store))
        parts[name] = (table if before is None else pd.concat([before, table]), [*cells, *heat["cells"]], store)
    return _gathered(parts, n_cases, random_state) if parts else None


def _read_with_heat(
    read: Reader, tests: tuple[tuple[str, ...], ...], name: str, fitted: Any, X_test: pd.DataFrame
) -> dict[str, Any]:
    wanted = tuple(X_test.index) in tests and network_in(fitted) is not None
    return {**read(name, fitted, X_test), "heat": fold_heat(fitted, X_test) if wanted else None}


def _check(network: NetworkClassifier, name: str) -> None:
    from hybridrad.models.finetuned.grad_cam import grad_cam_layer

    require("captum", extra="heatmaps")
    if not hasattr(network.views_store, "regions"):
        raise TypeError(f"{name}: heat maps are compared with the region; the views_store gives no regions().")
    grad_cam_layer(network)


def _first_repeat(splits: pd.DataFrame) -> int:
    return int(splits.index.get_level_values("repeat").min())


def _as_half(cells: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return heat scaled to a maximum of 1, which half precision holds to three digits whatever the network's scale."""
    strongest = float(cells.max(initial=0.0))
    return (cells / strongest if strongest > 0 else cells).astype(np.float16)


def _score_of(probability: Array, called: NDArray[np.intp]) -> Array:
    """Return the probability of the second of two classes; of more, that of the class called."""
    return probability[:, 1] if probability.shape[1] == 2 else probability[np.arange(len(called)), called]


# ---- from heat to tables ----


def _gathered(
    parts: Mapping[str, tuple[pd.DataFrame, list[NDArray[Any]], Any]], n_cases: int, random_state: int
) -> HeatMaps:
    tables, pictures, regions, heats = [], [], [], []
    for name, (table, cells, store) in parts.items():
        measured = [measure(one, region) for one, region in zip(cells, _regions(store, table.index), strict=True)]
        full = table.join(pd.DataFrame(measured, index=table.index)).assign(
            shown=choose(table["y_true"], table["y_true"] == table["called"], n_cases, random_state)
        )
        for case_id, one, view, shown in zip(full.index, cells, full["view"], full["shown"], strict=True):
            if shown:
                pictures.append(_grey(store, case_id, int(view)))
                regions.append(_bytes(store.regions([case_id])[0][int(view)]))
                heats.append(np.asarray(one[int(view)], dtype=np.float32))
        tables.append(pd.concat({name: full[HEAT_COLUMNS]}, names=["model"]))
    return HeatMaps(pd.concat(tables), pictures, regions, heats)


def measure(cells: NDArray[Any], regions: NDArray[Any]) -> dict[str, Any]:
    """Return how much of the heat of a case lies in its region, over all its views.

    Heat between the centres of cells is interpolated linearly, as it is drawn.

    Parameters
    ----------
    cells : ndarray of shape (n_views, cells, cells)
        At least 0.
    regions : ndarray of shape (n_views, side, side)
        How much of each pixel the region covers, 0..1.

    Examples
    --------
    >>> cells, region = np.zeros((1, 2, 2)), np.zeros((1, 8, 8))
    >>> cells[0, 0, 0], region[0, :4, :4] = 1.0, 1.0
    >>> found = measure(cells, region)
    >>> round(found["heat_in_region"], 3), found["region_area"], found["heat_in_region"] == found["most_possible"]
    (0.766, 0.25, True)
    """
    heat = np.asarray(cells, dtype=float)
    region = np.asarray(regions, dtype=float)
    box = np.stack([_box(one) for one in region])
    spread = [spread_matrix(region.shape[axis], heat.shape[axis]) for axis in (1, 2)]

    def collected(where: Array) -> Array:
        """Return how much of a heat of 1 on each cell falls onto these pixels."""
        return np.einsum("ya,vyx,xb->vab", spread[0], where, spread[1])

    whole, inside = collected(np.ones_like(region)), collected(region)
    total = float((heat * whole).sum())
    return {
        "n_views": len(heat),
        "view": int((heat * whole).sum(axis=(1, 2)).argmax()),
        "cells": heat.shape[1],
        "heat_in_region": float((heat * inside).sum()) / total if total > 0 else np.nan,
        "region_area": float(region.mean()),
        "most_possible": float((inside / whole).max()),
        "heat_in_box": float((heat * collected(box)).sum()) / total if total > 0 else np.nan,
        "box_area": float(box.mean()),
    }


def spread_matrix(n_pixels: int, n_cells: int) -> Array:
    """Return how cells along an axis are spread over pixels: linear between their centres, constant beyond the last.

    Examples
    --------
    >>> spread_matrix(4, 2).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    at = np.clip((np.arange(n_pixels) + 0.5) * n_cells / n_pixels - 0.5, 0.0, n_cells - 1.0)
    return np.asarray(np.clip(1.0 - np.abs(at[:, None] - np.arange(n_cells)), 0.0, None))


def choose(y_true: pd.Series, right: pd.Series, n_cases: int, random_state: int) -> NDArray[np.bool_]:
    """Return which cases are shown: as many of each class, and within it of right and wrong calls, as there are.

    Examples
    --------
    >>> y, right = pd.Series([0, 0, 0, 0, 1, 1]), pd.Series([True, True, True, False, True, True])
    >>> chosen = choose(y, right, 3, 0)
    >>> int(chosen.sum()), bool(chosen[3]), int(chosen[4:].sum())
    (3, True, 1)
    """
    shuffled = np.random.default_rng(random_state).permutation(len(y_true))
    cases = pd.DataFrame({"y": y_true.to_numpy(), "wrong": ~right.to_numpy()}).iloc[shuffled]
    # Right and wrong calls in turn within a class, then the classes in turn.
    cases["turn"] = cases.groupby(["y", "wrong"], dropna=False).cumcount()
    cases = cases.sort_values(["turn", "wrong"], kind="stable")
    cases["turn"] = cases.groupby("y", dropna=False).cumcount()
    order = cases.sort_values(["turn", "y"], kind="stable").index[:n_cases]
    return np.isin(np.arange(len(y_true)), order)


def _regions(store: Any, case_ids: pd.Index) -> Any:
    # One by one: the regions of all slices of a cohort need not be in memory at once.
    return (store.regions([case_id])[0] for case_id in case_ids)


def _box(region: Array) -> Array:
    """Return the upright box around a region; empty for an empty one."""
    box = np.zeros_like(region)
    rows, columns = (np.flatnonzero((region >= 0.5).any(axis=axis)) for axis in (1, 0))
    if len(rows):
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1.0
    return box


def _grey(store: Any, case_id: str, view: int) -> NDArray[np.uint8]:
    """Return one channel of a view: the middle one, of adjacent slices the one of the region."""
    channels = store.pictures([case_id])[0][view]
    return _bytes(channels[0] if store.shows_region else channels[len(channels) // 2])


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.round(np.clip(np.asarray(values, dtype=float), 0.0, 1.0) * 255.0).astype(np.uint8)
