from __future__ import annotations

from typing import Annotated

import pytest
import typer

from hybridrad.cli_options import ExtractionOptions, ViewOptions, in_groups, read_asked
from hybridrad.errors import RunError
from hybridrad.imaging.views import Views

FORMER = {
    "spacing": None, "params": None, "engine": "native", "view": "largest_slice", "margin": 10.0, "field": None,
    "relative_margin": None, "view_spacing": None, "window": "lung", "backbone": "squeezenet1_1",
    "weights": "untrained",
}  # fmt: skip


def views_of(**options) -> Views:
    return ExtractionOptions(**FORMER | options).extractors()[1].views


def test_options_that_are_not_given_change_neither_views_nor_the_settings_of_a_run_folder():
    assert views_of() == Views("largest_slice", margin_mm=10, window="lung")
    # A run folder compares its settings by key; a missing one is None there.
    recipe = ExtractionOptions(**FORMER).recipe()
    assert {name: value for name, value in recipe.items() if value is not None} == {
        name: value for name, value in FORMER.items() if value is not None
    }


def test_extraction_and_the_sheet_understand_the_same_options():
    shown = views_of(view="slices", slices=5, background="dimmed", mask_channel=True, padding="constant")
    assert shown == Views(
        "slices",
        margin_mm=10,
        window="lung",
        n_slices=5,
        background="dimmed",
        mask_channel=True,
        padding="constant",
    )
    assert views_of(view="mip", mip_axis="x", slab_margin=3.0).describe()["slab_margin_mm"] == 3.0


def test_grouped_options_reach_a_command_as_their_dataclass():
    seen = []

    @in_groups
    def command(first: Annotated[str, typer.Argument()], shown: ViewOptions, last: int = 3) -> None:
        seen.append((first, shown, last))

    app = typer.Typer()
    app.command()(command)
    app(["a", "--view", "slices", "--slices", "4", "--last", "5"], standalone_mode=False)
    app(["b"], standalone_mode=False)
    assert seen == [("a", ViewOptions("slices", slices=4), 5), ("b", ViewOptions(), 3)]


def test_a_value_of_where_that_no_case_has_is_refused_with_the_values_there(tmp_path):
    text = "case_id,label,site,deep__0\na,0,north,1\nb,1,south,2\n"
    (tmp_path / "cohort.csv").write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=r"leaves no case\. site holds north, south\."):
        read_asked(tmp_path / "cohort.csv", label="label", where=["site=sout"], allow_outside_root=False, images=False)
