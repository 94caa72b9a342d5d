"""Networks that `hybridrad compare` trains inside the folds: which were asked for, their views and their arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import hybridrad as hr
from hybridrad._checks import require
from hybridrad.cli_options import ExtractionOptions
from hybridrad.console import run_study, say
from hybridrad.errors import RunError

if TYPE_CHECKING:
    import pandas as pd

FINETUNED, SEQUENCE = "finetuned", "sequence"
SHOWN = 10


@dataclass(frozen=True)
class TrainingOptions:
    """What is asked of the networks that are trained inside the folds."""

    input_px: Annotated[
        int | None,
        typer.Option(
            "--input-px", metavar="N", min=16, help="Trained networks: side of their pictures; default the weights'."
        ),
    ] = None
    heat_maps: Annotated[
        bool,
        typer.Option("--heat-maps", help="Trained networks: show where they look, out of fold (needs captum)."),
    ] = False
    heat_map_cases: Annotated[
        int | None,
        typer.Option("--heat-map-cases", metavar="N", min=1, help="--heat-maps: cases shown per arm; default 10."),
    ] = None

    def check(self, names: Sequence[str] | None, options: ExtractionOptions) -> None:
        """Refuse what cannot be had, before anything is computed.

        Raises
        ------
        RunError
            An option is without effect, no arm is a network, or the network has no map that could be shown.
        MissingDependencyError
            captum is not installed.

        Examples
        --------
        >>> TrainingOptions(heat_maps=True).check(["deep", "hedge_finetuned"], ExtractionOptions())
        Traceback (most recent call last):
        ...
        hybridrad.errors.RunError: --heat-maps shows where a trained network looks, and no arm is one. Add finetuned ...
        """
        if self.input_px is not None and not _named(names):
            raise RunError(
                "--input-px is the side of the pictures of trained networks, and --models names none.",
                hint="Leave it out; a frozen network (deep) is given what its weights expect.",
            )
        if self.heat_map_cases is not None and not self.heat_maps:
            raise RunError("--heat-map-cases is without effect without --heat-maps.", hint="Add --heat-maps.")
        if not self.heat_maps:
            return
        if not {FINETUNED, SEQUENCE} & set(names or ()):
            raise RunError(
                "--heat-maps shows where a trained network looks, and no arm is one.",
                hint="Add finetuned (or sequence, with --view slices) to --models; as a member of a hedge alone it has "
                "no score of its own to be followed back.",
            )
        require("captum", extra="heatmaps")
        from hybridrad.models.finetuned.grad_cam import grad_cam_layer

        grad_cam_layer(options.backbone, self.side(options))

    def side(self, options: ExtractionOptions) -> int:
        """Return the side of the pictures in pixels: that asked for, or what the weights expect.

        Examples
        --------
        >>> TrainingOptions().side(ExtractionOptions(backbone="inception_v3"))
        299
        """
        from hybridrad.features.deep.weights import expected_preprocessing

        return self.input_px or expected_preprocessing(options.backbone, options.weights).input_size

    @property
    def n_heat_maps(self) -> int:
        """How many cases of each network are shown; 0 where no heat maps were asked for."""
        return (self.heat_map_cases or SHOWN) if self.heat_maps else 0


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
    asked = _named(names)
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
    training: TrainingOptions,
    cohort: hr.Cohort,
    folder: Path,
    *,
    jobs: int,
    seed: int,
    retry_failed: bool,
) -> tuple[dict[str, Any], hr.ViewStore]:
    """Render the views into a folder and return the networks by name, with the store."""
    store = hr.prepare_views(
        cohort,
        options.views(),
        store=folder,
        input_px=training.side(options),
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


def add_heat_maps(
    study: hr.Comparison,
    arms: Mapping[str, Any],
    table: pd.DataFrame,
    cohort: hr.Cohort,
    folder: Path,
    *,
    n_cases: int,
    jobs: int,
) -> hr.Comparison:
    """Return the finished study of a run folder with heat maps, and keep them there."""
    from hybridrad import study_heat
    from hybridrad.evaluation.fold_store import drop_folds
    from hybridrad.run_folder import save_study

    if study_heat.shows_heat_maps(study, n_cases):
        return study
    say("Its networks are trained again in the folds of the first repeat, for their heat maps.")
    shown = run_study(
        lambda progress: study_heat.add_heat_maps(
            study, arms, table, cohort, n_cases=n_cases, n_jobs=jobs, progress=progress, store=folder
        ),
        "Heat maps",
    )
    save_study(shown, folder)
    drop_folds(folder)
    return shown


def _named(names: Sequence[str] | None) -> list[str]:
    """Return the networks among names of arms, those that are members of a hedge included."""
    return [name for name in (FINETUNED, SEQUENCE) if {name, f"hedge_{name}"} & set(names or ())]
