"""heat_maps(): where in its pictures a network finds its reasons, and how much of that lies in the region; out of fold.

A heat map is an illustration and no evidence. So that it can be doubted, the share of the heat inside the region stands
beside it, for every case and not only for those shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from hybridrad._checks import require
from hybridrad.heat_shares import choose, measure

if TYPE_CHECKING:
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
    check_network(network, name)
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
            "y_score": score_of(model.predict_proba(X)[rows], heat["called"]),
        },
        index=pd.Index(heat["case_id"], name="case_id"),
    )
    return gathered({name: (table, heat["cells"], network.views_store)}, n_cases, random_state)


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


def check_network(network: NetworkClassifier, name: str) -> None:
    """Raise what `heat_maps` says of a network that can have none."""
    from hybridrad.models.finetuned.grad_cam import grad_cam_layer

    require("captum", extra="heatmaps")
    if not hasattr(network.views_store, "regions"):
        raise TypeError(f"{name}: heat maps are compared with the region; the views_store gives no regions().")
    grad_cam_layer(network.backbone, network.views_store.input_px)


def _as_half(cells: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return heat scaled to a maximum of 1, which half precision holds to three digits whatever the network's scale."""
    strongest = float(cells.max(initial=0.0))
    return (cells / strongest if strongest > 0 else cells).astype(np.float16)


def score_of(probability: Array, called: NDArray[np.intp]) -> Array:
    """Return the probability of the second of two classes; of more, that of the class called."""
    return probability[:, 1] if probability.shape[1] == 2 else probability[np.arange(len(called)), called]


def gathered(
    parts: Mapping[str, tuple[pd.DataFrame, list[NDArray[Any]], Any]], n_cases: int, random_state: int
) -> HeatMaps:
    """Return what was measured of all cases of each model, and the pictures of ``n_cases`` of them.

    ``parts``: for each model its cases, their heat, and the store with their pictures.
    """
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


def _regions(store: Any, case_ids: pd.Index) -> Any:
    # One by one: the regions of all slices of a cohort need not be in memory at once.
    return (store.regions([case_id])[0] for case_id in case_ids)


def _grey(store: Any, case_id: str, view: int) -> NDArray[np.uint8]:
    """Return one channel of a view: the middle one, of adjacent slices the one of the region."""
    channels = store.pictures([case_id])[0][view]
    return _bytes(channels[0] if store.shows_region else channels[len(channels) // 2])


def _bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.round(np.clip(np.asarray(values, dtype=float), 0.0, 1.0) * 255.0).astype(np.uint8)
