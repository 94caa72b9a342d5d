"""Cases of a network whose very images its weights were trained on already: told where weights and views say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridrad.errors import Finding
from hybridrad.features.deep.trained_on import finding_if_known, lists_images
from hybridrad.features.deep.weights import is_file_name
from hybridrad.models.finetuned.arm_networks import networks_in

if TYPE_CHECKING:
    import pandas as pd

    from hybridrad.models.finetuned.network_classifier import NetworkClassifier


def images_trained_on(models: Mapping[str, Any], case_ids: pd.Index) -> list[Finding]:
    """Return a warning W_TRAINED_ON for every case that the weights of a network of some arm were trained on.

    Cases without pictures are passed over. The same weights in several arms warn once.

    Parameters
    ----------
    models : dict of name -> estimator
        Arms of a study.
    case_ids : Index

    Raises
    ------
    WeightsError
        The list of images in a weights file cannot be read.
    """
    found: dict[tuple[str, str], Finding] = {}
    for network in (network for model in models.values() for network in networks_in(model)):
        weights = _listing_weights(network)
        if weights is None:
            continue
        ids = _with_pictures(network, case_ids)
        for finding in _warnings(ids, _digests(network, ids), weights):
            found.setdefault((finding.case_id, finding.message), finding)
    return list(found.values())


def say_images_trained_on(network: NetworkClassifier, case_ids: Iterable[str]) -> list[str]:
    """Return what a fit says of the images of its training cases, which all have pictures: none, or one sentence each.

    One is on images that the weights were trained on, another on images of which the views do not tell, because they
    were made before images were recorded.

    Raises
    ------
    WeightsError
        The list of images in the weights file cannot be read.
    """
    ids = list(case_ids)
    weights = _listing_weights(network)
    if weights is None:
        return []
    digests = _digests(network, ids)
    warned, unknown = _warnings(ids, digests, weights), [told for told in digests if not told]
    said = []
    if warned:
        said.append(
            "The weights were trained on the very images of training cases, so what they reach is no evidence "
            f"({len(warned)} of {len(ids)} cases; {weights.name})."
        )
    if unknown:
        said.append(
            "Whether the weights were trained on images of these cases cannot be told, because the views do not record "
            f"their images; make them again in an empty folder ({len(unknown)} of {len(ids)} cases; {weights.name})."
        )
    return said


def _warnings(case_ids: list[str], digests: list[frozenset[int]], weights: Path) -> list[Finding]:
    told = zip(case_ids, digests, strict=True)
    return [finding for case_id, own in told for finding in finding_if_known(case_id, own, weights=weights)]


def _listing_weights(network: NetworkClassifier) -> Path | None:
    """Return the weights file of a network if it lists the images it was trained on."""
    if not is_file_name(network.weights):
        return None
    path = Path(network.weights).expanduser()
    return path if lists_images(path) else None


def _digests(network: NetworkClassifier, case_ids: list[str]) -> list[frozenset[int]]:
    # Pictures may come from a class of one's own that knows nothing of images.
    if not hasattr(network.views_store, "image_digests"):
        return [frozenset()] * len(case_ids)
    found: list[frozenset[int]] = network.views_store.image_digests(case_ids)
    return found


def _with_pictures(network: NetworkClassifier, case_ids: pd.Index) -> list[str]:
    if not hasattr(network.views_store, "has"):
        return list(case_ids)
    return list(case_ids[network.views_store.has(case_ids)])
