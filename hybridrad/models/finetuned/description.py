"""What a network that is trained inside the fold is, before any training: as plain data, in a sentence, as a hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridrad.features.deep.weights import Weights
    from hybridrad.models.finetuned.network_classifier import NetworkClassifier

_TRAINED = {"head": "its head alone", "last_blocks": "its last blocks", "all": "all its layers"}


def as_plain_data(network: NetworkClassifier, device: str) -> dict[str, Any]:
    """Return everything the training on a device and its result depend on.

    Raises
    ------
    WeightsError
        The weights cannot be had.
    """
    from hybridrad.models.finetuned.training import precision_in_use

    store: dict[str, Any] = getattr(network.views_store, "settings", {})
    input_px = getattr(network.views_store, "input_px", None)
    found, recipes, seed = weights_of(network), network.used_recipes, network.random_state
    expected = found.preprocessing if input_px is None else replace(found.preprocessing, input_size=input_px)
    return {
        "kind": type(network).__name__,
        "backbone": network.backbone,
        "weights": found.describe(),
        "preprocessing": expected.describe(),
        **{key: getattr(network, key) for key in ("pool", "hidden") if hasattr(network, key)},
        **({"recipe": recipes[0].describe()} if network.recipes is None else {}),
        **({} if network.recipes is None else {"recipes": [recipe.describe() for recipe in recipes]}),
        "augmentation": None if network.augment is None else network.augment.describe(),
        "test_time_augmentation": network.test_time_augmentation,
        "inner_folds": network.inner_folds,
        "oof": bool(network.oof),
        "missing": network.missing,
        "random_state": seed if isinstance(seed, int) else str(seed),
        "device": device.partition(":")[0],
        "precision": ", ".join(dict.fromkeys(precision_in_use(recipe, device) for recipe in recipes)),
        "input_px": input_px,
        **{key: store[key] for key in ("views", "image", "mask", "dtype", "pictures_sha256") if key in store},
    }


def as_sentence(network: NetworkClassifier) -> str:
    """Return one sentence on what is trained, for reports."""
    recipes = network.used_recipes
    parts = " or ".join(dict.fromkeys(_TRAINED[recipe.train] for recipe in recipes))
    folds = f"{network.inner_folds} inner folds" if network.oof else "one inner split"
    chosen = "their number" if len(recipes) == 1 else f"their number and the best of {len(recipes)} recipes"
    name = Path(str(network.weights)).name
    weights = "random weights" if str(network.weights) == "untrained" else f"weights {name}"
    return (
        f"{type(network).__name__}: {network.backbone} ({weights}), {parts} trained on the pictures of "
        f"the training cases, at most {max(recipe.epochs for recipe in recipes)} epochs, {chosen} by {folds}."
    )


def as_digest(network: NetworkClassifier, device: str) -> str:
    """Return a hash of what the parameters only name: the weights, and the device that is meant by "auto".

    Raises
    ------
    WeightsError
        The weights cannot be had.
    """
    found = weights_of(network)
    told = [found.describe(), found.preprocessing.describe(), device]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def weights_of(network: NetworkClassifier) -> Weights:
    """Return the weights that a network starts from.

    Raises
    ------
    WeightsError
        The weights cannot be had.
    """
    from hybridrad.features.deep.weights import find_weights

    return find_weights(network.backbone, network.weights, preprocessing=network.preprocessing)
