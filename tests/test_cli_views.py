from __future__ import annotations

from dataclasses import asdict

from hybridrad.cli import ExtractionOptions
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
    recipe = asdict(ExtractionOptions(**FORMER))
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
