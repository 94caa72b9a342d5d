from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from hybridrad import cli
from hybridrad.cli_arms import check_arms, columns_to_come
from hybridrad.datasets import make_cohort


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--models", "size,hegde"], "Did you mean hedge?"),
        (["--models", "size,hegde_finetuned"], "Did you mean hedge_finetuned?"),
        (["--models", "size,xyz"], "sequence, hedge_sequence."),
        (["--models", "size,clinical"], "needs blocks that are not in the table"),
        (["--baseline", "dep"], "Did you mean deep?"),
        (["--models", "size,radiomics", "--baseline", "deep"], "baseline 'deep' is not an arm; arms: size, radiomics."),
    ],
)
def test_a_misspelt_arm_costs_no_extraction(tmp_path, capsys, options, words):
    make_cohort(tmp_path / "cohort", n_patients=24, scenario="radiomics", random_state=0)
    network = ["--backbone", "squeezenet1_1", "--weights", "untrained"]
    run = tmp_path / "run"
    assert call("compare", str(tmp_path / "cohort" / "cohort.csv"), "--out", str(run), *network, *options) == 1
    assert words in capsys.readouterr().err
    assert not run.exists()


def test_networks_and_their_hedges_are_made_later_and_no_fault():
    names = ["size", "finetuned", "hedge_finetuned"]
    there = columns_to_come(["radiomics", "deep"])
    check_arms(names, "finetuned", there, clinical=(), task="classification", networks=["finetuned"])


def test_a_call_that_failed_at_once_can_be_corrected_in_the_same_folder(tmp_path, capsys):
    ids, y = [f"c{i:02d}" for i in range(30)], np.arange(30) % 2
    pd.DataFrame({"case_id": ids, "label": y, "radiomics__a": y + np.linspace(0, 3, 30)}).to_csv(
        tmp_path / "table.csv", index=False
    )
    call_it = ["compare", str(tmp_path / "table.csv"), "--out", str(tmp_path / "run"), "--cv", "3x1", "--jobs", "1"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"command": "compare", "models": "radiomcs"}))
    assert call(*call_it, "--models", "radiomics") == 0
    assert (tmp_path / "run" / "report.html").is_file()
