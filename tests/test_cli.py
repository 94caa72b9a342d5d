from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hybridrad import cli
from hybridrad.datasets import make_cohort
from hybridrad.doctor import examine


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def cohort_file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    make_cohort(folder, n_patients=36, scenario="radiomics", random_state=0)
    return folder / "cohort.csv"


@pytest.fixture(scope="module")
def params(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    path.write_text("featureClass:\n  firstorder:\nimageType:\n  Original: {}\n")
    return path


@pytest.fixture(scope="module")
def finished(cohort_file, params, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    status = call(*compare_arguments(cohort_file, params, run))
    assert status == 0
    return run


def compare_arguments(cohort_file: Path, params: Path, run: Path) -> list[str]:
    network = ["--backbone", "squeezenet1_1", "--weights", "untrained", "--window", "lung"]
    design = ["--cv", "3x1", "--inner", "3", "--clinical", "age", "sex", "--jobs", "2", "--baseline", "size"]
    return ["compare", str(cohort_file), "--out", str(run), "--params", str(params), *network, *design]


def test_designs_are_chosen_by_name_and_a_changed_site_is_computed_anew(tmp_path, capsys):
    rng = np.random.default_rng(0)
    ids, y = [f"c{i:02d}" for i in range(48)], np.arange(48) % 2
    table = pd.DataFrame({"case_id": ids, "label": y, "site": np.repeat(["A", "B"], 24)})
    features = pd.DataFrame({"case_id": ids, "size__volume_ml": rng.normal(size=48) + y})
    features.to_csv(tmp_path / "features.csv", index=False)
    call_it = ["compare", str(tmp_path / "cohort.csv"), "--features", str(tmp_path / "features.csv")]
    call_it += ["--out", str(tmp_path / "run"), "--cv", "site", "--inner", "3", "--jobs", "1"]
    for cohort in (table, table.assign(site=table["site"].replace({"B": "C"}))):
        cohort.to_csv(tmp_path / "cohort.csv", index=False)
        assert call(*call_it) == 0
    assert set(pd.read_csv(tmp_path / "run" / "sites.csv")["site"]) == {"A", "C", "(all sites)", "(new site)"}
    assert call(*call_it) == 0
    assert "only its report is made again" in capsys.readouterr().out


def test_compare_writes_everything_that_was_promised(finished):
    names = {p.name for p in finished.iterdir()}
    tables = "features.parquet failures.csv findings.csv splits.parquet predictions.parquet scores.csv comparisons.csv "
    tables += "regret.csv importance.csv study.json report.html figures"
    assert set(tables.split()) <= names
    settings = json.loads((finished / "study.json").read_text())
    assert settings["cohort"]["clinical"] == ["age", "sex"]
    assert "hedge_clinical" in settings["arms"]
    assert str(finished) not in (finished / "study.json").read_text()


def test_the_same_call_again_only_makes_the_report_again(finished, cohort_file, params, capsys):
    before = (finished / "scores.csv").read_bytes()
    assert call(*compare_arguments(cohort_file, params, finished)) == 0
    assert "is finished" in capsys.readouterr().out
    assert (finished / "scores.csv").read_bytes() == before


def test_another_seed_is_refused_in_the_same_folder(finished, cohort_file, params, capsys):
    assert call(*compare_arguments(cohort_file, params, finished), "--seed", "1") == 1
    assert "seed: 0 there, 1 now" in capsys.readouterr().err


def test_report_makes_the_report_again_from_the_tables(finished, capsys):
    before = (finished / "report.html").read_bytes()
    (finished / "report.html").unlink()
    assert call("report", str(finished)) == 0
    assert (finished / "report.html").read_bytes() == before
    assert "report.html" in capsys.readouterr().out


def test_report_of_a_folder_without_a_study_fails_with_a_sentence(tmp_path, capsys):
    assert call("report", str(tmp_path)) == 1
    assert "holds no finished study" in capsys.readouterr().err


def test_a_failed_case_ends_with_status_2_and_is_listed(cohort_file, params, tmp_path, capsys):
    broken = tmp_path / "broken"
    cohort = make_cohort(broken, n_patients=4, random_state=0)
    cohort.cases()[1].paths["mask"].write_bytes(b"")
    arguments = ["--params", str(params), "--backbone", "squeezenet1_1", "--weights", "untrained", "--jobs", "1"]
    assert call("extract", str(broken / "cohort.csv"), "--out", str(tmp_path / "run"), *arguments) == 2
    assert "3 ok, 1 failed" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "run" / "failures.csv")) == 1


def test_where_every_case_failed_nothing_goes_on_and_the_option_that_helps_is_named(params, tmp_path, capsys):
    make_cohort(tmp_path / "images", n_patients=12, random_state=0)
    table = pd.read_csv(tmp_path / "images" / "cohort.csv")
    for column in ("image", "mask"):
        table[column] = [str(tmp_path / "images" / file) for file in table[column]]
    (tmp_path / "table").mkdir()
    table.to_csv(tmp_path / "table" / "cohort.csv", index=False)
    network = ["--params", str(params), "--backbone", "squeezenet1_1", "--weights", "untrained", "--jobs", "1"]
    for command in ("extract", "compare"):
        run = str(tmp_path / command)
        assert call(command, str(tmp_path / "table" / "cohort.csv"), "--out", run, *network) == 1
        said = capsys.readouterr().err
        assert "no case could be extracted" in said
        assert "--allow-outside-root" in said


