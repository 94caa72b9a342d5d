from __future__ import annotations

import json

import pandas as pd
import pytest

from hybridrad import cli
from hybridrad.cli_networks import TrainingOptions, wanted_networks
from hybridrad.cli_options import ExtractionOptions
from hybridrad.datasets import make_cohort
from hybridrad.errors import RunError


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison of a sequence of slices with radiomics and size, and what starts it."""
    folder = tmp_path_factory.mktemp("networks")
    make_cohort(folder / "cohort", n_patients=24, scenario="radiomics", random_state=0)
    (folder / "params.yaml").write_text("featureClass:\n  firstorder:\nimageType:\n  Original: {}\n")
    network = ["--backbone", "squeezenet1_1", "--weights", "untrained", "--view", "slices", "--slices", "2"]
    network += ["--input-px", "32", "--device", "cpu", "--batch-size", "8"]
    models = ["--models", "size,radiomics,sequence,hedge_sequence", "--baseline", "radiomics"]
    design = ["--cv", "3x1", "--inner", "3", "--jobs", "1", "--params", str(folder / "params.yaml")]
    run = folder / "run"
    arguments = ["compare", str(folder / "cohort" / "cohort.csv"), "--out", str(run), *network, *models, *design]
    assert call(*arguments) == 0
    return run, arguments


def test_a_network_is_trained_on_views_in_the_run_folder_and_fused(compared):
    run, _ = compared
    assert (run / "views" / "pictures.raw").is_file()
    arms = json.loads((run / "study.json").read_text())["arms"]
    assert list(arms) == ["size", "radiomics", "sequence", "hedge_sequence"]
    told = arms["sequence"]["network"]
    assert (told["kind"], told["backbone"], told["input_px"]) == ("SliceSequence", "squeezenet1_1", 32)
    assert (told["views"]["kind"], told["views"]["n_slices"]) == ("slices", 2)
    assert arms["hedge_sequence"]["blocks"] == ["radiomics", "size", "sequence"]
    assert "Networks trained inside the folds" in (run / "report.html").read_text()
    scores = pd.read_csv(run / "scores.csv").set_index(["model", "metric"])["value"]
    assert scores[("hedge_sequence", "roc_auc")] > 0


def test_the_same_call_again_with_another_batch_size_only_makes_the_report_again(compared, capsys):
    _, arguments = compared
    assert call(*["16" if word == "8" else word for word in arguments]) == 0
    assert "is finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "options", "others", "message"),
    [
        (["sequence"], {}, {}, "reads slices, and the view is largest_slice"),
        (["finetuned"], {"view": "volume"}, {}, "shows volumes"),
        (["hedge_finetuned"], {}, {"task": "survival"}, "is for classes"),
        (["finetuned"], {}, {"images": False}, "trains on images"),
    ],
)
def test_a_network_with_nothing_to_train_on_is_refused_before_anything_is_computed(names, options, others, message):
    with pytest.raises(RunError, match=message):
        wanted_networks(names, ExtractionOptions(**options), **{"task": "classification", "images": True, **others})


def test_the_side_of_pictures_is_asked_for_only_where_networks_are_trained(tmp_path, capsys):
    for command in ("extract", "views"):
        assert call(command, "cohort.csv", "--out", str(tmp_path / "run"), "--input-px", "32") != 0
        assert "--input-px" in capsys.readouterr().err
    with pytest.raises(RunError, match="--models names none"):
        TrainingOptions(input_px=32).check(["radiomics", "deep"], ExtractionOptions())
    TrainingOptions(input_px=32).check(["hedge_finetuned"], ExtractionOptions())


def test_device_precision_and_batch_size_reach_the_extraction():
    options = ExtractionOptions(
        backbone="squeezenet1_1", weights="untrained", device="cpu", precision="bf16", batch_size=4
    )
    extractor = options.extractors()[1]
    assert (extractor.device, extractor.precision, extractor.batch_size) == ("cpu", "bf16", 4)
    assert "batch_size" not in options.recipe()
    assert options.recipe()["precision"] == "bf16"
