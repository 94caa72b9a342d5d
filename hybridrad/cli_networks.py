"""Networks that `hybridrad compare` trains inside the folds: which were asked for, their views and their arms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hybridrad as hr
from hybridrad.cli_options import ExtractionOptions
from hybridrad.console import say
from hybridrad.errors import RunError

FINETUNED, SEQUENCE = "finetuned", "sequence"


def wanted_networks(names: Sequence[str] | None, options: ExtractionOptions, *, task: str, images: bool) -> list[str]:
    """Return the networks that ``--models`` names, as arms or as members of a hedge.

    Raises
    ------
    RunError
        The task, the views or a feature table without images leave nothing to train on.

    Examples
    --------
    >>> wanted_networks(["deep", "hedge_finetuned"], ExtractionOptions(), task="classification", images=True)
    ['finetuned']
    """
    asked = [name for name in (FINETUNED, SEQUENCE) if {name, f"hedge_{name}"} & set(names or ())]
    if not asked:
        return []
    named = " and ".join(asked)
    if task != "classification":
        raise RunError(f"--models {named} is for classes; the task is {task}.", hint="Leave it out, or name a label.")
    if not images:
        raise RunError(f"--models {named} trains on images, and there are none.", hint="Leave --features out.")
    if options.view == "volume":
        raise RunError(f"--models {named} trains on pictures, and --view volume shows volumes.", hint="Try slices.")
    if SEQUENCE in asked and options.view != "slices":
        raise RunError(f"--models sequence reads slices, and the view is {options.view}.", hint="Add --view slices.")
    return asked


def make_networks(
    wanted: Sequence[str],
    options: ExtractionOptions,
    cohort: hr.Cohort,
    folder: Path,
    *,
    jobs: int,
    seed: int,
    retry_failed: bool,
) -> tuple[dict[str, Any], hr.ViewStore]:
    """Render the views into a folder and return the networks by name, with the store."""
    from hybridrad.features.deep.weights import expected_preprocessing

    expected = expected_preprocessing(options.backbone, options.weights)
    store = hr.prepare_views(
        cohort,
        options.views(),
        store=folder,
        input_px=options.input_px or expected.input_size,
        n_jobs=jobs,
        retry_failed=retry_failed,
    )
    say(f"Views of {len(store.index)} cases at {store.input_px} pixels for {' and '.join(wanted)}.")
    for row in store.failures.head(10).reset_index().to_dict("records"):
        say(f"  no views: {row['case_id']} ({row['stage']}): {row['code']}: {row['message']}")
    shared: dict[str, Any] = {
        "views_store": store,
        "augment": hr.Augmentation(),
        # A case without views is answered by the other members of a hedge.
        "missing": "average",
        "random_state": seed,
        "device": options.device or "auto",
    }
    makers = {FINETUNED: hr.FineTunedCNN, SEQUENCE: hr.SliceSequence}
    return {name: makers[name](options.backbone, options.weights, **shared) for name in wanted}, store


def same_pictures(study: hr.Comparison, store: hr.ViewStore | None) -> bool:
    """Return whether the networks of a finished study were trained on the pictures in a store."""
    from hybridrad.record import networks_of

    used = {one.get("pictures_sha256") for arm in study.settings["arms"].values() for one in networks_of(arm)}
    return used == (set() if store is None else {store.content_digest()})
