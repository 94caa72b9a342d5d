from __future__ import annotations

import re

import pytest

from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.figures import DotRow, Guide, dots_and_intervals
from hybridrad.reporting.flow import flow_diagram, read_flow
from hybridrad.reporting.panels import calibration_by_arm, roc_by_arm
from hybridrad.reporting.style import draw

NAN = float("nan")


def words_of(picture):
    return re.findall(r"<text [^>]*>([^<]*)</text>", picture.svg)


def test_a_row_without_a_value_keeps_its_label_and_draws_no_dot():
    rows = [DotRow("good", 0.8, 0.7, 0.9), DotRow("failed", NAN, NAN, NAN, ("not scored",))]
    picture = draw("scores", lambda: dots_and_intervals(rows, xlabel="AUC", guides=[Guide(0.5)]))
    assert {"good", "failed", "not scored"} <= set(words_of(picture))


def test_a_dollar_sign_in_a_name_is_not_mathematics():
    rows = [DotRow("$bad_{$", 0.8, 0.7, 0.9)]
    assert "$bad_{$" in words_of(draw("scores", lambda: dots_and_intervals(rows, xlabel="AUC")))


@pytest.mark.parametrize("n_arms", [1, 5, 7, 10])
def test_panels_show_every_arm(study, n_arms):
    arms = ordered_arms(study)[:n_arms]
    for build in (roc_by_arm, calibration_by_arm):
        picture = draw("curves", lambda build=build: build(study.predictions, arms, notes={}), pdf=False)
        assert {a.name for a in arms} <= set(words_of(picture))


def test_the_flow_names_given_failed_and_used_cases(study):
    words = " ".join(words_of(draw("flow", lambda: flow_diagram(read_flow(study.settings)))))
    for text in (
        "62 cases of 57 patients",
        "Failed: 2 cases",
        "E_MASK_EMPTY: 1",
        "60 cases of 56 patients",
        "malignant",
    ):
        assert text in words


def test_many_classes_share_one_box_of_the_flow(make_study):
    flow = read_flow(make_study(classes=6).settings)
    assert "site 5: 10 cases of 9 patients" in words_of(draw("flow", lambda: flow_diagram(flow)))


def test_drawing_leaves_the_settings_of_matplotlib_alone(study):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw("flow", lambda: flow_diagram(read_flow(study.settings)))
    assert dict(mpl.rcParams) == before


def test_words_of_two_lines_that_are_close_do_not_lie_on_each_other():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    guides = [Guide(0.06, word="baseline"), Guide(0.0, word="mean", dashed=False)]
    figure = dots_and_intervals([DotRow("deep", 0.06, -0.8, 1.0)], xlabel="R²", guides=guides)
    FigureCanvasAgg(figure).draw()
    boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert not boxes["mean"].overlaps(boxes["baseline"])
