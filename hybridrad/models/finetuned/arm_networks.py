"""The networks inside an arm of a study, declared or trained: the arm itself, estimators of blocks, members, steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hybridrad.models.finetuned.network_classifier import NetworkClassifier


def networks_in(model: Any) -> list[NetworkClassifier]:
    """Return the networks an arm trains: itself, the estimator of a block, members of a fusion, steps of a Pipeline."""
    return [network for _, network in _declared(model, "")]


def describe_networks(model: Any) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return what an arm's network is, with ``member`` where it is a member of a fusion.

    A list where there are several, None where there is none.

    Raises
    ------
    WeightsError
        The weights cannot be had.
    """
    found = [
        {**({"member": member} if member else {}), **network.describe()} for member, network in _declared(model, "")
    ]
    return found if len(found) > 1 else (found[0] if found else None)


def trained_choices(fitted: Any) -> dict[str, dict[str, int]]:
    """Return what the inner folds chose for the networks of a fitted arm, by member (the arm itself: ``""``)."""
    return {
        member: {"epochs": int(network.n_epochs_), "recipe": int(network.recipe_number_)}
        for member, network in _trained(fitted, "")
    }


def _declared(model: Any, member: str) -> Iterator[tuple[str, NetworkClassifier]]:
    if isinstance(model, NetworkClassifier):
        yield member, model
        return
    for _, step in getattr(model, "steps", []):
        yield from _declared(step, member)
    if getattr(model, "estimator", None) is not None:
        yield from _declared(model.estimator, member)
    members = getattr(model, "estimators", None)
    for name, part in members.items() if isinstance(members, Mapping) else ():
        yield from _declared(part, str(name))


def _trained(fitted: Any, member: str) -> Iterator[tuple[str, NetworkClassifier]]:
    if isinstance(fitted, NetworkClassifier):
        yield member, fitted
        return
    for _, step in getattr(fitted, "steps", []):
        yield from _trained(step, member)
    inside = getattr(getattr(fitted, "fit_", None), "estimator", None)
    if inside is not None:
        yield from _trained(inside, member)
    members = getattr(fitted, "members_", None)
    for name, part in members.items() if isinstance(members, Mapping) else ():
        yield from _trained(part, str(name))
