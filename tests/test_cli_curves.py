from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hybridrad import cli
from tests.made_up_run import tables

ARMS = ["--models", "size,radiomics", "--baseline", "size", "--cv", "3x1", "--inner", "3", "--jobs", "1"]


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    cohort, features = tables()
    cohort.to_csv(folder / "cohort.csv", index=False)
    features.to_parquet(folder / "features.parquet")
    return folder


def compare(files: Path, run: Path, *more: str) -> int:
    table = ["--features", str(files / "features.parquet")]
    return call("compare", str(files / "cohort.csv"), "--out", str(run), *table, *ARMS, *more)


@pytest.fixture
def run(files, tmp_path) -> Path:
    assert compare(files, tmp_path / "run") == 0
    return tmp_path / "run"


def curves(files: Path, run: Path, *more: str) -> int:
    return call("curves", str(run), "--features", str(files / "features.parquet"), "--jobs", "1", *more)


def test_curves_of_a_run_are_written_and_shown_by_report_from_the_files_alone(files, run, capsys):
    assert curves(files, run, "--sizes", "14,20,30,45", "--draws", "2") == 0
    assert "Crossings: " in capsys.readouterr().out
    points = pd.read_csv(run / "learning_points.csv", index_col=["model", "n_patients"])
    assert points.loc["radiomics"].index.tolist() == [14, 20, 30, 45]
    assert {"learning_fits.csv", "learning_crossings.csv"} <= {p.name for p in run.iterdir()}
    before = (run / "report.html").read_bytes()
    assert b'id="learning"' in before
    (run / "report.html").unlink()
    assert call("report", str(run)) == 0
    assert (run / "report.html").read_bytes() == before


def test_curves_of_a_run_are_kept_in_it_while_they_are_made(files, run, monkeypatch, capsys):
    from hybridrad.evaluation import fold_store

    kept, add = [], fold_store.FoldStore.add
    monkeypatch.setattr(fold_store.FoldStore, "add", lambda self, *of: kept.append(self.path) or add(self, *of))
    assert curves(files, run, "--sizes", "14,45", "--draws", "2", "--models", "size") == 0
    assert kept == [run / "folds.sqlite"] * 4
    assert not (run / "folds.sqlite").exists()


def test_curves_without_a_feature_table_say_what_to_give(run, capsys):
    assert call("curves", str(run)) == 1
    assert "--features" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sizes", "14;45"], "is not a list of patients"),
        (["--sizes", "14,400"], "400 patients were asked for"),
        (["--models", "deep"], "no arm 'deep'"),
    ],
)
def test_curves_that_cannot_be_made_end_with_status_1_and_a_sentence(files, run, more, words, capsys):
    assert curves(files, run, "--draws", "2", *more) == 1
    assert words in capsys.readouterr().err


def test_compare_adds_readers_and_curves_also_to_a_finished_run(files, run, capsys):
    assert compare(files, run, "--readers", "birads:4", "--learning-curves") == 0
    assert "only its report is made again" in capsys.readouterr().out
    html = (run / "report.html").read_text(encoding="utf-8")
    assert 'id="readers"' in html
    assert 'id="learning"' in html
    readers = pd.read_csv(run / "readers.csv", index_col=["reader", "model", "metric"])
    assert ("birads", "size", "sensitivity") in readers.index


def test_report_adds_readers_from_the_cohort_table(files, run, capsys):
    assert call("report", str(run), "--readers", "birads:4") == 1
    assert "--cohort" in capsys.readouterr().err
    assert call("report", str(run), "--readers", "birads:4", "--cohort", str(files / "cohort.csv")) == 0
    assert 'id="readers"' in (run / "report.html").read_text(encoding="utf-8")


def test_a_mistyped_reader_costs_no_finished_comparison(files, tmp_path, capsys):
    assert compare(files, tmp_path / "run", "--readers", "bi_rads") == 1
    assert "no column 'bi_rads'" in capsys.readouterr().err
    assert (tmp_path / "run" / "report.html").is_file()
