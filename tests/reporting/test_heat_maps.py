from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hybridrad.heat import HeatMaps
from hybridrad.reporting.heat_maps import heat_section
from hybridrad.reporting.heat_panels import overlaid, share_panels


@pytest.fixture
def study():
    """Two networks, three cases each, of which the first is shown; one case has no heat."""
    rows = [
        (0, 0, 0.2, 0.10, 0.20, True),
        (1, 1, 0.8, 0.60, 0.20, False),
        (1, 0, 0.4, np.nan, 0.10, False),
    ]
    columns = ["y_true", "called", "y_score", "heat_in_region", "region_area", "shown"]
    table = pd.DataFrame(rows * 2, columns=columns).assign(
        patient_id=["p0", "p1", "p1"] * 2, n_views=1, view=0, cells=[4] * 3 + [7] * 3, repeat=0, fold=0
    )
    table[["most_possible", "heat_in_box", "box_area"]] = [0.9, 0.5, 0.3]
    table.index = pd.MultiIndex.from_product([["head", "all"], ["a$b", "b", "c"]], names=["model", "case_id"])
    grey, region = np.full((16, 16), 80, np.uint8), np.zeros((16, 16), np.uint8)
    region[4:9, 4:9] = 255
    maps = HeatMaps(table, [grey] * 2, [region] * 2, [np.eye(4, dtype=np.float32)] * 2)
    return SimpleNamespace(heat_maps=maps, settings={"classes": ["benign", "malignant"]})


def drafted(name, make, *arguments):
    return make(*arguments)


def test_every_network_has_its_pictures_and_all_have_one_figure_of_shares(study):
    shown = heat_section(study, drafted)
    assert [draft.caption.split(",")[0] for draft in shown["panels"]] == [
        "Heat maps of head for 1 of 3 cases",
        "Heat maps of all for 1 of 3 cases",
    ]
    assert "the probability of malignant" in shown["panels"][0].caption
    assert shown["cells"] == "4 × 4 and 7 × 7"
    for draft in (*shown["panels"], shown["shares"]):
        assert draft.build().get_figwidth() <= 7.0


def test_the_words_above_a_picture_say_what_it_is(study):
    figure = heat_section(study, drafted)["panels"][0].build()
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words[:3] == ["a$b", "true benign, score 0.20", "10 % of heat on 20 % of area"]


def test_shares_are_told_by_call_and_cases_without_heat_are_counted(study):
    grid = heat_section(study, drafted)["grid"]
    assert [row.heading for row in grid.rows] == ["head", "", "", "all", "", ""]
    everyone, benign, malignant = grid.rows[:3]
    assert [cell.text for cell in everyone.cells[:4]] == ["all cases", "3", "35 %", "20 %"]
    assert everyone.cells[1].small == "2 patients"
    assert everyone.cells[-1].text == "1 of 2"
    assert benign.cells[0].text == "called benign"
    assert malignant.cells[2].text == "60 %"
    assert "Left out: 2 cases without any heat" in grid.note


def test_a_study_without_heat_maps_has_no_section():
    assert heat_section(SimpleNamespace(settings={}), drafted) is None
    assert heat_section(SimpleNamespace(settings={}, heat_maps=None), drafted) is None


def test_where_there_is_no_heat_the_picture_stays_as_it_is():
    grey, heat = np.full((8, 8), 100, np.uint8), np.zeros((2, 2), np.float32)
    assert np.allclose(overlaid(grey, heat), 100 / 255)
    heat[0, 0] = 1.0
    found = overlaid(grey, heat)
    assert found[0, 0].max() > 0.8
    assert np.allclose(found[-1, -1], 100 / 255)


def shares_of_classes(n_classes):
    called = np.repeat(np.arange(n_classes), 2)
    table = pd.DataFrame({"y_true": called, "called": called, "heat_in_region": 0.3, "region_area": 0.2})
    table.index = pd.MultiIndex.from_product([["head"], [f"c{i}" for i in range(len(table))]], names=["model", "case"])
    return share_panels(table, [f"bone number {k}" for k in range(n_classes)])


def test_the_legend_of_many_classes_is_whole_and_no_two_of_them_look_alike():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = shares_of_classes(7)
    FigureCanvasAgg(figure).draw()
    legend = figure.legends[0]
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y1 <= figure.bbox.height
    marks = [(line.get_marker(), line.get_color()) for line in legend.get_lines()]
    assert len(set(marks)) == len(marks) == 7


def test_of_more_than_two_classes_the_one_called_is_named_where_it_is_wrong(study):
    study.settings["classes"] = ["benign", "malignant", "cyst"]
    study.heat_maps.table["called"] = 2
    draft = heat_section(study, drafted)["panels"][0]
    assert [text.get_text() for text in draft.build().axes[0].texts][1] == "true benign, called cyst, 0.20"
    assert "and the one called" in draft.caption
