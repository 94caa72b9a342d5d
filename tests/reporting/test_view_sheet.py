from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hybridrad import cli
from hybridrad.cohort import read_cohort
from hybridrad.datasets import make_cohort
from hybridrad.imaging.views import KINDS, Views
from hybridrad.reporting import view_sheet
from hybridrad.reporting.view_sheet import draw_views


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    make_cohort(folder, n_patients=8, random_state=0)
    return folder


@pytest.fixture(scope="module")
def cohort(folder):
    return read_cohort(folder / "cohort.csv")


def call(*arguments) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(a) for a in arguments])
    return int(stopped.value.code or 0)


def texts(sheet) -> list[str]:
    return [text.get_text() for text in sheet.figure.axes[0].texts]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn(cohort, kind, tmp_path):
    sheet = draw_views(cohort, Views(kind, window="lung"), n_cases=3)
    assert sheet.failures.empty
    assert np.asarray(Image.open(sheet.save(tmp_path / "sheet.png"))).std() > 10


def test_case_label_and_side_stand_over_the_pictures(cohort):
    sheet = draw_views(cohort, Views(field_mm=30, spacing_mm=1), n_cases=2)
    first = sheet.case_ids[0]
    assert texts(sheet)[0] == first
    assert texts(sheet)[1] == f"label: {cohort.label_values[first]}, 30 x 30 px"


def test_the_region_is_outlined_where_it_lies(cohort):
    views = Views(field_mm=30, spacing_mm=1)
    sheet = draw_views(cohort, views, n_cases=1)
    from hybridrad.imaging.roi import read_roi

    case = next(c for c in cohort.cases() if c.case_id == sheet.case_ids[0])
    region = views.render_with_region(read_roi(case.path("image"), case.path("mask"))).regions[0]
    axes = sheet.figure.axes[0]
    left, right, bottom, top = axes.images[0].get_extent()
    (outline,) = axes.collections
    points = np.concatenate([p.vertices for p in outline.get_paths()])
    columns = (points[:, 0] - left) / (right - left) * 30
    rows = (points[:, 1] - top) / (bottom - top) * 30
    held = np.nonzero(region)
    assert (rows.min(), rows.max()) == pytest.approx((held[0].min(), held[0].max() + 1), abs=0.01)
    assert (columns.min(), columns.max()) == pytest.approx((held[1].min(), held[1].max() + 1), abs=0.01)


def test_cases_are_drawn_by_chance_and_keep_their_order(cohort):
    order = list(cohort.table.index)
    draws = [draw_views(cohort, n_cases=4, random_state=seed).case_ids for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert draws[0] == sorted(draws[0], key=order.index)
    assert draw_views(cohort, n_cases=50).case_ids == order


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_the_same_sheet_is_the_same_file_twice(cohort, tmp_path, ending):
    files = [draw_views(cohort, n_cases=2).save(tmp_path / f"{i}.{ending}").read_bytes() for i in range(2)]
    assert files[0] == files[1]


def test_a_bad_case_is_a_row_and_an_empty_cell_and_the_others_are_drawn(folder, tmp_path, capsys):
    table = (folder / "cohort.csv").read_text().splitlines()
    columns = table[0].split(",")
    broken = table[2].split(",")
    broken[columns.index("image")] = "absent.nii.gz"
    bad = folder / "bad.csv"
    bad.write_text("\n".join([table[0], table[1], ",".join(broken)]))
    sheet = draw_views(read_cohort(bad))
    assert sheet.failures.index.tolist() == [(sheet.case_ids[1], "read")]
    assert sheet.failures["code"].tolist() == ["E_FILE_MISSING"]
    assert "E_FILE_MISSING" in texts(sheet)
    assert len(sheet.figure.axes[0].images) == 1
    assert call("views", bad, "--out", tmp_path / "sheet.png") == 2
    said = capsys.readouterr().out
    assert "1 of 2 cases shown" in said
    assert f"failed: {sheet.case_ids[1]} (read): E_FILE_MISSING" in said
    assert (tmp_path / "sheet.png").is_file()


def test_a_fault_that_nobody_foresaw_does_not_take_the_sheet_down(cohort, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("a damaged file")

    monkeypatch.setattr(view_sheet, "read_roi", broken)
    sheet = draw_views(cohort, n_cases=2)
    assert sheet.failures["code"].tolist() == ["E_UNEXPECTED"] * 2
    assert sheet.failures["message"].str.contains("ZeroDivisionError").all()


@pytest.mark.parametrize("n_cases", [0, 201, 2.0, True])
def test_a_number_of_cases_that_makes_no_sense_is_refused(cohort, n_cases):
    with pytest.raises(ValueError, match="n_cases"):
        draw_views(cohort, n_cases=n_cases)


def test_an_unknown_ending_is_refused_before_anything_is_drawn(folder, cohort, tmp_path):
    with pytest.raises(ValueError, match="ending"):
        draw_views(cohort, n_cases=1).save(tmp_path / "sheet.bmp")
    assert call("views", folder / "cohort.csv", "--out", tmp_path / "sheet.bmp") == 1


def test_the_command_draws_what_its_options_say(folder, tmp_path, capsys, monkeypatch):
    asked = []

    def recorded(cohort, views, **options):
        asked.append((views, options))
        return draw_views(cohort, views, **options)

    monkeypatch.setattr(view_sheet, "draw_views", recorded)
    options = "--view mip --margin 5 --window lung --background masked --mask-channel --mip-axis y --slab-margin 4"
    more = "--padding constant --view-spacing 1 --n 3 --seed 5"
    assert call("views", folder / "cohort.csv", "--out", tmp_path / "a.png", *options.split(), *more.split()) == 0
    expected = Views(
        "mip", margin_mm=5, window="lung", background="masked", mask_channel=True, mip_axis="y", slab_margin_mm=4,
        padding="constant", spacing_mm=1,
    )  # fmt: skip
    assert asked == [(expected, {"n_cases": 3, "random_state": 5})]
    assert "3 of 3 cases shown (of 8 in all)" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--view", "slice"], ["--slices", "3"], ["--background", "black"], ["--n", "0"]])
def test_a_mistyped_call_ends_with_status_1(folder, tmp_path, wrong):
    assert call("views", folder / "cohort.csv", "--out", tmp_path / "a.png", *wrong) == 1
    assert not (tmp_path / "a.png").exists()
