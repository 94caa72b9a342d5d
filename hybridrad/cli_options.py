"""What the commands share: options, how they reach a command in groups, and the cohort they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

import hybridrad as hr
from hybridrad.cohort_checks import first_of
from hybridrad.errors import RunError

FeaturesOpt = Annotated[
    Path | None,
    typer.Option(
        "--features",
        metavar="TABLE",
        help="Use this feature table, extract nothing. Not needed where COHORT.csv holds features and no images.",
    ),
]
BlockOpt = Annotated[
    str | None,
    typer.Option(
        "--block",
        metavar="NAME",
        help="Feature table: block of all columns of numbers that have none; without it those that look like "
        "PyRadiomics features are the block radiomics, and others are left out.",
    ),
]
CohortArg = Annotated[Path, typer.Argument(metavar="COHORT.csv", help="Cohort table, CSV or Parquet.")]
OutOpt = Annotated[
    Path, typer.Option("--out", metavar="RUN", help="Folder of the run; an unfinished run resumes there.")
]
LabelOpt = Annotated[str, typer.Option("--label", help="Column with the outcome.")]
WhereOpt = Annotated[
    list[str] | None, typer.Option("--where", metavar="COL=VALUE", help="Use only these cases; may be repeated.")
]
OutsideOpt = Annotated[bool, typer.Option("--allow-outside-root", help="Allow files outside the table's folder.")]
JobsOpt = Annotated[int, typer.Option("--jobs", min=1, help="Worker processes.")]
RetryOpt = Annotated[bool, typer.Option("--retry-failed", help="Try failed cases again.")]
SeedOpt = Annotated[int, typer.Option("--seed", min=0, help="Seed of all chance.")]
RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished comparison.")]
FeaturesOfRunOpt = Annotated[
    Path | None, typer.Option("--features", metavar="TABLE", help="Its feature table, where RUN does not hold it.")
]


class Task(StrEnum):
    """What the outcome is."""

    auto = "auto"
    classification = "classification"
    regression = "regression"
    survival = "survival"


TaskOpt = Annotated[
    Task,
    typer.Option("--task", help="What the outcome is; auto: survival with time and event and no label, else classes."),
]


@dataclass(frozen=True)
class RadiomicsOptions:
    """How radiomics are extracted."""

    spacing: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--spacing", metavar="X Y Z", help="Radiomics: resample to this spacing, in mm; 0 keeps an axis."),
    ] = None
    params: Annotated[Path | None, typer.Option("--params", help="Radiomics: a PyRadiomics parameter file (YAML).")] = (
        None
    )
    engine: Annotated[str, typer.Option("--engine", help="Radiomics: native or pyradiomics.")] = "native"


@dataclass(frozen=True)
class ViewOptions:
    """What the network sees."""

    view: Annotated[
        str,
        typer.Option("--view", help="CNN: largest_slice, image, slices, adjacent, orthogonal, mip or volume."),
    ] = "largest_slice"
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="MM", help="CNN: margin round the region, in mm.")
    ] = None
    field: Annotated[float | None, typer.Option("--field", metavar="MM", help="CNN: fixed field of view, in mm.")] = (
        None
    )
    relative_margin: Annotated[
        float | None,
        typer.Option("--relative-margin", metavar="F", help="CNN: margin as a share of the region's side."),
    ] = None
    view_spacing: Annotated[
        float | None, typer.Option("--view-spacing", metavar="MM", help="CNN: pixel size, in mm.")
    ] = None
    window: Annotated[str | None, typer.Option("--window", help="CNN: CT window, e.g. lung; default percentiles.")] = (
        None
    )
    padding: Annotated[
        str | None, typer.Option("--padding", help="CNN: beyond the image edge (default) or constant.")
    ] = None
    background: Annotated[
        str | None, typer.Option("--background", help="CNN: outside the region kept (default), dimmed or masked.")
    ] = None
    mask_channel: Annotated[bool, typer.Option("--mask-channel", help="CNN: show the region as the third channel.")] = (
        False
    )
    slices: Annotated[
        int | None, typer.Option("--slices", metavar="N", min=1, help="CNN, --view slices: so many; default all.")
    ] = None
    mip_axis: Annotated[str | None, typer.Option("--mip-axis", help="CNN, --view mip: z (default), y or x.")] = None
    slab_margin: Annotated[
        float | None,
        typer.Option("--slab-margin", metavar="MM", help="CNN, --view mip: slab beyond the region, in mm."),
    ] = None

    def views(self) -> hr.Views:
        """Return the Views that the options ask for.

        Examples
        --------
        >>> ViewOptions("slices", relative_margin=0.2, slices=3).views().describe()["n_slices"]
        3
        """
        return hr.Views(
            self.view,
            margin_mm=self.margin,
            field_mm=self.field,
            relative_margin=self.relative_margin,
            spacing_mm=self.view_spacing,
            window=self.window,
            padding=self.padding or "edge",
            background=self.background or "kept",
            mask_channel=self.mask_channel,
            n_slices=self.slices,
            mip_axis=self.mip_axis or "z",
            slab_margin_mm=self.slab_margin or 0.0,
        )


@dataclass(frozen=True)
class NetworkOptions:
    """The network, what is read from it where it is frozen, and where it runs."""

    backbone: Annotated[str, typer.Option("--backbone", help="CNN: torchvision model, or timm:NAME.")] = "resnet50"
    weights: Annotated[str, typer.Option("--weights", help="CNN: torchvision name, local file, or `untrained`.")] = (
        "DEFAULT"
    )
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers", metavar="NAME,...", help="CNN: layers to read, e.g. layer3,last_map; default penultimate."
        ),
    ] = None
    pooling: Annotated[
        str | None, typer.Option("--pooling", help="CNN: of a map: mean, max, gem, mean_max or masked_mean.")
    ] = None
    sqrt: Annotated[bool, typer.Option("--sqrt", help="CNN: signed square root of the pooled values.")] = False
    view_pooling: Annotated[
        str | None,
        typer.Option("--view-pooling", help="CNN: of a case's views: mean (default), max, mean_max, statistics."),
    ] = None
    device: Annotated[
        str | None, typer.Option("--device", help="CNN: auto (default: a GPU if there is one), cpu, cuda or cuda:1.")
    ] = None
    precision: Annotated[
        str | None, typer.Option("--precision", help="CNN, embeddings: fp32 (default) or bf16, which is less exact.")
    ] = None
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", min=1, help="CNN: images at once on a GPU; default 256.")
    ] = None


@dataclass(frozen=True)
class ExtractionOptions(NetworkOptions, ViewOptions, RadiomicsOptions):
    """All that is asked of an extraction."""

    def extractors(self) -> list[Any]:
        """Return the radiomics and the embedding extractor."""
        settings = hr.RadiomicsSettings.from_yaml(self.params) if self.params else hr.RadiomicsSettings()
        if self.spacing is not None:
            settings = settings.with_spacing(self.spacing)
        return [
            hr.RadiomicsExtractor(settings, engine=self.engine),
            hr.EmbeddingExtractor(
                self.backbone,
                weights=self.weights,
                views=self.views(),
                layers=[n.strip() for n in self.layers.split(",")] if self.layers else None,
                pooling=self.pooling,
                sqrt=self.sqrt,
                view_pooling=self.view_pooling or "mean",
                device=self.device or "auto",
                precision=self.precision or "fp32",
                batch_size=self.batch_size or "auto",
            ),
        ]

    def recipe(self) -> dict[str, Any]:
        """Return the options for the record of a run folder; None where a switch is not set.

        The size of a batch changes no number, so a run may go on with another.
        """
        recorded = {name: None if value is False else value for name, value in asdict(self).items()}
        del recorded["batch_size"]
        return {**recorded, "params": text_of(self.params)}


def in_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take options as dataclasses: each field becomes an option of the command line.

    Parameters
    ----------
    command : callable
        A command whose parameters may be annotated with dataclasses of options that all have a default.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    flat: list[inspect.Parameter] = []
    for own in inspect.signature(command).parameters.values():
        if own.name in groups:
            inner = get_type_hints(groups[own.name], include_extras=True)
            flat += [
                inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=inner[f.name])
                for f in fields(groups[own.name])
            ]
        else:
            flat.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[own.name]))

    @wraps(command)
    def called(**given: Any) -> None:
        made = {name: kind(**{f.name: given.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()}
        command(**given, **made)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in flat}
    return called


def text_of(path: Path | None) -> str | None:
    """Return a path as text."""
    return None if path is None else str(path)


def names_in(text: str | None) -> list[str] | None:
    """Return the names in a list with commas; None for none.

    Examples
    --------
    >>> names_in("size, hedge,")
    ['size', 'hedge']
    """
    return ([name.strip() for name in text.split(",") if name.strip()] or None) if text else None


def read_asked(
    path: Path,
    *,
    label: str | None,
    where: list[str] | None,
    allow_outside_root: bool,
    clinical: Sequence[str] = (),
    positive: str | None = None,
    images: bool | None = True,
    block: str | None = None,
    not_features: Sequence[str] = (),
) -> hr.Cohort:
    """Read a cohort table, and keep the cases that ``--where`` names."""
    conditions = [condition.partition("=")[0] for condition in where or ()]
    cohort = hr.read_cohort(
        path,
        clinical=tuple(clinical),
        images=images,
        label=label,
        positive=positive,
        block=block,
        not_features=(*not_features, *conditions),
        allow_outside_root=allow_outside_root,
    )
    for condition in where or ():
        column, separator, value = condition.partition("=")
        if not separator or column not in cohort.table.columns:
            raise RunError(
                f"--where {condition!r} is not COLUMN=VALUE with a column of the table.",
                hint=f"Columns: {', '.join(map(str, cohort.table.columns))}.",
            )
        keep = cohort.table.index[cohort.table[column].astype(str) == value]
        if not len(keep):
            there = first_of(cohort.table[column].astype(str).drop_duplicates().sort_values())
            raise RunError(f"--where {condition!r} leaves no case.", hint=f"{column} holds {there}.")
        cohort = cohort.subset(keep)
    return cohort
