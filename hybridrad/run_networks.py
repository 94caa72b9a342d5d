"""The networks of a run folder: declared again from what the study wrote down, its views and the weights it names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hybridrad.errors import RunError, WeightsError
from hybridrad.features.blocks import MARKER, SEPARATOR
from hybridrad.features.deep.view_store import ViewStore
from hybridrad.features.deep.weights import is_file_name
from hybridrad.record import networks_of
from hybridrad.run_folder import read_recipe

if TYPE_CHECKING:
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier
    from hybridrad.study import Comparison

VIEWS_FOLDER = "views"
# What may be otherwise where the networks are trained again, or was found out by training them.
_FREE = {"member", "chosen_epochs", "chosen_recipes", "device", "precision"}
# In the order in which their markers stand in the table of a study.
_ORDER = ("finetuned", "sequence")


def find_networks(
    folder: Path, study: Comparison, *, arms: Sequence[str] | None = None, weights: str | Path | None = None
) -> dict[str, NetworkClassifier]:
    """Return the networks of a stored study, not trained, by the name of their block.

    Parameters
    ----------
    folder : Path
        Its run folder, with its views.
    study : Comparison
    arms : sequence of str, optional
        Only the networks of these arms; default all.
    weights : str or Path, optional
        Where the weights are now; default as they were named when the study was made.

    Returns
    -------
    dict of name -> network
        Empty for a study without networks.

    Raises
    ------
    RunError
        The views or the name of the weights are gone, views or weights are not those of the study, or a network is
        none of this library.
    WeightsError
        The weights are not where they were, or cannot be had.

    Examples
    --------
    >>> from hybridrad.study import Comparison
    >>> none = Comparison(*[pd.DataFrame()] * 9, settings={"arms": {"size": {"role": "single"}}})
    >>> find_networks(Path("run"), none)
    {}
    """
    described = _described(study, arms)
    if not described:
        return {}
    store = _open_views(folder)
    recipe = read_recipe(folder)
    found = {}
    for name, told in described.items():
        named = weights or recipe.get("weights")
        if named is None:
            raise RunError(
                f"{folder} does not say which weights the network {name} started from.",
                hint="Give them, or make the curves from Python with the arms as estimators.",
            )
        _refuse_lost_weights(name, told, named)
        network = _declared(name, told, named, store, str(recipe.get("device") or "auto"))
        _refuse_others(name, told, network.describe(), folder)
        found[name] = network
    return found


def with_markers(
    table: pd.DataFrame, folder: Path, study: Comparison, *, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a feature table of a run folder with the markers of the networks of its study, which its file lacks.

    Raises
    ------
    RunError
        The views are gone.
    """
    missing = [name for name in _described(study, arms) if f"{name}{SEPARATOR}{MARKER}" not in table]
    if not missing:
        return table
    store = _open_views(folder)
    return table.join([store.marker(name) for name in missing])


def _described(study: Comparison, arms: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Return what the study wrote down of its networks, by the block that marks their cases."""
    found: dict[str, dict[str, Any]] = {}
    for name, arm in study.settings.get("arms", {}).items():
        if arms is None or name in arms:
            for told in networks_of(arm):
                found.setdefault(str(told.get("member", name)), told)
    return {name: found[name] for name in sorted(found, key=lambda n: (n not in _ORDER, n))}


def _open_views(folder: Path) -> ViewStore:
    try:
        return ViewStore.open(folder / VIEWS_FOLDER)
    except RunError as err:
        raise RunError(
            f"the views that networks of this study are trained on are gone: {err.message}",
            hint="`hybridrad compare` with the settings of the run makes them again; or name arms without networks "
            "and leave the cohort out.",
        ) from err


def _refuse_lost_weights(name: str, told: Mapping[str, Any], weights: str | Path) -> None:
    if is_file_name(weights) and not Path(weights).expanduser().is_file():
        sha256 = str(told["weights"].get("sha256") or "")[:12]
        raise WeightsError(
            f"the weights of {name} are not at {weights} any more ({told['weights']['name']}, sha256 {sha256}...).",
            hint="Say where they are now (--weights), or name arms without networks.",
        )


def _declared(
    name: str, told: Mapping[str, Any], weights: str | Path, store: ViewStore, device: str
) -> NetworkClassifier:
    from hybridrad.models.finetuned.augmentation import Augmentation
    from hybridrad.models.finetuned.cnn import FineTunedCNN
    from hybridrad.models.finetuned.multi_view import MultiViewCNN
    from hybridrad.models.finetuned.recipe import TrainingRecipe
    from hybridrad.models.finetuned.slice_sequence import SliceSequence

    kinds: dict[str, type[NetworkClassifier]] = {
        kind.__name__: kind for kind in (FineTunedCNN, MultiViewCNN, SliceSequence)
    }
    if told["kind"] not in kinds:
        raise RunError(f"{name} is a {told['kind']}, which cannot be made again from a run folder.")
    options: dict[str, Any] = {
        "views_store": store,
        "augment": None if told["augmentation"] is None else Augmentation(**told["augmentation"]),
        "device": device,
    }
    same = ("pool", "hidden", "test_time_augmentation", "inner_folds", "oof", "missing", "random_state")
    options |= {key: told[key] for key in same if key in told}
    if "recipe" in told:
        options["recipe"] = TrainingRecipe(**told["recipe"])
    else:
        options["recipes"] = [TrainingRecipe(**one) for one in told["recipes"]]
    return kinds[told["kind"]](told["backbone"], weights, **options)


def _refuse_others(name: str, told: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raise where a network that was declared again is not that of the study."""
    now = json.loads(json.dumps(now))
    changed = [key for key in sorted(set(told) | set(now)) if key not in _FREE and told.get(key) != now.get(key)]
    if "weights" in changed:
        there, here = (f"{one['weights']['name']}, sha256 {one['weights']['sha256']}" for one in (told, now))
        raise RunError(f"the weights of {name} are not those of the study: {there} there, {here} now.")
    if {"views", "pictures_sha256", "input_px", "dtype", "image", "mask"} & set(changed):
        raise RunError(
            f"the views in {folder / VIEWS_FOLDER} are not those that the study trained {name} on: "
            f"{', '.join(changed)} differ.",
            hint="Images may have changed since; compare again in another folder.",
        )
    if changed:
        differences = "; ".join(f"{key}: {told.get(key)!r} there, {now.get(key)!r} now" for key in changed)
        raise RunError(f"{name} cannot be made again as it was: {differences}.")
