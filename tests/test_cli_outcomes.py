"""Values and the time to an event through the command line."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from hybridrad import cli
from tests.made_up_outcomes import regression_table, survival_table


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


def written(folder, features, table) -> list[str]:
    table.to_csv(folder / "cohort.csv", index=False)
    features.to_csv(folder / "features.csv")
    arguments = ["compare", str(folder / "cohort.csv"), "--features", str(folder / "features.csv")]
    return [*arguments, "--out", str(folder / "run"), "--cv", "3x1", "--inner", "3", "--jobs", "1"]


def test_survival_is_compared_from_a_csv_to_the_report(tmp_path, capsys):
    arguments = [*written(tmp_path, *survival_table(48)), "--horizons", "4,8,12"]
    assert call(*arguments) == 0
    shown = capsys.readouterr().out
    assert "time to event" in shown
    assert "Smallest concordance difference this cohort can be expected to resolve" in shown
    assert "Assumed before the run" in shown
    assert "concordance" in shown
    run = tmp_path / "run"
    settings = json.loads((run / "study.json").read_text())
    assert (settings["task"], settings["horizons"]) == ("survival", [4.0, 8.0, 12.0])
    assert {"survival_4", "survival_8", "survival_12"} <= set(pd.read_parquet(run / "predictions.parquet").columns)
    assert set(pd.read_csv(run / "horizons.csv")["metric"]) == {"uno_auc", "brier"}
    before = (run / "report.html").read_bytes()
    assert call(*arguments) == 0
    assert "is finished" in capsys.readouterr().out
    assert call("report", str(run)) == 0
    assert (run / "report.html").read_bytes() == before
    data = ["--features", str(tmp_path / "features.csv"), "--jobs", "1"]
    assert call("audit", str(run), *data, "--cohort", str(tmp_path / "cohort.csv")) == 0
    verdicts = pd.read_csv(run / "audit.csv", index_col="code")["verdict"]
    assert verdicts[verdicts == "pass"].index.tolist() == ["A_PATIENT_FOLDS", "A_NEAR_DUPLICATE", "A_POISONED_TEST"]
    assert call("curves", str(run), *data, "--sizes", "20,30", "--draws", "2", "--models", "size") == 0
    assert "Concordance against the number of patients" in (run / "report.html").read_text(encoding="utf-8")


def test_a_value_is_compared_from_a_csv_to_the_report(tmp_path, capsys):
    arguments = [*written(tmp_path, *regression_table(48)), "--task", "regression"]
    assert call(*arguments) == 0
    assert "R2" in capsys.readouterr().out
    run = tmp_path / "run"
    assert json.loads((run / "study.json").read_text())["primary_metric"] == "r2"
    assert not (run / "horizons.csv").exists()
    assert call(*arguments[:-1], "classification") == 1
    assert "task: 'regression' there, 'classification' now" in capsys.readouterr().err


def test_events_that_are_none_are_refused_by_the_command_line(tmp_path, capsys):
    _, table = survival_table(48)
    table.assign(event=2).to_csv(tmp_path / "bad.csv", index=False)
    assert call("compare", str(tmp_path / "bad.csv"), "--features", "none.csv", "--out", str(tmp_path / "run")) == 1
    assert "event is '2'" in capsys.readouterr().err


def test_horizons_that_are_no_numbers_are_refused(tmp_path, capsys):
    assert call(*written(tmp_path, *survival_table(48)), "--horizons", "soon") == 1
    assert "for example 12,24,36" in capsys.readouterr().err


def test_what_is_for_classes_alone_is_refused_before_anything_is_fitted(tmp_path, capsys):
    assert call(*written(tmp_path, *survival_table(48)), "--readers", "birads") == 1
    assert "is for classes; the task is survival" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
