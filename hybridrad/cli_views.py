"""`hybridrad views`: a contact sheet of what the network sees, and the options that say what that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hybridrad.console import say

ViewOpt = Annotated[
    str,
    typer.Option("--view", help="CNN: largest_slice, image, slices, adjacent, orthogonal, mip or volume."),
]
MarginOpt = Annotated[float | None, typer.Option("--margin", metavar="MM", help="CNN: margin round the region, in mm.")]
FieldOpt = Annotated[float | None, typer.Option("--field", metavar="MM", help="CNN: fixed field of view, in mm.")]
RelativeOpt = Annotated[
    float | None, typer.Option("--relative-margin", metavar="F", help="CNN: margin as a share of the region's side.")
]
ViewSpacingOpt = Annotated[float | None, typer.Option("--view-spacing", metavar="MM", help="CNN: pixel size, in mm.")]
WindowOpt = Annotated[str | None, typer.Option("--window", help="CNN: CT window, e.g. lung; default percentiles.")]
PaddingOpt = Annotated[str | None, typer.Option("--padding", help="CNN: beyond the image edge (default) or constant.")]
BackgroundOpt = Annotated[
    str | None, typer.Option("--background", help="CNN: outside the region kept (default), dimmed or masked.")
]
MaskChannelOpt = Annotated[bool, typer.Option("--mask-channel", help="CNN: show the region as the third channel.")]
SlicesOpt = Annotated[
    int | None, typer.Option("--slices", metavar="N", min=1, help="CNN, --view slices: so many; default all.")
]
MipAxisOpt = Annotated[str | None, typer.Option("--mip-axis", help="CNN, --view mip: z (default), y or x.")]
SlabOpt = Annotated[
    float | None, typer.Option("--slab-margin", metavar="MM", help="CNN, --view mip: slab beyond the region, in mm.")
]


def views_of(
    view: str,
    *,
    margin: float | None,
    field: float | None,
    relative_margin: float | None,
    view_spacing: float | None,
    window: str | None,
    padding: str | None,
    background: str | None,
    mask_channel: bool | None,
    slices: int | None,
    mip_axis: str | None,
    slab_margin: float | None,
) -> Any:
    """Return the Views that the options ask for.

    Examples
    --------
    >>> names = "margin field view_spacing window padding background mask_channel mip_axis slab_margin".split()
    >>> views_of("slices", relative_margin=0.2, slices=3, **dict.fromkeys(names)).describe()["n_slices"]
    3
    """
    from hybridrad.imaging.views import Views

    return Views(
        view,
        margin_mm=margin,
        field_mm=field,
        relative_margin=relative_margin,
        spacing_mm=view_spacing,
        window=window,
        padding=padding or "edge",
        background=background or "kept",
        mask_channel=bool(mask_channel),
        n_slices=slices,
        mip_axis=mip_axis or "z",
        slab_margin_mm=slab_margin or 0.0,
    )


def register(app: typer.Typer, read: Callable[..., Any]) -> None:
    """Add the command to the program.

    Parameters
    ----------
    app : Typer
    read : callable
        Reads a cohort table as the other commands do.
    """

    @app.command()
    def views(
        cohort_file: Annotated[Path, typer.Argument(metavar="COHORT.csv", help="Cohort table, CSV or Parquet.")],
        out_file: Annotated[Path, typer.Option("--out", metavar="FILE", help="The sheet: .png, .pdf or .svg.")] = Path(
            "views.png"
        ),
        view: ViewOpt = "largest_slice",
        margin: MarginOpt = None,
        field: FieldOpt = None,
        relative_margin: RelativeOpt = None,
        view_spacing: ViewSpacingOpt = None,
        window: WindowOpt = None,
        padding: PaddingOpt = None,
        background: BackgroundOpt = None,
        mask_channel: MaskChannelOpt = False,
        slices: SlicesOpt = None,
        mip_axis: MipAxisOpt = None,
        slab_margin: SlabOpt = None,
        n_cases: Annotated[int, typer.Option("--n", metavar="N", min=1, max=200, help="Cases, drawn by chance.")] = 20,
        seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of that draw.")] = 0,
        label: Annotated[
            str | None, typer.Option("--label", help="Column written over the pictures; default label.")
        ] = None,
        where: Annotated[
            list[str] | None,
            typer.Option("--where", metavar="COL=VALUE", help="Use only these cases; may be repeated."),
        ] = None,
        allow_outside_root: Annotated[
            bool, typer.Option("--allow-outside-root", help="Allow files outside the table's folder.")
        ] = False,
    ) -> None:
        """Draw a contact sheet of what the network would see of the cases."""
        from hybridrad.reporting.view_sheet import FILE_KINDS, draw_views

        if out_file.suffix.lower() not in FILE_KINDS:
            raise typer.BadParameter(f"{out_file.name} ends in none of {', '.join(FILE_KINDS)}.", param_hint="--out")
        shown = views_of(
            view,
            margin=margin,
            field=field,
            relative_margin=relative_margin,
            view_spacing=view_spacing,
            window=window,
            padding=padding,
            background=background,
            mask_channel=mask_channel,
            slices=slices,
            mip_axis=mip_axis,
            slab_margin=slab_margin,
        )
        cohort = read(cohort_file, (), label, None, where, allow_outside_root, images=True)
        sheet = draw_views(cohort, shown, n_cases=n_cases, random_state=seed)
        path = sheet.save(out_file)
        n_failed = sheet.failures.index.get_level_values("case_id").nunique()
        say(f"{len(sheet.case_ids) - n_failed} of {len(sheet.case_ids)} cases shown (of {len(cohort.table)} in all).")
        for row in sheet.failures.reset_index().to_dict("records"):
            say(f"  failed: {row['case_id']} ({row['stage']}): {row['code']}: {row['message']} {row['hint']}".rstrip())
        say(f"Written: {path}")
        raise typer.Exit(2 if n_failed else 0)
