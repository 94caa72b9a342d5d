from __future__ import annotations

import shutil
import sys

import pandas as pd
import pytest

from hybridrad import cli
from hybridrad.datasets import make_cohort


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """What starts a comparison of a sequence of slices with size, but for its folder and heat maps."""
    folder = tmp_path_factory.mktemp("heat")
    make_cohort(folder / "cohort", n_patients=20, scenario="radiomics", random_state=0)
    (folder / "params.yaml").write_text("featureClass:\n  firstorder: [Mean]\nimageType:\n  Original: {}\n")
    network = ["--backbone", "squeezenet1_1", "--weights", "untrained", "--view", "slices", "--slices", "2"]
    models = ["--models", "size,sequence", "--baseline", "size", "--input-px", "64", "--device", "cpu"]
    design = ["--cv", "2x2", "--inner", "2", "--jobs", "1", "--params", str(folder / "params.yaml")]
    return ["compare", str(folder / "cohort" / "cohort.csv"), *network, *models, *design]


@pytest.fixture(scope="module")
def shown(asked, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    assert call(*asked, "--out", str(run), "--heat-maps", "--heat-map-cases", "4") == 0
    return run


def test_heat_maps_are_in_the_report_and_among_the_figures(shown):
    table = pd.read_csv(shown / "heat_maps.csv")
    assert set(table["model"]) == {"sequence"}
    assert len(table) == 20
    assert table["shown"].sum() == 4
    assert "Where the networks look" in (shown / "report.html").read_text(encoding="utf-8")
    names = {path.name for path in (shown / "figures").iterdir()}
    assert {"heat_maps.svg", "heat_maps.pdf", "heat_in_region.svg"} <= names


def test_the_report_is_made_again_with_heat_maps_from_stored_files_alone(shown, tmp_path):
    run = tmp_path / "copy"
    shutil.copytree(shown, run, ignore=shutil.ignore_patterns("views", "figures", "extraction*", "report.html"))
    assert call("report", str(run)) == 0
    assert (run / "report.html").read_bytes() == (shown / "report.html").read_bytes()
    assert (run / "figures" / "heat_maps.svg").read_bytes() == (shown / "figures" / "heat_maps.svg").read_bytes()


def test_the_same_call_again_trains_nothing(asked, shown, capsys):
    assert call(*asked, "--out", str(shown), "--heat-maps", "--heat-map-cases", "4") == 0
    assert "is finished" in (said := capsys.readouterr().out)
    assert "trained again" not in said


def test_a_finished_run_gets_the_heat_maps_it_would_have_had(asked, shown, tmp_path, capsys):
    run = tmp_path / "run"
    assert call(*asked, "--out", str(run)) == 0
    assert not (run / "heat_maps.csv").exists()
    scores = (run / "scores.csv").read_bytes()
    assert call(*asked, "--out", str(run), "--heat-maps", "--heat-map-cases", "4") == 0
    assert "trained again in the folds of the first repeat" in capsys.readouterr().out
    assert (run / "heat_maps.csv").read_bytes() == (shown / "heat_maps.csv").read_bytes()
    assert (run / "findings.csv").read_bytes() == (shown / "findings.csv").read_bytes()
    assert (run / "scores.csv").read_bytes() == scores
    assert not (run / "folds.sqlite").exists()
    assert "Where the networks look" in (run / "report.html").read_text(encoding="utf-8")


def test_an_interrupted_run_says_so_and_goes_on_to_the_same_heat_maps(asked, shown, tmp_path, monkeypatch, capsys):
    from hybridrad.evaluation import fold_store

    kept, add = [], fold_store.FoldStore.add

    def interrupted(self, task, outcome):
        add(self, task, outcome)
        kept.append(task[:2])
        if len(kept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fold_store.FoldStore, "add", interrupted)
    command = [*asked, "--out", str(tmp_path / "run"), "--heat-maps", "--heat-map-cases", "4"]
    assert call(*command) == 1
    assert "Stopped. What is finished is kept" in capsys.readouterr().err
    assert call(*command) == 0
    assert sorted(kept) == [(repeat, fold) for repeat in (0, 1) for fold in (0, 1)]
    assert (tmp_path / "run" / "heat_maps.csv").read_bytes() == (shown / "heat_maps.csv").read_bytes()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--models", "size,hedge_sequence"], "no arm is one"),
        (["--backbone", "vit_b_16"], "has no map of channels"),
        (["--input-px", "32"], "no heat map to see"),
        (["--input-px", "16"], "are too small for squeezenet1_1"),
    ],
)
def test_heat_maps_that_cannot_be_made_are_refused_before_anything_is_computed(asked, tmp_path, capsys, changed, words):
    # The last of an option given twice counts.
    assert call(*asked, "--out", str(tmp_path / "run"), "--heat-maps", *changed) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_captum_it_is_said_how_to_get_it_before_anything_is_computed(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    assert call(*asked, "--out", str(tmp_path / "run"), "--heat-maps") == 1
    assert "hybridrad[heatmaps]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_number_of_cases_without_heat_maps_is_refused(asked, tmp_path, capsys):
    assert call(*asked, "--out", str(tmp_path / "run"), "--heat-map-cases", "4") == 1
    assert "without --heat-maps" in capsys.readouterr().err
