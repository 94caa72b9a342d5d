from __future__ import annotations

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from hybridrad._checks import findings_table
from hybridrad.errors import Finding
from hybridrad.reporting.arms import ordered_arms
from hybridrad.reporting.curve_plates import curve_predictions, roc_plate
from hybridrad.reporting.render import render_page
from hybridrad.reporting.report import write_report
from hybridrad.reporting.sections import TITLES, head, page_content

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "{{7*7}}",
    "{% raw %}",
    "--><svg onload=alert(3)>",
    "$x_1$ & 'quoted' \"twice\"",
]
LOADING = {"src", "href", "xlink:href", "data", "poster", "srcset", "action", "background"}


class Page(HTMLParser):
    """What a browser would find: tags, attributes that load something, event handlers, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            self.ids += [value] if name == "id" else []
            self.handlers += [name] if name.startswith("on") else []
            if name in LOADING:
                self.loads.append((tag, value))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory, make_study):
    return write_report(make_study(), tmp_path_factory.mktemp("run") / "new" / "report.html")


@pytest.fixture(scope="module")
def page(written):
    return Page(written.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, make_study):
    return write_report(hostile_study(make_study), tmp_path_factory.mktemp("hostile") / "report.html")


def text_of(study):
    """Return the words of the page, without drawing its figures."""
    return Page(render_page(page_content(study, lambda *_: None, files=False))).text


def hostile_study(make_study):
    study = make_study()
    names = dict(zip(["deep", "radiomics", "hedge", "late", "early", "size"], HOSTILE, strict=True))
    tables = ("scores", "comparisons", "regret", "predictions", "importance", "importance_cases")
    for name in tables:
        setattr(study, name, renamed(getattr(study, name), names))
    settings = study.settings
    settings["arms"] = {names.get(k, k): v for k, v in settings["arms"].items()}
    settings.update(title=HOSTILE[0], label=HOSTILE[1], classes=HOSTILE[:2], positive=HOSTILE[1], command=HOSTILE[1])
    settings["flow"]["per_class"] = {c: {"cases": 30, "patients": 30} for c in HOSTILE[:2]}
    settings["flow"]["failures_by_code"] = dict.fromkeys(HOSTILE, 1)
    settings["extractors"][0]["settings"] = {h: {h: [h]} for h in HOSTILE}
    failures = [(h, h, h, h, h, 0.0) for h in HOSTILE]
    columns = ["case_id", "stage", "code", "message", "hint", "seconds"]
    study.failures = pd.DataFrame(failures, columns=columns).set_index(["case_id", "stage"])
    return study


def renamed(table, names):
    keys = list(table.index.names)
    flat = table.reset_index()
    for column in {"model", "baseline"} & set(keys):
        flat[column] = flat[column].replace(names)
    return flat.set_index(keys)


def test_the_page_has_every_section_and_a_table_of_contents(page):
    shown = [name for name in TITLES if name not in ("learning", "complementarity", "readers", "steps", "heat_maps")]
    assert set(shown) <= set(page.ids)
    assert [value for tag, value in page.loads if tag == "a"][:7] == [f"#{name}" for name in shown]


def test_the_page_loads_nothing_and_runs_nothing(page):
    outside = [value for _, value in page.loads if not value.startswith("#")]
    assert all(value.startswith("https://doi.org/") for value in outside)
    assert not {"script", "link", "iframe", "img", "object", "embed", "form"} & set(page.tags)
    assert page.handlers == []


def test_no_address_but_those_of_papers_stands_in_the_page(written):
    html = written.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^/\"'<\s]+", html)) == {"https://doi.org"}
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))


def test_a_policy_forbids_loading_and_scripts(written):
    assert "default-src 'none'" in written.read_text(encoding="utf-8")


def test_ids_are_unique_though_many_figures_share_the_page(page):
    assert len(page.ids) == len(set(page.ids))


def test_hostile_names_and_messages_are_only_text(hostile, page):
    html = hostile.read_text(encoding="utf-8")
    found = Page(html)
    assert set(found.tags) == set(page.tags)
    assert found.handlers == []
    assert not re.search(r"<(script|img|svg onload)", html)
    assert all(text in found.text for text in HOSTILE)


def test_hostile_names_are_only_text_in_the_figure_files(hostile):
    files = list((hostile.parent / "figures").glob("*.svg"))
    assert len(files) == 9
    for file in files:
        assert not re.search(r"<script|<img|onload=alert\(3\)>\s*<", file.read_text(encoding="utf-8"))


def test_the_same_study_gives_the_same_bytes(make_study, tmp_path):
    for folder in ("a", "b"):
        write_report(make_study(arms=("radiomics", "deep", "hedge")), tmp_path / folder / "report.html")
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    assert len(files) > 10
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)


def test_each_figure_is_written_as_svg_and_pdf(written):
    names = {"cohort_flow", "scores", "roc_curves", "calibration", "differences", "block_shares", "top_features"}
    names |= {"decision_curves"}
    folder = written.parent / "figures"
    assert names | {"hedge_weights"} == {p.stem for p in folder.glob("*.svg")} == {p.stem for p in folder.glob("*.pdf")}
    assert all(p.read_bytes().startswith(b"%PDF") for p in folder.glob("*.pdf"))


def test_without_figure_files_the_page_still_shows_the_figures(small_study, tmp_path):
    html = write_report(small_study, tmp_path / "report.html", figures=False).read_text(encoding="utf-8")
    assert html.count("<svg") == 9
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_the_study_is_not_changed(make_study, tmp_path):
    study, twin = make_study(arms=("deep", "hedge")), make_study(arms=("deep", "hedge"))
    write_report(study, tmp_path / "report.html", figures=False)
    assert study.settings == twin.settings
    pd.testing.assert_frame_equal(study.predictions, twin.predictions)


def test_empty_tables_are_said_in_words(small_study, tmp_path):
    for name in ("comparisons", "regret", "importance", "importance_cases", "findings", "failures"):
        setattr(small_study, name, getattr(small_study, name).iloc[:0])
    path = write_report(small_study, tmp_path / "report.html", figures=False)
    text = Page(path.read_text(encoding="utf-8")).text
    for sentence in ("No case failed.", "No models were compared.", "No model of this study was explained."):
        assert sentence in text
    assert "No regret was computed" in text


def test_settings_may_be_nearly_empty(small_study, tmp_path):
    small_study.settings = {"label": "malignancy", "classes": [0, 1], "primary_metric": "roc_auc"}
    path = write_report(small_study, tmp_path / "report.html", figures=False)
    text = Page(path.read_text(encoding="utf-8")).text
    assert "The flow of cases was not recorded." in text


def test_the_title_falls_back_to_the_label(study):
    study.settings["title"] = ""
    assert head(study).title == "Predicting malignancy"


def test_more_than_two_classes_leave_calibration_out_and_say_so(make_study, tmp_path):
    path = write_report(make_study(classes=3, repeats=2, arms=("deep", "hedge")), tmp_path / "report.html")
    text = Page(path.read_text(encoding="utf-8")).text
    assert "site 2 against the rest" in text
    assert "are defined here for two classes and left out" in text
    assert not (tmp_path / "figures" / "calibration.svg").exists()


def test_untrained_weights_are_warned_of_before_the_results(study):
    study.settings["extractors"][1]["weights"] = {"name": "untrained", "source": "untrained", "sha256": None}
    text = text_of(study)
    assert text.index("Untrained network.") < text.index("Key results")


def test_weights_trained_on_the_cohort_are_warned_of_before_the_results(study):
    seen = [Finding(case, "W_TRAINED_ON", stage="views", message="seen.") for case in ("a", "b")]
    study.findings = findings_table(seen)
    text = text_of(study)
    assert text.index("trained on the images of 2 cases") < text.index("Key results")


def test_curves_are_those_of_patients_where_patients_are_scored(study):
    study.settings.update(unit="patient", aggregate="mean")
    study.predictions["patient_id"] = study.predictions["y_true"].astype(str) + study.predictions["patient_id"].str[-1]
    curves = curve_predictions(study)
    assert len(curves) < len(study.predictions)
    assert "ROC curves of patients." in roc_plate(study, curves, ordered_arms(study)).caption