def test_check_lists_findings_and_ends_well(tmp_path, capsys):
    cohort = make_cohort(tmp_path / "c", n_patients=4, random_state=0)
    cohort.cases()[0].paths["image"].unlink()
    assert call("check", str(tmp_path / "c" / "cohort.csv"), "--out", str(tmp_path / "findings.csv")) == 0
    assert "E_FILE_MISSING" in capsys.readouterr().out
    assert "E_FILE_MISSING" in (tmp_path / "findings.csv").read_text()


def test_weights_that_cannot_be_had_stop_the_run_before_it_starts(cohort_file, params, tmp_path, capsys):
    arguments = ["--params", str(params), "--backbone", "squeezenet1_1", "--weights", str(tmp_path / "no.safetensors")]
    assert call("compare", str(cohort_file), "--out", str(tmp_path / "run"), *arguments) == 1
    assert "no.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "run" / "features.parquet").exists()


def test_a_feature_table_is_compared_without_images(tmp_path, capsys):
    rng = np.random.default_rng(0)
    ids = [f"{i:03d}" for i in range(60)]
    y = np.arange(60) % 3
    pd.DataFrame({"case_id": ids, "patient_id": ids, "grade": np.array(["a", "b", "c"])[y]}).to_csv(
        tmp_path / "cohort.csv", index=False
    )
    table = pd.DataFrame({"case_id": ids, "size__volume_ml": 1.0 + y + rng.uniform(size=60)})
    table["radiomics__a"] = rng.normal(size=60)
    table.to_csv(tmp_path / "features.csv", index=False)
    options = [
        "--features",
        str(tmp_path / "features.csv"),
        "--label",
        "grade",
        "--where",
        "grade=a",
        "--where",
        "grade=b",
    ]
    status = call("compare", str(tmp_path / "cohort.csv"), "--out", str(tmp_path / "run"), *options, "--cv", "3x1")
    assert status == 1  # two conditions on one column leave no case
    assert "leaves no case" in capsys.readouterr().err
    status = call("compare", str(tmp_path / "cohort.csv"), "--out", str(tmp_path / "run"), *options[:4], "--cv", "3x1")
    assert status == 0
    assert json.loads((tmp_path / "run" / "study.json").read_text())["classes"] == ["a", "b", "c"]


def test_a_mistyped_option_is_status_1(capsys):
    assert call("compare", "cohort.csv", "--otu", "run") == 1
    assert "--otu" in capsys.readouterr().err


def test_version_is_printed(capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out.startswith("hybridrad ")


def test_doctor_finds_this_machine_fit(capsys):
    assert call("doctor") == 0
    assert "PyRadiomics" in capsys.readouterr().out
    assert all(r.state != "missing" for r in examine())


def test_audit_judges_a_finished_run_and_writes_its_table(finished, cohort_file, capsys):
    assert call("audit", str(finished), "--cohort", str(cohort_file), "--model", "radiomics", "--jobs", "1") == 0
    table = pd.read_csv(finished / "audit.csv", index_col="code")
    assert table.columns.tolist() == ["verdict", "statistic", "p_value", "message", "hint"]
    assert table.loc[["A_PATIENT_FOLDS", "A_SAME_IMAGE", "A_POISONED_TEST"], "verdict"].tolist() == ["pass"] * 3
    assert table.loc["A_SITE", "verdict"] != "cannot be judged"
    assert "pass A_SAME_IMAGE" in capsys.readouterr().out


def test_audit_finds_control_features_in_the_run_folder(finished, capsys):
    folder = finished / "controls" / "shuffled_voxels"
    folder.mkdir(parents=True)
    pd.read_parquet(finished / "features.parquet").to_parquet(folder / "features.parquet")
    assert call("audit", str(finished), "--model", "radiomics", "--jobs", "1") == 0
    table = pd.read_csv(finished / "audit.csv", index_col="code")
    assert "voxels shuffled" in table.loc["A_SHUFFLED_VOXELS", "message"]


def test_audit_of_a_folder_without_a_study_fails_with_a_sentence(tmp_path, capsys):
    assert call("audit", str(tmp_path)) == 1
    assert "holds no finished study" in capsys.readouterr().err


def test_a_comparison_stopped_before_its_tables_goes_on_from_its_folds(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    ids, y = [f"c{i:02d}" for i in range(36)], np.arange(36) % 2
    pd.DataFrame({"case_id": ids, "label": y}).to_csv(tmp_path / "cohort.csv", index=False)
    features = pd.DataFrame({"case_id": ids, "size__volume_ml": rng.normal(size=36) + y})
    features.to_csv(tmp_path / "features.csv", index=False)
    call_it = ["compare", str(tmp_path / "cohort.csv"), "--features", str(tmp_path / "features.csv")]
    call_it += ["--out", str(tmp_path / "run"), "--cv", "3x1", "--inner", "3", "--jobs", "1"]

    def stop(*arguments):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hybridrad.run_folder.save_study", stop)
        assert call(*call_it) == 1
    kept = tmp_path / "run" / "folds.sqlite"
    assert kept.is_file()
    with monkeypatch.context() as patch:
        patch.setattr("hybridrad.evaluation.nested.run_fold", stop)  # nothing is left to fit
        assert call(*call_it) == 0
    assert not kept.exists()
