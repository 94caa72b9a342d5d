from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hybridrad.learning import _crossings, _fits
from hybridrad.reporting.arms import Arm
from hybridrad.reporting.learning import crossings_grid, fits_grid, learning_plate, learning_section
from hybridrad.reporting.learning_panels import learning_panels
from hybridrad.reporting.report import write_report

SIZES = [20, 40, 80, 160, 320]
ARMS = [Arm("size", "single"), Arm("deep", "single", is_baseline=True), Arm("hedge", "fused", is_default_fused=True)]


@pytest.fixture(name="curves")
def made_up_curves():
    """Return curves in which deep overtakes size at 64 patients; hedge failed at the smallest size."""
    n = np.array(SIZES, dtype=float)
    means = {"size": 0.72 - 0.4 * n**-0.9, "deep": 0.86 - 2.0 * n**-0.6, "hedge": 0.88 - 1.2 * n**-0.6}
    rng = np.random.default_rng(0)
    replicates = {m: np.vstack([v, v + rng.normal(0, 0.004, (100, 5))]) for m, v in means.items()}
    replicates["hedge"][:, 0] = np.nan
    points = pd.DataFrame(
        {"value": np.concatenate([r[0] for r in replicates.values()]), "n_draws": 12, "n_test_patients": 60},
        index=pd.MultiIndex.from_product([list(means), SIZES], names=["model", "n_patients"]),
    ).assign(low=lambda t: t["value"] - 0.03, high=lambda t: t["value"] + 0.03)
    return SimpleNamespace(
        points=points,
        fits=_fits(SIZES, replicates, means),
        crossings=_crossings(SIZES, replicates, means),
        failures=pd.DataFrame({"model": ["hedge"]}),
        settings={"random_state": 7, "not_refitted": ["clinical"]},
    )


def test_a_crossing_is_told_with_its_interval_and_who_overtakes_whom(curves):
    row = next(r for r in crossings_grid(curves, ARMS).rows if r.cells[0].text == "size" and r.cells[1].text == "deep")
    found = curves.crossings.loc[("size", "deep")]
    assert row.cells[2].text == f"{found['n_patients']:.0f} patients"
    assert row.cells[3].text == f"{found['low']:.0f} to {found['high']:.0f}"
    assert row.cells[4].text == "deep overtakes size"


def test_not_identified_is_a_row_with_its_reason(curves):
    texts = {
        (r.cells[0].text, r.cells[1].text): (r.cells[2].text, r.cells[4].text)
        for r in crossings_grid(curves, ARMS).rows
    }
    assert texts["size", "hedge"] == ("not identified", "a curve does not fit (R2 below 0.5)")


def test_pairs_of_other_arms_are_counted_unless_they_cross(curves):
    arms = [Arm("size", "single"), Arm("deep", "other"), Arm("hedge", "other")]
    grid = crossings_grid(curves, arms)
    assert [r.cells[1].text for r in grid.rows] == ["deep"]
    assert "2 further pairs not identified" in grid.note


def test_the_table_of_fits_has_the_ends_and_where_it_gets_flat(curves):
    rows = {r.cells[0].text: r for r in fits_grid(curves, ARMS).rows}
    assert rows["deep"].cells[1].text == f"{curves.points.loc[('deep', 20), 'value']:.3f}"
    fit = curves.fits.loc["deep"]
    assert rows["deep"].cells[3].text == f"{fit['a']:.3f} − {fit['b']:.2f} n^−{fit['c']:.2f}"
    assert rows["hedge"].cells[1].text == "–"
    assert "no curve" in rows["hedge"].cells[5].small
    assert rows["hedge"].strong


def test_the_figure_marks_the_crossing_in_the_panels_of_both_arms(curves):
    panels = learning_panels(curves.points, curves.fits, curves.crossings, ARMS).axes
    at = f"{curves.crossings.loc[('size', 'deep'), 'n_patients']:.0f}"
    words = [[t.get_text() for t in ax.texts] for ax in panels]
    assert words == [[f"deep at {at}"], [f"size at {at}"], []]
    diamonds = [line for line in panels[0].lines if line.get_marker() == "D"]
    assert diamonds[0].get_xdata()[0] == pytest.approx(float(curves.crossings.loc[("size", "deep"), "n_patients"]))


def test_points_and_fitted_curve_are_those_of_the_tables(curves):
    ax = learning_panels(curves.points, curves.fits, curves.crossings, ARMS[1:2]).axes[0]
    dots = next(line for line in ax.lines if line.get_linestyle() == "None")
    np.testing.assert_allclose(dots.get_ydata(), curves.points.loc["deep", "value"])
    fitted = next(line for line in ax.lines if len(line.get_xdata()) == 60)
    a, b, c = curves.fits.loc["deep", ["a", "b", "c"]]
    np.testing.assert_allclose(fitted.get_ydata(), a - b * fitted.get_xdata() ** -c)


def test_the_caption_says_how_many_draws_patients_and_which_seed(curves):
    caption = learning_plate(curves, ARMS).caption
    for words in ("12 draws", "60 patients", "seed 7", "5 sizes", "baseline, deep", "Diamonds"):
        assert words in caption


def test_arms_that_failed_or_could_not_be_refitted_are_named(curves):
    section = learning_section(curves, ARMS, lambda *_: None)
    assert (section["not_refitted"], section["failed"]) == ("clinical", "hedge")
    assert learning_section(None, ARMS, lambda *_: None) is None


def test_the_page_shows_the_section_only_where_there_are_curves(curves, make_study, tmp_path):
    study = make_study(arms=("size", "deep", "hedge"))
    without = write_report(study, tmp_path / "a" / "report.html", figures=False).read_text(encoding="utf-8")
    page = write_report(study, tmp_path / "b" / "report.html", learning=curves)
    html = page.read_text(encoding="utf-8")
    assert 'id="learning"' not in without
    assert 'id="learning"' in html
    assert "deep overtakes size" in html
    assert (page.parent / "figures" / "learning_curves.svg").is_file()
