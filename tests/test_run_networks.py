from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
import torch

import hybridrad as hr
from hybridrad import cli
from hybridrad.errors import RunError, WeightsError
from hybridrad.features.deep.backbones import build_network
from hybridrad.run_folder import load_study
from hybridrad.run_networks import find_networks, with_markers

FEW = ["--sizes", "12,20", "--draws", "2", "--jobs", "1"]


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


def save_weights(path, seed: int):
    torch.manual_seed(seed)
    torch.save(build_network("squeezenet1_1").state_dict(), path)
    return path


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A finished comparison of a sequence of slices with radiomics and size, and what starts it."""
    folder = tmp_path_factory.mktemp("networks")
    make = folder / "cohort"
    hr.make_cohort(make, n_patients=36, scenario="radiomics", random_state=0)
    (folder / "params.yaml").write_text("featureClass:\n  firstorder: [Mean]\nimageType:\n  Original: {}\n")
    weights = save_weights(folder / "own.pth", 0)
    network = ["--backbone", "squeezenet1_1", "--weights", str(weights), "--view", "slices", "--slices", "2"]
    models = ["--models", "size,sequence,hedge_sequence", "--baseline", "size", "--input-px", "32", "--device", "cpu"]
    design = ["--cv", "3x1", "--inner", "3", "--jobs", "1", "--params", str(folder / "params.yaml")]
    arguments = ["compare", str(make / "cohort.csv"), *network, *models, *design, "--out", str(folder / "run")]
    assert call(*arguments) == 0
    return folder / "run", weights, arguments


@pytest.fixture
def run(compared, tmp_path):
    shutil.copytree(compared[0], tmp_path / "run")
    return tmp_path / "run"


def test_the_networks_of_a_run_are_declared_again_as_they_were(compared):
    run, weights, _ = compared
    (found,) = find_networks(run, load_study(run)).values()
    store = hr.ViewStore.open(run / "views")
    options = {"augment": hr.Augmentation(), "missing": "average", "device": "cpu"}
    wanted = hr.SliceSequence("squeezenet1_1", weights, views_store=store, **options)
    assert found.describe() == wanted.describe()
    assert list(find_networks(run, load_study(run), arms=["hedge_sequence"])) == ["sequence"]
    assert find_networks(run, load_study(run), arms=["size"]) == {}


def test_curves_refit_networks_and_their_fusions(run, compared, capsys):
    cohort = compared[2][1]
    assert call("curves", str(run), "--cohort", cohort, *FEW) == 0
    said = capsys.readouterr().out
    assert "Arm sequence trains squeezenet1_1 on cpu" in said
    assert "is not refitted" not in said
    points = pd.read_csv(run / "learning_points.csv", index_col=["model", "n_patients"])
    assert points.index.unique("model").tolist() == ["size", "sequence", "hedge_sequence"]
    assert points["value"].notna().all()
    assert 'id="learning"' in (run / "report.html").read_text(encoding="utf-8")


def test_curves_asked_for_with_the_comparison_have_the_networks_too(compared, monkeypatch):
    from hybridrad import study_curves

    seen = []

    def stopped(study, table, cohort, **options):
        seen.append((list(options["networks"]), [c for c in table if "has_pictures" in c]))
        raise RunError("that is enough.")

    monkeypatch.setattr(study_curves, "curves_of_study", stopped)
    assert call(*compared[2], "--learning-curves") == 1
    assert seen == [(["sequence"], ["sequence__has_pictures"])]


def test_weights_that_are_gone_or_others_are_said_and_can_be_named_anew(run, compared, tmp_path, capsys):
    _, weights, _ = compared
    recipe = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**recipe, "weights": str(tmp_path / "gone.pth")}))
    assert call("curves", str(run), *FEW) == 1
    assert "the weights of sequence are not at" in (said := capsys.readouterr().err)
    assert "--weights" in said
    study = load_study(run)
    assert list(find_networks(run, study, weights=weights)) == ["sequence"]
    (tmp_path / "other").mkdir()
    with pytest.raises(RunError, match="weights of sequence are not those of the study"):
        find_networks(run, study, weights=save_weights(tmp_path / "other" / "own.pth", 1))
    with pytest.raises(WeightsError, match="not at"):
        find_networks(run, study)


def test_views_that_are_gone_are_said_and_other_arms_need_none(run, capsys):
    shutil.rmtree(run / "views")
    assert call("curves", str(run), *FEW) == 1
    assert "views that networks of this study are trained on are gone" in capsys.readouterr().err
    assert call("curves", str(run), "--models", "size", *FEW) == 0


def test_other_views_are_refused(run):
    settings = json.loads((run / "views" / "views.json").read_text())
    (run / "views" / "views.json").write_text(json.dumps({**settings, "pictures_sha256": "0"}))
    with pytest.raises(RunError, match=r"not those that the study trained sequence on: pictures_sha256 differ"):
        find_networks(run, load_study(run))


def test_the_table_of_a_run_gets_back_the_marker_that_its_study_was_hashed_with(run, compared, capsys):
    features = pd.read_parquet(run / "features.parquet")
    table = with_markers(features, run, load_study(run))
    assert [c for c in table if c not in features] == ["sequence__has_pictures"]
    assert with_markers(table, run, load_study(run)) is table
    assert call("audit", str(run), "--cohort", compared[2][1], "--jobs", "1") == 0
